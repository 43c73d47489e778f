"""Does the volume of the day lie where the session says it does? A wrong time zone moves it.

Belongs here: the day's profile in the exchange's own clock. Does not belong here: the hours
themselves (`calendar.HOURS`).

A session that opens the evening before has one closed hour a day (16:00 Chicago). Whatever the
product, that hour has the least volume, in every year since 2018 and in summer and winter alike
(measured on eleven real futures; before 2018 only the Russell future, then at another exchange,
differs). A file that is an hour off, or that ignores daylight saving, has another quietest hour.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from rooney_core.market.calendar import HOURS
from rooney_core.market.instruments import ProductGroup
from rooney_core.market.quality.measured import Measured

CORE_HOURS: Final[dict[ProductGroup, tuple[int, int]]] = {
    "equity_index": (8, 15),
    "energy": (8, 14),
    "metals": (7, 13),
    "fx": (7, 12),
    "rates": (7, 14),
    "us_equity": (9, 16),
    "volatility_index": (8, 15),
    "volatility": (8, 15),
}
"""[first, past the last) hour of the exchange's clock in which the group's main market is open."""

_ALIKE_SINCE: Final = 2018
_LEAST_BARS: Final = 500
"""Bars that a half-year needs before its quietest hour means anything: about a month of hours."""


def volume_by_hour(bars: pl.DataFrame, product_group: ProductGroup) -> Measured:
    """The volume of each hour of the exchange's clock, for bars of an hour or less.

    Numbers: share of volume in the core hours, quietest hour, expected quietest hour (-1 where the
    group has no daily break), half-years judged, half-years with another quietest hour, and shift
    (hours to add to the file's clock; 0 when right, judged by the whole). Rows: year, summer,
    quietest_hour of the half-years that disagree. Points: x = hour, y = share of volume.
    """
    hours = HOURS[product_group]
    local = pl.col("bar_start").dt.convert_time_zone(hours.zone)
    profile = (
        bars.lazy()
        .select("volume", year=local.dt.year(), hour=local.dt.hour(), summer=_is_summer(local))
        .group_by("year", "summer", "hour")
        .agg(bars=pl.len(), volume=pl.col("volume").sum())
        .collect()
    )
    by_hour = _complete(profile.group_by("hour").agg(pl.col("volume").sum()))
    shares = by_hour["volume"] / max(1, int(by_hour["volume"].sum()))
    first, last = CORE_HOURS[product_group]
    numbers: dict[str, int | float | str] = {
        "share of volume in core hours": float(shares[first:last].sum()),
        "core hours": f"{first}:00-{last}:00 {hours.zone}",
    }
    expected = hours.closes.hour if hours.opens_day_before else -1
    rows = _half_years(profile, expected)
    numbers |= _judged(rows, expected)
    points = pl.DataFrame({"x": by_hour["hour"], "y": shares})
    disagreeing = rows.filter(pl.col("quietest_hour") != expected)
    return Measured(numbers, disagreeing, points)


def _is_summer(local: pl.Expr) -> pl.Expr:
    return local.dt.dst_offset() > pl.duration(hours=0)


def _complete(by_hour: pl.DataFrame) -> pl.DataFrame:
    """All 24 hours: the quietest one may well be absent."""
    day = pl.DataFrame({"hour": pl.int_range(24, dtype=pl.Int8, eager=True)})
    return day.join(by_hour, on="hour", how="left").fill_null(0).sort("hour")


def _half_years(profile: pl.DataFrame, expected: int) -> pl.DataFrame:
    """The quietest hour of each summer and winter that has enough bars, oldest first."""
    columns = {"year": pl.Int32, "summer": pl.Boolean, "quietest_hour": pl.Int8}
    if expected < 0:
        return pl.DataFrame(schema=columns)
    late = profile.filter(pl.col("year") >= _ALIKE_SINCE)
    used = late if int(late["bars"].sum()) >= _LEAST_BARS else profile
    halves = used.group_by("year", "summer").agg(pl.col("bars").sum())
    halves = halves.filter(pl.col("bars") >= _LEAST_BARS).drop("bars")
    day = pl.DataFrame({"hour": pl.int_range(24, dtype=pl.Int8, eager=True)})
    return (
        halves.join(day, how="cross")
        .join(used, on=["year", "summer", "hour"], how="left")
        .with_columns(pl.col("volume").fill_null(0))
        # Among equally silent hours the expected one is believed.
        .sort("volume", pl.col("hour") != expected, "hour")
        .group_by("year", "summer", maintain_order=True)
        .agg(quietest_hour=pl.col("hour").first())
        .sort("year", "summer")
        .select(pl.col(name).cast(dtype) for name, dtype in columns.items())
    )


def _judged(rows: pl.DataFrame, expected: int) -> dict[str, int | float | str]:
    disagreeing = rows.filter(pl.col("quietest_hour") != expected).height
    usual = rows["quietest_hour"].mode().sort()
    quietest = int(usual[0]) if rows.height and disagreeing * 2 > rows.height else expected
    shift = (expected - quietest + 12) % 24 - 12
    return {
        "quietest hour": quietest,
        "expected quietest hour": expected,
        "half-years judged": rows.height,
        "half-years that disagree": disagreeing,
        "shift": shift,
    }
