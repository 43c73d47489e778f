"""The equity curve of one symbol's filtered strategy, beside the unfiltered one and the market.

Belongs here: from daily results of the three windows to one curve. Does not belong here: which
trades were taken (`rooney_core.modeling.taken`), years and regimes (`periods`), or the choice among
symbols (`greedy`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import polars as pl

from rooney_core.modeling.taken import daily_costs_usd, daily_results

DAYS_SCHEMA: Final = {
    "session": pl.Date(),
    "daily_pnl_usd": pl.Float64(),
    "daily_return": pl.Float64(),
    "daily_costs_usd": pl.Float64(),
    "unfiltered_daily_pnl_usd": pl.Float64(),
    "unfiltered_daily_return": pl.Float64(),
}
"""The days of a window: net results of one contract with the filter and without, and the costs of
the filtered trades that ended in the session. Flat days are 0."""

MARKET_COLUMNS: Final = {
    "buy_and_hold_daily_pnl_usd": pl.Float64(),
    "buy_and_hold_daily_return": pl.Float64(),
    "contract_value_usd": pl.Float64(),
    "volatility_regime": pl.String(),
    "trend_regime": pl.String(),
}

EQUITY_SCHEMA: Final = {
    "symbol": pl.String(),
    "model_version": pl.String(),
    "session": pl.Date(),
    "window": pl.String(),
    "equity_usd": pl.Float64(),
    "daily_pnl_usd": pl.Float64(),
    "daily_return": pl.Float64(),
    "drawdown": pl.Float64(),
    "daily_costs_usd": pl.Float64(),
    "unfiltered_daily_pnl_usd": pl.Float64(),
    "unfiltered_daily_return": pl.Float64(),
    **MARKET_COLUMNS,
}


def window_days(taken: pl.DataFrame, every: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    """DAYS_SCHEMA of one window: `taken` trades among `every` trade of it, training_set rows.

    `sessions`: the window's, so that flat days count; one that only a trade knows is added.
    """
    unfiltered = daily_results(every, sessions)
    filtered = daily_results(taken, unfiltered["session"])
    return pl.DataFrame(
        {
            "session": filtered["session"],
            "daily_pnl_usd": filtered["daily_pnl_usd"],
            "daily_return": filtered["daily_return"],
            "daily_costs_usd": daily_costs_usd(taken, filtered["session"]),
            "unfiltered_daily_pnl_usd": unfiltered["daily_pnl_usd"],
            "unfiltered_daily_return": unfiltered["daily_return"],
        },
        schema=DAYS_SCHEMA,
    )


def published_days(evaluation: pl.DataFrame) -> pl.DataFrame:
    """DAYS_SCHEMA of the test window, as the one evaluation published them.

    `evaluation`: its one-row model_evaluation frame. Nobody else opens that window.
    """
    named = [pl.col(f"test_{name}").alias(name) for name in tuple(DAYS_SCHEMA)[1:]]
    return evaluation.select(pl.col("test_sessions").alias("session"), *named).explode(*DAYS_SCHEMA)


def equity_curve(
    daily: Mapping[str, pl.DataFrame],
    market: pl.DataFrame,
    symbol: str,
    model_version: str,
    starting_equity_usd: float,
) -> pl.DataFrame:
    """EQUITY_SCHEMA, one row per session of all windows, ascending.

    `daily`: window name -> DAYS_SCHEMA frame, windows in order and not overlapping. `market`:
    `market.market_days` of the same symbol; a session that it does not know has no market result,
    no regime, and the value of the session before. `equity_usd` is after the session. `drawdown`
    <= 0, as a fraction of the highest equity so far, the starting cash included.
    """
    parts = [
        table.select(*DAYS_SCHEMA, pl.lit(name).alias("window")) for name, table in daily.items()
    ]
    table = pl.concat(parts).sort("session")
    table = table.join(market, on="session", how="left", maintain_order="left")
    return (
        table.with_columns(
            pl.lit(symbol).alias("symbol"),
            pl.lit(model_version).alias("model_version"),
            pl.col("^buy_and_hold_.*$").fill_null(0.0),
            pl.col("contract_value_usd").forward_fill(),
        )
        .with_columns(*standing("daily_pnl_usd", starting_equity_usd))
        .select(tuple(EQUITY_SCHEMA))
    )


def standing(pnl: str, starting_equity_usd: float) -> tuple[pl.Expr, pl.Expr]:
    """`equity_usd` after each session and `drawdown` of a column of daily results, oldest first."""
    start = pl.lit(starting_equity_usd)
    equity = start + pl.col(pnl).cum_sum()
    peak = pl.max_horizontal(start, equity.cum_max())
    return equity.alias("equity_usd"), (equity / peak - 1.0).alias("drawdown")
