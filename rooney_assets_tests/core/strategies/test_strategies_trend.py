"""Trend rules against plain statements of them, and TA-Lib, at random sessions."""

from __future__ import annotations

import statistics
from functools import cache

import numpy as np
import pytest
import talib
from hand_made_sessions import read_sessions
from simulated_market import instrument, simulated_bars

from rooney_core.strategies import Signals
from rooney_core.strategies.trend import VARIANTS

BY_NAME = {one.name: one for one in VARIANTS}
LATER = 420
"""Sessions after which every rule has its full past."""


@cache
def sessions():
    return read_sessions(simulated_bars())


def closes(last: int, n: int) -> np.ndarray:
    return np.array([one.close for one in sessions()[last - n + 1 : last + 1]])


def window(last: int, n: int) -> tuple[np.ndarray, ...]:
    part = sessions()[last - n + 1 : last + 1]
    return tuple(
        np.array([getattr(one, name) for one in part]) for name in ("high", "low", "close")
    )


def signals(name: str, **params: float) -> Signals:
    variant = BY_NAME[name]
    return variant.signals(simulated_bars(), variant.parse_params(params), instrument())


def points(given: Signals) -> list[int]:
    """Random sessions, and ones at which the rule says something."""
    said = [
        at
        for at, one in enumerate(sessions())
        if at >= LATER and (given.entry[one.bars[-1]] or given.exit[one.bars[-1]])
    ]
    rng = np.random.default_rng(7)
    chosen = rng.integers(LATER, len(sessions()), 60).tolist()
    return chosen + rng.choice(said, min(60, len(said)), replace=False).tolist()


def check(given: Signals, expected) -> None:
    """`expected(session)` is (side, leave) at that session's last bar; else nothing is said."""
    for at in points(given):
        bar = sessions()[at].bars[-1]
        assert (given.entry[bar], given.exit[bar]) == expected(at), sessions()[at].day
    last_bars = {one.bars[-1] for one in sessions()}
    others = [bar for bar in range(len(given)) if bar not in last_bars]
    assert not given.entry[others].any()
    assert not given.exit[others].any()
    assert given.overnight


@pytest.mark.parametrize(
    ("name", "entry", "leave"), [("trend_donchian_fast", 20, 10), ("trend_donchian_slow", 55, 20)]
)
def test_donchian_breakouts(name, entry, leave):
    given = signals(name)

    def expected(at: int) -> tuple[int, bool]:
        close = sessions()[at].close
        highest = max(one.high for one in sessions()[at - entry : at])
        lowest = min(one.low for one in sessions()[at - leave : at])
        return int(close > highest), close < lowest

    check(given, expected)
    for at in points(given)[-20:]:
        stop = given.stop_distance[sessions()[at].bars[-1]]
        assert stop == pytest.approx(2 * talib.ATR(*window(at, 200), 20)[-1], rel=1e-12)


@pytest.mark.parametrize(
    ("name", "fast", "slow"), [("trend_sma_fast", 10, 50), ("trend_sma_slow", 50, 200)]
)
def test_crossed_averages(name, fast, slow):
    def expected(at: int) -> tuple[int, bool]:
        above = statistics.fmean(closes(at, fast)) > statistics.fmean(closes(at, slow))
        return int(above), not above

    check(signals(name), expected)


@pytest.mark.parametrize("period", [5, 9, 15])
def test_macd_above_its_signal(period):
    def expected(at: int) -> tuple[int, bool]:
        histogram = talib.MACD(closes(at, 260), 12, 26, period)[2][-1]
        return int(histogram > 0), histogram < 0

    check(signals("trend_macd_cross", signal_sessions=period), expected)


@pytest.mark.parametrize("least", [20.0, 25.0])
def test_directional_strength(least):
    def expected(at: int) -> tuple[int, bool]:
        prices = window(at, 182)
        up, down = talib.PLUS_DI(*prices, 14)[-1], talib.MINUS_DI(*prices, 14)[-1]
        return int(talib.ADX(*prices, 14)[-1] > least and up > down), down > up

    check(signals("trend_adx", adx_above=least), expected)


@pytest.mark.parametrize(("n", "k"), [(350, 2.5), (50, 1.0)])
def test_band_breakouts(n, k):
    def expected(at: int) -> tuple[int, bool]:
        known = closes(at, n).tolist()
        mean = statistics.fmean(known)
        return int(known[-1] > mean + k * statistics.pstdev(known, mean)), known[-1] < mean

    check(signals("trend_band_breakout", mean_sessions=n, deviations=k), expected)


def side_of_month(at: int, n: int) -> int:
    """Sign of the move over n sessions, at the first session of this one's month."""
    while sessions()[at - 1].day.month == sessions()[at].day.month:
        at -= 1
    move = sessions()[at].close - sessions()[at - n].close
    return (move > 0) - (move < 0)


@pytest.mark.parametrize(
    ("name", "n"), [("trend_momentum_year", 252), ("trend_momentum_quarter", 63)]
)
def test_momentum_is_chosen_once_a_month(name, n):
    def expected(at: int) -> tuple[int, bool]:
        side = side_of_month(at, n)
        return side, side != side_of_month(at - 1, n) or side != side_of_month(at - 2, n)

    given = signals(name)
    check(given, expected)
    assert {-1, 1} <= set(given.entry.tolist())


def test_momentum_changes_its_mind_in_a_months_first_two_sessions_only():
    given = signals("trend_momentum_quarter")
    number, month = 0, 0
    for at, one in enumerate(sessions()):
        number = number + 1 if one.day.month == month else 1
        month = one.day.month
        if at >= LATER and given.exit[one.bars[-1]]:
            assert number <= 2
