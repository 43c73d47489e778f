"""A feature knows nothing of later bars, closes, trades or rolls, and reads what it declares.

Every feature is in every sweep by being declared: none is named here.
"""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from feature_market import DAY_US, HOUR_US, changed_at, every_feed, walk

from rooney_core.features import (
    MAX_LOOKBACK,
    PRIOR_TRADE_BARS,
    Feeds,
    HourlyCloses,
    PartnerIbs,
    PriorTrades,
    ReferenceCloses,
    compute_features,
    declared_features,
    feature_names,
)
from rooney_core.market.bars import BarArrays

N_BARS = 1000
SETTLED = PRIOR_TRADE_BARS + 20
"""From this bar on every feature of the sweep's market can be known."""


def market(seed: int) -> tuple[BarArrays, Feeds]:
    bars = walk(seed, N_BARS)
    return bars, every_feed(bars, seed)


def every_row(bars: BarArrays, feeds: Feeds) -> np.ndarray:
    return compute_features(bars, np.arange(len(bars)), feeds)


def seen_from(feeds: Feeds, first: int) -> Feeds:
    """The same feeds, for a window of the bars that begins with number `first`."""
    trades = feeds.trades
    assert trades is not None
    moved = PriorTrades(trades.exit_index - first, trades.returns, trades.first_index - first)
    return replace(feeds, trades=moved)


@pytest.mark.parametrize("seed", range(3))
def test_a_live_window_gives_the_bits_of_the_whole_history(seed: int) -> None:
    bars, feeds = market(seed)
    batch = every_row(bars, feeds)
    for t in range(MAX_LOOKBACK - 1, len(bars)):
        first = t - MAX_LOOKBACK + 1
        window = bars.window(first, t + 1)
        live = compute_features(window, [MAX_LOOKBACK - 1], seen_from(feeds, first))
        assert live.tobytes() == batch[t : t + 1].tobytes()


def known_until(feeds: Feeds, t: int, bars: BarArrays) -> Feeds:
    """Only what had arrived when bar t ended: what a live trader holds."""
    moment, partner, trades = bars.bar_end_us[t], feeds.partner, feeds.trades
    assert trades is not None
    hours = partner.hour_known_at_us <= moment
    days = partner.session_known_at_us <= moment
    ended = trades.exit_index <= t
    return Feeds(
        daily={name: cut_daily(one, moment) for name, one in feeds.daily.items()},
        hourly={name: cut_hourly(one, moment) for name, one in feeds.hourly.items()},
        partner=PartnerIbs(
            partner.hour_known_at_us[hours],
            partner.hour_ibs[hours],
            partner.session_known_at_us[days],
            partner.session_ibs[days],
        ),
        trades=PriorTrades(trades.exit_index[ended], trades.returns[ended], trades.first_index),
    )


def cut_daily(closes: ReferenceCloses, moment_us: int, keep: int = 20) -> ReferenceCloses:
    known = np.flatnonzero(closes.known_at_us <= moment_us)[-keep:]
    return ReferenceCloses(closes.known_at_us[known], closes.close[known])


def cut_hourly(closes: HourlyCloses, moment_us: int, keep: int = 24) -> HourlyCloses:
    known = np.flatnonzero(closes.known_at_us <= moment_us)[-keep:]
    return HourlyCloses(closes.known_at_us[known], closes.close[known], closes.adjustment[known])


@pytest.mark.parametrize("seed", range(3))
def test_what_arrives_later_changes_no_bit(seed: int) -> None:
    bars, feeds = market(seed)
    batch = every_row(bars, feeds)
    for t in range(0, len(bars), 7):
        live = compute_features(bars.window(0, t + 1), [t], known_until(feeds, t, bars))
        assert live.tobytes() == batch[t : t + 1].tobytes()


def test_changing_the_last_bar_changes_no_earlier_row() -> None:
    bars, feeds = market(5)
    other = changed_at(bars, len(bars) - 1)
    before, after = every_row(bars, feeds), every_row(other, feeds)
    assert before[:-1].tobytes() == after[:-1].tobytes()
    assert (before[-1] != after[-1]).sum() > 20


def perturbed(bars: BarArrays, feeds: Feeds) -> dict[str, tuple[BarArrays, Feeds]]:
    """By input: the same market with that input changed at some moments, and nothing else."""
    rng = np.random.default_rng(1)
    touched = rng.random(len(bars)) < 0.3
    worlds = {}
    for one in fields(BarArrays):
        values = getattr(bars, one.name)
        step = HOUR_US if one.name.endswith("_us") else 1
        moved = values + np.where(touched, step, 0).astype(values.dtype)
        worlds[one.name] = replace(bars, **{one.name: moved}), feeds
    # A move of the level alone, or of every close alike, is none.
    moves = bars.adjustment + rng.normal(size=N_BARS)
    worlds["adjustment"] = replace(bars, adjustment=moves), feeds
    partner, trades = feeds.partner, feeds.trades
    assert trades is not None
    daily = {
        name: ReferenceCloses(one.known_at_us, one.close + rng.normal(size=len(one.close)))
        for name, one in feeds.daily.items()
    }
    hourly = {
        name: replace(one, close=one.close + rng.normal(size=len(one.close)))
        for name, one in feeds.hourly.items()
    }
    flipped = replace(partner, hour_ibs=1 - partner.hour_ibs, session_ibs=1 - partner.session_ibs)
    # Half of them, so that their number changes too.
    fewer = PriorTrades(trades.exit_index[::2] + 1, -trades.returns[::2], trades.first_index)
    return worlds | {
        "daily": (bars, replace(feeds, daily=daily)),
        "hourly": (bars, replace(feeds, hourly=hourly)),
        "partner": (bars, replace(feeds, partner=flipped)),
        "trades": (bars, replace(feeds, trades=fewer)),
    }


def test_a_feature_reads_what_it_declares_and_nothing_else() -> None:
    bars, feeds = market(6)
    before = every_row(bars, feeds)
    times = {"bar_start_us", "bar_end_us", "session_open_us", "session_close_us"}
    for what, (other_bars, other_feeds) in perturbed(bars, feeds).items():
        after = every_row(other_bars, other_feeds)
        same = (before == after) | (np.isnan(before) & np.isnan(after))
        for column, one in enumerate(declared_features(feeds.names)):
            if what in one.inputs:
                assert not same[:, column].all(), f"{one.name} does not read {what}"
            elif what not in times:
                # Moments order everything: a bar that ends later knows more.
                assert same[:, column].all(), f"{one.name} reads {what} undeclared"


@pytest.mark.parametrize("what", ["daily", "hourly"])
def test_a_close_counts_only_from_when_it_is_known(what: str) -> None:
    bars, feeds = market(7)
    series, before = getattr(feeds, what), every_row(bars, feeds)
    for name, one in series.items():
        # One that becomes known at the very end of a bar, which may then use it.
        k = np.flatnonzero(np.isin(one.known_at_us, bars.bar_end_us))[-10]
        close = one.close.copy()
        close[k] += 5.0
        other = replace(feeds, **{what: {**series, name: replace(one, close=close)}})
        after = every_row(bars, other)
        differs = (before != after) & ~(np.isnan(before) & np.isnan(after))
        known = bars.bar_end_us >= one.known_at_us[k]
        assert not differs[~known].any()
        column = feature_names(feeds.names).index(f"{name.lower()}_{what}_z_score")
        assert differs[np.argmax(known), column]
        assert differs.any(axis=0).sum() == 1


@pytest.mark.parametrize("delay_us", [1, HOUR_US, 3 * HOUR_US, DAY_US])
def test_a_shifted_feed_tells_what_it_told_that_much_earlier(delay_us: int) -> None:
    bars, feeds = market(8)
    late = Feeds(
        daily={
            name: replace(one, known_at_us=one.known_at_us + delay_us)
            for name, one in feeds.daily.items()
        },
        hourly={
            name: replace(one, known_at_us=one.known_at_us + delay_us)
            for name, one in feeds.hourly.items()
        },
        partner=replace(
            feeds.partner,
            hour_known_at_us=feeds.partner.hour_known_at_us + delay_us,
            session_known_at_us=feeds.partner.session_known_at_us + delay_us,
        ),
        trades=feeds.trades,
    )
    earlier = replace(bars, bar_end_us=bars.bar_end_us - delay_us)
    now, then = every_row(bars, late), every_row(earlier, feeds)
    for column, one in enumerate(declared_features(feeds.names)):
        if {"daily", "hourly", "partner"} >= set(one.inputs):
            assert now[:, column].tobytes() == then[:, column].tobytes(), one.name
            assert np.isfinite(now[:, column]).any() or one.inputs == ("hourly",), one.name


@pytest.mark.parametrize("what", ["daily", "hourly", "partner", "trades"])
def test_a_missing_feed_is_nan_and_moves_nothing_else(what: str) -> None:
    bars, feeds = market(9)
    gone = replace(Feeds(), **{one: getattr(feeds, one) for one in FEEDS if one != what})
    gone = gone.aligned(replace(feeds.names, partner="NQ"))
    before, after = every_row(bars, feeds), every_row(bars, gone)
    for column, one in enumerate(declared_features(feeds.names)):
        if what in one.inputs:
            assert np.isnan(after[:, column]).all(), one.name
            assert np.isfinite(before[SETTLED:, column]).any(), one.name
        else:
            assert before[:, column].tobytes() == after[:, column].tobytes(), one.name


FEEDS = ("daily", "hourly", "partner", "trades")


TICK_DIGITS = 4
LATER = (0.0003, 187.6543, -2345.6789)
"""Sums of the gaps of rolls after the bars' end, up to a thousand times their prices."""


def in_ticks(values: np.ndarray, per_unit: float = 0.02) -> np.ndarray:
    """Decimals that float64 cannot hold, near 2, as natural gas has them."""
    return np.round(per_unit * values, TICK_DIGITS)


def moved_by(adjustment: np.ndarray, later: float) -> np.ndarray:
    """What the lake holds once there were rolls behind: sums rounded to nine decimals."""
    return np.round(in_ticks(adjustment) + later, 9)


def market_in_ticks(seed: int, later: float) -> tuple[BarArrays, Feeds]:
    bars, feeds = market(seed)
    prices = {one: in_ticks(getattr(bars, one)) for one in ("open", "high", "low", "close")}
    hourly = {
        name: HourlyCloses(
            one.known_at_us, in_ticks(one.close), moved_by(one.adjustment, -later / 3)
        )
        for name, one in feeds.hourly.items()
    }
    daily = {
        name: ReferenceCloses(one.known_at_us, in_ticks(one.close) + later)
        for name, one in feeds.daily.items()
    }
    ticks = replace(bars, **prices, adjustment=moved_by(bars.adjustment, later))
    return ticks, replace(feeds, daily=daily, hourly=hourly)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("later", LATER)
def test_a_roll_to_come_moves_no_bit(seed: int, later: float) -> None:
    """What was computed on the day, before anybody knew of the roll, is what training finds."""
    bars, feeds = market_in_ticks(seed, 0.0)
    on_the_day, looked_back = every_row(bars, feeds), every_row(*market_in_ticks(seed, later))
    names = feature_names(feeds.names)
    differ = on_the_day.view(np.uint64) != looked_back.view(np.uint64)
    assert [names[one] for one in np.flatnonzero(differ.any(axis=0))] == []
    assert np.unique(bars.adjustment).size > 5
