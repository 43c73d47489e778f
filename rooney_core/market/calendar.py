"""When a product group trades: session labels, scheduled hours, flat deadlines, expected bars.

Belongs here: rules of dates and clocks in UTC, per product group. Does not belong here: the table
of holidays (`holidays.py`), the clocks of an ordinary day (`hours.py`), bars (`bars.py`), the order
in which contracts follow each other (`rolls.py`), or what to do at a deadline.

| group | session | ordinary hours | full closings |
|---|---|---|---|
| equity_index, energy, metals, fx, rates, volatility | trade date; opens the evening before | 17:00-16:00 Chicago | New Year, Good Friday, Christmas |
| us_equity | the same date | 09:30-16:00 New York | all exchange holidays |
| volatility_index | the same date | 08:30-15:15 Chicago | as us_equity |

A session is the exchange's trade date, one bar of the vendors' daily series. A US bank holiday has
none: what CME and CFE trade on it, from the evening before to its early halt, belongs to the next
trade date. The session of the Tuesday after such a Monday opens on Sunday at 17:00, halts on Monday
at noon, goes on at 17:00 and closes on Tuesday at 16:00.

Deadlines know nothing of that: `flat_deadlines` are those of the bar's own calendar day (`own_days`),
so whoever enters on the holiday is flat before its halt, and such a session holds two deadlines.
Where sources disagree about a day, hours are what the exchange did, and the deadline obeys the
earliest: noon in Chicago on every shortened day, and no entry at all on a day that some source
calls closed. A bar that exists on a full closing (a Good Friday morning) keeps the date of its clock: the
vendors have a daily bar of it, or none at all.
"""  # noqa: E501

from __future__ import annotations

from datetime import date, time, timedelta

import polars as pl

from rooney_core.errors import InvalidSetting
from rooney_core.market.holidays import booked_dates, easter_sunday, irregular_days
from rooney_core.market.hours import HOURS, Hours, Period, trading_periods
from rooney_core.market.instruments import Instrument, ProductGroup

__all__ = [
    "HOURS",
    "UTC_MICROSECONDS",
    "Hours",
    "day_deadlines",
    "day_hours",
    "easter_sunday",
    "expected_bar_starts",
    "flat_deadlines",
    "outside_hours",
    "own_days",
    "schedule",
    "session_hours",
    "session_labels",
]

UTC_MICROSECONDS = pl.Datetime("us", "UTC")
FRIDAY, SATURDAY = 5, 6
_DAY_MINUTES = 1440
_LONGEST_HOLIDAY = timedelta(days=7)
"""More than lies between a bank holiday and the trade date that its hours belong to."""


def session_labels(bar_start: pl.Series, product_group: ProductGroup) -> pl.Series:
    """Exchange session (trade date) of each bar; a function of the bar's own start only.

    `bar_start` is Datetime UTC, the inclusive start. A CME bar belongs to its `own_days` date:
    17:00 Chicago starts the next one, and a weekend is Monday. The date of a bank holiday moves on
    to the next trade date. Null in, null out.
    """
    days = own_days(bar_start, product_group)
    moved = booked_dates(product_group, _years(days))
    label = days if not moved else days.replace(list(moved), list(moved.values()))
    return label.alias("session")


def own_days(bar_start: pl.Series, product_group: ProductGroup) -> pl.Series:
    """Calendar day whose hours each bar is in, by its clock: the session, but for bank holidays.

    A CME bar belongs to the date of its Chicago time plus 7 hours; a weekend moves to Monday.
    Holidays move nothing. Null in, null out.
    """
    hours = HOURS[product_group]
    local = bar_start.dt.convert_time_zone(hours.zone).dt.replace_time_zone(None)
    label = (local + hours.label_shift).dt.date().alias("day")
    past_friday = label.dt.weekday() - FRIDAY
    to_monday = pl.select(
        pl.when(past_friday > 0).then(3 - past_friday).otherwise(pl.lit(0, pl.Int8))
    ).to_series()
    return (label.to_physical() + to_monday.cast(pl.Int32)).cast(pl.Date)


def schedule(product_group: ProductGroup, first: date, last: date) -> pl.DataFrame:
    """Sessions from `first` to `last`, both inclusive, oldest first.

    Columns: session (Date), session_open, session_close (Datetime UTC; open inclusive, close
    exclusive), early_close (Boolean). Days without a session have no row: closings, and bank
    holidays, whose hours are the beginning of the next session.
    Raises InvalidSetting when `first` is after `last`.
    """
    days = _days(first, last)
    return session_hours(days, product_group).filter("is_scheduled").drop("is_scheduled")


def session_hours(sessions: pl.Series, product_group: ProductGroup) -> pl.DataFrame:
    """Hours of each date of `sessions`, in its order, whether or not it is a trade date.

    Columns of `schedule` plus is_scheduled (Boolean). The trade date after a bank holiday opens
    with the holiday's hours; close and early_close are of its own day. A date without a session
    gets the hours of its day (`day_hours`), so that stray real bars on it still have an open and a
    close. `session_close` is the ordinary close of all years: before 2015 some futures traded 15 to
    30 minutes longer (`hours.trading_periods`).
    """
    days = sessions.unique().alias("session")
    first_days = _first_days(days, product_group)
    opens = _day_table(first_days.unique(), product_group).select("day", session_open="opens")
    table = (
        pl.DataFrame([days, first_days])
        .join(opens, on="day", how="left")
        .drop("day")
        .join(_day_table(days, product_group), left_on="session", right_on="day")
        .select(
            "session",
            "session_open",
            "early_close",
            session_close="closes",
            is_scheduled=pl.col("is_traded") & ~pl.col("booked_next"),
        )
        .select("session", "session_open", "session_close", "early_close", "is_scheduled")
    )
    return _aligned(sessions.alias("session"), table)


def day_hours(days: pl.Series, product_group: ProductGroup) -> pl.DataFrame:
    """Hours of each calendar day by itself, in the order of `days`: a bank holiday has its own.

    Columns: day (Date), opens, closes (Datetime UTC; opens inclusive, closes exclusive),
    early_close, is_traded (Boolean: not a closing), session (Date): the trade date that the hours
    belong to. Days that are no trading days get ordinary hours, or those of their short morning.
    """
    return _aligned(days.alias("day"), _day_table(days.unique(), product_group)).select(
        "day", "opens", "closes", "early_close", "is_traded", "session"
    )


def flat_deadlines(bar_start: pl.Series, instrument: Instrument) -> pl.Series:
    """UTC time by which a position is flat that is held in each bar; aligned with `bar_start`.

    The deadline of the bar's own calendar day (`own_days`), not of its session: in the session
    after a bank holiday, bars of the holiday have the holiday's deadline, before its early halt,
    and the others that of the trade date.
    """
    return day_deadlines(own_days(bar_start, instrument.product_group), instrument)


def day_deadlines(days: pl.Series, instrument: Instrument) -> pl.Series:
    """UTC time by which positions of each calendar day are flat, aligned with `days`.

    The instrument's flat time on that date, in the flat time's own zone, never after the earliest
    close that a source states for the day. A day on which nothing trades, or one that a source
    calls closed, gets the open of its hours: no entry is possible.
    """
    flat = pl.col("day").dt.combine(instrument.flat_time.at)
    deadline = pl.min_horizontal(_in_utc(flat, instrument.flat_time.zone), "flat_by")
    by_day = _day_table(days.unique(), instrument.product_group).select(
        "day", flat_deadline=pl.when("is_traded").then(deadline).otherwise("opens")
    )
    return _aligned(days.alias("day"), by_day)["flat_deadline"]


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


def expected_bar_starts(
    product_group: ProductGroup, first: date, last: date, bar_minutes: int = 60
) -> pl.DataFrame:
    """Bars that the schedule says should exist, for sessions from `first` to `last` inclusive.

    Columns: session (Date), bar_start (Datetime UTC), rising. Bars start at whole multiples of
    `bar_minutes` in the hour; the bar of an opening, or of a close, inside an hour counts
    (09:00 New York for an opening at 09:30). Holidays, early closes, pauses and the closes of
    former years are those of `holidays.py` and `hours.py`. `bar_minutes` 1440: one bar a session,
    at its open. Thin contracts have fewer bars: no trade, no bar.
    Raises InvalidSetting when `first` is after `last`, or for another `bar_minutes` than 1440 or a
    divisor of 60.
    """
    if bar_minutes != _DAY_MINUTES and not (bar_minutes > 0 and 60 % bar_minutes == 0):
        raise InvalidSetting(
            f"Bars of {bar_minutes} minutes were asked for; 1440 or a divisor of 60 is possible. "
            "Use the instrument's bar_minutes."
        )
    planned = schedule(product_group, first, last)
    if bar_minutes == _DAY_MINUTES:
        return planned.select("session", bar_start="session_open")
    days = day_hours(_days(first - _LONGEST_HOLIDAY, last), product_group).filter(
        "is_traded", pl.col("session").is_between(first, last)
    )
    stretches = pl.concat(_stretches(days, product_group)).sort("opens")
    start, every = pl.col("opens").dt.truncate(f"{bar_minutes}m"), f"{bar_minutes}m"
    bars = (
        stretches.filter(pl.col("opens") < pl.col("closes"))
        .select("session", bar_start=pl.datetime_ranges(start, "closes", every, closed="left"))
        .explode("bar_start", empty_as_null=False)
    )
    # An hour that holds both sides of a pause is one bar.
    return bars.filter((pl.col("bar_start") != pl.col("bar_start").shift()).fill_null(True))


def _days(first: date, last: date) -> pl.Series:
    if first > last:
        raise InvalidSetting(
            f"A schedule from {first} to {last} was asked for; the first session must not be "
            "after the last. Swap them."
        )
    return pl.date_range(first, last, "1d", eager=True).alias("session")


def _years(days: pl.Series) -> list[int]:
    years: list[int] = days.dt.year().unique().drop_nulls().to_list()
    # A date that was misread (milliseconds for seconds) has no calendar, and no holiday either.
    return [year for year in years if date.min.year < year < date.max.year]


def _first_days(sessions: pl.Series, product_group: ProductGroup) -> pl.Series:
    """The day, of those that make up each session, that comes first: mostly its own date."""
    years = _years(sessions)
    booked = booked_dates(product_group, [*years, *(year - 1 for year in years)])
    first: dict[date, date] = {}
    for day in sorted(booked, reverse=True):
        first[booked[day]] = day
    # A date that is no session itself keeps its own hours.
    days = sessions if not first else sessions.replace(list(first), list(first.values()))
    return days.alias("day")


def _day_table(days: pl.Series, product_group: ProductGroup) -> pl.DataFrame:
    """`day_hours` of distinct days, plus booked_next and flat_by, the time to be flat by (UTC)."""
    hours = HOURS[product_group]
    days = days.alias("day")
    irregular = irregular_days(product_group, _years(days)).rename({"session": "day"})
    booked = booked_dates(product_group, _years(days))
    day = pl.col("day")
    open_day = day.dt.offset_by("-1d") if hours.opens_day_before else day
    close = pl.coalesce("closes", pl.lit(hours.closes))
    flat_by = _in_utc(day.dt.combine(pl.coalesce("flat_by", close)), hours.zone)
    opens = _in_utc(open_day.dt.combine(hours.opens), hours.zone)
    return (
        days.to_frame()
        .join(irregular, on="day", how="left")
        .select(
            "day",
            opens=opens,
            closes=_in_utc(day.dt.combine(close), hours.zone),
            early_close=(pl.col("closes") < hours.closes).fill_null(False),
            is_traded=(day.dt.weekday() < SATURDAY) & ~pl.col("is_closed").fill_null(False),
            session=day.replace(list(booked), list(booked.values())) if booked else day,
            booked_next=pl.col("booked_next").fill_null(False),
            flat_by=pl.when(pl.col("no_entry").fill_null(False)).then(opens).otherwise(flat_by),
        )
    )


def _aligned(dates: pl.Series, by_date: pl.DataFrame) -> pl.DataFrame:
    """Rows of `by_date` in the order of `dates`, repeats and nulls included."""
    return dates.to_frame().join(
        by_date, on=dates.name, how="left", maintain_order="left", nulls_equal=True
    )


def _stretches(days: pl.DataFrame, product_group: ProductGroup) -> list[pl.DataFrame]:
    """session, opens, closes (UTC) of every uninterrupted stretch of trading, unsorted."""
    periods = trading_periods(product_group)
    ends = [period.since for period in periods[1:]] + [date.max]
    return [
        _stretch(part, product_group, stretch)
        for period, end in zip(periods, ends, strict=True)
        for part, stretch in _of_period(days, period, end)
    ]


def _of_period(
    days: pl.DataFrame, period: Period, end: date
) -> list[tuple[pl.DataFrame, tuple[time, time]]]:
    inside = days.filter(pl.col("day").is_between(period.since, end, closed="left"))
    on_friday = pl.col("day").dt.weekday() == FRIDAY
    return [
        (inside.filter(on_friday == friday), stretch)
        for friday in (False, True)
        for stretch in period.of(friday)
    ]


def _stretch(
    days: pl.DataFrame, product_group: ProductGroup, stretch: tuple[time, time]
) -> pl.DataFrame:
    """One stretch on each of `days`, cut at the close of a day that closes early."""
    zone = HOURS[product_group].zone
    opens, closes = stretch
    day = pl.col("day")
    open_day = day - timedelta(days=1) if opens > closes else day
    end = _in_utc(day.dt.combine(closes), zone)
    return days.select(
        "session",
        opens=_in_utc(open_day.dt.combine(opens), zone),
        closes=pl.when("early_close").then(pl.min_horizontal(end, "closes")).otherwise(end),
    )


def _on_weekend(local: pl.Series, hours: Hours) -> pl.Series:
    return (local + hours.label_shift).dt.weekday() >= SATURDAY


def _in_utc(local: pl.Expr, zone: str) -> pl.Expr:
    # A repeated hour is read as the earlier one: a deadline is rather early than late.
    in_zone = local.dt.replace_time_zone(zone, ambiguous="earliest")
    return in_zone.dt.convert_time_zone("UTC").cast(UTC_MICROSECONDS)
