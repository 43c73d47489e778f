"""What is known inside a session so far: clocks over changes of time, extremes, carried values."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hand_made_sessions import hand_made, new_york_hour, read_sessions, weekdays
from simulated_market import instrument, simulated_bars

from rooney_core.backtest.play import play
from rooney_core.strategies.breakout import BREAKOUT_INTRADAY_MOMENTUM
from rooney_core.strategies.day_view import DayView, day_of, elapsed_at, never
from rooney_core.strategies.prices import Prices

FLAT = (5.0, 5.0, 5.0, 5.0)


@pytest.mark.parametrize("first", [date(2024, 3, 7), date(2024, 10, 31)])
def test_hours_are_new_yorks_on_both_sides_of_a_change_of_time(first):
    bars = hand_made(dict.fromkeys(weekdays(first, 4), dict.fromkeys((18, 23, 0, 9, 16), FLAT)))
    day = day_of(Prices(bars, instrument()))
    assert day.hour.tolist() == [18, 23, 0, 9, 16] * 4
    assert day.elapsed.tolist() == [0, 5, 6, 15, 22] * 4


def test_hours_agree_with_another_clock_on_simulated_bars():
    bars = simulated_bars()
    day = day_of(Prices(bars, instrument()))
    for at in np.random.default_rng(1).integers(0, len(bars), 500):
        assert day.hour[at] == new_york_hour(bars, at)
    assert elapsed_at(np.array([18, 23, 0, 17])).tolist() == [0, 5, 6, 23]


def test_extremes_so_far_and_values_carried_by_hand():
    one = {18: (10, 12, 9, 11), 9: (11, 13, 10, 12), 12: (12, 12.5, 8, 9)}
    two = {18: (9, 9, 9, 9), 12: (9, 14, 9, 14)}
    bars = hand_made(dict(zip(weekdays(date(2024, 5, 6), 2), (one, two), strict=True)), 1.5)
    first_bar = np.array([0, 0, 0, 3, 3])
    day = DayView.of(bars, first_bar)
    assert day.open.tolist() == [10, 10, 10, 9, 9]
    assert day.high.tolist() == [12, 13, 13, 9, 14]
    assert day.low.tolist() == [9, 9, 8, 9, 9]
    close = bars.close + bars.adjustment
    assert np.array_equal(
        day.since_hour(close, 9), [np.nan, 12, 12, np.nan, np.nan], equal_nan=True
    )
    assert not never(Prices(bars, instrument())).any()


def test_the_last_hour_is_the_one_before_the_flat_time_of_a_short_day():
    # Thanksgiving trades to 13:00, and the day after, of whose session it is, to 13:15; positions
    # are flat by 13:00 New York on both.
    bars = simulated_bars()
    (short,) = (one for one in read_sessions(bars) if one.day == date(2016, 11, 25))
    params = BREAKOUT_INTRADAY_MOMENTUM.default_params
    trades = play(bars, BREAKOUT_INTRADAY_MOMENTUM.signals(bars, params, instrument()))
    held = sorted(set(trades.entry_index.tolist()) & set(short.bars))
    assert [new_york_hour(bars, one) for one in held] == [12, 12]
    assert all(one in day for one, day in zip(held, short.days, strict=True))
    assert set(held) <= set(trades.exit_index.tolist())
