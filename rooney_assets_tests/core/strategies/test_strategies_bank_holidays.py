"""Rules around US bank holidays, whose hours belong to the session of the next trade date."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hand_made_sessions import EPOCH, hand_made, new_york_hour
from simulated_market import instrument

from rooney_core.backtest.play import play
from rooney_core.market.calendar import HOURS, expected_bar_starts
from rooney_core.strategies import VARIANTS, Signals
from rooney_core.strategies.calendar_view import CalendarView
from rooney_core.strategies.day_view import day_of, session_of
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_view import (
    MAX_BARS_PER_SESSION,
    SESSIONS_PER_HOLIDAY,
    bars_of_sessions,
)

WEDNESDAY, THURSDAY, FRIDAY = date(2016, 5, 25), date(2016, 5, 26), date(2016, 5, 27)
MEMORIAL_DAY, TUESDAY = date(2016, 5, 30), date(2016, 5, 31)
LATER = date(2016, 6, 1)
QUIET = dict.fromkeys((18, 2, 9, 10, 11, 12, 14, 16), (100.0, 101.0, 99.0, 100.0))
STUB = dict.fromkeys((18, 2, 9, 10, 11, 12), (100.0, 100.5, 99.5, 100.0))
CALM = dict.fromkeys(QUIET, (100.0, 100.5, 99.5, 100.0))


def around_memorial_day(before, holiday, after, thursday=QUIET):
    days = {WEDNESDAY: QUIET, THURSDAY: thursday, FRIDAY: before}
    days |= {MEMORIAL_DAY: holiday, TUESDAY: after, LATER: QUIET}
    return hand_made(days, adjustment=2.5, booked={MEMORIAL_DAY: TUESDAY})


def by_hand(name: str, bars, **params: float) -> Signals:
    """The rule itself: a few bars are less than the look-back that the default needs."""
    variant = VARIANTS[name]
    return variant.rule(Prices(bars, instrument()), variant.parse_params(params))


def on(bars, day: date, values: np.ndarray) -> dict[int, float]:
    """What is said on one day's bars, by New York's hour; zeros are left out."""
    flat = 13 if day == MEMORIAL_DAY else 15
    session = TUESDAY if day == MEMORIAL_DAY else day
    return {
        new_york_hour(bars, at): float(values[at])
        for at in np.flatnonzero(bars.session == (session - EPOCH).days)
        if values[at] and (bars.flat_deadline_us[at] // 3_600_000_000 + 20) % 24 == flat
    }


def test_a_holiday_is_a_day_of_its_own_and_part_of_a_session():
    higher = dict.fromkeys(STUB, (102.0, 104.0, 101.0, 103.0))
    prices = Prices(around_memorial_day(QUIET, higher, CALM), instrument())
    view, n = prices.sessions, len(QUIET)
    assert [EPOCH.fromordinal(EPOCH.toordinal() + int(one)) for one in view.session] == [
        THURSDAY,
        FRIDAY,
        TUESDAY,
        LATER,
    ]
    assert (view.open[2], view.high[2], view.low[2], view.close[2]) == (102, 104, 99.5, 100)
    tuesday = slice(3 * n, 4 * n + len(STUB))
    assert view.decision[2] == tuesday.stop - 1
    assert set(view.before[tuesday].tolist()) == {1}, "Friday's, on the holiday and after it"
    assert set(view.opening[tuesday].tolist()) == {3 * n}
    assert view.first_bar[tuesday].tolist() == [3 * n] * len(STUB) + [3 * n + len(STUB)] * n
    assert day_of(prices).open[tuesday].tolist() == [102] * len(STUB) + [100] * n
    assert day_of(prices).high[tuesday].tolist() == [104] * len(STUB) + [100.5] * n
    assert session_of(prices).open[tuesday].tolist() == [102] * (len(STUB) + n)
    assert session_of(prices).high[tuesday].tolist() == [104] * (len(STUB) + n)


def test_an_opening_range_on_each_of_the_two_days():
    up = STUB | {10: (100, 102, 100, 102)}
    down = CALM | {14: (100, 100, 98, 98)}
    given = by_hand("breakout_opening_range", around_memorial_day(QUIET, up, down))
    bars = around_memorial_day(QUIET, up, down)
    assert on(bars, MEMORIAL_DAY, given.entry) == {10: 1.0}
    assert on(bars, TUESDAY, given.entry) == {14: -1.0}
    trades = play(bars, given)
    assert [new_york_hour(bars, at) for at in trades.exit_index] == [12]
    assert trades.exit_reason == ["FLAT_TIME"]


def test_a_stretch_is_measured_from_the_opening_of_each_of_the_two_days():
    higher = dict.fromkeys(STUB, (101.5, 101.75, 101, 101.25))
    bars = around_memorial_day(QUIET, higher, CALM)
    given = by_hand("breakout_stretch", bars, stretch_sessions=2)
    # The nearer extreme was 1 from the opening, on Thursday and on Friday.
    assert on(bars, MEMORIAL_DAY, given.entry_level) == dict.fromkeys(STUB, 102.5)
    assert on(bars, TUESDAY, given.entry_level) == dict.fromkeys(QUIET, 101.0)
    assert on(bars, TUESDAY, given.entry) == dict.fromkeys(QUIET, 1.0)


def test_a_volatility_breakout_has_one_level_and_one_order_for_both_days():
    touched = STUB | {9: (100, 103, 100, 101)}
    bars = around_memorial_day(QUIET, touched, CALM)
    given = by_hand("breakout_volatility", bars, range_share=1.0)
    assert on(bars, MEMORIAL_DAY, given.entry_level) == dict.fromkeys(STUB, 102.0)
    assert on(bars, TUESDAY, given.entry_level) == dict.fromkeys(QUIET, 102.0)
    assert on(bars, MEMORIAL_DAY, given.entry) == {18: 1.0, 2: 1.0}
    assert on(bars, TUESDAY, given.entry) == {}
    trades = play(bars, given)
    assert trades.entry_price.tolist() == [102 - 2.5]
    # Held over the halt, to the opening of the next session.
    assert bars.session[trades.exit_index].tolist() == [(LATER - EPOCH).days]


def test_orders_at_extremes_that_a_holiday_touched_are_not_placed_again():
    touched = STUB | {9: (100, 101.5, 100, 100)}
    wide = QUIET | {9: (100, 110, 90, 100)}
    # Without the touch Tuesday is inside, too, and orders are placed at its close.
    for holiday, expected in ((touched, {}), (STUB, dict.fromkeys(QUIET, 1.0))):
        bars = around_memorial_day(QUIET, holiday, CALM, thursday=wide)
        given = by_hand("breakout_inside_session", bars)
        assert on(bars, MEMORIAL_DAY, given.entry)[2] == 1.0
        assert on(bars, TUESDAY, given.entry) == expected


def test_nights_are_two_after_one_sell_off():
    fell = QUIET | {16: (100, 100, 95, 95)}
    bars = around_memorial_day(fell, STUB, CALM)
    given = by_hand("season_overnight_after_selloff", bars)
    assert on(bars, MEMORIAL_DAY, given.entry) == {18: 1.0}
    assert on(bars, TUESDAY, given.entry) == {18: 1.0}
    assert on(bars, LATER, given.entry) == {}


@pytest.mark.parametrize("name", ["breakout_intraday_momentum", "gap_up_fade"])
def test_moves_count_from_the_close_of_the_session_before_on_both_days(name):
    higher = dict.fromkeys(QUIET, (103.0, 103.5, 102.5, 102.75))
    stub = {hour: higher[hour] for hour in STUB}
    bars = around_memorial_day(QUIET, stub, higher)
    variant = VARIANTS[name]
    rule = Prices(bars, instrument())
    given = variant.rule(rule, variant.default_params)
    if name == "gap_up_fade":
        # The range that a gap is compared with needs a longer past; the target does not.
        assert on(bars, MEMORIAL_DAY, given.target_level) == dict.fromkeys(STUB, 100.0)
        assert on(bars, TUESDAY, given.target_level) == dict.fromkeys(QUIET, 100.0)
        return
    assert on(bars, MEMORIAL_DAY, given.entry) == {11: 1.0}
    assert on(bars, TUESDAY, given.entry) == {}, "no bar at 13:00"


def test_no_turnaround_after_a_monday_without_a_session():
    fell = dict.fromkeys(STUB, (100.0, 100.0, 96.0, 97.0))
    lower = dict.fromkeys(QUIET, (97.0, 97.0, 94.0, 95.0))
    bars = around_memorial_day(QUIET, fell, lower)
    assert not by_hand("season_turnaround_tuesday", bars).entry.any()


def calendar_of(*days: date) -> CalendarView:
    return CalendarView.of(np.array([(one - EPOCH).days for one in days], np.int32), "equity_index")


def test_the_calendar_passes_over_bank_holidays():
    # Labor Day was the first of September: the month begins with Tuesday's session.
    view = calendar_of(date(2014, 8, 28), date(2014, 8, 29), date(2014, 9, 2), date(2014, 9, 4))
    assert view.left_in_month.tolist() == [1, 0, 20, 18]
    assert view.number_in_month.tolist() == [20, 21, 1, 3]
    assert view.days_to_next.tolist() == [1, 4, 1, 1]
    assert view.weekdays_skipped.tolist() == [0, 1, 0, 0]
    # Thanksgiving's hours are Friday's.
    view = calendar_of(date(2016, 11, 23))
    assert (view.days_to_next.tolist(), view.weekdays_skipped.tolist()) == ([2], [1])


def test_sessions_until_an_announcement_leave_the_holiday_out():
    # 2012-01-25 was a Wednesday; Monday the 16th a holiday.
    view = calendar_of(date(2012, 1, 13), date(2012, 1, 17), date(2012, 1, 24))
    announced = np.array([(date(2012, 1, 25) - EPOCH).days])
    assert view.sessions_until(announced).tolist() == [7, 6, 1]


@pytest.mark.parametrize("group", sorted(HOURS))
def test_look_backs_hold_as_many_sessions_as_they_say(group):
    bars = expected_bar_starts(group, date(2005, 1, 3), date(2035, 12, 31))
    counts = bars.group_by("session", maintain_order=True).len()["len"].to_numpy().astype(int)
    until = np.concatenate(([0], np.cumsum(counts)))
    for n in (*range(1, 60), 120, 200, 252, 300, 360):
        assert (until[n:] - until[:-n]).max() <= bars_of_sessions(n)


@pytest.mark.parametrize("group", ["equity_index", "fx", "energy", "metals", "rates"])
def test_sessions_are_long_after_holidays_only_and_these_are_far_apart(group):
    bars = expected_bar_starts(group, date(2005, 1, 3), date(2030, 12, 31))
    counts = bars.group_by("session", maintain_order=True).len()["len"].to_numpy()
    long = np.flatnonzero(counts > MAX_BARS_PER_SESSION)
    assert 150 < len(long) < 7 * 26
    assert np.diff(long).min() == SESSIONS_PER_HOLIDAY
