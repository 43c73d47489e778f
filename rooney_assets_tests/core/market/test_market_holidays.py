"""The table of irregular days: its shape, and the days that no rule gives."""

from datetime import date, time, timedelta
from itertools import pairwise
from typing import get_args

import pytest

from rooney_core.market.holidays import bank_holidays, irregular_days
from rooney_core.market.hours import HOURS, trading_periods
from rooney_core.market.instruments import ProductGroup

GROUPS = get_args(ProductGroup)
YEARS = range(2000, 2031)


def _rows(group: str, year: int) -> dict[date, dict[str, object]]:
    return {row["session"]: row for row in irregular_days(group, [year]).iter_rows(named=True)}


@pytest.mark.parametrize("group", GROUPS)
def test_the_table_is_one_row_per_weekday_in_order(group):
    table = irregular_days(group, [2030, *YEARS])
    assert table["session"].is_sorted()
    assert not table["session"].is_duplicated().any()
    assert table["session"].dt.weekday().max() <= 5
    for year in YEARS:
        closed = table.filter(table["session"].dt.year() == year, "is_closed").height
        assert 2 <= closed <= 14
    assert irregular_days(group, []).schema == table.schema


@pytest.mark.parametrize("group", GROUPS)
def test_closes_are_early_and_nobody_is_flat_after_the_close(group):
    for row in irregular_days(group, YEARS).iter_rows(named=True):
        close = row["closes"] or HOURS[group].closes
        assert close <= HOURS[group].closes
        assert row["flat_by"] is None or row["flat_by"] <= close


def test_bank_holidays_of_a_year_are_the_published_ones():
    assert sorted(bank_holidays(2026)) == [
        date(2026, 1, 19),
        date(2026, 2, 16),
        date(2026, 5, 25),
        date(2026, 6, 19),
        date(2026, 7, 3),  # the Fourth is a Saturday
        date(2026, 9, 7),
        date(2026, 11, 26),
    ]
    assert date(2021, 6, 18) not in bank_holidays(2021)


def test_shares_were_short_on_the_other_side_of_the_fourth_in_2002():
    short = {day for day, row in _rows("us_equity", 2002).items() if not row["is_closed"]}
    assert short == {date(2002, 7, 5), date(2002, 11, 29), date(2002, 12, 24)}
    assert _rows("us_equity", 2003)[date(2003, 12, 26)]["closes"] == time(13, 0)


def test_storm_and_mourning_differ_by_group():
    storm, mourning = date(2012, 10, 30), date(2025, 1, 9)
    assert _rows("us_equity", 2012)[storm]["is_closed"]
    assert _rows("equity_index", 2012)[storm]["closes"] == time(8, 15)
    assert storm not in _rows("rates", 2012)
    assert _rows("volatility", 2012)[storm]["is_closed"]
    assert _rows("equity_index", 2025)[mourning]["closes"] == time(8, 30)
    assert _rows("energy", 2025)[mourning]["closes"] is None
    assert _rows("energy", 2025)[mourning]["no_entry"]
    assert _rows("equity_index", 2001)[date(2001, 9, 12)]["is_closed"]


@pytest.mark.parametrize("group", GROUPS)
def test_periods_of_trading_hours_follow_each_other_and_end_as_today(group):
    periods = trading_periods(group)
    since = [period.since for period in periods]
    assert since == sorted(since)
    assert since[0] <= date(2000, 1, 1)
    last = periods[-1].of(friday=False)
    assert last[0][0] == HOURS[group].opens
    assert last[-1][1] == HOURS[group].closes
    for period in periods:
        for stretches in (period.of(friday=False), period.of(friday=True)):
            assert all(one[1] < two[0] for one, two in pairwise(stretches))


def test_the_schedule_of_shares_since_2000_has_the_published_number_of_sessions():
    counts = {2000: 252, 2001: 248, 2002: 252, 2003: 252, 2004: 252, 2007: 251, 2008: 253}
    for year, expected in counts.items():
        first = date(year, 1, 1)
        days = [first + timedelta(days=n) for n in range(366)]
        weekdays = [day for day in days if day.year == year and day.weekday() < 5]
        closed = [day for day, row in _rows("us_equity", year).items() if row["is_closed"]]
        assert len(weekdays) - len(closed) == expected, year
