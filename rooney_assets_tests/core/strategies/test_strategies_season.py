"""Seasonal rules against calendars of other hands, and published dates of announcements."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import date, timedelta
from functools import cache

import exchange_calendars
import numpy as np
import pytest
from hand_made_sessions import EPOCH, new_york_hour, read_sessions
from pydantic import ValidationError
from simulated_market import instrument, simulated_bars

from rooney_core.backtest.play import play
from rooney_core.strategies import Signals
from rooney_core.strategies.calendar_view import FAR_AHEAD, CalendarView
from rooney_core.strategies.fomc import announcement_days
from rooney_core.strategies.season import VARIANTS
from rooney_core.strategies.season.pre_holiday import CLOSED_AT_SHORT_NOTICE

BY_NAME = {one.name: one for one in VARIANTS}


@cache
def sessions():
    return read_sessions(simulated_bars())


def signals(name: str, **params: float) -> Signals:
    variant = BY_NAME[name]
    return variant.signals(simulated_bars(), variant.parse_params(params), instrument())


def said(values: np.ndarray, after: int = 3, before: int = 10) -> list[date]:
    """Days of the sessions after whose last bar something is said, but the first and last few."""
    inner = sessions()[after:-before]
    return [one.day for one in inner if values[one.bars[-1]]]


def days(known: np.ndarray) -> list[date]:
    return [EPOCH + timedelta(days=int(one)) for one in known]


def by_month() -> list[list[date]]:
    months: dict[tuple[int, int], list[date]] = {}
    for one in sessions():
        months.setdefault((one.day.year, one.day.month), []).append(one.day)
    return list(months.values())


@pytest.mark.parametrize(("first", "last"), [(-1, 3), (-4, 2)])
def test_turn_of_month(first, last):
    given = signals("season_turn_of_month", first_day=first, last_day=last)
    entered = [month[first - 1] for month in by_month()[:-1]]
    assert said(given.entry, after=0) == entered
    # Closed wherever the session that follows is not one of those held.
    held = {day for month in by_month() for day in (*month[:last], *month[first:])}
    following = {one.day: later.day for one, later in itertools.pairwise(sessions())}
    inner = (one.day for one in sessions()[3:-10])
    assert said(given.exit) == [day for day in inner if following[day] not in held]


def test_a_month_is_turned_from_close_to_close():
    trades = play(simulated_bars(), signals("season_turn_of_month"))
    bars = simulated_bars()
    entered = days(bars.session[trades.entry_index])
    left = days(bars.session[trades.exit_index])
    months = by_month()
    assert entered == [month[-1] for month in months[:-1]]
    assert left == [month[3] for month in months[1:]]
    assert {new_york_hour(bars, at) for at in trades.entry_index} == {18}


def test_turnaround_tuesday():
    given = signals("season_turnaround_tuesday", drop_percent=0.25)
    expected = []
    for before, monday, later in zip(sessions(), sessions()[1:], sessions()[2:], strict=False):
        fell = 100 * (monday.close - before.close) / before.raw_close < -0.25
        tuesday = monday.day.weekday() == 0 and later.day == monday.day + timedelta(days=1)
        if tuesday and fell and monday.close < monday.open:
            expected.append(monday.day)
    assert len(expected) > 50
    inner = {one.day for one in sessions()[3:-10]}
    assert said(given.entry) == [one for one in expected if one in inner]
    trades = play(simulated_bars(), given)
    entered = days(simulated_bars().session[trades.entry_index])
    assert {one.weekday() for one in entered} == {1}
    assert trades.n_bars.max() <= 23


@pytest.mark.parametrize(("opens", "closes"), [(19, 9), (2, 3)])
def test_nights(opens, closes):
    bars = simulated_bars()
    given = signals("season_overnight", opens_at=opens, closes_at=closes)
    trades = play(bars, given)
    # Not one night is missing, but where the day is no trading day for a source.
    assert len(trades.side) > 0.98 * len(sessions())
    assert {new_york_hour(bars, at) for at in trades.entry_index} == {opens}
    hours = Counter(new_york_hour(bars, at) for at in trades.exit_index)
    assert hours.most_common(1)[0][0] == closes
    assert hours[closes] > 0.99 * hours.total()
    deadlines = bars.flat_deadline_us
    assert (deadlines[trades.entry_index] == deadlines[trades.exit_index]).all()


def test_nights_are_ordered():
    with pytest.raises(ValidationError, match="opens_at before closes_at"):
        BY_NAME["season_overnight"].params_type(opens_at=9, closes_at=2)
    with pytest.raises(ValidationError, match="18:00 must come before"):
        BY_NAME["season_overnight"].params_type(opens_at=18)


def test_nights_after_sell_offs():
    bars = simulated_bars()
    given = signals("season_overnight_after_selloff", ibs_below=0.2, drop_percent=0.5)
    n_entries = 0
    for two_before, before, night in zip(
        sessions()[3:], sessions()[4:], sessions()[5:], strict=False
    ):
        fell = 100 * (before.close - two_before.close) / two_before.raw_close < -0.5
        # A bank holiday has a night of its own, after the same session.
        expected = {day[0] for day in night.days} if fell or before.ibs < 0.2 else set()
        assert {bar for bar in night.bars if given.entry[bar]} == expected
        assert all(new_york_hour(bars, bar) == 18 for bar in expected)
        n_entries += len(expected)
    assert 100 < n_entries < 0.7 * len(sessions())


@cache
def stock_exchange_days() -> list[date]:
    known = exchange_calendars.get_calendar("XNYS", start="2011-12-01", end="2019-01-31")
    return [one.date() for one in known.sessions]


def test_pre_holiday():
    open_days = set(stock_exchange_days()) | set(CLOSED_AT_SHORT_NOTICE)
    first, last = sessions()[0].day, sessions()[-1].day
    weekdays = [first + timedelta(days=one) for one in range((last - first).days + 20)]
    holidays = [day for day in weekdays if day.weekday() < 5 and day not in open_days]
    eves = set()
    for holiday in holidays:
        eve = holiday - timedelta(days=1)
        while eve not in open_days:
            eve -= timedelta(days=1)
        eves.add(eve)
    following = itertools.pairwise(sessions())
    expected = [one.day for one, later in following if later.day in eves]
    entered = said(signals("season_pre_holiday").entry)
    inner = {one.day for one in sessions()[3:-10]}
    assert entered == [one for one in expected if one in inner]
    assert len(entered) == pytest.approx(9 * 7, abs=2)
    # Two sessions before Thanksgiving; and nothing before the storm that nobody saw coming.
    assert date(2013, 11, 26) in entered
    assert date(2012, 10, 25) not in entered


def test_announcements_are_eight_a_year_in_the_middle_of_weeks():
    known = days(announcement_days())
    assert known == sorted(set(known))
    counts = Counter(one.year for one in known)
    assert counts == {year: 7 if year == 2020 else 8 for year in range(2009, 2027)}
    assert {one.weekday() for one in known} == {1, 2, 3}
    gaps = [(b - a).days for a, b in itertools.pairwise(known)]
    assert min(gaps) >= 35
    assert sorted(gaps)[-2:] == [56, 91], "the longest but one: the meeting that was not held"
    assert date(2020, 3, 18) not in known
    assert date(2020, 3, 15) not in known


def test_announcements_are_those_of_the_press_releases():
    known = set(days(announcement_days()))
    # Press releases of 2009-02-13, 2012-05-16 and 2016-06-28: last days of the meetings listed.
    released = {
        2009: ((3, 18), (4, 29), (6, 24), (8, 12), (9, 23), (11, 4), (12, 16)),
        2010: ((1, 27),),
        2012: ((6, 20), (8, 1), (9, 13), (10, 24), (12, 12)),
        2013: ((1, 30), (3, 20), (5, 1), (6, 19), (7, 31), (9, 18), (10, 30), (12, 18)),
        2014: ((1, 29),),
        2017: ((2, 1), (3, 15), (5, 3), (6, 14), (7, 26), (9, 20), (11, 1), (12, 13)),
        2018: ((1, 31),),
    }
    expected = {date(year, *day) for year, listed in released.items() for day in listed}
    assert expected <= known
    for year in (2013, 2017):
        assert {one for one in known if one.year == year} <= expected


@pytest.mark.parametrize("n", [1, 2, 3])
def test_pre_fomc(n):
    given = signals("season_pre_fomc", days=n)
    listed = [one.day for one in sessions()]
    announced = [one for one in days(announcement_days()) if listed[3] < one < listed[-1]]
    assert len(announced) == 56
    assert said(given.entry, 0, 1) == [listed[listed.index(one) - n] for one in announced]
    assert said(given.exit, 0, 1) == announced
    trades = play(simulated_bars(), given)
    held = np.diff([trades.entry_index, trades.exit_index], axis=0)[0]
    assert set(held.tolist()) <= set(range(n * 17, n * 23 + 1))
    assert days(simulated_bars().session[trades.entry_index]) == [
        listed[listed.index(one) - n + 1] for one in announced
    ]


def test_no_announcement_is_known_after_the_table():
    later = np.array([20_800, 20_801], np.int32)
    view = CalendarView.of(later, "equity_index")
    assert view.sessions_until(announcement_days()).tolist() == [FAR_AHEAD, FAR_AHEAD]
    assert view.sessions_until(np.empty(0, np.int64)).tolist() == [FAR_AHEAD, FAR_AHEAD]


def test_sessions_until_a_date_count_that_date():
    listed = [one.day for one in sessions()][:60]
    view = CalendarView.of(
        np.array([(one - EPOCH).days for one in listed], np.int32), "equity_index"
    )
    dates = np.array([(listed[10] - EPOCH).days, (listed[30] - EPOCH).days])
    until = view.sessions_until(dates)
    assert until[:10].tolist() == list(range(10, 0, -1))
    assert until[10:30].tolist() == list(range(20, 0, -1))
    assert set(until[30:].tolist()) == {FAR_AHEAD}
    assert CalendarView.of(np.empty(0, np.int32), "metals").sessions_until(dates).tolist() == []
