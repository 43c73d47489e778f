"""Stage 4: every gate's answer for the symbols of a month."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_assets.graph.declaration import Here, Made, Partitioning, Reach, lake_asset
from rooney_core.gates.report import Candidate
from rooney_core.gates.report import gate_report as judge_symbols
from rooney_core.portfolio.monthly import PortfolioLimits

FloatArray = npt.NDArray[np.float64]
MONTHLY = Partitioning.MONTH
EVERY = Reach.EVERY


@lake_asset(
    group="money",
    rooms=("gates", "portfolio", "validation"),
    partitioning=MONTHLY,
    reach=dict.fromkeys(("equity_curve", "model_evaluation"), EVERY),
    params=PortfolioLimits,
)
def gate_report(
    here: Here,
    portfolio_config: pl.DataFrame,
    equity_curve: dict[str, pl.DataFrame],
    model_evaluation: dict[str, pl.DataFrame],
) -> Made:
    """Every gate's answer for every tradable symbol: value, threshold, passed, and the reason.

    A symbol is released only when all its gates pass; nobody can talk to them.
    """
    partition = ("rebalance_month", str(here.partition))
    standings = here.lake.beside("portfolio_config", partition)["reasons"]
    members = dict(portfolio_config.select("symbol", "sharpe").iter_rows())
    candidates = {
        symbol: Candidate(model_evaluation[symbol], _test_returns(equity_curve[symbol], here))
        for symbol in model_evaluation
        if symbol in equity_curve
    }
    table = judge_symbols(
        str(here.partition),
        here.universe.tradable,
        candidates,
        members,
        dict(standings.select("symbol", "reason").iter_rows()),
        here.params.max_positions,
    )
    passed = table.group_by("symbol", maintain_order=True).agg(pl.col("passed").all())
    return Made(table, notes={"released": ", ".join(passed.filter("passed")["symbol"]) or "nobody"})


def _test_returns(equity: pl.DataFrame, here: Here) -> FloatArray:
    tested = equity.filter(pl.col("window") == "test")
    return (tested["daily_pnl_usd"] / here.params.starting_cash_usd).to_numpy()
