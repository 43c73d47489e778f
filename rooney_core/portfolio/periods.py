"""What a curve did year by year and regime by regime, beside what it is compared with.

Belongs here: sums over parts of an equity curve. Does not belong here: the curve (`equity`), the
regimes (`market`), or any choice made by these numbers.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from rooney_core.portfolio.equity import standing
from rooney_core.validation.metrics import max_drawdown
from rooney_core.validation.sharpe import annual_sharpe

STRATEGIES: Final = {"filtered": "", "unfiltered": "unfiltered_", "buy_and_hold": "buy_and_hold_"}
"""Name of what is compared -> how its columns of an equity curve begin."""

BENCHMARKS_SCHEMA: Final = {
    "symbol": pl.String(),
    "strategy": pl.String(),
    "session": pl.Date(),
    "window": pl.String(),
    "daily_pnl_usd": pl.Float64(),
    "daily_return": pl.Float64(),
    "equity_usd": pl.Float64(),
    "drawdown": pl.Float64(),
}
YEARS_SCHEMA: Final = {
    "symbol": pl.String(),
    "strategy": pl.String(),
    "year": pl.Int64(),
    "window": pl.String(),
    "n_sessions": pl.Int64(),
    "net_profit_usd": pl.Float64(),
    "annual_sharpe": pl.Float64(),
    "max_drawdown": pl.Float64(),
}
REGIMES_SCHEMA: Final = {
    "symbol": pl.String(),
    "strategy": pl.String(),
    "measure": pl.String(),
    "regime": pl.String(),
    "window": pl.String(),
    "n_sessions": pl.Int64(),
    "net_profit_usd": pl.Float64(),
    "annual_sharpe": pl.Float64(),
}
MEASURES: Final = {"volatility": "volatility_regime", "trend": "trend_regime"}


def benchmarks(curve: pl.DataFrame, starting_equity_usd: float) -> pl.DataFrame:
    """BENCHMARKS_SCHEMA: the unfiltered strategy and buy-and-hold, each from the same cash."""
    parts = [
        _days_of(curve, name).with_columns(*standing("daily_pnl_usd", starting_equity_usd))
        for name in STRATEGIES
        if name != "filtered"
    ]
    return pl.concat(parts).select(tuple(BENCHMARKS_SCHEMA))


def by_year(curve: pl.DataFrame) -> pl.DataFrame:
    """YEARS_SCHEMA of an EQUITY_SCHEMA frame; a year that lies in two windows has two rows.

    `max_drawdown` is of the year's compounded daily returns, from the year's start. A Sharpe that
    is not defined is null.
    """
    days = _all_days(curve).with_columns(pl.col("session").dt.year().cast(pl.Int64).alias("year"))
    return _summed(days, ("strategy", "year", "window"), YEARS_SCHEMA)


def by_regime(curve: pl.DataFrame) -> pl.DataFrame:
    """REGIMES_SCHEMA of an EQUITY_SCHEMA frame: sessions of a regime, window by window.

    Sessions of before the regime was known are in no row.
    """
    days = _all_days(curve)
    parts = [
        days.filter(pl.col(column).is_not_null()).with_columns(
            pl.lit(measure).alias("measure"), pl.col(column).alias("regime")
        )
        for measure, column in MEASURES.items()
    ]
    return _summed(pl.concat(parts), ("strategy", "measure", "regime", "window"), REGIMES_SCHEMA)


def _days_of(curve: pl.DataFrame, strategy: str) -> pl.DataFrame:
    prefix = STRATEGIES[strategy]
    return curve.select(
        "symbol",
        pl.lit(strategy).alias("strategy"),
        "session",
        "window",
        *MEASURES.values(),
        *(pl.col(f"{prefix}{name}").alias(name) for name in ("daily_pnl_usd", "daily_return")),
    )


def _all_days(curve: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([_days_of(curve, name) for name in STRATEGIES])


def _summed(
    days: pl.DataFrame, keys: tuple[str, ...], schema: dict[str, pl.DataType]
) -> pl.DataFrame:
    rows = []
    for group, part in days.group_by("symbol", *keys, maintain_order=True):
        returns = part["daily_return"].to_numpy()
        facts = dict(zip(("symbol", *keys), group, strict=True)) | {
            "n_sessions": part.height,
            "net_profit_usd": float(part["daily_pnl_usd"].sum()),
            "annual_sharpe": annual_sharpe(returns),
            "max_drawdown": max_drawdown(returns),
        }
        rows.append({name: facts[name] for name in schema})
    return pl.DataFrame(rows, schema=schema).with_columns(pl.col(pl.Float64).fill_nan(None))
