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
"""One row per session, ascending; a session in which no taken trade ended is 0."""


def taken_trades(model: MetaModel, rows: pl.DataFrame) -> pl.DataFrame:
    """The training_set rows whose probability reaches the model's threshold, in their order."""
    if rows.is_empty():
        return rows
    probability = model.probability(feature_matrix(rows, model.features))
    return rows.filter(pl.Series(probability >= model.threshold))


def daily_results(trades: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    """Book each trade in the session of its exit: DAILY_SCHEMA over `sessions` (Date, any order).

    `daily_pnl_usd` is net, of one contract; `daily_return` the sum of the trades' returns over
    their own entry notional. A trade whose exit session is not among `sessions` adds its session.
    """
    booked = trades.group_by(pl.col("exit_session").alias("session")).agg(
        pl.col("net_profit_usd").sum().alias("daily_pnl_usd"),
        pl.col("return").sum().alias("daily_return"),
    )
    days = pl.concat([sessions.cast(pl.Date), booked["session"]]).unique().sort()
    table = days.rename("session").to_frame().join(booked, on="session", how="left")
    return table.with_columns(pl.exclude("session").fill_null(0.0)).select(tuple(DAILY_SCHEMA))
