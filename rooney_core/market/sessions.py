"""From hourly bars to one bar a session, which is the exchange's trade date.

Belongs here: the session bar. Does not belong here: the labels and hours of sessions
(`calendar.py`), or what a daily strategy does with them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from rooney_core.market.calendar import UTC_MICROSECONDS, session_hours
from rooney_core.market.instruments import Instrument

SESSION_BARS_SCHEMA: Final[dict[str, pl.DataType]] = {
    "symbol": pl.String(),
    "session": pl.Date(),
    "bar_start": UTC_MICROSECONDS,
    "bar_end": UTC_MICROSECONDS,
    "open": pl.Float64(),
    "high": pl.Float64(),
    "low": pl.Float64(),
    "close": pl.Float64(),
    "volume": pl.Int64(),
    "contract": pl.String(),
    "adjustment": pl.Float64(),
    "n_bars": pl.Int64(),
    "session_close": UTC_MICROSECONDS,
}
"""Columns of session_bars, in order. Prices are raw; adjusted price = price + adjustment."""


def session_bars(continuous_bars: pl.DataFrame, instrument: Instrument) -> pl.DataFrame:
    """One bar a session from continuous_bars (sorted by bar_start), oldest session first.

    A session is a trade date (`calendar.py`): a bank holiday's hours are in the next one's bar.
    bar_start and bar_end are those of the first and the last bar; contract and adjustment are the
    last bar's; where a vendor's chain changed the contract during the session, the earlier bars
    are moved onto the last one's prices by the gap. `session_close` is when the bar may be known:
    the scheduled close, or the last bar's end where trading ran longer (16:15 or 16:30 Chicago in
    the years before 2018, or a day that is in no schedule).
    """
    if continuous_bars.is_empty():
        return pl.DataFrame(schema=SESSION_BARS_SCHEMA)
    days = continuous_bars["session"].to_physical().to_numpy()
    first = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    last = np.append(first[1:], len(days)) - 1
    opening, closing = continuous_bars[first], continuous_bars[last]
    # By runs of rows instead of a group_by: millions of minutes cost no memory of their own.
    bars = closing.with_columns(
        opening["bar_start"],
        opening["open"],
        *(
            pl.Series(name, extreme.reduceat(continuous_bars[name].to_numpy(), first))
            for name, extreme in (("high", np.maximum), ("low", np.minimum), ("volume", np.add))
        ),
        pl.Series("n_bars", last - first + 1, dtype=pl.Int64),
    )
    moves = continuous_bars["adjustment"].to_numpy()
    mixed = np.maximum.reduceat(moves, first) != np.minimum.reduceat(moves, first)
    if mixed.any():
        changed = bars.filter(pl.Series(mixed))["session"].implode()
        moved = _in_one_contract(continuous_bars.filter(pl.col("session").is_in(changed)))
        bars = bars.update(_extremes(moved), on="session")
    hours = session_hours(bars["session"], instrument.product_group).select(
        "session", "session_close"
    )
    return (
        bars.join(hours, on="session", maintain_order="left")
        .with_columns(session_close=pl.max_horizontal("session_close", "bar_end"))
        .select(list(SESSION_BARS_SCHEMA))
    )


def _in_one_contract(continuous_bars: pl.DataFrame) -> pl.DataFrame:
    """Bars with every price in terms of its session's last contract."""
    moved = pl.col("adjustment") - pl.col("adjustment").last().over("session")
    return continuous_bars.with_columns(pl.col("open", "high", "low", "close") + moved)


def _extremes(bars: pl.DataFrame) -> pl.DataFrame:
    return bars.group_by("session").agg(
        pl.col("open").first(), pl.col("high").max(), pl.col("low").min()
    )
