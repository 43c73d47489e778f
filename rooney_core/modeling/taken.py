"""What the trades that a model takes earned, day by day.

Belongs here: asking a stored model about training-set rows and booking the taken ones. Does not
belong here: judging the result (`rooney_core.gates`) or drawing it (`rooney_core.portfolio`).
"""

from __future__ import annotations

from typing import Final

import polars as pl

from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.rows import feature_matrix

DAILY_SCHEMA: Final = {
    "session": pl.Date(),
    "daily_pnl_usd": pl.Float64(),
    "daily_return": pl.Float64(),
}
"""One row per session, ascending; a session in which no taken trade was held is 0."""


def taken_trades(model: MetaModel, rows: pl.DataFrame) -> pl.DataFrame:
    """The training_set rows whose probability reaches the model's threshold, in their order."""
    if rows.is_empty():
        return rows
    probability = model.probability(feature_matrix(rows, model.features))
    return rows.filter(pl.Series(probability >= model.threshold))


def daily_costs_usd(trades: pl.DataFrame, days: pl.Series) -> pl.Series:
    """Commission and slippage of all fills, f8[len(days)], USD of one contract, >= 0.

    Booked in the session that the trade ended in; `days` (Date) are those of `daily_results`.
    """
    booked = trades.group_by(pl.col("held_sessions").list.last().alias("session")).agg(
        pl.col("costs_usd").sum()
    )
    table = (
        days.rename("session")
        .to_frame()
        .join(booked, on="session", how="left", maintain_order="left")
    )
    return table["costs_usd"].fill_null(0.0)


def daily_results(trades: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    """Trades marked to market every session: DAILY_SCHEMA over `sessions` (Date, any order).

    `daily_pnl_usd` is net, of one contract; `daily_return` the same over the trades' own entry
    notional. A trade that ends in the session it began in is booked there. One that was held in a
    session that is not among `sessions` adds it.
    """
    columns = ("held_sessions", "held_pnl_usd", "held_return")
    held = trades.select(columns).explode(columns)
    booked = held.group_by(pl.col("held_sessions").alias("session")).agg(
        pl.col("held_pnl_usd").sum().alias("daily_pnl_usd"),
        pl.col("held_return").sum().alias("daily_return"),
    )
    days = pl.concat([sessions.cast(pl.Date), booked["session"]]).unique().sort()
    table = days.rename("session").to_frame().join(booked, on="session", how="left")
    return table.with_columns(pl.exclude("session").fill_null(0.0)).select(tuple(DAILY_SCHEMA))
