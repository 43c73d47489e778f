"""Gate 2: did the strategy survive the stress, and was there still something to earn?

Belongs here: the comparison of a stress report with the mandate's limits. Does not belong here:
running a scenario.
"""

from __future__ import annotations

import math
from enum import StrEnum

import numpy as np
import polars as pl

from rooney_core.gates.rows import GateRow
from rooney_core.gates.stress.limits import StressLimits

GATE = "stress"


class StressCode(StrEnum):
    """What a row of the gate compared."""

    NOT_RUN = "not_run"
    SCENARIOS = "scenarios"
    PROFITABLE_SHARE = "profitable_share"
    MEDIAN_SHARPE = "median_sharpe"
    DRAWDOWN = "drawdown"
    WORST_LOSS = "worst_loss"


def stress_gate(report: pl.DataFrame, limits: StressLimits) -> tuple[GateRow, ...]:
    """The rows of gate 2 for a stress_report frame; it passes when every row does.

    `report` needs net_profit_usd, annual_sharpe, max_drawdown and worst_loss (fractions <= 0). A
    Sharpe that is null, of a scenario without a varying day, earned nothing and counts as 0; any
    other number that is null or NaN fails its row. An empty report is one failed row: the verdict
    failed, and nothing was run.
    """
    if report.is_empty():
        return (_not_run(),)
    earned = (report["net_profit_usd"].fill_nan(None) > 0.0).fill_null(False)
    share = float(np.mean(earned.to_numpy()))
    sharpes = report["annual_sharpe"].fill_nan(None).fill_null(0.0)
    median = float(np.median(sharpes.to_numpy()))
    drawdown = _quantile(report["max_drawdown"], 1.0 - limits.drawdown_quantile)
    worst = _quantile(report["worst_loss"], 0.0)
    rows = (
        _at_least(StressCode.SCENARIOS, report.height, limits.n_scenarios, "scenarios run"),
        _at_least(
            StressCode.PROFITABLE_SHARE,
            share,
            limits.min_profitable_share,
            "share of scenarios that earned money",
        ),
        _above(StressCode.MEDIAN_SHARPE, median, limits.min_median_sharpe, "median annual Sharpe"),
        _above(
            StressCode.DRAWDOWN,
            drawdown,
            -limits.max_drawdown,
            f"drawdown that {limits.drawdown_quantile:.0%} of the scenarios stay above",
        ),
        _within(StressCode.WORST_LOSS, worst, -limits.max_loss, "worst loss of starting cash"),
    )
    return rows


def _quantile(values: pl.Series, share: float) -> float:
    """NaN where a value is unknown: what nobody knows has not passed."""
    if values.is_null().any() or values.is_nan().any():
        return math.nan
    # The value that was reached, never a mean with a milder one.
    return float(np.quantile(values.to_numpy(), share, method="lower"))


def _above(code: StressCode, value: float, threshold: float, what: str) -> GateRow:
    passed = value > threshold
    relation = "is above" if passed else "is not above"
    return GateRow(
        GATE, code, value, threshold, passed, f"{what}: {value:.3g} {relation} {threshold:g}"
    )


def _at_least(code: StressCode, value: float, threshold: float, what: str) -> GateRow:
    passed = value >= threshold
    relation = "reaches" if passed else "is below"
    return GateRow(
        GATE, code, value, threshold, passed, f"{what}: {value:.3g} {relation} {threshold:g}"
    )


def _within(code: StressCode, value: float, threshold: float, what: str) -> GateRow:
    passed = value >= threshold
    relation = "is not beyond" if passed else "is beyond"
    if math.isnan(value):
        relation = "is not known to be within"
    return GateRow(
        GATE, code, value, threshold, passed, f"{what}: {value:.3g} {relation} {threshold:g}"
    )


def _not_run() -> GateRow:
    return GateRow(GATE, StressCode.NOT_RUN, 0.0, 1.0, False, "not run: verdict failed")
