"""Breakout rules by hand on a few bars, and against plain loops on a simulated market."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache

import numpy as np
import pytest
import talib
from hand_made_sessions import (
    NEW_YORK,
    Session,
    hand_made,
    new_york_hour,
    read_sessions,
    some_sessions,
    weekdays,
)
from simulated_market import instrument, simulated_bars

from rooney_core.backtest.play import play
from rooney_core.strategies import Signals
from rooney_core.strategies.breakout import VARIANTS
from rooney_core.strategies.prices import Prices

BY_NAME = {one.name: one for one in VARIANTS}
DAYS = weekdays(date(2024, 3, 4), 6)
QUIET = dict.fromkeys((18, 19, 8, 9, 10, 11, 12, 13, 14, 15, 16), (100.0, 101.0, 99.0, 100.0))


def signals(name: str, **params: float) -> Signals:
    variant = BY_NAME[name]
    return variant.signals(simulated_bars(), variant.parse_params(params), instrument())


def by_hand(name: str, bars, **params: float) -> Signals:
    """The rule itself: a few bars are less than the look-back that the default needs."""
    variant = BY_NAME[name]
    return variant.rule(Prices(bars, instrument()), variant.parse_params(params))


@cache
def sessions() -> Sequence[Session]:
    return read_sessions(simulated_bars())


@cache
def sample() -> list[int]:
    return some_sessions(sessions(), 150, 200)


def said(given: Signals, positions: range) -> dict[int, int]:
    return {at: int(given.entry[at]) for at in positions if given.entry[at]}


def first_break(day: range, range_hours: int) -> tuple[int, int, float] | None:
    """(bar, side, width) of the first close beyond the range from 09:00 New York."""
    bars = simulated_bars()
    hours = {new_york_hour(bars, at): at for at in day}
    if 9 not in hours:
        return None
    opening = [hours[9 + one] for one in range(range_hours) if 9 + one in hours]
    top, bottom = max(bars.high[opening]), min(bars.low[opening])
    for hour in range(9 + range_hours, 17):
        if hour in hours and not bottom <= bars.close[hours[hour]] <= top:
            return hours[hour], 1 if bars.close[hours[hour]] > top else -1, top - bottom
    return None


@pytest.mark.parametrize("range_hours", [1, 3])
def test_opening_range(range_hours):
    given = signals("breakout_opening_range", range_hours=range_hours)
    for day in (day for at in sample() for day in sessions()[at].days):
        found = first_break(day, range_hours)
        assert said(given, day) == ({found[0]: found[1]} if found else {})


def test_narrow_opening():
    given = signals("breakout_narrow_opening", narrower_than=0.25)
    n_narrow = 0
    for at in sample():
        past = sessions()[at - 140 : at]
        prices = [np.array([getattr(one, n) for one in past]) for n in ("high", "low", "close")]
        usual = talib.ATR(*prices, 14)[-1]
        for day in sessions()[at].days:
            found = first_break(day, 1)
            narrow = found is not None and found[2] < 0.25 * usual
            assert said(given, day) == ({found[0]: found[1]} if narrow else {})
            n_narrow += narrow
    assert 10 < n_narrow < 250


def test_opening_ranges_by_hand():
    up = QUIET | {10: (100, 101, 99, 101), 11: (101, 103, 101, 102), 12: (102, 102, 97, 97)}
    without_opening = {hour: price for hour, price in up.items() if hour != 9}
    down = QUIET | {13: (100, 100, 98, 98.5), 14: (98.5, 103, 98.5, 103)}
    bars = hand_made(dict(zip(DAYS, (up, without_opening, down), strict=False)))
    entry = by_hand("breakout_opening_range", bars).entry
    hours = [new_york_hour(bars, at) for at in np.flatnonzero(entry)]
    assert list(zip(hours, entry[entry != 0].tolist(), strict=True)) == [(11, 1), (13, -1)]
    assert bars.session[np.flatnonzero(entry)].tolist() == bars.session[[0, -1]].tolist()


def untouched_orders(given: Signals, level: float, positions: range) -> None:
    """A buy stop at every bar until the level was touched, and none after."""
    bars = simulated_bars()
    touched = False
    for at in positions:
        touched = touched or bars.high[at] + bars.adjustment[at] >= level
        assert given.entry[at] == (not touched)
        assert given.entry_level[at] == pytest.approx(level, abs=1e-9)


def test_stretch():
    given = signals("breakout_stretch", stretches=1.5)
    assert given.order == "stop"
    bars = simulated_bars()
    for at in sample():
        nearer = [min(one.open - one.low, one.high - one.open) for one in sessions()[at - 10 : at]]
        for day in sessions()[at].days:
            opening = float(bars.open[day[0]] + bars.adjustment[day[0]])
            untouched_orders(given, opening + 1.5 * statistics.fmean(nearer), day)


def test_volatility_breakout():
    given = signals("breakout_volatility")
    assert (given.order, given.overnight, given.max_bars) == ("stop", True, 1)
    for at in sample():
        before, session = sessions()[at - 1], sessions()[at]
        level = session.open + 0.8 * (before.high - before.low)
        untouched_orders(given, level, session.bars[:-1])
        assert given.entry[session.bars[-1]] == 0


@pytest.mark.parametrize(
    ("name", "once_a"),
    [("breakout_stretch", "flat_deadline_us"), ("breakout_volatility", "session")],
)
def test_one_entry_a_day_or_session_at_the_level_or_a_gap_above_it(name, once_a):
    bars, given = simulated_bars(), signals(name)
    trades = play(bars, given)
    assert len(trades.side) > 300
    entered = getattr(bars, once_a)[trades.entry_index]
    assert len(set(entered.tolist())) == len(entered)
    level = given.entry_level[trades.signal_index] - bars.adjustment[trades.entry_index]
    assert trades.entry_price == pytest.approx(np.maximum(level, bars.open[trades.entry_index]))


def extremes_expected(setup, given: Signals) -> int:
    """Compare orders after sessions in `setup`; how many sessions had some."""
    bars, n_setups = simulated_bars(), 0
    for at in sample():
        before, session = sessions()[at - 1], sessions()[at]
        n_setups += setup(at - 1)
        touched = False
        for bar in [before.bars[-1], *session.bars[:-1]]:
            if bar in session.bars:
                high, low = (float(x[bar] + bars.adjustment[bar]) for x in (bars.high, bars.low))
                touched = touched or high >= before.high or low <= before.low
            works = setup(at - 1) and not touched
            close = float(bars.close[bar] + bars.adjustment[bar])
            nearer_above = before.high - close <= close - before.low
            assert given.entry[bar] == (0 if not works else 1 if nearer_above else -1)
            if works:
                level = before.high if nearer_above else before.low
                assert given.entry_level[bar] == pytest.approx(level, abs=1e-9)
    return n_setups


@pytest.mark.parametrize("n", [4, 7])
def test_narrow_session(n):
    spread = [round(one.high - one.low, 6) for one in sessions()]
    given = signals("breakout_narrow_session", narrowest_of=n)
    found = extremes_expected(lambda at: spread[at] < min(spread[at - n + 1 : at]), given)
    assert found > 10
    assert given.max_bars == 3


def test_inside_session():
    def inside(at: int) -> bool:
        one, before = sessions()[at], sessions()[at - 1]
        return one.high < before.high and one.low > before.low

    assert extremes_expected(inside, signals("breakout_inside_session")) > 10


def test_an_inside_session_is_held_for_as_many_sessions_as_asked():
    wide = QUIET | {9: (100, 110, 90, 100)}
    breaking = dict.fromkeys(QUIET, (100.0, 100.5, 99.5, 100.0)) | {12: (100, 103, 100, 102)}
    days = dict(zip(DAYS, (QUIET, wide, QUIET, breaking, QUIET, QUIET), strict=True))
    bars = hand_made(days, adjustment=7.25)
    trades = play(bars, by_hand("breakout_inside_session", bars, max_bars=2))
    assert trades.side.tolist() == [1]
    assert trades.entry_price.tolist() == [101.0 - 7.25]
    assert [new_york_hour(bars, at) for at in (trades.entry_index[0], trades.exit_index[0])] == [
        12,
        18,
    ]
    # Entered on the fourth session, out at the opening of the sixth.
    assert bars.session[trades.exit_index[0]] - bars.session[trades.entry_index[0]] == 4


@pytest.mark.parametrize(("hours", "least"), [(1, 0.0), (2, 0.2)])
def test_intraday_momentum(hours, least):
    bars = simulated_bars()
    given = signals("breakout_intraday_momentum", last_hours=hours, move_above_percent=least)
    n_entries = Counter()
    for at, day in ((one, day) for one in sample() for day in sessions()[one].days):
        before, clock = sessions()[at - 1], {new_york_hour(bars, one): one for one in day}
        flat = datetime.fromtimestamp(int(bars.flat_deadline_us[day[0]]) / 1e6, NEW_YORK)
        # 15:00 mostly; 13:00 on short days; 11:30 on bank holidays until 2014.
        last = flat.hour - hours - 1
        expected = {}
        if 9 in clock and last in clock and last >= 9:
            at_ten = float(bars.close[clock[9]] + bars.adjustment[clock[9]])
            move = 100 * (at_ten - before.close) / before.raw_close
            side = (move > least) - (move < -least)
            expected = {clock[last]: side} if side else {}
        assert said(given, day) == expected, sessions()[at].day
        n_entries[flat.hour] += len(expected)
    assert n_entries[15] > 50
    assert n_entries[13] > 20
    assert set(n_entries) == {11, 13, 15}


def test_momentum_of_the_day_is_held_for_its_last_hour():
    bars = simulated_bars()
    trades = play(bars, signals("breakout_intraday_momentum"))
    whole_days = bars.flat_deadline_us[trades.entry_index] == bars.bar_end_us[trades.entry_index]
    assert whole_days.mean() > 0.95
    assert (trades.exit_index == trades.entry_index).all()
