"""Pairs and groups: a spread that was made, peers that are missing, late or of another kind."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from hand_made_sessions import hand_made, weekdays
from simulated_market import instrument, universe

from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.strategies import Signals, Variant
from rooney_core.strategies.peers import Peers, PeerSessions
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.spread import (
    SPREAD_COMMODITY_PAIR,
    SPREAD_GROUP_IBS,
    SPREAD_INDEX_PAIR,
    VARIANTS,
)
from rooney_core.strategies.spread.hedge import hedged_score

DAYS = weekdays(date(2022, 3, 1), 140)
LAST = np.arange(2, 2 * len(DAYS) + 1, 2) - 1
ON_TIME = 17 * 3_600_000_000


def ours(closes: np.ndarray) -> BarArrays:
    """Two bars a session, the second of which closes it."""
    prices = {
        day: {18: (c, c + 1, c - 1, c), 16: (c, c + 1, c - 1, c)}
        for day, c in zip(DAYS, closes.tolist(), strict=True)
    }
    return hand_made(prices, adjustment=2.25)


def theirs(bars: BarArrays, closes: np.ndarray, late_us: int = 0) -> PeerSessions:
    return PeerSessions(
        known_at_us=bars.session_close_us[LAST] + late_us,
        session=bars.session[LAST],
        open=closes,
        high=closes + 1,
        low=closes - 1,
        close=closes,
    )


def partnered(group: str = "equity_index", partner: str | None = "SIM_NQ") -> Instrument:
    return instrument().model_copy(update={"product_group": group, "partner": partner})


def by_rule(variant: Variant, bars: BarArrays, one: Instrument, peers: Peers) -> Signals:
    return variant.rule(Prices(bars, one, peers), variant.default_params)


def at_close(values: np.ndarray) -> np.ndarray:
    assert not np.delete(values, LAST).any()
    return values[LAST]


@cache
def made() -> tuple[np.ndarray, np.ndarray]:
    """Closes of both: ours is half of theirs, plus noise, a rich spell and a cheap one."""
    rng = np.random.default_rng(11)
    their = 400 + np.cumsum(rng.integers(-8, 9, len(DAYS))) * 0.25
    noise = rng.integers(-2, 3, len(DAYS)) * 0.25
    noise[90:93] = 1.25
    noise[110:113] = -1.25
    return 100 + 0.5 * their + noise, their


def test_the_score_is_the_last_residual_of_least_squares():
    own, their = made()
    score = hedged_score(own, their, 60)
    assert np.isnan(score[:59]).all()
    for last in range(59, len(own)):
        x, y = their[last - 59 : last + 1], own[last - 59 : last + 1]
        design = np.column_stack((np.ones(60), x))
        residual = y - design @ np.linalg.lstsq(design, y)[0]
        expected = residual[-1] / np.sqrt((residual**2).sum() / 58)
        assert score[last] == pytest.approx(expected, abs=1e-9)


def test_the_score_leaves_out_what_is_unknown_and_asks_for_enough():
    own, their = made()
    gappy = their.copy()
    gappy[70:75] = np.nan
    score = hedged_score(own, gappy, 60)
    assert np.isnan(score[70:75]).all()
    known = np.r_[40:70, 75:100]
    design = np.column_stack((np.ones(55), their[known]))
    residual = own[known] - design @ np.linalg.lstsq(design, own[known])[0]
    assert score[99] == pytest.approx(residual[-1] / np.sqrt((residual**2).sum() / 53), abs=1e-9)
    gappy[60:75] = np.nan
    assert np.isnan(hedged_score(own, gappy, 60)[60:119]).all()
    assert not np.isnan(hedged_score(own, gappy, 60)[122:]).any()


def test_the_score_is_unmoved_by_levels_and_needs_something_unexplained():
    own, their = made()
    score = hedged_score(own, their, 30)
    assert hedged_score(own + 12.5, their - 3.75, 30).tobytes() == score.tobytes()
    assert np.isnan(hedged_score(0.5 * their + 3, their, 30)).all()
    assert np.isnan(hedged_score(own, np.full_like(their, 5.0), 30)).all()


@pytest.mark.parametrize(
    ("variant", "group"),
    [
        (SPREAD_INDEX_PAIR, "equity_index"),
        (SPREAD_COMMODITY_PAIR, "metals"),
        (SPREAD_COMMODITY_PAIR, "energy"),
    ],
)
def test_a_spread_is_sold_when_rich_and_bought_when_cheap(variant, group):
    own, their = made()
    bars = ours(own)
    given = by_rule(variant, bars, partnered(group), {"SIM_NQ": theirs(bars, their)})
    # The view drops the first session of a window, which may be cut.
    score = np.r_[np.nan, hedged_score(own[1:], their[1:], 60)]
    size = np.abs(score)
    entry, leave = at_close(given.entry), at_close(given.exit)
    assert entry[90] == -1
    assert entry[110] == 1
    assert entry.tolist() == np.where((size > 2) & (size <= 4), -np.sign(score), 0).tolist()
    crossed = np.r_[False, score[1:] * score[:-1] < 0]
    assert leave.tolist() == ((size < 0.5) | (size > 4) | crossed).tolist()


def test_a_spread_that_runs_away_is_left_and_not_entered():
    own, their = made()
    own = own.copy()
    own[120:] += 30
    bars = ours(own)
    given = by_rule(SPREAD_INDEX_PAIR, bars, partnered(), {"SIM_NQ": theirs(bars, their)})
    assert at_close(given.exit)[120]
    assert at_close(given.entry)[120] == 0


@pytest.mark.parametrize("late_us", [1, 3_600_000_000])
def test_a_partner_known_too_late_gives_no_signal(late_us):
    own, their = made()
    bars = ours(own)
    given = by_rule(SPREAD_INDEX_PAIR, bars, partnered(), {"SIM_NQ": theirs(bars, their, late_us)})
    assert not given.entry.any()
    assert not given.exit.any()


@pytest.mark.parametrize(
    ("variant", "one", "named"),
    [
        (SPREAD_INDEX_PAIR, partnered(partner=None), "SIM_NQ"),
        (SPREAD_INDEX_PAIR, partnered(), "SIM_RTY"),
        (SPREAD_INDEX_PAIR, partnered("metals"), "SIM_NQ"),
        (SPREAD_COMMODITY_PAIR, partnered(), "SIM_NQ"),
        (SPREAD_COMMODITY_PAIR, partnered("fx"), "SIM_NQ"),
    ],
)
def test_no_partner_or_another_group_gives_no_signal(variant, one, named):
    own, their = made()
    bars = ours(own)
    given = by_rule(variant, bars, one, {named: theirs(bars, their)})
    assert not given.entry.any()
    assert not given.exit.any()


def with_ibs(bars: BarArrays, ibs: list[float], late_us: int = 0) -> PeerSessions:
    """Sessions whose close lies at that part of a range of 8; unknown where NaN."""
    values = np.array(ibs)
    known = ~np.isnan(values)
    closes = 100 + 8 * values[known]
    made_ = theirs(bars, np.zeros(len(LAST)), late_us)
    cut = {name: getattr(made_, name)[: len(values)][known] for name in ("known_at_us", "session")}
    return PeerSessions(
        **cut,
        open=closes,
        high=np.full_like(closes, 108),
        low=np.full_like(closes, 100),
        close=closes,
    )


def group_signals(own: list[float], *others: PeerSessions, ranks: int = 1) -> list[int]:
    """Signals of the first sessions but one, our own IBS being as given."""
    prices = {
        day: {16: (104, 108, 100, 100 + 8 * one)} for day, one in zip(DAYS, own, strict=False)
    }
    bars = hand_made(prices)
    peers = {f"SIM_{at}": one for at, one in enumerate(others)}
    rule = SPREAD_GROUP_IBS
    params = rule.parse_params({"ranks": ranks})
    return rule.rule(Prices(bars, instrument(), peers), params).entry[1:].tolist()


def test_the_weakest_of_a_group_is_bought_and_the_strongest_sold():
    bars = ours(made()[0])
    # Between; lowest; highest; lowest but tied; alone with one other; a peer unknown, two left.
    own = [0.5, 0.5, 0.125, 0.875, 0.25, 0.125, 0.125]
    nan = float("nan")
    a = with_ibs(bars, [0.5, 0.25, 0.25, 0.25, 0.25, nan, 0.5])
    b = with_ibs(bars, [0.5, 0.75, 0.75, 0.75, 0.75, 0.75, nan])
    c = with_ibs(bars, [0.5, 0.75, 0.75, 0.75, 0.75, nan, 0.75])
    assert group_signals(own, a, b, c) == [0, 1, -1, 0, 0, 1]
    assert group_signals(own, a, b) == [0, 1, -1, 0, 0, 0]


def test_two_ranks_need_four_members():
    bars = ours(made()[0])
    own = [0.5, 0.5, 0.125, 0.875]
    low, high, middle = (with_ibs(bars, [one] * 4) for one in (0.25, 0.75, 0.625))
    assert group_signals(own, low, high, middle, ranks=2) == [1, 1, -1]
    assert group_signals(own, low, high, ranks=2) == [0, 0, 0]


def test_a_peer_known_too_late_is_no_member():
    bars = ours(made()[0])
    own = [0.5, 0.125, 0.125]
    early = with_ibs(bars, [0.5, 0.5, 0.5])
    late = with_ibs(bars, [0.5, 0.5, 0.5], late_us=1)
    assert group_signals(own, early, early) == [1, 1]
    assert group_signals(own, early, late) == [0, 0]


def test_our_own_symbol_among_the_peers_is_not_counted_twice():
    own, their = made()
    bars = ours(own)
    one = partnered()
    others = {"SIM_NQ": theirs(bars, their), "SIM_RTY": theirs(bars, their + 1)}
    with_us = others | {one.symbol: theirs(bars, own)}
    for variant in VARIANTS:
        a, b = by_rule(variant, bars, one, others), by_rule(variant, bars, one, with_us)
        assert a.entry.tobytes() == b.entry.tobytes()


def test_an_undecided_session_takes_part_in_later_ones():
    own, their = made()
    bars = ours(own)
    kept = np.delete(np.arange(len(bars)), LAST[100])
    missing = BarArrays(*(getattr(bars, f.name)[kept] for f in fields(bars)))
    peers = {"SIM_NQ": theirs(bars, their)}
    given = by_rule(SPREAD_INDEX_PAIR, missing, partnered(), peers)
    whole = by_rule(SPREAD_INDEX_PAIR, bars, partnered(), peers)
    after = LAST[102:]
    assert given.entry[after - 1].tolist() == whole.entry[after].tolist()


def test_partners_on_the_shipped_pages_exist_and_trade_the_same_hours():
    path = Path(__file__).resolve().parents[3] / "universe.yaml"
    shipped = Universe.parse(yaml.safe_load(path.read_text()), "universe.yaml")
    paired = {one.symbol: one.partner for one in shipped.instruments if one.partner}
    assert paired["ES"] == "NQ"
    assert paired["SIM_GC"] == "SIM_SI"
    for symbol, partner in paired.items():
        assert symbol != partner
        assert shipped[symbol].is_simulated == shipped[partner].is_simulated
        groups = {shipped[symbol].product_group, shipped[partner].product_group}
        assert len(groups) == 1 or groups == {"metals", "energy"}
    assert {one.symbol for one in universe().instruments if one.role == "tradable"} <= set(paired)
