"""Stage 4: every gate's answer for the symbols of a month."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_assets.graph.declaration import Here, Made, Partitioning, Reach, lake_asset
from rooney_assets.mandate import Mandate
from rooney_assets.terms import overrides_on
from rooney_core.gates.limits import GateLimits
from rooney_core.gates.report import Candidate, MonthJudged, judge_month

BY_SYMBOL = ("equity_curve", "model_evaluation", "stress_report")
Tables = dict[str, pl.DataFrame]


@lake_asset(
    group="money",
    rooms=("gates", "validation", "rooney_assets.mandate", "rooney_assets.terms"),
    partitioning=Partitioning.MONTH,
    reach=dict.fromkeys(BY_SYMBOL, Reach.EVERY),
)
def gate_report(
    here: Here,
    mandate: pl.DataFrame,
    portfolio_config: pl.DataFrame,
    release_candidate: pl.DataFrame,
    paper_report: pl.DataFrame,
    equity_curve: Tables,
    model_evaluation: Tables,
    stress_report: Tables,
) -> Made:
    """Every gate's answer for every tradable symbol: value, threshold, passed, and the reason.

    Gate 1 (backtest, with the model's verdict), gate 2 (stress), gate 3 (paper, for what would be
    traded), and the month's selection; of exactly the release candidate, models and mandate that
    the rows name. A symbol is released only when all its gates pass; nobody can talk to them. An
    override changes no answer: it stands beside, with its end.
    """
    page = Mandate.from_frame(mandate)
    limits = page.params_of(GateLimits)
    assert isinstance(limits, GateLimits)
    month = MonthJudged(
        release=release_candidate,
        paper=paper_report,
        sharpes=dict(portfolio_config.select("symbol", "sharpe").iter_rows()),
        limits=limits,
        overrides=overrides_on(here.lake, release_candidate["data_through"][0]),
    )
    cash = page.portfolio.starting_cash_usd
    candidates = {
        symbol: Candidate(
            evaluation, _test_returns(equity_curve[symbol], cash), stress_report.get(symbol)
        )
        for symbol, evaluation in model_evaluation.items()
        if symbol in equity_curve
    }
    table = judge_month(month, candidates)
    passed = table.group_by("symbol", maintain_order=True).agg(pl.col("passed").all())
    green = ", ".join(passed.filter("passed")["symbol"]) or "nobody"
    failed = table.filter(~pl.col("passed")).select("symbol", "gate", "code", "reason")
    overridden = table.filter(pl.col("overridden_until").is_not_null())
    notes: dict[str, object] = {"green": green, "candidate": month.candidate_id, "failed": failed}
    if not overridden.is_empty():
        shown = overridden.select("symbol", "gate", "overridden_until", "override_reason")
        notes["OVERRIDDEN"] = shown
    return Made(table, notes=notes)


def _test_returns(equity: pl.DataFrame, starting_cash_usd: float) -> npt.NDArray[np.float64]:
    tested = equity.filter(pl.col("window") == "test")
    return (tested["daily_pnl_usd"] / starting_cash_usd).to_numpy()
