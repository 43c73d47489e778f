"""The equity curve of one symbol's filtered strategy.

Belongs here: from daily results of the three windows to one curve. Does not belong here: which
trades were taken (`rooney_core.modeling.taken`), or the choice among symbols (`greedy`).
"""

from __future__ import annotations

from typing import Final

import polars as pl

EQUITY_SCHEMA: Final = {
    "symbol": pl.String(),
    "model_version": pl.String(),
    "session": pl.Date(),
    "window": pl.String(),
    "equity_usd": pl.Float64(),
    "daily_pnl_usd": pl.Float64(),
    "daily_return": pl.Float64(),
    "drawdown": pl.Float64(),
}


def equity_curve(
    daily: dict[str, pl.DataFrame], symbol: str, model_version: str, starting_equity_usd: float
) -> pl.DataFrame:
    """EQUITY_SCHEMA, one row per session of all windows, ascending.

    `daily`: window name -> frame(session, daily_pnl_usd, daily_return), windows in order and not
    overlapping. `equity_usd` is after the session. `drawdown` <= 0, as a fraction of the highest
    equity so far, the starting cash included.
    """
    parts = [
        table.select("session", "daily_pnl_usd", "daily_return", pl.lit(name).alias("window"))
        for name, table in daily.items()
    ]
    equity = pl.lit(starting_equity_usd) + pl.col("daily_pnl_usd").cum_sum()
    peak = pl.max_horizontal(pl.lit(starting_equity_usd), pl.col("equity_usd").cum_max())
    return (
        pl.concat(parts)
        .sort("session")
        .with_columns(
            pl.lit(symbol).alias("symbol"),
            pl.lit(model_version).alias("model_version"),
            equity.alias("equity_usd"),
        )
        .with_columns((pl.col("equity_usd") / peak - 1.0).alias("drawdown"))
        .select(tuple(EQUITY_SCHEMA))
    )
