"""When a product group trades: session labels, scheduled hours, holidays, flat deadlines.

Belongs here: rules of dates and clocks, per product group. Does not belong here: bars (`bars.py`),
the order in which contracts follow each other (`rolls.py`), or what to do at a deadline.

The holiday table is rule-based and errs on the early side: where CME product groups close at
different minutes of the same shortened day (12:00 to 13:45 Chicago), or changed them over the
years, all close here at the earliest, 12:00 Chicago, so that nobody is still in a position when
the market is gone. A bar that exists anyway on a day without a schedule (five Good Fridays with a
morning session since 2009) is labelled by its clock. Not in the table: closings at 10:30 Chicago on
equity_index holidays before 2014, and mornings cut short by storm or mourning on Globex.

| group | session | hours | full closings | early closes |
|---|---|---|---|---|
| equity_index, energy, metals, fx, rates | opens the evening before | 17:00-16:00 Chicago | New Year, Good Friday, Christmas | 12:00 Chicago: King, Presidents, Memorial, Juneteenth (2022 on), Independence, Labor, Thanksgiving and the day after, December 24; equity_index also July 3 |
| us_equity | the same date | 09:30-16:00 New York | all exchange holidays | 13:00 New York: July 3, the day after Thanksgiving, December 24 |
| volatility_index | the same date | 08:30-15:15 Chicago | as us_equity | 12:15 Chicago on the same days |
"""  # noqa: E501

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta

import polars as pl

from rooney_core.errors import InvalidSetting
from rooney_core.market.instruments import Instrument, ProductGroup

UTC_MICROSECONDS = pl.Datetime("us", "UTC")
FRIDAY, SATURDAY, SUNDAY = 5, 6, 7


@dataclass(frozen=True)
class Hours:
    """Wall-clock hours of a product group; `opens_day_before` for sessions that span midnight."""

    zone: str
    opens: time
    closes: time
    closes_early: time
    opens_day_before: bool

    @property
    def label_shift(self) -> timedelta:
        """What to add to the local time of a bar so that its date is the session label."""
        opening = timedelta(hours=self.opens.hour, minutes=self.opens.minute)
        return timedelta(days=1) - opening if self.opens_day_before else timedelta(0)


_GLOBEX = Hours("America/Chicago", time(17, 0), time(16, 0), time(12, 0), opens_day_before=True)
_NEW_YORK = Hours("America/New_York", time(9, 30), time(16, 0), time(13, 0), opens_day_before=False)
_CBOE = Hours("America/Chicago", time(8, 30), time(15, 15), time(12, 15), opens_day_before=False)
HOURS: dict[ProductGroup, Hours] = {
    "equity_index": _GLOBEX,
    "energy": _GLOBEX,
    "metals": _GLOBEX,
    "fx": _GLOBEX,
    "rates": _GLOBEX,
    "us_equity": _NEW_YORK,
    "volatility_index": _CBOE,
    "volatility": _GLOBEX,
}

# Days of mourning and of storm: no rule gives them.
_US_EQUITY_CLOSED_ONCE = frozenset(
    {
        *(date(2001, 9, day) for day in range(11, 15)),
        date(2004, 6, 11),
        date(2007, 1, 2),
        date(2012, 10, 29),
        date(2012, 10, 30),
        date(2018, 12, 5),
        date(2025, 1, 9),
    }
)
_JUNETEENTH_SINCE = 2022


def session_labels(bar_start: pl.Series, product_group: ProductGroup) -> pl.Series:
    """Exchange session of each bar, as a date; a function of the bar's own start only.

    `bar_start` is Datetime UTC, the inclusive start. A CME bar belongs to the date of its Chicago
    time plus 7 hours: 17:00 starts the next date. A label on a weekend moves to Monday. Holidays
    do not move labels. Null in, null out.
    """
    hours = HOURS[product_group]
    local = bar_start.dt.convert_time_zone(hours.zone).dt.replace_time_zone(None)
    label = (local + hours.label_shift).dt.date().alias("session")
    past_friday = label.dt.weekday().cast(pl.Int64) - FRIDAY
    to_monday = pl.select(
        pl.when(past_friday > 0).then(3 - past_friday).otherwise(pl.lit(0))
    ).to_series()
    return (label.cast(pl.Int32).cast(pl.Int64) + to_monday).cast(pl.Int32).cast(pl.Date)


def schedule(product_group: ProductGroup, first: date, last: date) -> pl.DataFrame:
    """Sessions from `first` to `last`, both inclusive, oldest first.

    Columns: session (Date), session_open, session_close (Datetime UTC; open inclusive, close
    exclusive), early_close (Boolean). Days without a session have no row.
    Raises InvalidSetting when `first` is after `last`.
    """
    if first > last:
        raise InvalidSetting(
            f"A schedule from {first} to {last} was asked for; the first session must not be "
            "after the last. Swap them."
        )
    days = pl.date_range(first, last, "1d", eager=True).alias("session")
    return session_hours(days, product_group).filter("is_scheduled").drop("is_scheduled")


def session_hours(sessions: pl.Series, product_group: ProductGroup) -> pl.DataFrame:
    """Hours of each date of `sessions`, in its order, whether or not it is a trading day.

    Columns of `schedule` plus is_scheduled (Boolean). A date without a session gets the group's
    ordinary hours, so that stray real bars on it still have an open and a close.
    """
    hours = HOURS[product_group]
    closed, early = _holidays(product_group, sessions)
    day = pl.col("session")
    open_day = day.dt.offset_by("-1d") if hours.opens_day_before else day
    close_at = pl.when("early_close").then(hours.closes_early).otherwise(hours.closes)
    return (
        sessions.alias("session")
        .to_frame()
        .with_columns(
            early_close=day.is_in(list(early)),
            is_scheduled=(day.dt.weekday() < SATURDAY) & ~day.is_in(list(closed)),
        )
        .select(
            "session",
            session_open=_in_utc(open_day.dt.combine(hours.opens), hours.zone),
            session_close=_in_utc(day.dt.combine(close_at), hours.zone),
            early_close="early_close",
            is_scheduled="is_scheduled",
        )
    )


def flat_deadlines(sessions: pl.Series, instrument: Instrument) -> pl.Series:
    """UTC time by which positions of each session are flat, aligned with `sessions`.

    The instrument's flat time on the session's date, in the flat time's own zone, never after
    session_close. A date without a scheduled session gets its session_open: no entry is possible.
    """
    days = sessions.unique().alias("session")
    flat = pl.col("session").dt.combine(instrument.flat_time.at)
    deadline = pl.min_horizontal(_in_utc(flat, instrument.flat_time.zone), pl.col("session_close"))
    by_day = session_hours(days, instrument.product_group).select(
        "session",
        flat_deadline=pl.when("is_scheduled").then(deadline).otherwise("session_open"),
    )
    aligned = sessions.alias("session").to_frame().join(by_day, on="session", maintain_order="left")
    return aligned["flat_deadline"]


def outside_hours(bar_start: pl.Series, product_group: ProductGroup) -> pl.Series:
    """True for each bar that starts when the group never trades: weekend, or past the close.

    Looks at weekday and clock only, not at holidays. Before 2018 the CME break (16:00-17:00
    Chicago) counts as inside: equity index, metals and energy futures traded to 16:15 or 16:30
    Chicago until 2015, and the Russell 2000 future until it moved to CME in 2017.
    """
    hours = HOURS[product_group]
    local = bar_start.dt.convert_time_zone(hours.zone).dt.replace_time_zone(None)
    clock = pl.col("clock")
    past_close = (
        (clock >= hours.closes) & (clock < hours.opens) & (pl.col("local").dt.year() >= 2018)
        if hours.opens_day_before
        else (clock < hours.opens) | (clock >= hours.closes)
    )
    frame = pl.DataFrame({"local": local, "clock": local.dt.time()})
    return frame.select(outside=_on_weekend(local, hours) | past_close)["outside"]


def _on_weekend(local: pl.Series, hours: Hours) -> pl.Series:
    return (local + hours.label_shift).dt.weekday() >= SATURDAY


def _in_utc(local: pl.Expr, zone: str) -> pl.Expr:
    # A repeated hour is read as the earlier one: a deadline is rather early than late.
    in_zone = local.dt.replace_time_zone(zone, ambiguous="earliest")
    return in_zone.dt.convert_time_zone("UTC").cast(UTC_MICROSECONDS)


def _holidays(product_group: ProductGroup, sessions: pl.Series) -> tuple[set[date], set[date]]:
    """Full closings and early closes in the years that `sessions` touches."""
    closed: set[date] = set()
    early: set[date] = set()
    for year in sessions.dt.year().unique().drop_nulls().to_list():
        shut, short = (
            _us_equity_year(year)
            if product_group in ("us_equity", "volatility_index")
            else _globex_year(year, product_group)
        )
        closed |= shut
        early |= short
    return closed, early - closed


def _globex_year(year: int, product_group: ProductGroup) -> tuple[set[date], set[date]]:
    eves = _eves(year)
    if product_group != "equity_index":
        eves -= {date(year, 7, 3)}
    early = _bank_holidays(year) | eves | {_observed(date(year, 7, 4))}
    return _always_closed(year), early


def _us_equity_year(year: int) -> tuple[set[date], set[date]]:
    closed = _always_closed(year) | _bank_holidays(year)
    closed |= {_observed(date(year, 7, 4))}
    closed |= {day for day in _US_EQUITY_CLOSED_ONCE if day.year == year}
    return closed, _eves(year)


def _always_closed(year: int) -> set[date]:
    new_year = date(year, 1, 1)
    # New Year on a Saturday is not made up for on Friday: that Friday ends the old year's books.
    if new_year.isoweekday() == SUNDAY:
        new_year += timedelta(days=1)
    return {new_year, easter_sunday(year) - timedelta(days=2), _observed(date(year, 12, 25))}


def _bank_holidays(year: int) -> set[date]:
    days = {
        _nth_weekday(year, 1, 1, 3),
        _nth_weekday(year, 2, 1, 3),
        _last_monday_of_may(year),
        _nth_weekday(year, 9, 1, 1),
        _thanksgiving(year),
    }
    return days | ({_observed(date(year, 6, 19))} if year >= _JUNETEENTH_SINCE else set())


def _eves(year: int) -> set[date]:
    eves = {_thanksgiving(year) + timedelta(days=1), date(year, 12, 24)}
    # July 3 is short only where July 4 is a weekday: otherwise it is the holiday, or a plain day.
    if date(year, 7, 4).isoweekday() < SATURDAY:
        eves.add(date(year, 7, 3))
    return eves


def _observed(day: date) -> date:
    """The weekday on which a fixed date is kept: Friday for Saturday, Monday for Sunday."""
    return day + timedelta(days={SATURDAY: -1, SUNDAY: 1}.get(day.isoweekday(), 0))


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
