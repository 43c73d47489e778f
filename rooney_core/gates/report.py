"""Every gate's answer for every tradable symbol of one month, as rows.

Belongs here: putting gate results into one table. Does not belong here: their thresholds
(`backtest_gate`, `verdict`) or what a refusal leads to (`rooney_core.release`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.gates.backtest_gate import backtest_gate
from rooney_core.gates.verdict import LIFT_COLUMNS, Lift, Verdict, judge
from rooney_core.validation.metrics import max_drawdown
from rooney_core.validation.sharpe import annual_sharpe

GATE_SCHEMA = {
    "rebalance_month": pl.String,
    "symbol": pl.String,
    "gate": pl.String,
    "code": pl.String,
    "value": pl.Float64,
    "limit": pl.Float64,
    "passed": pl.Boolean,
    "reason": pl.String,
    "max_positions": pl.Int64,
}
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
    """

    evaluation: pl.DataFrame
    test_returns: npt.NDArray[np.float64]


def verdict_of(evaluation: pl.DataFrame) -> Verdict:
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
        lift=lift,
        two_way=row.get("windows") == "two_way",
    )


def _number(stored: float | None) -> float:
    """Undefined is null in tables and NaN in what is computed."""
    return math.nan if stored is None else float(stored)


def gate_report(
    month: str,
    tradable: tuple[str, ...],
    candidates: Mapping[str, Candidate],
    members: Mapping[str, float],
    reasons: Mapping[str, str],
    max_positions: int,
) -> pl.DataFrame:
    """Rows of GATE_SCHEMA: for each tradable symbol gate 1's comparisons and the month's selection.

    `members`: chosen symbols with their Sharpe; `reasons`: why each symbol is in or out. A symbol
    without a candidate gets one row that says it was never evaluated: silence is not a pass.
    """
    rows: list[tuple[object, ...]] = []
    for symbol in tradable:
        if symbol in candidates:
            rows += _backtest_rows(month, symbol, candidates[symbol], max_positions)
        rows.append(_selection_row(month, symbol, members, reasons, max_positions))
    return pl.DataFrame(rows, schema=GATE_SCHEMA, orient="row")


def _backtest_rows(
    month: str, symbol: str, candidate: Candidate, max_positions: int
) -> list[tuple[object, ...]]:
    returns = candidate.test_returns
    gate = backtest_gate(
        n_trials=int(candidate.evaluation["n_trials_raw"][0]),
        total_return=float(np.prod(1.0 + returns) - 1.0),
        annual_sharpe=annual_sharpe(returns),
        max_drawdown=max_drawdown(returns),
        verdict=verdict_of(candidate.evaluation),
    )
    return [
        (
            month,
            symbol,
            row.gate,
            str(row.code),
            row.value,
            row.threshold,
            row.passed,
            row.reason,
            max_positions,
        )
        for row in gate.rows
    ]


def _selection_row(
    month: str,
    symbol: str,
    members: Mapping[str, float],
    reasons: Mapping[str, str],
    max_positions: int,
) -> tuple[object, ...]:
    chosen = symbol in members
    code = "chosen" if chosen else "left_out"
    reason = reasons.get(symbol, "never evaluated")
    sharpe = members.get(symbol, math.nan)
    return (month, symbol, "selection", code, sharpe, None, chosen, reason, max_positions)
