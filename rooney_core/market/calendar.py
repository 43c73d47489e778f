"""When a product group trades: session labels, scheduled hours, flat deadlines, expected bars.

Belongs here: rules of dates and clocks in UTC, per product group. Does not belong here: the table
of holidays (`holidays.py`), the clocks of an ordinary day (`hours.py`), bars (`bars.py`), the order
in which contracts follow each other (`rolls.py`), or what to do at a deadline.

| group | session | ordinary hours | full closings |
|---|---|---|---|
| equity_index, energy, metals, fx, rates, volatility | opens the evening before | 17:00-16:00 Chicago | New Year, Good Friday, Christmas |
| us_equity | the same date | 09:30-16:00 New York | all exchange holidays |
| volatility_index | the same date | 08:30-15:15 Chicago | as us_equity |

Where sources disagree about a day, `session_close` is what the exchange did, and `flat_deadlines`
obeys the earliest: noon in Chicago on every shortened day, and no entry at all on a day that some
source calls closed. A bar that exists on a day without a schedule (a Good Friday morning) is
labelled by its clock. A US holiday keeps its own session, although the exchange books it with the
next trade date: its market stops at noon and nobody may be in a position then.
"""  # noqa: E501

from __future__ import annotations

from datetime import date, time, timedelta

import polars as pl

from rooney_core.errors import InvalidSetting
from rooney_core.market.holidays import easter_sunday, irregular_days
from rooney_core.market.hours import HOURS, Hours, Period, trading_periods
from rooney_core.market.instruments import Instrument, ProductGroup

__all__ = [
    "HOURS",
    "UTC_MICROSECONDS",
    "Hours",
    "easter_sunday",
    "expected_bar_starts",
    "flat_deadlines",
    "outside_hours",
    "schedule",
    "session_hours",
    "session_labels",
]

UTC_MICROSECONDS = pl.Datetime("us", "UTC")
FRIDAY, SATURDAY = 5, 6
_DAY_MINUTES = 1440


def session_labels(bar_start: pl.Series, product_group: ProductGroup) -> pl.Series:
    """Exchange session of each bar, as a date; a function of the bar's own start only.

    `bar_start` is Datetime UTC, the inclusive start. A CME bar belongs to the date of its Chicago
    time plus 7 hours: 17:00 starts the next date. A label on a weekend moves to Monday. Holidays
    do not move labels. Null in, null out.
    """
    hours = HOURS[product_group]
    local = bar_start.dt.convert_time_zone(hours.zone).dt.replace_time_zone(None)
    label = (local + hours.label_shift).dt.date().alias("session")
    past_friday = label.dt.weekday() - FRIDAY
    to_monday = pl.select(
        pl.when(past_friday > 0).then(3 - past_friday).otherwise(pl.lit(0, pl.Int8))
    ).to_series()
    return (label.to_physical() + to_monday.cast(pl.Int32)).cast(pl.Date)


def schedule(product_group: ProductGroup, first: date, last: date) -> pl.DataFrame:
    """Sessions from `first` to `last`, both inclusive, oldest first.

    Columns: session (Date), session_open, session_close (Datetime UTC; open inclusive, close
    exclusive), early_close (Boolean). Days without a session have no row.
    Raises InvalidSetting when `first` is after `last`.
    """
    days = _days(first, last)
    return session_hours(days, product_group).filter("is_scheduled").drop("is_scheduled")


def session_hours(sessions: pl.Series, product_group: ProductGroup) -> pl.DataFrame:
    """Hours of each date of `sessions`, in its order, whether or not it is a trading day.

    Columns of `schedule` plus is_scheduled (Boolean). A date without a session gets the group's
    ordinary hours, or those of its short morning, so that stray real bars on it still have an open
    and a close. `session_close` is the ordinary close of all years: before 2015 some futures traded
    15 to 30 minutes longer (`hours.trading_periods`).
    """
    return _hours_of(sessions, product_group).drop("flat_by")


def flat_deadlines(sessions: pl.Series, instrument: Instrument) -> pl.Series:
    """UTC time by which positions of each session are flat, aligned with `sessions`.

    The instrument's flat time on the session's date, in the flat time's own zone, never after the
    earliest close that a source states for the day. A date without a scheduled session, or one that
    a source calls closed, gets its session_open: no entry is possible.
    """
    days = sessions.unique().alias("session")
    flat = pl.col("session").dt.combine(instrument.flat_time.at)
    deadline = pl.min_horizontal(_in_utc(flat, instrument.flat_time.zone), "flat_by")
    by_day = _hours_of(days, instrument.product_group).select(
        "session",
        flat_deadline=pl.when("is_scheduled").then(deadline).otherwise("session_open"),
    )
    return _aligned(sessions, by_day)["flat_deadline"]


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
    days = _hours_of(_days(first, last), product_group).filter("is_scheduled")
    if bar_minutes == _DAY_MINUTES:
        return days.select("session", bar_start="session_open")
    stretches = pl.concat(_stretches(days, product_group)).sort("session", "opens")
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


def _hours_of(sessions: pl.Series, product_group: ProductGroup) -> pl.DataFrame:
    """`session_hours` plus flat_by (Datetime UTC), the earliest time to be flat by."""
    hours = HOURS[product_group]
    days = sessions.unique().alias("session")
    irregular = irregular_days(product_group, days.dt.year().unique().drop_nulls())
    day = pl.col("session")
    open_day = day.dt.offset_by("-1d") if hours.opens_day_before else day
    flat_clock = pl.coalesce("flat_by", "closes", pl.lit(hours.closes))
    table = (
        days.to_frame()
        .join(irregular, on="session", how="left")
        .select(
            "session",
            session_open=_in_utc(open_day.dt.combine(hours.opens), hours.zone),
            session_close=_in_utc(
                day.dt.combine(pl.coalesce("closes", pl.lit(hours.closes))), hours.zone
            ),
            early_close=(pl.col("closes") < hours.closes).fill_null(False),
            is_scheduled=(day.dt.weekday() < SATURDAY) & ~pl.col("is_closed").fill_null(False),
            flat_by=_in_utc(day.dt.combine(flat_clock), hours.zone),
            no_entry=pl.col("no_entry").fill_null(False),
        )
        .with_columns(flat_by=pl.when("no_entry").then("session_open").otherwise("flat_by"))
        .drop("no_entry")
    )
    return _aligned(sessions, table)


def _aligned(sessions: pl.Series, by_day: pl.DataFrame) -> pl.DataFrame:
    """Rows of `by_day` in the order of `sessions`, repeats and nulls included."""
    asked = sessions.alias("session").to_frame()
    return asked.join(by_day, on="session", how="left", maintain_order="left", nulls_equal=True)


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
    inside = days.filter(pl.col("session").is_between(period.since, end, closed="left"))
    on_friday = pl.col("session").dt.weekday() == FRIDAY
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
    day = pl.col("session")
    open_day = day - timedelta(days=1) if opens > closes else day
    end = _in_utc(day.dt.combine(closes), zone)
    return days.select(
        "session",
        opens=_in_utc(open_day.dt.combine(opens), zone),
        closes=pl.when("early_close").then(pl.min_horizontal(end, "session_close")).otherwise(end),
    )


def _on_weekend(local: pl.Series, hours: Hours) -> pl.Series:
    return (local + hours.label_shift).dt.weekday() >= SATURDAY


def _in_utc(local: pl.Expr, zone: str) -> pl.Expr:
    # A repeated hour is read as the earlier one: a deadline is rather early than late.
    in_zone = local.dt.replace_time_zone(zone, ambiguous="earliest")
    return in_zone.dt.convert_time_zone("UTC").cast(UTC_MICROSECONDS)
