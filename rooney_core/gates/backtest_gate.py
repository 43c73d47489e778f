"""Gate 1: is the backtest good enough for a study that has tried this much?

Belongs here: the thresholds that tighten with the number of trials, and the model's verdict, as
rows of a report. Does not belong here: stress and paper gates, and promotion itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

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


class BacktestTier(BaseModel):
    """What a study of at least `from_trials` trials must show; None asks nothing.

    Each has to be exceeded, not met: `min_total_return` (-0.5: a loss of less than half),
    `min_annual_sharpe`, and a drawdown shallower than `max_drawdown`, a positive fraction of the
    highest equity so far.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    from_trials: Annotated[int, Field(ge=0)]
    # Without defaults: a line left out of the mandate shall not mean that nothing is asked.
    min_total_return: Annotated[float, Field(ge=-1)] | None
    min_annual_sharpe: float | None
    max_drawdown: Annotated[float, Field(gt=0, le=1)] | None

    def asks_no_less_than(self, earlier: BacktestTier) -> bool:
        """Whether whoever meets this one meets `earlier` too."""
        asked = (
            (self.min_total_return, earlier.min_total_return),
            (self.min_annual_sharpe, earlier.min_annual_sharpe),
            (_negative(self.max_drawdown), _negative(earlier.max_drawdown)),
        )
        return all(
            theirs is None or (mine is not None and mine >= theirs) for mine, theirs in asked
        )


def _negative(depth: float | None) -> float | None:
    return None if depth is None else -depth


def _tier(
    from_trials: int,
    min_total_return: float,
    min_annual_sharpe: float | None = None,
    max_drawdown: float | None = None,
) -> BacktestTier:
    return BacktestTier(
        from_trials=from_trials,
        min_total_return=min_total_return,
        min_annual_sharpe=min_annual_sharpe,
        max_drawdown=max_drawdown,
    )


class BacktestLimits(BaseModel):
    """A young study may lose; a mature one has had its chances. A tier starts at its count."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    early: BacktestTier = _tier(0, -0.50)
    middle: BacktestTier = _tier(50, -0.20, -0.5)
    late: BacktestTier = _tier(200, -0.10, 0.0)
    mature: BacktestTier = _tier(500, 0.0, 0.3, 0.15)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        counts = [tier.from_trials for _, tier in self.tiers]
        if counts[0] != 0 or counts != sorted(set(counts)):
            raise ValueError(
                f"the tiers begin at {counts} trials; early begins at 0 and each later one after "
                "the one before"
            )
        for (earlier, before), (name, tier) in pairwise(self.tiers):
            if not tier.asks_no_less_than(before):
                raise ValueError(
                    f"{name} asks less than {earlier} somewhere; a study that has tried more is "
                    "asked for as much as one that has tried less, or more"
                )
        return self

    @property
    def tiers(self) -> tuple[tuple[str, BacktestTier], ...]:
        """Names and tiers, the one for the fewest trials first."""
        return tuple((name, getattr(self, name)) for name in type(self).model_fields)


DEFAULT_LIMITS: Final = BacktestLimits()


@dataclass(frozen=True)
class TierInForce:
    """The tier that a study is in; `name` is that of its field in BacktestLimits."""

    name: str
    asks: BacktestTier


@dataclass(frozen=True)
class BacktestGate:
    """The rows of gate 1; it passes when every row does."""

    tier: TierInForce
    rows: tuple[GateRow, ...]

    @property
    def passed(self) -> bool:
        """Whether every row passed."""
        return all(row.passed for row in self.rows)


def tier_for(n_trials: int, limits: BacktestLimits = DEFAULT_LIMITS) -> TierInForce:
    """The tier of a study that has scored `n_trials` configurations.

    Raises:
        InvalidSetting: a negative count.
    """
    if n_trials < 0:
        raise InvalidSetting(f"n_trials={n_trials} arrived; a count from the ledger is needed.")
    reached = [
        TierInForce(name, tier) for name, tier in limits.tiers if n_trials >= tier.from_trials
    ]
    return reached[-1]


def backtest_gate(
    n_trials: int,
    total_return: float,
    annual_sharpe: float,
    max_drawdown: float,
    verdict: Verdict,
    limits: BacktestLimits = DEFAULT_LIMITS,
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
    tier = tier_for(n_trials, limits)
    deepest = None if tier.asks.max_drawdown is None else -tier.asks.max_drawdown
    asked = (
        (BacktestCode.TOTAL_RETURN, total_return, tier.asks.min_total_return),
        (BacktestCode.ANNUAL_SHARPE, annual_sharpe, tier.asks.min_annual_sharpe),
        (BacktestCode.MAX_DRAWDOWN, max_drawdown, deepest),
    )
    study = f"a study of {n_trials} trials ({tier.name})"
    rows = [
        _compared(code, value, threshold, study)
        for code, value, threshold in asked
        if threshold is not None
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
