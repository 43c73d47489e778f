"""A scenario's daily results, and the row that they become.

Belongs here: the schema of the stress report, and the numbers of a row. Does not belong here: where
the days come from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.gates.stress.kinds import Scenario
from rooney_core.validation.sharpe import annual_sharpe

FloatArray = npt.NDArray[np.float64]

STRESS_SCHEMA: Final = {
    "symbol": pl.String(),
    "model_version": pl.String(),
    "scenario": pl.Int64(),
    "kind": pl.String(),
    "detail": pl.String(),
    "seed": pl.Int64(),
    "n_sessions": pl.Int64(),
    "net_profit_usd": pl.Float64(),
    "luck_allowance_usd": pl.Float64(),
    "total_return": pl.Float64(),
    "annual_sharpe": pl.Float64(),
    "max_drawdown": pl.Float64(),
    "worst_loss": pl.Float64(),
    "n_trades": pl.Int64(),
    "contracts": pl.Int64(),
    "starting_cash_usd": pl.Float64(),
}
"""A row per scenario. `detail` says in words what was drawn. `annual_sharpe` is null where no day
differs from another. `max_drawdown` <= 0: of the highest equity so far, starting cash included;
`luck_allowance_usd` is off `net_profit_usd` already.
`worst_loss` <= 0: lowest equity over starting cash, minus 1. `n_trades`: trades that were entered;
of kinds that draw published days, days with a result."""

FAN_SCHEMA: Final = {
    "session_number": pl.Int64(),
    **dict.fromkeys(("p05", "p25", "p50", "p75", "p95"), pl.Float64()),
}
"""Quantiles of equity in USD after so many sessions; 0 is the start."""

FAN_QUANTILES: Final = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
CONTRACTS: Final = 1
"""Before sizing."""


@dataclass(frozen=True)
class Outcome:
    """Net USD of each session of a scenario, f8[n_sessions], for one contract.

    `allowance_usd`: what was taken off all of these days together, for luck.
    """

    daily_pnl_usd: FloatArray
    n_trades: int
    detail: str
    allowance_usd: float = 0.0


def empty_report() -> pl.DataFrame:
    """The report of a symbol for which nothing was run."""
    return pl.DataFrame(schema=STRESS_SCHEMA)


def report_row(scenario: Scenario, outcome: Outcome, starting_cash_usd: float) -> dict[str, Any]:
    """The columns of STRESS_SCHEMA that a scenario decides.

    Results are of fixed size, so equity is a sum; returns are of the starting cash.
    """
    pnl = outcome.daily_pnl_usd
    equity = starting_cash_usd + np.concatenate(([0.0], np.cumsum(pnl)))
    sharpe = annual_sharpe(pnl / starting_cash_usd)
    return {
        "kind": str(scenario.kind),
        "detail": outcome.detail,
        "seed": scenario.seed,
        "n_sessions": len(pnl),
        "net_profit_usd": float(pnl.sum()),
        "luck_allowance_usd": outcome.allowance_usd,
        "total_return": float(pnl.sum()) / starting_cash_usd,
        "annual_sharpe": None if math.isnan(sharpe) else sharpe,
        "max_drawdown": float(np.min(equity / np.maximum.accumulate(equity))) - 1.0,
        "worst_loss": float(equity.min()) / starting_cash_usd - 1.0,
        "n_trades": outcome.n_trades,
        "contracts": CONTRACTS,
        "starting_cash_usd": starting_cash_usd,
    }


def fan_of(outcomes: list[Outcome], starting_cash_usd: float) -> pl.DataFrame:
    """FAN_SCHEMA over the scenarios of full length; no row without a scenario."""
    if not outcomes:
        return pl.DataFrame(schema=FAN_SCHEMA)
    longest = max(len(one.daily_pnl_usd) for one in outcomes)
    whole = [one.daily_pnl_usd for one in outcomes if len(one.daily_pnl_usd) == longest]
    paths = np.cumsum(np.array(whole).reshape(len(whole), longest), axis=1)
    equity = starting_cash_usd + np.hstack((np.zeros((len(whole), 1)), paths))
    return pl.DataFrame(
        {
            "session_number": np.arange(longest + 1),
            **{name: np.quantile(equity, one, axis=0) for name, one in FAN_QUANTILES.items()},
        },
        schema=FAN_SCHEMA,
    )


def by_kind(report: pl.DataFrame) -> pl.DataFrame:
    """One row per kind, in the report's order: how many, and how they went.

    Columns: kind, n_scenarios, profitable_share, median_net_profit_usd, median_sharpe,
    worst_drawdown, worst_loss_seen, mean_trades.
    """
    return report.group_by("kind", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("n_scenarios"),
        (pl.col("net_profit_usd") > 0).mean().alias("profitable_share"),
        pl.col("net_profit_usd").median().alias("median_net_profit_usd"),
        pl.col("annual_sharpe").median().alias("median_sharpe"),
        pl.col("max_drawdown").min().alias("worst_drawdown"),
        pl.col("worst_loss").min().alias("worst_loss_seen"),
        pl.col("n_trades").mean().alias("mean_trades"),
    )
