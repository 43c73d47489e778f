"""Gate 1: is the backtest good enough for a study that has tried this much?

Belongs here: the thresholds that tighten with the number of trials, and the model's verdict, as
rows of a report. Does not belong here: stress and paper gates, and promotion itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from rooney_core.errors import InvalidSetting
from rooney_core.gates.rows import GateRow
from rooney_core.gates.verdict import Verdict

GATE = "backtest"


class BacktestCode(StrEnum):
    """What a row of the gate compared."""

    TOTAL_RETURN = "total_return"
    ANNUAL_SHARPE = "annual_sharpe"
    MAX_DRAWDOWN = "max_drawdown"
    VERDICT = "verdict"


@dataclass(frozen=True)
class BacktestTier:
    """Minima, all to be exceeded, for studies of at least `min_trials` trials.

    Fractions: `total_return` -0.5 is a loss of half; `max_drawdown` is negative. -inf asks nothing.
    """

    name: str
    min_trials: int
    total_return: float
    annual_sharpe: float = -math.inf
    max_drawdown: float = -math.inf


# A young study may lose; a mature one has had its chances. A tier starts at its count, inclusive.
TIERS = (
    BacktestTier("early", 0, total_return=-0.50),
    BacktestTier("middle", 50, total_return=-0.20, annual_sharpe=-0.5),
    BacktestTier("late", 200, total_return=-0.10, annual_sharpe=0.0),
    BacktestTier("mature", 500, total_return=0.0, annual_sharpe=0.3, max_drawdown=-0.15),
)


@dataclass(frozen=True)
class BacktestGate:
    """The rows of gate 1; it passes when every row does."""

    tier: BacktestTier
    rows: tuple[GateRow, ...]

    @property
    def passed(self) -> bool:
        """Whether every row passed."""
        return all(row.passed for row in self.rows)


def tier_for(n_trials: int) -> BacktestTier:
    """The tier of a study that has scored `n_trials` configurations.

    Raises:
        InvalidSetting: a negative count.
    """
    if n_trials < 0:
        raise InvalidSetting(f"n_trials={n_trials} arrived; a count from the ledger is needed.")
    return next(tier for tier in reversed(TIERS) if n_trials >= tier.min_trials)


def backtest_gate(
    n_trials: int,
    total_return: float,
    annual_sharpe: float,
    max_drawdown: float,
    verdict: Verdict,
) -> BacktestGate:
    """Compare one symbol's backtest with the tier of its study, and add the model's verdict.

    `total_return` and `max_drawdown` (negative) are fractions of the starting equity and of the
    earlier peak. NaN exceeds nothing and fails. A comparison that the tier does not ask for has
    no row.

    Raises:
        InvalidSetting: a negative number of trials, or a positive drawdown.
    """
    if max_drawdown > 0.0:
        raise InvalidSetting(f"max_drawdown={max_drawdown} arrived; a fraction <= 0 is needed.")
    tier = tier_for(n_trials)
    asked = (
        (BacktestCode.TOTAL_RETURN, total_return, tier.total_return),
        (BacktestCode.ANNUAL_SHARPE, annual_sharpe, tier.annual_sharpe),
        (BacktestCode.MAX_DRAWDOWN, max_drawdown, tier.max_drawdown),
    )
    study = f"a study of {n_trials} trials ({tier.name})"
    rows = [
        _compared(code, value, threshold, study)
        for code, value, threshold in asked
        if not math.isinf(threshold)
    ]
    return BacktestGate(tier, (*rows, _verdict_row(verdict)))


def _compared(code: BacktestCode, value: float, threshold: float, study: str) -> GateRow:
    passed = value > threshold
    relation = "above" if passed else "not above"
    reason = f"{code.replace('_', ' ')} {value:.4g} is {relation} {threshold:g} for {study}"
    return GateRow(GATE, code, value, threshold, passed, reason)


def _verdict_row(verdict: Verdict) -> GateRow:
    said = "; ".join(reason.text for reason in verdict.reasons) or "nothing to remark"
    reason = f"model verdict {verdict.verdict}: {said}"
    return GateRow(GATE, BacktestCode.VERDICT, float(verdict.passed), 1.0, verdict.passed, reason)
