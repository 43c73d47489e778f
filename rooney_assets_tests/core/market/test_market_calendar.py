"""The calendar against dates worked out by hand from the exchanges' published holiday notices."""

from datetime import UTC, date, datetime, time

import polars as pl
import pytest

from rooney_core.errors import InvalidSetting
from rooney_core.market.calendar import (
    easter_sunday,
    flat_deadlines,
    outside_hours,
    schedule,
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


@pytest.mark.parametrize("group", CME)
@pytest.mark.parametrize(
    "day",
    [
        date(2023, 11, 23),  # Thanksgiving
        date(2023, 11, 24),
        date(2024, 1, 15),
        date(2024, 2, 19),
        date(2024, 5, 27),
        date(2024, 6, 19),
        date(2024, 7, 4),
        date(2020, 7, 3),  # Independence Day 2020 was a Saturday
        date(2021, 7, 5),  # and 2021 a Sunday
        date(2024, 9, 2),
        date(2024, 12, 24),
    ],
)
def test_globex_closes_at_noon_chicago(group, day):
    session = _session(group, day)
    assert session["early_close"]
    local = schedule(group, day, day)["session_close"].dt.convert_time_zone("America/Chicago")
    assert local[0].replace(tzinfo=None) == datetime.combine(day, time(12, 0))


def test_juneteenth_counts_from_2022_on():
    assert not _session("metals", date(2021, 6, 18))["early_close"]
    assert _session("metals", date(2022, 6, 20))["early_close"]  # June 19, 2022 was a Sunday
    assert _session("us_equity", date(2021, 6, 18)) is not None
    assert _session("us_equity", date(2022, 6, 20)) is None


def test_july_third_is_short_for_shares_and_their_futures_only():
    assert _session("equity_index", date(2024, 7, 3))["early_close"]
    assert _session("us_equity", date(2024, 7, 3))["early_close"]
    assert not _session("rates", date(2024, 7, 3))["early_close"]
    assert _session("us_equity", date(2020, 7, 3)) is None  # the holiday itself, observed


def test_thanksgiving_2023_in_utc():
    assert _session("equity_index", date(2023, 11, 23)) == {
        "session": date(2023, 11, 23),
        "session_open": _utc(2023, 11, 22, 23),
        "session_close": _utc(2023, 11, 23, 18),
        "early_close": True,
    }
    assert _session("us_equity", date(2023, 11, 23)) is None
    assert _session("us_equity", date(2023, 11, 24))["session_close"] == _utc(2023, 11, 24, 18)


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
    sessions = pl.Series([date(2024, 7, 9), date(2023, 11, 24), date(2012, 4, 6), date(2024, 7, 9)])
    assert flat_deadlines(sessions, _instrument()).to_list() == [
        _utc(2024, 7, 9, 19),
        _utc(2023, 11, 24, 18),  # the close, 12:00 Chicago
        _utc(2012, 4, 5, 22),  # its open: no entry is possible
        _utc(2024, 7, 9, 19),
    ]


def test_flat_time_is_a_setting_with_its_own_zone():
    london = _instrument(flat_time={"at": "18:00", "zone": "Europe/London"})
    late = _instrument(flat_time={"at": "20:00", "zone": "America/Chicago"})
    day = pl.Series([date(2024, 7, 9)])
    assert flat_deadlines(day, london).to_list() == [_utc(2024, 7, 9, 17)]
    assert flat_deadlines(day, late).to_list() == [_utc(2024, 7, 9, 21)]


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
