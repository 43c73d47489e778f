"""One month's portfolio: who was a candidate, who was chosen, and what changed since last month.

Belongs here: applying the greedy selection to a month and putting it into rows. Does not belong
here: the selection itself (`greedy`), or the verdict that makes a symbol a candidate (`gates`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from rooney_core.market.instruments import Universe
from rooney_core.portfolio.greedy import greedy_portfolio

PORTFOLIO_SCHEMA = {
    "rebalance_month": pl.String,
    "symbol": pl.String,
    "size": pl.Int64,
    "sharpe": pl.Float64,
    "marginal_sharpe": pl.Float64,
    "correlation": pl.Float64,
    "max_positions": pl.Int64,
    "commission_per_contract_usd": pl.Float64,
}


class PortfolioLimits(BaseModel):
    """Limits of the greedy selection; `max_positions` is how many may be open at one time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_positions: Annotated[int, Field(ge=1, le=20)] = 2
    max_correlation: Annotated[float, Field(ge=0, le=1)] = 0.7
    min_sharpe: Annotated[float, Field(ge=-5, le=10)] = 1.2


@dataclass(frozen=True)
class MonthlyPortfolio:
    """`members`: rows of PORTFOLIO_SCHEMA in order of choice. `reasons`: why each is in or out.

    `portfolio_sharpe` is annual, of the members' summed daily returns; NaN when there is none.
    """

    members: pl.DataFrame
    reasons: Mapping[str, str]
    portfolio_sharpe: float


def select_portfolio(
    month: str,
    daily_returns: Mapping[str, pl.DataFrame],
    refusals: Mapping[str, str],
    universe: Universe,
    *,
    max_positions: int,
    max_correlation: float,
    min_sharpe: float,
) -> MonthlyPortfolio:
    """Choose among the tradable symbols that no earlier judge refused.

    `daily_returns`: symbol -> frame(session, daily_return) over the selection window; a session
    that a symbol did not trade in counts as a flat day. `refusals`: symbol -> why not.
    """
    missing = {
        symbol: "no evaluated model yet"
        for symbol in universe.tradable
        if symbol not in daily_returns and symbol not in refusals
    }
    candidates = {
        symbol: returns for symbol, returns in daily_returns.items() if symbol not in refusals
    }
    reasons = {**missing, **refusals}
    chosen = greedy_portfolio(
        _side_by_side(candidates),
        max_correlation=max_correlation,
        min_sharpe=min_sharpe,
        max_positions=max_positions,
    )
    rows = [
        {
            "rebalance_month": month,
            "symbol": one.symbol,
            "size": one.size,
            "sharpe": one.sharpe,
            "marginal_sharpe": one.marginal_sharpe,
            "correlation": one.correlation,
            "max_positions": max_positions,
            "commission_per_contract_usd": universe[one.symbol].commission_per_contract_usd,
        }
        for one in chosen.members
    ]
    reasons |= dict(chosen.excluded)
    reasons |= {one.symbol: _why_in(one.sharpe, one.marginal_sharpe) for one in chosen.members}
    return MonthlyPortfolio(pl.DataFrame(rows, schema=PORTFOLIO_SCHEMA), reasons, chosen.sharpe)


def diff_portfolios(
    before: pl.DataFrame | None, now: pl.DataFrame, reasons: Mapping[str, str]
) -> list[str]:
    """The change of a month, a line each: `- SI: why`, `+ NG`, `~ RTY 2 -> 1`; empty when equal."""
    old = {} if before is None else dict(before.select("symbol", "size").iter_rows())
    new = dict(now.select("symbol", "size").iter_rows())
    gone = [
        f"- {symbol}: {reasons.get(symbol, 'not chosen')}" for symbol in old if symbol not in new
    ]
    added = [f"+ {symbol}" for symbol in new if symbol not in old]
    resized = [
        f"~ {symbol} {old[symbol]} -> {size}"
        for symbol, size in new.items()
        if symbol in old and old[symbol] != size
    ]
    return gone + added + resized


def _side_by_side(returns: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    table = pl.DataFrame(schema={"session": pl.Date})
    for symbol, one in returns.items():
        named = one.select("session", pl.col("daily_return").alias(symbol))
        table = table.join(named, on="session", how="full", coalesce=True)
    return table.sort("session").with_columns(pl.exclude("session").fill_null(0.0))


def _why_in(sharpe: float, marginal: float) -> str:
    return f"chosen: Sharpe {sharpe:.2f} in the selection window, adding {marginal:+.2f}"
