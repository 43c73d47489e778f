"""Days that are not ordinary: closed, or closing early, per product group. Our own table.

Belongs here: rules of dates, the few days that no rule gives, and the clock at which each product
group stopped trading on them. Does not belong here: the hours of an ordinary day (`hours.py`), or
sessions and deadlines (`calendar.py`).

Facts are from the exchanges' holiday notices, and from the last bars of real futures, 2009 to 2025;
before 2009 and after 2026 the rules are continued. Clocks are the group's own zone.

| day | equity_index | energy, metals | fx | rates | volatility |
|---|---|---|---|---|---|
| bank holiday, before 2014-05-26 | 10:30 | 12:15 | 12:00 | 12:00 | 10:30 |
| bank holiday, to 2021 | 12:00 | 12:00 | 12:00 | 12:00 | 10:30 |
| bank holiday, 2022 on | 12:00 | 13:30, Friday 12:00 | ordinary, Friday 12:00 | 12:00 | 10:30 |
| day after Thanksgiving | 12:15 | 12:45, 2024 on 13:45 | 12:15, 2024 on 13:45 | 12:15 | 12:15 |
| December 24 | 12:15 | 12:45 | 12:15 | 12:15 | 12:15 |
| Friday before a holiday Monday, to May 2015 | ordinary | ordinary | ordinary | 15:15 | ordinary |
| July 3 before a weekday | 12:15 | ordinary | ordinary | ordinary | 12:15 |
| Good Friday with payrolls | to 08:15, no session | closed | to 10:15, no session | to 10:15, no session | closed |

Bank holidays: King, Presidents, Memorial, Juneteenth (2022 on), Independence, Labor, Thanksgiving.
What CME and CFE trade on them belongs to the next trade date, of every group, in every year; VX was
closed on them before 2014-06-23.
New Year, Good Friday and Christmas are closed for all. us_equity and volatility_index are closed on
bank holidays too and close at 13:00 New York and 12:15 Chicago on the eves.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from functools import lru_cache
from typing import Final

import polars as pl

from rooney_core.market.instruments import ProductGroup

_FRIDAY, _SATURDAY, _SUNDAY = 5, 6, 7
_NOON: Final = time(12, 0)
_JUNETEENTH_SINCE: Final = 2022
_LONGER_HOLIDAYS_SINCE: Final = date(2022, 1, 1)
_FULL_FRIDAYS_SINCE: Final = date(2015, 6, 1)

Steps = tuple[tuple[date, time | None], ...]
"""(from this date on, close), oldest first; None is the ordinary close."""


def _always(close: time | None) -> Steps:
    return ((date(1900, 1, 1), close),)


_UNTIL_MEMORIAL_DAY_2014: Final = date(2014, 5, 26)
_EQUITY_BANK: Final = (*_always(time(10, 30)), (_UNTIL_MEMORIAL_DAY_2014, _NOON))
_NYMEX_BANK: Final = (
    *_always(time(12, 15)),
    (_UNTIL_MEMORIAL_DAY_2014, _NOON),
    (_LONGER_HOLIDAYS_SINCE, time(13, 30)),
)
_SINCE_2024: Final = ((date(2024, 1, 1), time(13, 45)),)


@dataclass(frozen=True)
class _Closes:
    """Clocks at which one product group closes early; `lenient` groups stay longer since 2022."""

    bank: Steps
    after_thanksgiving: Steps
    christmas_eve: time
    july_third: time | None = None
    good_friday_morning: time | None = None
    friday_before: time | None = None
    lenient: bool = False


_NYMEX: Final = _Closes(
    bank=_NYMEX_BANK,
    after_thanksgiving=(*_always(time(12, 45)), *_SINCE_2024),
    christmas_eve=time(12, 45),
    lenient=True,
)
_AT_1215: Final = time(12, 15)
_GLOBEX: Final[dict[ProductGroup, _Closes]] = {
    "equity_index": _Closes(
        _EQUITY_BANK, _always(_AT_1215), _AT_1215, _AT_1215, good_friday_morning=time(8, 15)
    ),
    "energy": _NYMEX,
    "metals": _NYMEX,
    "fx": _Closes(
        (*_always(_NOON), (_LONGER_HOLIDAYS_SINCE, None)),
        (*_always(_AT_1215), *_SINCE_2024),
        _AT_1215,
        good_friday_morning=time(10, 15),
        lenient=True,
    ),
    "rates": _Closes(
        _always(_NOON),
        _always(_AT_1215),
        _AT_1215,
        good_friday_morning=time(10, 15),
        friday_before=time(15, 15),
    ),
    "volatility": _Closes(_always(time(10, 30)), _always(_AT_1215), _AT_1215, _AT_1215),
}

_GOOD_FRIDAYS_WITH_PAYROLLS: Final = frozenset(
    date(*day)
    for day in ((2010, 4, 2), (2012, 4, 6), (2015, 4, 3), (2021, 4, 2), (2023, 4, 7), (2026, 4, 3))
)

# Days of mourning and of storm, and one New Year's Eve: no rule gives them.
_NEW_YEARS_EVE_2010: Final = date(2010, 12, 31)
_ATTACKS: Final = tuple(date(2001, 9, day) for day in range(11, 15))
_STORM: Final = (date(2012, 10, 29), date(2012, 10, 30))
_FORD, _REAGAN = date(2007, 1, 2), date(2004, 6, 11)
_BUSH, _CARTER = date(2018, 12, 5), date(2025, 1, 9)
_MOURNING: Final = (_REAGAN, _FORD, _BUSH, _CARTER)
_US_EQUITY_CLOSED_ONCE: Final = frozenset((*_ATTACKS, *_STORM, *_MOURNING))
_GLOBEX_CLOSED_ONCE: Final[dict[ProductGroup, frozenset[date]]] = {
    "equity_index": frozenset(_ATTACKS[1:]),
    "energy": frozenset(_ATTACKS[1:3]),
    "metals": frozenset(_ATTACKS[1:3]),
    "fx": frozenset(_ATTACKS[1:2]),
    "rates": frozenset(_ATTACKS[1:2]),
    "volatility": frozenset(_STORM),
}
_GLOBEX_CLOSED_EARLY_ONCE: Final[dict[ProductGroup, dict[date, time]]] = {
    "equity_index": {
        **dict.fromkeys((_ATTACKS[0], _REAGAN, _FORD, *_STORM), time(8, 15)),
        **dict.fromkeys((_BUSH, _CARTER), time(8, 30)),
    },
    "energy": {_ATTACKS[0]: time(8, 15), _NEW_YEARS_EVE_2010: time(15, 15)},
    "metals": {_ATTACKS[0]: time(8, 15), _NEW_YEARS_EVE_2010: time(15, 15)},
    "fx": {_ATTACKS[0]: time(8, 15), _NEW_YEARS_EVE_2010: _AT_1215},
    "rates": {
        _ATTACKS[0]: time(8, 15),
        _NEW_YEARS_EVE_2010: _AT_1215,
        _STORM[0]: time(11, 0),
        _CARTER: _AT_1215,
    },
    "volatility": dict.fromkeys((_BUSH, _CARTER), time(8, 30)),
}
_VX_HOLIDAYS_SINCE: Final = date(2014, 6, 23)
# In 2002 the Friday after Independence Day was the short one; 2003 had one after Christmas too.
_US_EQUITY_EVES_OTHERWISE: Final = frozenset(
    (date(2002, 7, 3), date(2002, 7, 5), date(2003, 12, 26))
)
_EVE_CLOSE: Final[dict[ProductGroup, time]] = {
    "us_equity": time(13, 0),
    "volatility_index": _AT_1215,
}


@dataclass(frozen=True)
class _Day:
    """One day that is not ordinary. `flat_by`: the earliest close that a good source states.

    `booked_next`: what trades on it belongs to the next trade date.
    """

    session: date
    closes: time | None = None
    is_closed: bool = False
    flat_by: time | None = None
    no_entry: bool = False
    booked_next: bool = False


def irregular_days(product_group: ProductGroup, years: Iterable[int]) -> pl.DataFrame:
    """Days of the calendar years that are not ordinary for the group, in order, one row each.

    Columns: session (Date), closes (Time in the group's zone; null: the ordinary close), is_closed
    (Boolean: no session; `closes` may still tell of a short morning), flat_by (Time; null: the
    close), the earliest close that any source states, no_entry (Boolean): some source calls the day
    closed, so that nobody should be in a position at all, and booked_next (Boolean): what trades on
    the day belongs to the next trade date.
    """
    days = [day for year in sorted(set(years)) for day in _days_of(product_group, year)]
    return pl.DataFrame(
        {
            "session": [day.session for day in days],
            "closes": [day.closes for day in days],
            "is_closed": [day.is_closed for day in days],
            "flat_by": [day.flat_by for day in days],
            "no_entry": [day.no_entry for day in days],
            "booked_next": [day.booked_next for day in days],
        },
        schema={
            "session": pl.Date(),
            "closes": pl.Time(),
            "is_closed": pl.Boolean(),
            "flat_by": pl.Time(),
            "no_entry": pl.Boolean(),
            "booked_next": pl.Boolean(),
        },
    )


def booked_dates(product_group: ProductGroup, years: Iterable[int]) -> dict[date, date]:
    """Days of the calendar years whose trading belongs to a later trade date, and that date.

    The Monday of a bank holiday goes to Tuesday, a Friday to Monday, Thanksgiving to its Friday.
    Empty for us_equity and volatility_index, which are closed on such days.
    """
    return {
        one.session: _next_trade_date(product_group, one.session)
        for year in sorted(set(years))
        for one in _days_of(product_group, year)
        if one.booked_next
    }


@lru_cache(maxsize=4096)
def _next_trade_date(product_group: ProductGroup, day: date) -> date:
    day += timedelta(days=1)
    passed = {
        one.session for one in _days_of(product_group, day.year) if one.is_closed or one.booked_next
    }
    if day.isoweekday() < _SATURDAY and day not in passed:
        return day
    return _next_trade_date(product_group, day)


@lru_cache(maxsize=1024)
def _days_of(product_group: ProductGroup, year: int) -> tuple[_Day, ...]:
    closes = _GLOBEX.get(product_group)
    days = (
        _us_equity_year(product_group, year)
        if closes is None
        else _globex_year(product_group, closes, year)
    )
    return tuple(days[key] for key in sorted(days) if key.isoweekday() < _SATURDAY)


def _globex_year(product_group: ProductGroup, closes: _Closes, year: int) -> dict[date, _Day]:
    days: dict[date, _Day] = {}
    for holiday in bank_holidays(year):
        days[holiday] = _bank_holiday(product_group, closes, holiday)
    if closes.friday_before is not None:
        days |= {day: _Day(day, closes.friday_before) for day in _fridays_before(year)}
    after = _thanksgiving(year) + timedelta(days=1)
    days[after] = _short(after, _at(closes.after_thanksgiving, after))
    days[date(year, 12, 24)] = _short(date(year, 12, 24), closes.christmas_eve)
    if closes.july_third is not None:
        days |= {day: _short(day, closes.july_third) for day in _july_third(year)}
    for day, clock in _GLOBEX_CLOSED_EARLY_ONCE[product_group].items():
        days[day] = _Day(day, clock, flat_by=clock)
    days |= {day: _Day(day, _named(days, day), no_entry=True) for day in _MOURNING}
    days |= {day: _Day(day, is_closed=True) for day in _GLOBEX_CLOSED_ONCE[product_group]}
    for day in _always_closed(year):
        with_payrolls = day in _GOOD_FRIDAYS_WITH_PAYROLLS
        days[day] = _Day(day, closes.good_friday_morning if with_payrolls else None, is_closed=True)
    return {day: row for day, row in days.items() if day.year == year}


def _bank_holiday(product_group: ProductGroup, closes: _Closes, day: date) -> _Day:
    if product_group != "volatility":
        return replace(_short(day, _bank_close(closes, day)), booked_next=True)
    if day < _VX_HOLIDAYS_SINCE:
        return _Day(day, is_closed=True)
    # CFE trades a stub; both libraries call the day closed.
    return _Day(day, _bank_close(closes, day), no_entry=True, booked_next=True)


def _named(days: dict[date, _Day], day: date) -> time | None:
    return days[day].closes if day in days else None


def _short(day: date, close: time | None) -> _Day:
    """A shortened day. Sources and years differ by minutes, so flat is noon at the latest."""
    return _Day(day, close, flat_by=_NOON if close is None else min(close, _NOON))


def _bank_close(closes: _Closes, day: date) -> time | None:
    # A Friday holiday ends the week: nothing reopens that evening, and all close together.
    if closes.lenient and day >= _LONGER_HOLIDAYS_SINCE and day.isoweekday() == _FRIDAY:
        return _NOON
    return _at(closes.bank, day)


def _at(steps: Steps, day: date) -> time | None:
    return [close for since, close in steps if since <= day][-1]


def _us_equity_year(product_group: ProductGroup, year: int) -> dict[date, _Day]:
    close = _EVE_CLOSE[product_group]
    eves = {_thanksgiving(year) + timedelta(days=1), date(year, 12, 24), *_july_third(year)}
    eves ^= {day for day in _US_EQUITY_EVES_OTHERWISE if day.year == year}
    days = {day: _Day(day, close, flat_by=close) for day in eves}
    closed = _always_closed(year) | bank_holidays(year)
    closed |= {day for day in _US_EQUITY_CLOSED_ONCE if day.year == year}
    return days | {day: _Day(day, is_closed=True) for day in closed}


def _always_closed(year: int) -> set[date]:
    new_year = date(year, 1, 1)
    # New Year on a Saturday is not made up for on Friday: that Friday ends the old year's books.
    if new_year.isoweekday() == _SUNDAY:
        new_year += timedelta(days=1)
    return {new_year, easter_sunday(year) - timedelta(days=2), _observed(date(year, 12, 25))}


def bank_holidays(year: int) -> set[date]:
    """Weekdays of the year on which banks are closed and CME futures trade a shortened session."""
    days = {
        _nth_weekday(year, 1, 1, 3),
        _nth_weekday(year, 2, 1, 3),
        _last_monday_of_may(year),
        _observed(date(year, 7, 4)),
        _nth_weekday(year, 9, 1, 1),
        _thanksgiving(year),
    }
    return days | ({_observed(date(year, 6, 19))} if year >= _JUNETEENTH_SINCE else set())


def _fridays_before(year: int) -> set[date]:
    mondays = {day for day in bank_holidays(year) if day.isoweekday() == 1}
    fridays = {day - timedelta(days=3) for day in mondays}
    return {day for day in fridays if day < _FULL_FRIDAYS_SINCE}


def _july_third(year: int) -> set[date]:
    # Short only where both July 3 and July 4 are weekdays: otherwise the holiday, or a plain day.
    third = date(year, 7, 3)
    return {third} if third.isoweekday() < _FRIDAY else set()


def _observed(day: date) -> date:
    """The weekday on which a fixed date is kept: Friday for Saturday, Monday for Sunday."""
    return day + timedelta(days={_SATURDAY: -1, _SUNDAY: 1}.get(day.isoweekday(), 0))


def _thanksgiving(year: int) -> date:
    return _nth_weekday(year, 11, 4, 4)


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.isoweekday() - 1)


def _nth_weekday(year: int, month: int, isoweekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(isoweekday - first.isoweekday()) % 7 + 7 * (nth - 1))


def easter_sunday(year: int) -> date:
    """Gregorian Easter (anonymous algorithm, Nature 13, 1876, 487), for years from 1583 on."""
    golden, century, rest = year % 19, year // 100, year % 100
    leap_shift = century - century // 4 - (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + leap_shift + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    late = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
