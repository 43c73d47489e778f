"""Do bars of two lengths tell the same story? Sessions built here against a vendor's daily bars.

Belongs here: putting both on one date, and saying where high and low differ. Does not belong here:
what share of disagreement is bearable (asset checks), or building the bars that are traded on
(`sessions.py`): what this module joins is for comparison only.

A vendor's daily bar is booked by trade date, which differs from our session in two ways:

- The shortened session of a US holiday belongs to the next trade date. Our labels keep it apart.
  Which holidays a vendor keeps is read off his own dates: a session he has no bar for counts with
  the next one he has, at most four days later. Some leave the holiday out altogether, so that the
  bar may equal the session with it or without it.
- Until 2012-11-18 index futures traded 15:30-16:30 Chicago for the next trade date. An hourly bar
  from 15:00 holds a piece of both, so that the daily high may lie anywhere between the session with
  those hours and without: `trade_date_bars` gives both bounds.

What then remains on real data: single prints, trades off the screen, hours that one of the files
lacks.
"""

from __future__ import annotations

from datetime import time
from typing import Final

import polars as pl

from rooney_core.market.hours import HOURS, POST_CLOSE_TRADED_FOR_THE_NEXT_DAY_UNTIL
from rooney_core.market.instruments import ProductGroup

LONGEST_HOLIDAY: Final = "4d"
"""A session is booked on a trade date at most so much later: a holiday Friday, on Monday."""
AGREEMENT_SCHEMA: Final[dict[str, pl.DataType]] = {
    "session": pl.Date(),
    "contract": pl.String(),
    "high": pl.Float64(),
    "low": pl.Float64(),
    "daily_high": pl.Float64(),
    "daily_low": pl.Float64(),
    "high_off": pl.Float64(),
    "low_off": pl.Float64(),
    "n_sessions": pl.Int64(),
    "agrees": pl.Boolean(),
}
"""Columns of `compare_daily`, in order. `session`: the vendor's trade date. high_off, low_off: how
far the daily price lies from what our bars allow, in price, never negative; 0.0 in agreement."""

_FIRST_POST_CLOSE_HOUR: Final = time(15, 0)
_FRIDAY: Final = 5


def trade_date_bars(bars: pl.DataFrame, product_group: ProductGroup) -> pl.DataFrame:
    """Highs and lows of each (session, contract), with bounds where bars straddle two trade dates.

    `bars`: raw_bars or continuous_bars; needs session, contract, bar_start (UTC), high, low.
    Columns: session, contract, high, low, least_high, greatest_low (Float64); sorted by session.
    `high` includes hours that may belong to the trade date before or after, `least_high` is without
    them; both are equal outside equity_index before 2012-11-19.
    """
    needed = bars.select("session", "contract", "bar_start", "high", "low")
    shared = _shared_hours(needed, product_group)
    sure = needed.join(shared, on=["contract", "bar_start"], how="anti")
    following = (
        needed.select("contract", "session")
        .unique()
        .sort("contract", "session")
        .with_columns(next_session=pl.col("session").shift(-1).over("contract"))
    )
    after = shared.join(following, on=["contract", "session"]).with_columns(session="next_session")
    perhaps = pl.concat([shared, after.select(shared.columns).drop_nulls("session")])
    both = pl.concat([sure, perhaps]).group_by("session", "contract").agg(_HIGH, _LOW)
    least = sure.group_by("session", "contract").agg(
        least_high=pl.col("high").max(), greatest_low=pl.col("low").min()
    )
    # A session of nothing but shared hours is the tail of a contract: there is nothing to compare.
    return both.join(least, on=["session", "contract"]).sort("session", "contract")


def utc_day_bars(bars: pl.DataFrame) -> pl.DataFrame:
    """One bar for each contract and UTC date of `bar_start`, for vendors whose day is UTC.

    `bars`: raw_bars, sorted by bar_start. Columns: session (the UTC date), contract, open, high,
    low, close, volume, n_bars.
    """
    return (
        bars.group_by(session=pl.col("bar_start").dt.date(), contract="contract")
        .agg(
            pl.col("open").first(),
            _HIGH,
            _LOW,
            pl.col("close").last(),
            pl.col("volume").sum(),
            pl.len().cast(pl.Int64).alias("n_bars"),
        )
        .sort("session", "contract")
    )


def compare_daily(
    session_bars: pl.DataFrame, daily: pl.DataFrame, tolerance: float = 0.0
) -> pl.DataFrame:
    """Our sessions beside the vendor's daily bars of the same trade date, and contract if given.

    `session_bars`: session, high, low, optionally contract, and least_high and greatest_low of
    `trade_date_bars`. `daily`: session (the vendor's date), high, low, optionally contract.
    `tolerance`: largest difference in price that still agrees, in quote units.
    Columns: `AGREEMENT_SCHEMA`; contract is null where a frame has none. Rows: what both have,
    sorted by session; n_sessions says how many of ours make up the trade date.
    """
    keys = ["session", "contract"] if _both_name_contracts(session_bars, daily) else ["session"]
    ours = _booked(session_bars, daily["session"])
    joined = _merged(ours, keys).join(
        daily.select(*keys, daily_high="high", daily_low="low"), on=keys
    )
    if "contract" not in keys:
        joined = joined.with_columns(contract=pl.lit(None, pl.String))
    # Rounding: 0.1 is no binary fraction, and a price equal to the tolerance agrees.
    slack = tolerance + 1e-9 * pl.col("daily_high").abs()
    off = joined.with_columns(*_differences())
    return (
        off.with_columns(agrees=(pl.col("high_off") <= slack) & (pl.col("low_off") <= slack))
        .select(list(AGREEMENT_SCHEMA))
        .sort("session", "contract")
    )


_HIGH: Final = pl.col("high").max()
_LOW: Final = pl.col("low").min()


def _shared_hours(bars: pl.DataFrame, product_group: ProductGroup) -> pl.DataFrame:
    """Bars of the post-close hours that the exchange booked on the next trade date."""
    if product_group != "equity_index":
        return bars.clear()
    last = POST_CLOSE_TRADED_FOR_THE_NEXT_DAY_UNTIL
    early = bars.filter(pl.col("session") <= last)
    local = pl.col("bar_start").dt.convert_time_zone(HOURS[product_group].zone)
    return early.filter(
        local.dt.date() == pl.col("session"),
        local.dt.time() >= _FIRST_POST_CLOSE_HOUR,
        pl.col("session").dt.weekday() != _FRIDAY,
    )


def _both_name_contracts(session_bars: pl.DataFrame, daily: pl.DataFrame) -> bool:
    return "contract" in session_bars.columns and "contract" in daily.columns


def _booked(session_bars: pl.DataFrame, dates: pl.Series) -> pl.DataFrame:
    """`session_bars` with `own` session, and `session` moved to the vendor's date that holds it."""
    known = dates.unique().sort().alias("trade_date")
    frame = session_bars.rename({"session": "own"}).sort("own")
    if "least_high" not in frame.columns:
        frame = frame.with_columns(least_high="high", greatest_low="low")
    return frame.join_asof(
        known.to_frame(),
        left_on="own",
        right_on="trade_date",
        strategy="forward",
        tolerance=LONGEST_HOLIDAY,
    ).rename({"trade_date": "session"})


def _merged(ours: pl.DataFrame, keys: list[str]) -> pl.DataFrame:
    """One row per trade date: all its sessions, and (`own_`) the session of that very date."""
    is_own = pl.col("own") == pl.col("session")
    columns = {"high": "max", "least_high": "max", "low": "min", "greatest_low": "min"}
    return (
        ours.drop_nulls("session")
        .group_by(keys)
        .agg(
            *(getattr(pl.col(name), how)() for name, how in columns.items()),
            *(
                getattr(pl.col(name).filter(is_own), how)().alias(f"own_{name}")
                for name, how in columns.items()
            ),
            n_sessions=pl.col("own").n_unique().cast(pl.Int64),
        )
    )


def _differences() -> list[pl.Expr]:
    """How far the daily high and low are from the allowed range, by the booking that fits best."""
    high_off, low_off = _distances("")
    own_high_off, own_low_off = _distances("own_")
    fits = pl.max_horizontal(high_off, low_off)
    own_fits = pl.max_horizontal(own_high_off, own_low_off)
    # Null where the trade date has no session of its own date: then only the merged one is left.
    is_own = (own_fits < fits).fill_null(False)
    return [
        pl.when(is_own).then(own_high_off).otherwise(high_off).alias("high_off"),
        pl.when(is_own).then(own_low_off).otherwise(low_off).alias("low_off"),
    ]


def _distances(part: str) -> tuple[pl.Expr, pl.Expr]:
    high, low = pl.col("daily_high"), pl.col("daily_low")
    above = pl.max_horizontal(high - pl.col(f"{part}high"), pl.col(f"{part}least_high") - high)
    below = pl.max_horizontal(pl.col(f"{part}low") - low, low - pl.col(f"{part}greatest_low"))
    return _floored(above), _floored(below)


def _floored(off: pl.Expr) -> pl.Expr:
    # A plain maximum with 0.0 would turn a missing session into a perfect one.
    return pl.when(off.is_not_null()).then(pl.max_horizontal(off, 0.0))
