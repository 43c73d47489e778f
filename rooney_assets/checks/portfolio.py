"""Checks of stage 4: equity and portfolio."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Outcome, check

CENT = 0.01


@check("equity_curve", blocking=True)
def equity_adds_up(table: pl.DataFrame, here: Here) -> Outcome:
    """Equity changes by exactly the day's P&L, to the cent."""
    gap = (table["equity_usd"].diff() - table["daily_pnl_usd"]).drop_nulls().abs().max()
    return Outcome(float(gap or 0.0) < CENT, {"largest difference, USD": float(gap or 0.0)})


@check("equity_curve")
def drawdown_is_bearable(table: pl.DataFrame, here: Here) -> Outcome:
    """The deepest drawdown stays above -20 %."""
    deepest = float(table["drawdown"].min() or 0.0)
    return Outcome(-0.2 < deepest <= 0, {"deepest drawdown": deepest})


@check("portfolio_config", blocking=True)
def members_are_tradable(table: pl.DataFrame, here: Here) -> Outcome:
    """Every member is a tradable symbol, once, with a size of at least one contract."""
    symbols = table["symbol"].to_list()
    fine = set(symbols) <= set(here.universe.tradable) and len(symbols) == len(set(symbols))
    return Outcome(fine and bool((table["size"] >= 1).all()), {"members": ", ".join(symbols)})


@check("portfolio_config", blocking=True)
def limits_are_kept(table: pl.DataFrame, here: Here) -> Outcome:
    """Sharpe at or above the minimum and correlation at or below the maximum, for every member."""
    kept = (pl.col("sharpe") >= here.params.min_sharpe) & (
        pl.col("correlation") <= here.params.max_correlation
    )
    broken = table.filter(~kept.fill_null(False) | pl.col("sharpe").is_nan())
    return Outcome(broken.is_empty(), {"breaking a limit": ", ".join(broken["symbol"])})


@check("portfolio_config")
def something_to_trade(table: pl.DataFrame, here: Here) -> Outcome:
    """At least one symbol is traded. An empty portfolio is a valid answer, but worth a look."""
    return Outcome(table.height > 0, {"members": table.height})
