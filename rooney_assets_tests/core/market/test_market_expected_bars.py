"""The bars that the calendar expects, against hours worked out by hand."""

from datetime import date, timedelta

import polars as pl
import pytest

from rooney_core.errors import InvalidSetting
from rooney_core.market.calendar import (
    expected_bar_starts,
    outside_hours,
    schedule,
    session_hours,
    session_labels,
)

GROUPS = ("equity_index", "energy", "metals", "fx", "rates", "volatility")


def _chicago_hours(group: str, day: date, bar_minutes: int = 60) -> list[str]:
    bars = expected_bar_starts(group, day, day, bar_minutes)
    local = bars["bar_start"].dt.convert_time_zone("America/Chicago")
    return local.dt.to_string("%H:%M").to_list()


def _hourly(first: int, last: int) -> list[str]:
    return [f"{hour % 24:02}:00" for hour in range(first, last + 1)]


@pytest.mark.parametrize(
    ("group", "day", "last"),
    [
        ("equity_index", date(2011, 6, 7), 16),  # to 16:30
        ("equity_index", date(2011, 6, 10), 15),  # a Friday: to 15:15
        ("equity_index", date(2014, 6, 6), 16),  # to 16:15 on Fridays too
        ("equity_index", date(2015, 9, 18), 16),
        ("equity_index", date(2015, 9, 21), 15),
        ("equity_index", date(2024, 7, 9), 15),
        ("equity_index", date(2024, 7, 3), 12),  # to 12:15
        ("equity_index", date(2012, 10, 29), 8),  # to 08:15
        ("energy", date(2014, 6, 6), 16),
        ("rates", date(2014, 8, 29), 15),  # to 15:15
    ],
)
def test_hourly_bars_run_from_the_evening_to_the_hour_of_the_close(group, day, last):
    assert _chicago_hours(group, day) == _hourly(17, 24 + last)


@pytest.mark.parametrize(
    ("group", "day", "halt"),
    [
        ("equity_index", date(2013, 5, 28), 10),  # Memorial Day, to 10:30
        ("equity_index", date(2024, 1, 16), 11),
        ("metals", date(2024, 1, 16), 13),  # to 13:30
        ("fx", date(2024, 1, 16), 15),
        ("volatility", date(2024, 1, 16), 10),  # to 10:30
    ],
)
def test_the_session_after_a_holiday_has_its_hours_and_none_of_the_halt(group, day, halt):
    last = 16 if day.year < 2015 else 15
    assert _chicago_hours(group, day) == _hourly(17, 24 + halt) + _hourly(17, 24 + last)
    bars = expected_bar_starts(group, day, day)["bar_start"]
    assert bars.is_sorted()
    assert bars.dt.date()[0] == day - timedelta(days=2)


def test_no_bar_is_expected_on_holidays_of_vx_before_it_traded_by_night():
    assert _chicago_hours("volatility", date(2014, 1, 21)) == _hourly(8, 15)
    assert schedule("volatility", date(2014, 1, 20), date(2014, 1, 20)).is_empty()


def test_bars_of_share_hours_start_at_whole_hours():
    assert _chicago_hours("us_equity", date(2024, 7, 9)) == _hourly(8, 14)  # 09:00 to 15:00 there
    assert _chicago_hours("volatility_index", date(2024, 7, 9)) == _hourly(8, 15)
    assert _chicago_hours("volatility", date(2013, 7, 9)) == _hourly(8, 15)


def test_minute_bars_leave_out_the_pause_of_index_futures():
    day = date(2019, 5, 7)
    minutes = _chicago_hours("equity_index", day, 1)
    assert len(minutes) == 23 * 60 - 15
    assert "15:14" in minutes
    assert not {f"15:{minute}" for minute in range(15, 30)} & set(minutes)
    assert minutes[-1] == "15:59"
    assert len(_chicago_hours("equity_index", date(2021, 6, 28), 1)) == 23 * 60
    assert _chicago_hours("equity_index", day, 1440) == ["17:00"]


def test_expected_bars_lie_in_their_sessions_and_rise():
    bars = expected_bar_starts("equity_index", date(2009, 1, 1), date(2026, 12, 31))
    assert bars["bar_start"].is_sorted()
    assert not bars["bar_start"].is_duplicated().any()
    assert session_labels(bars["bar_start"], "equity_index").equals(bars["session"])
    planned = schedule("equity_index", date(2009, 1, 1), date(2026, 12, 31))["session"]
    assert bars["session"].unique(maintain_order=True).equals(planned)
    assert not outside_hours(bars["bar_start"], "equity_index").any()
    hours = session_hours(bars["session"], "equity_index")
    assert (bars["bar_start"] >= hours["session_open"]).all()
    # A few bars of the years when index futures traded to 16:30 are past the close of all years.
    assert (bars["bar_start"] < hours["session_close"] + timedelta(hours=1)).all()


@pytest.mark.parametrize("group", GROUPS)
def test_bars_asked_for_one_session_at_a_time_are_those_of_all_years(group):
    first, last = date(2019, 12, 30), date(2021, 7, 6)
    bars = expected_bar_starts(group, first, last)
    parts = [expected_bar_starts(group, day, day) for day in bars["session"].unique().sort()]
    assert pl.concat(parts).equals(bars)


def test_days_on_which_the_clock_changes_have_no_odd_hour():
    # The clock changes on Sunday morning, when the market is closed.
    for monday in (date(2024, 3, 11), date(2024, 11, 4)):
        assert expected_bar_starts("metals", monday, monday).height == 23


def test_bars_of_an_odd_length_are_refused():
    for minutes in (0, -60, 7, 90):
        with pytest.raises(InvalidSetting, match="1440 or a divisor of 60"):
            expected_bar_starts("fx", date(2024, 1, 2), date(2024, 1, 2), minutes)


def test_expected_bars_backwards_are_refused():
    with pytest.raises(InvalidSetting, match="must not be after"):
        expected_bar_starts("fx", date(2024, 1, 2), date(2024, 1, 1))
