"""Gate 3: a paper report against the mandate's limits, and its grade.

Belongs here: the comparison. Does not belong here: the numbers (`report`) or the limits.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any, Final

import polars as pl

from rooney_core.gates.paper.limits import GRADES, Grade, PaperLimits, PaperTier
from rooney_core.gates.rows import GateRow

GATE: Final = "paper"
_POINTS: Final = {grade: len(GRADES) - 1 - index for index, grade in enumerate(GRADES)}


class PaperCode(StrEnum):
    """What a row of the gate compared."""

    NOTHING_TO_TRADE = "nothing_to_trade"
    NOT_PAPER_TRADED = "not_paper_traded"
    SESSIONS = "sessions"
    TRADES = "trades"
    EMERGENCY_STOPS = "emergency_stops"
    UNEXPLAINED_DIFFERENCES = "unexplained_differences"
    WIN_RATE = "win_rate"
    ANNUAL_SHARPE = "annual_sharpe"
    ANNUAL_ALPHA = "annual_alpha"
    MAX_DRAWDOWN = "max_drawdown"
    GRADE = "grade"


def paper_gate(report: pl.DataFrame, limits: PaperLimits) -> tuple[GateRow, ...]:
    """The rows of gate 3 for a one-row paper_report frame; it passes when every row does.

    Facts first (sessions, trades, emergency stops, unexplained differences), then what the worst
    grade that may be promoted asks, then the grade: 4 for A to 0 for F. A candidate that trades
    nothing passes with one row; one that was not paper traded fails with one. A null fails its row.
    """
    row = report.row(0, named=True)
    if row["status"] == "nothing_to_trade":
        return (_yes_or_no(PaperCode.NOTHING_TO_TRADE, True, row["note"]),)
    if row["status"] != "traded":
        return (_yes_or_no(PaperCode.NOT_PAPER_TRADED, False, row["note"]),)
    grade = paper_grade(report, limits)
    points, needed = _POINTS[grade], _POINTS[limits.lowest_promoted]
    reason = f"grade {grade}; {' and '.join(_promoted(limits))} may be promoted"
    verdict = GateRow(GATE, PaperCode.GRADE, float(points), float(needed), points >= needed, reason)
    return (*_facts(row, limits), *_asked(row, limits.promoting), verdict)


def paper_grade(report: pl.DataFrame, limits: PaperLimits) -> Grade:
    """The best grade whose every minimum is met; F where a fact is not in order, or none is."""
    row = report.row(0, named=True)
    if not all(one.passed for one in _facts(row, limits)):
        return "F"
    for grade, tier in limits.tiers:
        if all(one.passed for one in _asked(row, tier)):
            return grade
    return "F"


def _promoted(limits: PaperLimits) -> list[str]:
    return [grade for grade in GRADES if _POINTS[grade] >= _POINTS[limits.lowest_promoted]]


def _facts(row: dict[str, Any], limits: PaperLimits) -> tuple[GateRow, ...]:
    """What no grade forgives. The trader's own count of differences stands beside the recount."""
    sessions, trades = _number(row["n_sessions"]), _number(row["n_trades"])
    stops = _number(row["n_emergency_stops"])
    counts = (_number(row["n_unexplained"]), _number(row["n_unexplained_by_trader"]))
    differ = math.nan if any(math.isnan(one) for one in counts) else max(counts)
    return (
        _at_least(PaperCode.SESSIONS, sessions, limits.min_sessions, "sessions were paper traded"),
        _at_least(PaperCode.TRADES, trades, limits.min_trades, "trades ended in them"),
        _none(PaperCode.EMERGENCY_STOPS, stops, "emergency stops"),
        _none(
            PaperCode.UNEXPLAINED_DIFFERENCES,
            differ,
            "differences to the replay that nothing explains (the trader's own count: "
            f"{'none given' if math.isnan(counts[1]) else format(counts[1], 'g')})",
        ),
    )


def _asked(row: dict[str, Any], tier: PaperTier) -> tuple[GateRow, ...]:
    """The rows of one grade; a minimum that it does not ask for has none."""
    minima = (
        (PaperCode.WIN_RATE, tier.min_win_rate),
        (PaperCode.ANNUAL_SHARPE, tier.min_annual_sharpe),
        (PaperCode.ANNUAL_ALPHA, tier.min_annual_alpha),
    )
    rows = [
        _compared(code, row, minimum, tier.evidence)
        for code, minimum in minima
        if minimum is not None
    ]
    if tier.max_drawdown is not None:
        rows.append(_depth(_number(row["max_drawdown"]), tier.max_drawdown))
    return tuple(rows)


def _compared(code: PaperCode, row: dict[str, Any], minimum: float, evidence: str) -> GateRow:
    measured, upper = _number(row[code.value]), _number(row[f"{code.value}_high"])
    name = code.replace("_", " ")
    if evidence == "measured":
        passed = measured > minimum
        words = f"{name} {measured:.4g} is {'above' if passed else 'not above'} {minimum:g}"
        return GateRow(GATE, code, measured, minimum, passed, words)
    passed = upper > minimum
    if math.isnan(upper):
        words = f"{name} is undefined for these sessions; more than {minimum:g} is needed"
        return GateRow(GATE, code, upper, minimum, False, words)
    said = "does not contradict" if passed else "contradicts"
    words = (
        f"{name} {measured:.4g}, at most {upper:.4g} by its {_number(row['confidence']):.0%} "
        f"interval, {said} more than {minimum:g}"
    )
    return GateRow(GATE, code, upper, minimum, passed, words)


def _depth(deepest: float, limit: float) -> GateRow:
    passed = deepest > -limit
    relation = "shallower than" if passed else "not shallower than"
    reason = f"max drawdown {deepest:.2%} is {relation} {-limit:.0%}"
    return GateRow(GATE, PaperCode.MAX_DRAWDOWN, deepest, -limit, passed, reason)


def _at_least(code: PaperCode, value: float, minimum: int, words: str) -> GateRow:
    reason = f"{value:g} {words}; at least {minimum} are needed"
    return GateRow(GATE, code, value, float(minimum), value >= minimum, reason)


def _none(code: PaperCode, value: float, words: str) -> GateRow:
    reason = f"{value:g} {words}; none is allowed"
    if math.isnan(value):
        reason = f"nobody knows how many {words}; none is allowed"
    return GateRow(GATE, code, value, 0.0, value == 0.0, reason)


def _yes_or_no(code: PaperCode, passed: bool, reason: str) -> GateRow:
    return GateRow(GATE, code, float(passed), 1.0, passed, reason)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
