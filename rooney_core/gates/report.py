"""Every gate's answer for every tradable symbol of one month, as rows.

Belongs here: putting gate results into one table. Does not belong here: their thresholds (beside
each gate) or what a refusal leads to (`promotion`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.gates.approvals import Key, Override
from rooney_core.gates.backtest_gate import (
    DEFAULT_LIMITS,
    BacktestGate,
    BacktestLimits,
    backtest_gate,
)
from rooney_core.gates.backtest_gate import GATE as BACKTEST
from rooney_core.gates.limits import GateLimits
from rooney_core.gates.paper import PaperCode, paper_gate
from rooney_core.gates.paper.gate import GATE as PAPER
from rooney_core.gates.rows import GateRow
from rooney_core.gates.stress import StressCode, stress_gate
from rooney_core.gates.stress.gate import GATE as STRESS
from rooney_core.gates.verdict import (
    DEFAULT_THRESHOLDS,
    LIFT_COLUMNS,
    Lift,
    Verdict,
    VerdictThresholds,
    judge,
)
from rooney_core.validation.metrics import max_drawdown
from rooney_core.validation.sharpe import annual_sharpe

GATE_SCHEMA: Final[Mapping[str, pl.DataType]] = {
    "rebalance_month": pl.String(),
    "symbol": pl.String(),
    "gate": pl.String(),
    "code": pl.String(),
    "value": pl.Float64(),
    "limit": pl.Float64(),
    "passed": pl.Boolean(),
    "reason": pl.String(),
    "max_positions": pl.Int64(),
    "model_version": pl.String(),
    "candidate_id": pl.String(),
    "mandate_version": pl.String(),
    "overridden_until": pl.Date(),
    "override_reason": pl.String(),
}
OWN_GATES: Final = (BACKTEST, STRESS)
"""Gates that judge a symbol by itself, whether it would be traded or not."""
JUDGED = (
    "train_sharpe",
    "validation_sharpe",
    "test_sharpe",
    "deflated_sharpe_z",
    "deflated_sharpe_prob",
    "test_win_rate",
)


@dataclass(frozen=True)
class Candidate:
    """What the gates know of one symbol.

    `evaluation`: its one-row model_evaluation frame. `test_returns`: f8[n_sessions] daily returns
    of the test window, flat days included, as fractions of the capital the gate judges on.
    `stress`: its stress_report frame; None where none was made.
    """

    evaluation: pl.DataFrame
    test_returns: npt.NDArray[np.float64]
    stress: pl.DataFrame | None = None

    @property
    def model_version(self) -> str:
        """The model that was evaluated."""
        return str(self.evaluation["model_version"][0])


@dataclass(frozen=True)
class MonthJudged:
    """What the gates judge in a month.

    `release`: the release candidate, production_config rows, one per tradable symbol. `paper`: its
    one-row paper_report. `sharpes`: of the chosen symbols, in the selection window. `overrides`:
    those that hold on the candidate's last session.
    """

    release: pl.DataFrame
    paper: pl.DataFrame
    sharpes: Mapping[str, float]
    limits: GateLimits
    overrides: Mapping[Key, Override] = field(default_factory=dict)

    @property
    def candidate_id(self) -> str:
        """The release that would be made."""
        return str(self.release["release_id"][0])

    @property
    def traded(self) -> dict[str, str]:
        """Model version by symbol that would be traded."""
        rows = self.release.filter(pl.col("size") > 0).select("symbol", "model_version")
        return dict(rows.iter_rows())


def verdict_of(
    evaluation: pl.DataFrame, thresholds: VerdictThresholds = DEFAULT_THRESHOLDS
) -> Verdict:
    """The verdict that a model_evaluation row stands for, judged again from its numbers."""
    row = evaluation.row(0, named=True)
    known = {name: _number(row[name]) for name in JUDGED}
    # A row of before lifts were measured has none.
    measured = set(LIFT_COLUMNS) <= set(row)
    lift = Lift(*(_number(row[name]) for name in LIFT_COLUMNS)) if measured else None
    return judge(
        train_sharpe=known["train_sharpe"],
        validation_sharpe=known["validation_sharpe"],
        test_sharpe=known["test_sharpe"],
        deflated_sharpe_z=known["deflated_sharpe_z"],
        deflated_sharpe_prob=known["deflated_sharpe_prob"],
        test_win_rate=known["test_win_rate"],
        test_trades=int(row["test_trades"]),
        thresholds=thresholds,
        lift=lift,
        two_way=row.get("windows") == "two_way",
    )


def _number(stored: float | None) -> float:
    """Undefined is null in tables and NaN in what is computed."""
    return math.nan if stored is None else float(stored)


def judge_backtest(
    candidate: Candidate,
    limits: BacktestLimits = DEFAULT_LIMITS,
    thresholds: VerdictThresholds = DEFAULT_THRESHOLDS,
) -> BacktestGate:
    """Gate 1 of one symbol, on its published test days and the trials that its ledger counted."""
    returns = candidate.test_returns
    return backtest_gate(
        n_trials=int(candidate.evaluation["n_trials_raw"][0]),
        total_return=float(np.prod(1.0 + returns) - 1.0),
        annual_sharpe=annual_sharpe(returns),
        max_drawdown=max_drawdown(returns),
        verdict=verdict_of(candidate.evaluation, thresholds),
        limits=limits,
    )


def judge_month(month: MonthJudged, candidates: Mapping[str, Candidate]) -> pl.DataFrame:
    """Rows of GATE_SCHEMA, for each tradable symbol: gates 1 and 2, and the month's selection.

    `candidates`: by symbol, whatever was evaluated. A symbol that would be traded has the rows of
    gate 3 too, which is of the whole candidate. A symbol that was never evaluated has one row that
    says so: silence is not a pass. An override leaves its rows failed, and stands beside them.
    """
    rows = [
        row
        for symbol in month.release["symbol"]
        for row in _symbol_rows(month, symbol, candidates.get(symbol))
    ]
    return pl.DataFrame(rows, schema=dict(GATE_SCHEMA))


def refused_symbols(report: pl.DataFrame, overrides: Mapping[Key, Override]) -> set[str]:
    """Symbols of a gate_report that OWN_GATES refuse, and no override lets pass."""
    failed = report.filter(~pl.col("passed") & pl.col("gate").is_in(OWN_GATES))
    pairs = failed.select("symbol", "gate").unique().rows()
    return {symbol for symbol, gate in pairs if (symbol, gate) not in overrides}


def _symbol_rows(
    month: MonthJudged, symbol: str, candidate: Candidate | None
) -> list[dict[str, Any]]:
    answers: list[GateRow] = []
    if candidate is not None:
        limits = month.limits
        answers += judge_backtest(candidate, limits.backtest_gate, limits.verdict).rows
        answers += _stress_rows(candidate, limits)
    if symbol in month.traded:
        answers += _paper_rows(month)
    release = month.release.row(by_predicate=pl.col("symbol") == symbol, named=True)
    version = candidate.model_version if candidate is not None else None
    of_all = {
        "rebalance_month": release["rebalance_month"],
        "symbol": symbol,
        "max_positions": release["max_positions"],
        "model_version": version,
        "candidate_id": month.candidate_id,
        "mandate_version": release["mandate_version"],
    }
    rows = [of_all | _answer(one, month.overrides.get((symbol, one.gate))) for one in answers]
    return [*rows, of_all | _selection(symbol, release, month.sharpes)]


def _answer(row: GateRow, override: Override | None) -> dict[str, Any]:
    until: date | None = None
    reason: str | None = None
    if override is not None and not row.passed:
        until, reason = override.until, f"{override.who}: {override.reason}"
    return {
        "gate": row.gate,
        "code": str(row.code),
        "value": row.value,
        "limit": row.threshold,
        "passed": row.passed,
        "reason": row.reason,
        "overridden_until": until,
        "override_reason": reason,
    }


def _stress_rows(candidate: Candidate, limits: GateLimits) -> Sequence[GateRow]:
    """Gate 2; a report that is missing or of another model speaks for nobody."""
    report = candidate.stress
    if report is None:
        return (GateRow(STRESS, StressCode.NOT_RUN, 0.0, 1.0, False, "no stress report"),)
    others = set(report["model_version"]) - {candidate.model_version}
    if others:
        reason = f"the stress report is of model {', '.join(sorted(map(str, others)))}"
        return (GateRow(STRESS, StressCode.NOT_RUN, 0.0, 1.0, False, reason),)
    return stress_gate(report, limits.stress)


def _paper_rows(month: MonthJudged) -> Sequence[GateRow]:
    """Gate 3; a report of another candidate speaks for nobody."""
    paper_traded = str(month.paper["candidate_id"][0])
    if paper_traded == month.candidate_id:
        return paper_gate(month.paper, month.limits.paper)
    reason = f"paper traded was {paper_traded}, the candidate is {month.candidate_id}"
    return (GateRow(PAPER, PaperCode.NOT_PAPER_TRADED, 0.0, 1.0, False, reason),)


def _selection(
    symbol: str, release: Mapping[str, Any], sharpes: Mapping[str, float]
) -> dict[str, Any]:
    chosen = release["size"] > 0
    return {
        "gate": "selection",
        "code": "chosen" if chosen else "left_out",
        "value": sharpes.get(symbol, math.nan),
        "limit": None,
        "passed": chosen,
        "reason": release["reason"],
        "overridden_until": None,
        "override_reason": None,
    }
