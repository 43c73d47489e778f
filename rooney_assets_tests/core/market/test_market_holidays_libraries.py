"""Our table of holidays against two public calendar libraries, 2010 to 2026, day by day.

Hours of calendar days are compared, and deadlines: the libraries list a bank holiday as a session,
which for us belongs to the next trade date.
Every difference is listed in DIFFERENCES with its reason. A new one fails, whether we, a library or
the table caused it, and so does an entry that no longer applies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from rooney_core.market.calendar import day_deadlines, day_hours, schedule
from rooney_core.market.instruments import Instrument

# Development tools: an installation of the trader alone has neither.
exchange_calendars = pytest.importorskip("exchange_calendars")
pandas_market_calendars = pytest.importorskip("pandas_market_calendars")

FIRST, LAST = date(2010, 1, 1), date(2026, 12, 31)
DAYS = pl.date_range(FIRST, LAST, "1d", eager=True).alias("day")
CHICAGO, NEW_YORK = ZoneInfo("America/Chicago"), ZoneInfo("America/New_York")

# Which library, under which name, and the close that it calls ordinary (its own convention).
LIBRARIES = {
    "equity": ("pmc", "CME Globex Equity", "16:00"),
    "crude": ("pmc", "CMEGlobex_Crude", "16:00"),
    "gold": ("pmc", "CMEGlobex_Gold", "16:00"),
    "silver": ("pmc", "CMEGlobex_Silver", "16:00"),
    "copper": ("pmc", "CMEGlobex_Copper", "16:00"),
    "fx": ("pmc", "CMEGlobex_FX", "16:00"),
    "fixed income": ("pmc", "CME Globex Fixed Income", "16:00"),
    "bond": ("pmc", "CME_Bond", "16:00"),
    "cfe": ("pmc", "CFE", "15:15"),
    "nyse": ("pmc", "NYSE", "16:00"),
    "cmes": ("xcals", "CMES", "17:00"),
    "xcbf": ("xcals", "XCBF", "15:15"),
    "xnys": ("xcals", "XNYS", "16:00"),
}
OF_GROUP = {
    "equity_index": ("equity", "cmes"),
    "energy": ("crude", "cmes"),
    "metals": ("gold", "silver", "copper", "cmes"),
    "fx": ("fx", "cmes"),
    "rates": ("fixed income", "bond", "cmes"),
    "volatility": ("cfe", "xcbf"),
    "volatility_index": ("cfe", "xcbf"),
    "us_equity": ("nyse", "xnys"),
}
NYMEX = ("energy", "metals")
PMC_NYMEX = ("crude", "gold", "silver", "copper")


def _is(*days: tuple[int, int, int]) -> Callable[[date], bool]:
    return {date(*day) for day in days}.__contains__


def _christmas_eve(day: date) -> bool:
    return (day.month, day.day) == (12, 24)


def _july_third(day: date) -> bool:
    return (day.month, day.day) == (7, 3)


def _after_thanksgiving(day: date) -> bool:
    return day.month == 11 and day.weekday() == 4


def _eve(day: date) -> bool:
    return _christmas_eve(day) or _after_thanksgiving(day)


def _bank_holiday(day: date) -> bool:
    months_of_mondays = (1, 2, 5, 7, 9)
    return (
        (day.month in months_of_mondays and day.weekday() == 0)
        or (day.month == 11 and day.weekday() == 3)
        or (day.month == 7 and day.day in (3, 4, 5))
        or _juneteenth(day)
    )


def _juneteenth(day: date) -> bool:
    return day.year >= 2022 and day.month == 6 and day.day in (18, 19, 20)


def _until_2013(day: date) -> bool:
    return _bank_holiday(day) and day < date(2014, 5, 26)


def _since_2022(day: date) -> bool:
    return _bank_holiday(day) and day.year >= 2022


def _labor_day(day: date) -> bool:
    return day.month == 9 and day.weekday() == 0


def _good_friday(day: date) -> bool:
    return day.month in (3, 4) and day.weekday() == 4


MOURNING = _is((2018, 12, 5), (2025, 1, 9))
STORM = _is((2012, 10, 29), (2012, 10, 30))


@dataclass(frozen=True)
class Difference:
    """Our close and theirs ("full", "closed" or a clock) on days of one kind, and why we differ."""

    groups: tuple[str, ...]
    libraries: tuple[str, ...]
    ours: str
    theirs: str
    days: Callable[[date], bool]
    why: str


DIFFERENCES = (
    Difference(
        ("equity_index",), ("equity",), "closed", "08:15", _good_friday,
        "a morning for the payrolls, or (2024, 2025) none at all: no session of ours either way",
    ),
    Difference(
        ("fx",), ("fx",), "closed", "10:15", _good_friday, "the same",
    ),
    Difference(
        ("rates",), ("fixed income",), "closed", "10:15", _good_friday, "the same",
    ),
    Difference(
        ("rates",), ("bond",), "closed", "10:00", _good_friday, "the same; bars run past 10:00",
    ),
    Difference(
        ("equity_index",), ("equity", "cmes"), "08:15", "full", STORM,
        "both libraries forgot the storm; bars end in the hour of 08:15",
    ),
    Difference(
        ("equity_index",), ("equity",), "08:30", "full", MOURNING,
        "a day of mourning; bars end at 08:30",
    ),
    Difference(
        ("equity_index", "volatility"), ("cmes", "cfe", "xcbf"), "08:30", "closed", MOURNING,
        "the share market was closed, its futures traded to 08:30",
    ),
    Difference(
        ("energy", "metals", "fx", "rates"), ("cmes", "bond"), "full", "closed", MOURNING,
        "bars of the whole day exist; one calendar for all groups cannot know",
    ),
    Difference(
        ("rates",), ("cmes", "bond"), "12:15", "closed", _is((2025, 1, 9)),
        "a day of mourning; bars end soon after noon",
    ),
    Difference(
        ("rates",), ("fixed income",), "12:15", "full", _is((2025, 1, 9)), "the same",
    ),
    Difference(
        ("rates",), ("fixed income", "bond", "cmes"), "11:00", "full", _is((2012, 10, 29)),
        "the storm; bars end at 11:00",
    ),
    Difference(
        ("equity_index",), ("cmes",), "10:30", "12:00", _until_2013,
        "bars end in the hour of 10:30",
    ),
    Difference(
        NYMEX, (*PMC_NYMEX, "cmes"), "12:15", "12:00", _until_2013,
        "bars go on in the hour of 12:00",
    ),
    Difference(
        ("equity_index", "rates", "fx"), ("cmes",), "12:15", "12:00", _eve,
        "bars go on in the hour of 12:00",
    ),
    Difference(
        NYMEX, ("cmes",), "12:45", "12:00", _eve, "bars go on in the hour of 12:00",
    ),
    Difference(
        NYMEX, PMC_NYMEX, "12:45", "full", _christmas_eve,
        "bars end in the hour of 12:00; the library has the rule for 2026 alone",
    ),
    Difference(
        (*NYMEX, "fx"), ("cmes",), "13:45", "12:00", _after_thanksgiving,
        "bars of 2024 go on in the hour of 13:00",
    ),
    Difference(
        NYMEX, PMC_NYMEX, "13:45", "12:45", _after_thanksgiving,
        "the same; the library has it from 2026 on",
    ),
    Difference(("fx",), ("fx",), "13:45", "12:15", _after_thanksgiving, "the same"),
    Difference(
        NYMEX, ("cmes",), "13:30", "12:00", _since_2022, "bars go on in the hour of 13:00",
    ),
    Difference(
        NYMEX, ("cmes",), "13:30", "full", _juneteenth, "the library does not know the holiday",
    ),
    Difference(
        NYMEX, PMC_NYMEX, "13:30", "12:00", _labor_day,
        "bars go on in the hour of 13:00; the library has it from 2026 on",
    ),
    Difference(
        NYMEX, PMC_NYMEX, "12:00", "13:30", _is((2025, 7, 4)),
        "a Friday: bars end at 12:00; the library has such Fridays from 2026 on",
    ),
    Difference(
        ("fx",), ("fx",), "12:00", "full", _is((2025, 7, 4), (2026, 6, 19), (2026, 7, 3)),
        "holidays on a Friday: bars of 2025 end at 12:00",
    ),
    Difference(
        ("fx",), ("cmes",), "full", "12:00", _since_2022, "bars go on to 16:00 since 2022",
    ),
    Difference(
        ("equity_index", "energy", "metals", "fx", "rates"), ("cmes", "bond"), "12:00", "full",
        _juneteenth, "the library does not know the holiday",
    ),
    Difference(
        ("equity_index",), ("cmes",), "12:15", "full", _july_third,
        "bars end in the hour of 12:00; the library has no such day",
    ),
    Difference(
        ("fx", "rates"), ("fx", "bond", "cmes"), "12:15", "full", _is((2010, 12, 31)),
        "New Year's Eve before a Saturday; bars end in the hour of 12:00",
    ),
    Difference(
        NYMEX, ("cmes",), "15:15", "full", _is((2010, 12, 31)), "the same day, other groups",
    ),
    Difference(
        ("rates",), ("bond", "cmes"), "15:15", "full",
        lambda day: day.weekday() == 4 and day.year <= 2015,
        "Fridays before a holiday; little trades after 15:15, and the other calendar has it",
    ),
    Difference(
        ("volatility",), ("cfe", "xcbf"), "10:30", "closed", _bank_holiday,
        "a stub is traded for the next business day; no entry is possible then",
    ),
    Difference(
        ("volatility", "volatility_index"), ("cfe", "xcbf"), "12:15", "full",
        lambda day: _christmas_eve(day) or _july_third(day),
        "the share market closes at noon, and the index with it",
    ),
)  # fmt: skip


@lru_cache
def _library(name: str) -> dict[date, datetime]:
    """Close of each session that the library knows."""
    source, calendar, _ = LIBRARIES[name]
    if source == "pmc":
        table = pandas_market_calendars.get_calendar(calendar).schedule(FIRST, LAST)
        return {day.date(): at.to_pydatetime() for day, at in table["market_close"].items()}
    known = exchange_calendars.get_calendar(calendar, start=str(FIRST), end=str(LAST))
    return {day.date(): at.to_pydatetime() for day, at in known.schedule["close"].items()}


def _stated(name: str, day: date) -> str:
    close = _library(name).get(day)
    if close is None:
        return "closed"
    zone = NEW_YORK if name in ("nyse", "xnys") else CHICAGO
    clock = close.astimezone(zone).strftime("%H:%M")
    return "full" if clock == LIBRARIES[name][2] else clock


@lru_cache
def _ours(group: str) -> dict[date, str]:
    zone = NEW_YORK if group == "us_equity" else CHICAGO
    rows = day_hours(DAYS, group).iter_rows(named=True)
    return {row["day"]: _our_word(row, zone) for row in rows}


def _our_word(row: dict[str, object], zone: ZoneInfo) -> str:
    if not row["is_traded"]:
        return "closed"
    close = row["closes"]
    assert isinstance(close, datetime)
    return close.astimezone(zone).strftime("%H:%M") if row["early_close"] else "full"


def _differing() -> list[tuple[str, str, str, str, date]]:
    return [
        (group, name, ours, theirs, day)
        for group, names in OF_GROUP.items()
        for name in names
        for day, ours in _ours(group).items()
        if ours != (theirs := _stated(name, day))
    ]


def _listed(difference: tuple[str, str, str, str, date]) -> list[Difference]:
    group, name, ours, theirs, day = difference
    return [
        one
        for one in DIFFERENCES
        if group in one.groups
        and name in one.libraries
        and (ours, theirs) == (one.ours, one.theirs)
        and one.days(day)
    ]


def test_each_difference_to_the_libraries_is_known_and_explained():
    unknown = [found for found in _differing() if not _listed(found)]
    assert not unknown


def test_each_explanation_still_explains_something():
    used = {one for found in _differing() for one in _listed(found)}
    assert [one for one in DIFFERENCES if one not in used] == []


def test_shares_agree_with_both_libraries_on_every_day():
    assert not [found for found in _differing() if found[0] == "us_equity"]


def test_shares_agree_since_2000():
    first, last = date(2000, 1, 3), date(2009, 12, 31)
    known = exchange_calendars.get_calendar("XNYS", start=str(first), end=str(last))
    closes = {day.date(): at.to_pydatetime() for day, at in known.schedule["close"].items()}
    ours = schedule("us_equity", first, last).select("session", "session_close")
    assert dict(ours.iter_rows()) == closes


def _instrument(group: str) -> Instrument:
    return Instrument.model_validate(
        {
            "symbol": "SIM_X",
            "name": "X",
            "role": "tradable",
            "exchange": "SIMULATED",
            "product_group": group,
            "multiplier": 1,
            "tick_size": 1,
            "sources": {"simulated": {"start_price": 100, "annual_volatility": 0.2}},
        }
    )


@pytest.mark.parametrize("group", OF_GROUP)
def test_flat_before_the_earliest_close_that_either_library_states(group):
    deadlines = dict(zip(DAYS, day_deadlines(DAYS, _instrument(group)), strict=True))
    opens = dict(day_hours(DAYS, group).select("day", "opens").iter_rows())
    weekdays = [day for day in DAYS if day.weekday() < 5]
    for name in OF_GROUP[group]:
        closes = _library(name)
        late = [day for day in weekdays if day in closes and deadlines[day] > closes[day]]
        assert not late, name
        # A day that one source calls closed: flat from before it opens.
        held = [day for day in weekdays if day not in closes and deadlines[day] > opens[day]]
        assert not held, name


@pytest.mark.parametrize("group", [group for group in OF_GROUP if group != "us_equity"])
def test_sessions_are_the_libraries_days_without_the_bank_holidays(group):
    ours = set(schedule(group, FIRST, LAST)["session"])
    days = {day for name in OF_GROUP[group] for day in _library(name)}
    assert [day for day in days - ours if not (_bank_holiday(day) or _good_friday(day))] == []
    # What no library lists, bars do: days of mourning, when only shares were closed.
    assert ours - days <= {date(2018, 12, 5), date(2025, 1, 9)}


def test_days_between_the_libraries_first_and_last_are_all_compared():
    for name in LIBRARIES:
        assert min(_library(name)) <= FIRST + timedelta(days=4)
        assert max(_library(name)) >= LAST - timedelta(days=4)
