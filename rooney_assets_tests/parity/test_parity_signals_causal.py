"""Signals do not look ahead, and a live window gives the bits of the whole history.

Every variant of the catalogue is asked, on simulated markets with the real calendar, and on a
random one with missing bars, bars without volume or range, gaps, bank holidays, and rolls at any
session and in the middle of some. Bars of and around bank holidays are always among those asked.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from random_markets import DAY_US, Shape, market, shapes, with_rolls_within_sessions
from simulated_market import (
    HOLIDAYS,
    METALS,
    SPAN,
    SYMBOLS,
    instrument,
    simulated_bars,
    simulated_peers,
)

from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.strategies import VARIANTS, Signals, Variant, VariantParams
from rooney_core.strategies.peers import Peers, PeerSessions
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_view import SessionView

MARKETS = ("simulated", "metals", "random")
EXACT = ("ibs", "rsi", "meanrev")
"""Families whose longest window is the one that decides whether anything is known."""
NASTY = Shape(1, 620, 20, 0.05, 0.05, 0.05, 0.05, 0.0, 0.1, 0.02)


@dataclass(frozen=True)
class Ground:
    """Bars of one symbol, its facts, and the sessions of its peers."""

    bars: BarArrays
    instrument: Instrument
    peers: Peers


@cache
def ground(name: str) -> Ground:
    if name != "random":
        symbols, span = (METALS, HOLIDAYS) if name == "metals" else (SYMBOLS, SPAN)
        one = symbols[0]
        return Ground(simulated_bars(one, span), instrument(one), simulated_peers(symbols, span))
    others = {symbol: replace(NASTY, seed=seed) for seed, symbol in enumerate(SYMBOLS, 1)}
    peers = {symbol: sessions_of(random_bars(shape)) for symbol, shape in others.items()}
    return Ground(random_bars(NASTY), instrument(), peers)


@cache
def random_bars(shape: Shape) -> BarArrays:
    holidays = with_bank_holidays(on_weekdays(market(shape)))
    return with_rolls_within_sessions(holidays, shape.seed, 0.003)


def on_weekdays(bars: BarArrays) -> BarArrays:
    """The same bars with weekends between them: rules may count on months of weekdays."""
    first = bars.session[0].astype("datetime64[D]")
    days = np.busday_offset(first, bars.session - bars.session[0], roll="forward")
    session = days.astype(np.int64).astype(np.int32)
    later = (session - bars.session).astype(np.int64) * DAY_US
    times = [one.name for one in fields(bars) if one.name.endswith("_us")]
    return replace(bars, session=session, **{name: getattr(bars, name) + later for name in times})


def with_bank_holidays(bars: BarArrays) -> BarArrays:
    """The same bars; every eleventh session belongs to the one after it, flat deadlines stay."""
    days, number = np.unique(bars.session, return_inverse=True)
    labels = np.arange(len(days))
    labels[5:-1:11] += 1
    own = np.searchsorted(number, labels[number])
    first = np.searchsorted(labels[number], labels[number])
    return replace(
        bars,
        session=days[labels[number]],
        session_open_us=bars.session_open_us[first],
        session_close_us=bars.session_close_us[own],
    )


def around_bank_holidays(bars: BarArrays) -> np.ndarray:
    """True in every session that holds a bank holiday's hours, and in the one after it."""
    view = SessionView.of(bars)
    parts = view.first_bar != view.opening
    days, number = np.unique(bars.session, return_inverse=True)
    has = np.zeros(len(days) + 1, np.bool_)
    np.logical_or.at(has, number, parts)
    return has[number] | has[number - 1]


def sessions_of(bars: BarArrays) -> PeerSessions:
    view = SessionView.of(bars)
    last = np.flatnonzero(np.append(bars.session[1:] != bars.session[:-1], True))[-len(view) :]
    return PeerSessions(
        bars.session_close_us[last], view.session, view.open, view.high, view.low, view.close
    )


def configurations() -> list[tuple[Variant, VariantParams]]:
    """Of every variant: the default, and both ends of its grid."""
    return [
        (one, params)
        for one in VARIANTS.values()
        for params in (one.default_params, one.grid()[0], one.grid()[-1])
    ]


CONFIGURATIONS = configurations()
IDS = [f"{variant.name}-{index % 3}" for index, (variant, _) in enumerate(CONFIGURATIONS)]
EVERY = pytest.mark.parametrize(("variant", "params"), CONFIGURATIONS, ids=IDS)
WHERE = pytest.mark.parametrize("where", MARKETS)


def ask(variant: Variant, params: VariantParams, on: Ground, first: int = 0) -> Signals:
    return variant.signals(on.bars, params, on.instrument, on.peers, first)


@cache
def whole_history(variant: Variant, params: VariantParams, where: str) -> Signals:
    return ask(variant, params, ground(where))


def bits(signals: Signals, first: int = 0, last: int | None = None) -> dict[str, object]:
    values = {one.name: getattr(signals, one.name) for one in fields(signals)}
    return {
        name: value[first:last].tobytes() if isinstance(value, np.ndarray) else value
        for name, value in values.items()
    }


def with_last_bar_changed(bars: BarArrays) -> BarArrays:
    changed = {}
    for name in ("open", "high", "low", "close", "volume", "adjustment"):
        values = getattr(bars, name).copy()
        values[-1] = values[-1] * 1.7 + 3
        changed[name] = values
    return replace(bars, **changed)


def until(on: Ground, n_bars: int) -> Ground:
    """What was known at the end of that many bars."""
    bars = on.bars.window(0, n_bars)
    peers = {symbol: cut(one, bars.bar_end_us[-1]) for symbol, one in on.peers.items()}
    return replace(on, bars=bars, peers=peers)


def cut(sessions: PeerSessions, now_us: int) -> PeerSessions:
    n = int(np.searchsorted(sessions.known_at_us, now_us, side="right"))
    return PeerSessions(*(getattr(sessions, one.name)[:n] for one in fields(sessions)))


def some_bars(on: Ground, signals: Signals, lookback: int, n: int) -> list[int]:
    """Bars with a full past: any, ones that close a session, ones that enter, and the last.

    And ones of and after bank holidays, some of which enter.
    """
    rng = np.random.default_rng(lookback)
    closes = on.bars.bar_end_us >= on.bars.session_close_us
    holidays, enters = around_bank_holidays(on.bars), signals.entry != 0
    kinds = (
        np.ones(len(on.bars), np.bool_),
        closes,
        enters,
        signals.exit,
        holidays,
        holidays & closes,
        holidays & enters,
    )
    picked = {len(on.bars) - 1}
    for kind in kinds:
        possible = np.flatnonzero(kind)
        possible = possible[possible >= lookback - 1]
        picked |= set(rng.permutation(possible)[:n].tolist())
    return sorted(picked)


@WHERE
@EVERY
def test_changing_the_last_bar_changes_no_earlier_signal(variant, params, where):
    on = ground(where)
    lookback = variant.lookback(params)
    whole = whole_history(variant, params, where)
    for last in some_bars(on, whole, lookback, 1):
        changed = replace(on, bars=with_last_bar_changed(on.bars.window(0, last + 1)))
        assert bits(ask(variant, params, changed), last=-1) == bits(whole, last=last)


@WHERE
@EVERY
def test_what_comes_later_changes_no_signal(variant, params, where):
    on = ground(where)
    whole = whole_history(variant, params, where)
    for last in some_bars(on, whole, variant.lookback(params), 1):
        early = ask(variant, params, until(on, last + 1))
        assert bits(early) == bits(whole, last=last + 1)


@WHERE
@EVERY
def test_a_window_of_lookback_bars_gives_the_bits_of_the_whole_history(variant, params, where):
    on = ground(where)
    lookback = variant.lookback(params)
    whole = whole_history(variant, params, where)
    points = some_bars(on, whole, lookback, 4)
    assert len(points) > 4, "this market is too short for the variant"
    for last in points:
        window = replace(until(on, last + 1), bars=on.bars.window(last - lookback + 1, last + 1))
        one = ask(variant, params, window, first=lookback - 1)
        assert len(one) == 1
        assert bits(one) == bits(whole, last, last + 1)


@WHERE
@EVERY
def test_a_daily_rule_needs_no_more_sessions_than_it_says(variant, params, where):
    # Sessions of fewer than 24 bars leave slack in a window of `lookback` bars; here is none.
    n = params.lookback_sessions
    assert (n > 0) >= (variant.timeframe == "session")
    on, whole = ground(where), whole_history(variant, params, where)
    session = on.bars.session
    for last in some_bars(on, whole, variant.lookback(params), 4):
        sessions = np.unique(session[: last + 1])
        start = np.searchsorted(session, sessions[-n]) - 1 if n else last
        start = min(start, last + 1 - params.lookback)
        known = until(on, last + 1)
        prices = Prices(on.bars.window(start, last + 1), on.instrument, known.peers)
        assert bits(variant.rule(prices, params), -1) == bits(whole, last, last + 1)


@pytest.mark.parametrize(
    "variant", [one for one in VARIANTS.values() if one.family in EXACT], ids=lambda one: one.name
)
def test_a_daily_rule_needs_no_fewer_sessions_than_it_says(variant):
    params = variant.default_params
    n = params.lookback_sessions
    if n < 2:
        return
    on, whole = ground("simulated"), whole_history(variant, params, "simulated")
    session = on.bars.session
    opinion = (whole.exit if variant.name == "ibs_prior_high_exit" else whole.entry) != 0
    for last in np.flatnonzero(opinion)[-5:]:
        start = np.searchsorted(session, np.unique(session[: last + 1])[1 - n]) - 1
        prices = Prices(on.bars.window(start, last + 1), on.instrument)
        short = variant.rule(prices, params)
        assert not (short.exit if variant.name == "ibs_prior_high_exit" else short.entry)[-1]


@settings(max_examples=20, deadline=None, derandomize=True)
@given(shape=shapes(max_sessions=6))
def test_signals_since_a_bar_are_the_tail_of_all_signals(shape):
    bars = market(shape)
    first = len(bars) // 2
    for variant, params in CONFIGURATIONS:
        tail = variant.signals(bars, params, instrument(), first=first)
        whole = variant.signals(bars, params, instrument())
        assert bits(tail) == bits(whole.since(first))


def test_a_history_shorter_than_the_lookback_has_no_entry():
    on = ground("random")
    for variant, params in CONFIGURATIONS:
        short = replace(on, bars=on.bars.window(0, variant.lookback(params) - 1))
        assert not ask(variant, params, short).entry.any()


@EVERY
def test_a_later_roll_shifts_levels_and_leaves_signals_alone(variant, params):
    # Backward adjustment moves the whole past when a roll is added; quarters add without rounding.
    on = ground("random")
    shifted = replace(on, bars=replace(on.bars, adjustment=on.bars.adjustment + 12.5))
    before, after = whole_history(variant, params, "random"), ask(variant, params, shifted)
    assert np.array_equal(before.entry, after.entry)
    assert np.array_equal(before.exit, after.exit)
