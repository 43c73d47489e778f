"""Do bars of two lengths tell the same story? Sessions built here against a vendor's daily bars.

Belongs here: putting both on one date, and saying where high and low differ. Does not belong here:
what share of disagreement is bearable (asset checks), or building the bars that are traded on
(`sessions.py`): what this module joins is for comparison only.

A session is the trade date by which a vendor books his daily bar, so that plain session bars are
compared. One thing is left that hourly bars cannot tell: until 2012-11-18 index futures traded
15:30-16:30 Chicago for the next trade date. The hourly bar from 15:00 holds a piece of both, so
that the daily high may lie anywhere between the session with those hours and without:
`session_bounds` gives both, and `compare_daily` accepts what is between.

Bars of dates that are no trade dates of ours join the next one (`on_trade_dates`): the Russell 2000
future at ICE kept its bank holidays apart until 2017.

What then remains on real data: single prints, trades off the screen, hours that one of the files
lacks.
"""

from __future__ import annotations

from datetime import time
from typing import Final

import polars as pl

from rooney_core.market.calendar import day_hours
from rooney_core.market.hours import HOURS, POST_CLOSE_TRADED_FOR_THE_NEXT_DAY_UNTIL
from rooney_core.market.instruments import ProductGroup

AGREEMENT_SCHEMA: Final[dict[str, pl.DataType]] = {
    "session": pl.Date(),
    "contract": pl.String(),
    "high": pl.Float64(),
    "low": pl.Float64(),
    "daily_high": pl.Float64(),
    "daily_low": pl.Float64(),
    "high_off": pl.Float64(),
    "low_off": pl.Float64(),
    "agrees": pl.Boolean(),
}
"""Columns of `compare_daily`, in order. `session`: the vendor's trade date. high_off, low_off: how
far the daily price lies from what our bars allow, in price, never negative; 0.0 in agreement."""

_FIRST_POST_CLOSE_HOUR: Final = time(15, 0)
_FRIDAY: Final = 5


def session_bounds(bars: pl.DataFrame, product_group: ProductGroup) -> pl.DataFrame:
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


def on_trade_dates(daily: pl.DataFrame, product_group: ProductGroup) -> pl.DataFrame:
    """A vendor's daily bars with the bar of a bank holiday, if he keeps any, in the next one.

    `daily`: session (his date), high, low, optionally contract. Columns: the same; sorted.
    """
    keys = [name for name in ("session", "contract") if name in daily.columns]
    booked = daily.with_columns(session=day_hours(daily["session"], product_group)["session"])
    return booked.group_by(keys).agg(_HIGH, _LOW).sort(keys)


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
    `session_bounds`. `daily`: session (the vendor's date), high, low, optionally contract.
    `tolerance`: largest difference in price that still agrees, in quote units.
    Columns: `AGREEMENT_SCHEMA`; contract is null where a frame has none. Rows: what both have,
    sorted by session.
    """
    keys = ["session", "contract"] if _both_name_contracts(session_bars, daily) else ["session"]
    bounded = "least_high" in session_bars.columns
    theirs = daily.select(*keys, daily_high="high", daily_low="low")
    joined = session_bars.select(
        *keys,
        "high",
        "low",
        least_high="least_high" if bounded else "high",
        greatest_low="greatest_low" if bounded else "low",
    ).join(theirs, on=keys)
    if "contract" not in keys:
        joined = joined.with_columns(contract=pl.lit(None, pl.String))
    # Rounding: 0.1 is no binary fraction, and a price equal to the tolerance agrees.
    slack = tolerance + 1e-9 * pl.col("daily_high").abs()
    off = joined.with_columns(high_off=_HIGH_OFF, low_off=_LOW_OFF)
    return (
        off.with_columns(agrees=(pl.col("high_off") <= slack) & (pl.col("low_off") <= slack))
        .select(list(AGREEMENT_SCHEMA))
        .sort("session", "contract")
    )


_HIGH: Final = pl.col("high").max()
_LOW: Final = pl.col("low").min()
_DAILY_HIGH, _DAILY_LOW = pl.col("daily_high"), pl.col("daily_low")
_HIGH_OFF: Final = pl.max_horizontal(
    _DAILY_HIGH - pl.col("high"), pl.col("least_high") - _DAILY_HIGH, 0.0
)
_LOW_OFF: Final = pl.max_horizontal(
    pl.col("low") - _DAILY_LOW, _DAILY_LOW - pl.col("greatest_low"), 0.0
)


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
