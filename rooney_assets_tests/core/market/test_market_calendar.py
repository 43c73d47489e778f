"""The calendar against dates worked out by hand from the exchanges' published holiday notices."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from rooney_core.errors import InvalidSetting
from rooney_core.market.calendar import (
    day_deadlines,
    day_hours,
    easter_sunday,
    flat_deadlines,
    outside_hours,
    own_days,
    schedule,
    session_hours,
    session_labels,
)
from rooney_core.market.instruments import Instrument

CME = ("equity_index", "energy", "metals", "fx", "rates")


def _utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def _times(*times: datetime) -> pl.Series:
    return pl.Series("bar_start", times, dtype=pl.Datetime("us", "UTC"))


def _instrument(product_group: str = "equity_index", **changed: object) -> Instrument:
    page = {
        "symbol": "SIM_X",
        "name": "X",
        "role": "tradable",
        "exchange": "SIMULATED",
        "product_group": product_group,
        "multiplier": 1,
        "tick_size": 1,
        "sources": {"simulated": {"start_price": 100, "annual_volatility": 0.2}},
    }
    return Instrument.model_validate(page | changed)


def _session(group: str, day: date) -> dict[str, object] | None:
    rows = schedule(group, day, day).rows(named=True)
    return rows[0] if rows else None


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [(2000, 4, 23), (2008, 3, 23), (2011, 4, 24), (2019, 4, 21), (2024, 3, 31), (2038, 4, 25)],
)
def test_easter_falls_on_the_published_sundays(year, month, day):
    assert easter_sunday(year) == date(year, month, day)


@pytest.mark.parametrize("group", CME)
@pytest.mark.parametrize(
    "day",
    [
        date(2024, 3, 29),  # Good Friday
        date(2012, 4, 6),  # Good Friday, although a short morning traded for the payrolls
        date(2024, 1, 1),
        date(2023, 1, 2),  # New Year 2023 was a Sunday
        date(2022, 12, 26),  # Christmas 2022 was a Sunday
        date(2021, 12, 24),  # Christmas 2021 was a Saturday
        date(2024, 3, 30),  # a Saturday
    ],
)
def test_globex_is_closed(group, day):
    assert _session(group, day) is None


def test_new_year_on_a_saturday_leaves_friday_open():
    assert _session("equity_index", date(2021, 12, 31)) is not None
    assert _session("us_equity", date(2021, 12, 31)) is not None


# Chicago clocks, from the exchange's notices and the last bars of real futures. "-": the ordinary
# close. Columns: equity_index, energy, metals, fx, rates.
SHORT_DAYS = {
    date(2011, 9, 5): "10:30 12:15 12:15 12:00 12:00",  # Labor Day
    date(2014, 2, 17): "10:30 12:15 12:15 12:00 12:00",
    date(2014, 5, 26): "12:00 12:00 12:00 12:00 12:00",  # Memorial Day: all close together
    date(2019, 11, 28): "12:00 12:00 12:00 12:00 12:00",  # Thanksgiving
    date(2019, 11, 29): "12:15 12:45 12:45 12:15 12:15",
    date(2020, 7, 3): "12:00 12:00 12:00 12:00 12:00",  # Independence Day 2020 was a Saturday
    date(2021, 7, 5): "12:00 12:00 12:00 12:00 12:00",  # and 2021 a Sunday
    date(2019, 7, 3): "12:15 - - - -",
    date(2019, 12, 24): "12:15 12:45 12:45 12:15 12:15",
    date(2023, 11, 23): "12:00 13:30 13:30 - 12:00",
    date(2024, 1, 15): "12:00 13:30 13:30 - 12:00",
    date(2024, 6, 19): "12:00 13:30 13:30 - 12:00",
    date(2024, 9, 2): "12:00 13:30 13:30 - 12:00",
    date(2025, 7, 4): "12:00 12:00 12:00 12:00 12:00",  # a Friday
    date(2024, 11, 29): "12:15 13:45 13:45 13:45 12:15",
    date(2012, 10, 29): "08:15 - - - 11:00",  # a storm
    date(2018, 12, 5): "08:30 - - - -",  # mourning
    date(2025, 1, 9): "08:30 - - - 12:15",
    date(2010, 12, 31): "- 15:15 15:15 12:15 12:15",
    date(2014, 8, 29): "- - - - 15:15",  # the Friday before Labor Day
    date(2024, 7, 9): "- - - - -",
}


@pytest.mark.parametrize("day", SHORT_DAYS)
def test_each_product_group_closes_at_its_own_clock(day):
    for group, clock in zip(CME, SHORT_DAYS[day].split(), strict=True):
        session = day_hours(pl.Series([day]), group)
        local = session["closes"].dt.convert_time_zone("America/Chicago")[0]
        assert session["is_traded"].to_list() == [True]
        assert session["early_close"].to_list() == [clock != "-"], group
        expected = time(16, 0) if clock == "-" else time.fromisoformat(clock)
        assert local.replace(tzinfo=None) == datetime.combine(day, expected), group


def test_a_good_friday_morning_has_a_close_but_no_session():
    day = pl.Series("session", [date(2012, 4, 6), date(2013, 3, 29)])
    rows = session_hours(day, "equity_index").rows(named=True)
    assert [row["is_scheduled"] for row in rows] == [False, False]
    assert rows[0]["session_close"] == _utc(2012, 4, 6, 13, 15)
    assert rows[1]["session_close"] == _utc(2013, 3, 29, 21)
    assert session_hours(day, "energy")["early_close"].to_list() == [False, False]


def test_hours_keep_the_order_and_the_repeats_of_the_dates_asked_for():
    asked = pl.Series([date(2024, 7, 9), date(2024, 3, 29), None, date(2024, 7, 9)])
    rows = session_hours(asked, "fx")
    assert rows["session"].to_list() == asked.to_list()
    assert rows["is_scheduled"].to_list() == [True, False, None, True]
    assert rows["session_open"][3] == _utc(2024, 7, 8, 22)


def test_juneteenth_counts_from_2022_on():
    assert not _session("metals", date(2021, 6, 18))["early_close"]
    assert _session("metals", date(2022, 6, 20)) is None  # June 19, 2022 was a Sunday
    assert _session("us_equity", date(2021, 6, 18)) is not None
    assert _session("us_equity", date(2022, 6, 20)) is None


def test_july_third_is_short_for_shares_and_their_futures_only():
    assert _session("equity_index", date(2024, 7, 3))["early_close"]
    assert _session("us_equity", date(2024, 7, 3))["early_close"]
    assert not _session("rates", date(2024, 7, 3))["early_close"]
    assert _session("us_equity", date(2020, 7, 3)) is None  # the holiday itself, observed


def test_thanksgiving_2023_in_utc():
    assert _session("equity_index", date(2023, 11, 23)) is None
    assert _session("equity_index", date(2023, 11, 24)) == {
        "session": date(2023, 11, 24),
        "session_open": _utc(2023, 11, 22, 23),  # the evening before the holiday
        "session_close": _utc(2023, 11, 24, 18, 15),
        "early_close": True,
    }
    assert _session("us_equity", date(2023, 11, 23)) is None
    assert _session("us_equity", date(2023, 11, 24))["session_close"] == _utc(2023, 11, 24, 18)


# Holiday, the trade date that its hours belong to, and when they begin, Chicago.
MERGED = {
    date(2024, 1, 15): (date(2024, 1, 16), datetime(2024, 1, 14, 17)),
    date(2022, 6, 20): (date(2022, 6, 21), datetime(2022, 6, 19, 17)),
    date(2024, 6, 19): (date(2024, 6, 20), datetime(2024, 6, 18, 17)),  # a Wednesday
    date(2020, 7, 3): (date(2020, 7, 6), datetime(2020, 7, 2, 17)),  # a Friday
    date(2019, 7, 4): (date(2019, 7, 5), datetime(2019, 7, 3, 17)),
    date(2021, 7, 5): (date(2021, 7, 6), datetime(2021, 7, 4, 17)),
    date(2023, 7, 4): (date(2023, 7, 5), datetime(2023, 7, 3, 17)),
    date(2023, 11, 23): (date(2023, 11, 24), datetime(2023, 11, 22, 17)),
}


@pytest.mark.parametrize("group", [*CME, "volatility"])
@pytest.mark.parametrize("holiday", MERGED)
def test_a_bank_holiday_belongs_to_the_next_trade_date(group, holiday):
    trade_date, opens = MERGED[holiday]
    zone = "America/Chicago"
    starts = pl.Series([opens + timedelta(hours=n) for n in range(19)]).dt.replace_time_zone(zone)
    labels = session_labels(starts.dt.convert_time_zone("UTC"), group)
    assert labels.unique().to_list() == [trade_date]
    assert own_days(starts.dt.convert_time_zone("UTC"), group).unique().to_list() == [holiday]
    assert _session(group, holiday) is None
    session = _session(group, trade_date)
    assert session["session_open"] == starts.dt.convert_time_zone("UTC")[0]
    close = session["session_close"].astimezone(ZoneInfo(zone))
    assert close.date() == trade_date
    assert session["early_close"] == (close.hour < 16) == (holiday == date(2023, 11, 23))


@pytest.mark.parametrize("group", ["us_equity", "volatility_index"])
def test_shares_book_nothing_on_another_day(group):
    days = pl.date_range(date(2009, 1, 1), date(2026, 12, 31), "1d", eager=True)
    table = day_hours(days, group)
    assert table["session"].equals(days.alias("session"))
    hours = session_hours(days, group)
    assert hours["session_open"].equals(table["opens"].alias("session_open"))
    assert hours["is_scheduled"].equals(table["is_traded"].alias("is_scheduled"))


def test_a_stray_bar_of_the_weekend_before_a_holiday_goes_where_sunday_evening_goes():
    saturday, sunday = _utc(2024, 1, 13, 18), _utc(2024, 1, 14, 23)
    assert session_labels(_times(saturday, sunday), "rates").to_list() == [date(2024, 1, 16)] * 2
    assert own_days(_times(saturday, sunday), "rates").to_list() == [date(2024, 1, 15)] * 2


@pytest.mark.parametrize("group", CME)
def test_mornings_of_full_closings_and_days_of_mourning_keep_their_date(group):
    for day in (date(2012, 4, 6), date(2021, 4, 2), date(2018, 12, 5), date(2025, 1, 9)):
        morning = datetime(day.year, day.month, day.day, 14, tzinfo=UTC)
        assert session_labels(_times(morning), group).to_list() == [day]


def test_labels_of_years_beyond_any_calendar_are_those_of_the_clock():
    wild = pl.Series([253_402_300_000_000_000, None]).cast(pl.Datetime("us", "UTC"))
    assert session_labels(wild, "fx").null_count() == 1


@pytest.mark.parametrize(
    ("friday", "monday", "friday_close", "monday_open", "monday_close"),
    [
        # Clocks go forward on March 10, 2024: 16:00 Chicago is 22:00 UTC, then 21:00.
        (
            date(2024, 3, 8),
            date(2024, 3, 11),
            _utc(2024, 3, 8, 22),
            _utc(2024, 3, 10, 22),
            _utc(2024, 3, 11, 21),
        ),
        # And back on November 3, 2024.
        (
            date(2024, 11, 1),
            date(2024, 11, 4),
            _utc(2024, 11, 1, 21),
            _utc(2024, 11, 3, 23),
            _utc(2024, 11, 4, 22),
        ),
    ],
)
def test_both_changes_of_the_clock(friday, monday, friday_close, monday_open, monday_close):
    rows = schedule("metals", friday, monday).rows(named=True)
    assert [row["session"] for row in rows] == [friday, monday]
    assert rows[0]["session_close"] == friday_close
    assert (rows[1]["session_open"], rows[1]["session_close"]) == (monday_open, monday_close)


def test_cboe_index_hours():
    assert _session("volatility_index", date(2024, 7, 10)) == {
        "session": date(2024, 7, 10),
        "session_open": _utc(2024, 7, 10, 13, 30),
        "session_close": _utc(2024, 7, 10, 20, 15),
        "early_close": False,
    }


def test_a_year_has_the_published_number_of_share_sessions():
    counts = {2012: 250, 2018: 251, 2019: 252, 2020: 253, 2023: 250, 2024: 252, 2025: 250}
    for year, expected in counts.items():
        assert schedule("us_equity", date(year, 1, 1), date(year, 12, 31)).height == expected


def test_labels_of_a_winter_week():
    labels = session_labels(
        _times(
            _utc(2024, 1, 5, 21),  # Friday 15:00 Chicago
            _utc(2024, 1, 5, 22),  # Friday 16:00, in the break: still Friday
            _utc(2024, 1, 5, 23),  # Friday 17:00 Chicago: the weekend moves to Monday
            _utc(2024, 1, 6, 18),  # Saturday
            _utc(2024, 1, 7, 15),  # Sunday morning
            _utc(2024, 1, 7, 23),  # Sunday 17:00: Monday's session opens
            _utc(2024, 1, 8, 22),  # Monday 16:00
            _utc(2024, 1, 8, 23),  # Monday 17:00
        ),
        "equity_index",
    )
    days = [5, 5, 8, 8, 8, 8, 8, 9]
    assert labels.to_list() == [date(2024, 1, day) for day in days]
    assert labels.dtype == pl.Date


def test_labels_follow_the_clock_of_the_season():
    # 22:00 UTC is 17:00 Chicago in summer (next session) and 16:00 in winter (same session).
    labels = session_labels(_times(_utc(2024, 7, 9, 22), _utc(2024, 1, 9, 22)), "fx")
    assert labels.to_list() == [date(2024, 7, 10), date(2024, 1, 9)]


def test_share_labels_are_new_york_dates_and_holidays_keep_their_own():
    labels = session_labels(_times(_utc(2024, 7, 9, 13, 30), _utc(2024, 7, 4, 14)), "us_equity")
    assert labels.to_list() == [date(2024, 7, 9), date(2024, 7, 4)]


def test_flat_by_three_in_new_york_earlier_on_short_days_at_once_on_closed_ones():
    days = pl.Series([date(2024, 7, 9), date(2023, 11, 24), date(2012, 4, 6), date(2024, 7, 9)])
    assert day_deadlines(days, _instrument()).to_list() == [
        _utc(2024, 7, 9, 19),
        _utc(2023, 11, 24, 18),  # the close, 12:00 Chicago
        _utc(2012, 4, 5, 22),  # its open: no entry is possible
        _utc(2024, 7, 9, 19),
    ]


def test_bars_of_a_holiday_are_flat_before_its_halt_and_the_others_a_day_later():
    starts = _times(
        _utc(2024, 1, 14, 23),  # Sunday evening
        _utc(2024, 1, 15, 16),  # Monday 10:00, King's day; flat by 12:00 Chicago
        _utc(2024, 1, 15, 23),  # Monday evening; flat by 15:00 New York on Tuesday
        _utc(2024, 1, 16, 16),
    )
    assert session_labels(starts, "equity_index").unique().to_list() == [date(2024, 1, 16)]
    assert flat_deadlines(starts, _instrument()).to_list() == [
        _utc(2024, 1, 15, 18),
        _utc(2024, 1, 15, 18),
        _utc(2024, 1, 16, 20),
        _utc(2024, 1, 16, 20),
    ]


@pytest.mark.parametrize(
    ("group", "day", "expected"),
    [
        # July: New York is UTC-4, Chicago UTC-5. 15:00 New York is 19:00 UTC.
        ("fx", date(2024, 7, 9), _utc(2024, 7, 9, 19)),
        # Currencies trade to 16:00 on the holiday; one source says noon, so noon it is.
        ("fx", date(2024, 7, 4), _utc(2024, 7, 4, 17)),
        ("metals", date(2024, 7, 4), _utc(2024, 7, 4, 17)),
        ("energy", date(2024, 12, 24), _utc(2024, 12, 24, 18)),
        ("equity_index", date(2013, 5, 27), _utc(2013, 5, 27, 15, 30)),
        ("equity_index", date(2012, 10, 30), _utc(2012, 10, 30, 13, 15)),
        # Some sources call the day of mourning closed: no entry from its open on.
        ("metals", date(2025, 1, 9), _utc(2025, 1, 8, 23)),
        ("equity_index", date(2018, 12, 5), _utc(2018, 12, 4, 23)),
        ("volatility", date(2024, 1, 15), _utc(2024, 1, 14, 23)),
        ("volatility", date(2024, 7, 3), _utc(2024, 7, 3, 17)),
        ("us_equity", date(2024, 7, 3), _utc(2024, 7, 3, 17)),
        # Both changes of the clock: 15:00 New York is 20:00 UTC before March 10, 2024, and 19:00.
        ("rates", date(2024, 3, 8), _utc(2024, 3, 8, 20)),
        ("rates", date(2024, 3, 11), _utc(2024, 3, 11, 19)),
        ("rates", date(2024, 11, 1), _utc(2024, 11, 1, 19)),
        ("rates", date(2024, 11, 4), _utc(2024, 11, 4, 20)),
    ],
)
def test_the_flat_deadline_moves_earlier_with_the_day(group, day, expected):
    assert day_deadlines(pl.Series([day]), _instrument(group)).to_list() == [expected]


def test_flat_time_is_a_setting_with_its_own_zone():
    london = _instrument(flat_time={"at": "18:00", "zone": "Europe/London"})
    late = _instrument(flat_time={"at": "20:00", "zone": "America/Chicago"})
    day = pl.Series([date(2024, 7, 9)])
    assert day_deadlines(day, london).to_list() == [_utc(2024, 7, 9, 17)]
    assert day_deadlines(day, late).to_list() == [_utc(2024, 7, 9, 21)]


def test_hours_in_which_nothing_trades():
    times = _times(
        _utc(2024, 1, 5, 21),  # Friday 15:00 Chicago
        _utc(2024, 1, 5, 22),  # Friday 16:00: the break
        _utc(2014, 1, 9, 22),  # the break of 2014, when futures traded to 16:15
        _utc(2024, 1, 6, 18),
        _utc(2024, 1, 7, 22),
        _utc(2024, 1, 7, 23),
    )
    expected = [False, True, False, True, True, False]
    assert outside_hours(times, "equity_index").to_list() == expected


def test_a_schedule_backwards_is_refused():
    with pytest.raises(InvalidSetting, match="must not be after"):
        schedule("fx", date(2024, 1, 2), date(2024, 1, 1))
