"""Is this one model good enough, by the numbers of its sealed test window?

Belongs here: the verdict on a model and its reasons. Does not belong here: how the numbers are
computed (validation), the other gates, and what a failed verdict leads to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


class VerdictThresholds(BaseModel):
    """What a model must exceed (`min_*`, strictly), what it is warned for, what is significant.

    Sharpes are annual; `max_decay` is a fraction of the validation Sharpe. The workflow's
    "DSR > 1.0" and "DSR < 0.5" are read on z: as a probability, 0.5 passes half of pure noise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_test_sharpe: Number = 1.2
    min_deflated_sharpe_z: Number = 1.0
    min_test_win_rate: Share = 0.52
    min_test_trades: Count = 100
    max_decay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.30
    weak_deflated_sharpe_z: Number = 0.5
    few_test_trades: Count = 50
    significant_prob: Share = 0.95


DEFAULT_THRESHOLDS = VerdictThresholds()


class ReasonCode(StrEnum):
    """Failures decide; warnings only tell."""

    TEST_SHARPE_TOO_LOW = "test_sharpe_too_low"  # failure
    DEFLATED_SHARPE_TOO_LOW = "deflated_sharpe_too_low"  # failure
    WIN_RATE_TOO_LOW = "win_rate_too_low"  # failure
    TOO_FEW_TRADES = "too_few_trades"  # failure
    DECAY_FROM_VALIDATION = "decay_from_validation"  # warning
    DEFLATED_SHARPE_WEAK = "deflated_sharpe_weak"  # warning
    VERY_FEW_TRADES = "very_few_trades"  # warning
    NOT_SIGNIFICANT = "not_significant"  # warning
    NO_LIFT = "no_lift"  # warning
    TWO_WAY_SPLIT = "two_way_split"  # warning


FAILURES = frozenset(
    {
        ReasonCode.TEST_SHARPE_TOO_LOW,
        ReasonCode.DEFLATED_SHARPE_TOO_LOW,
        ReasonCode.WIN_RATE_TOO_LOW,
        ReasonCode.TOO_FEW_TRADES,
    }
)


@dataclass(frozen=True)
class Reason:
    """One finding: a documented code and the words with the numbers."""

    code: ReasonCode
    text: str

    @property
    def is_failure(self) -> bool:
        """Whether this finding alone fails the model."""
        return self.code in FAILURES


@dataclass(frozen=True)
class Lift:
    """Filtered minus unfiltered annual Sharpe of the test window; NaN where undefined.

    `low`, `high`: its interval (`rooney_core.validation.lift`).
    """

    sharpe: float
    low: float
    high: float


LIFT_COLUMNS: Final = ("lift_sharpe", "lift_sharpe_low", "lift_sharpe_high")
"""Where an evaluation's row keeps a Lift, in the order of its fields."""


@dataclass(frozen=True)
class Verdict:
    """`passed` and `verdict` say the same; `significant` is the stronger claim beside it.

    `reasons` holds failures first, then warnings; empty for a model with nothing to remark.
    """

    passed: bool
    verdict: Literal["pass", "fail"]
    significant: bool
    reasons: tuple[Reason, ...]


_TRAINED_ON_VALIDATION = Reason(
    ReasonCode.TWO_WAY_SPLIT,
    "a two-way split: the validation window trained the model too, so its Sharpe is in sample, a "
    "decay from it is to be expected, and the threshold was chosen on out-of-fold probabilities",
)


def judge(
    train_sharpe: float,
    validation_sharpe: float,
    test_sharpe: float,
    deflated_sharpe_z: float,
    deflated_sharpe_prob: float,
    test_win_rate: float,
    test_trades: int,
    thresholds: VerdictThresholds = DEFAULT_THRESHOLDS,
    *,
    lift: Lift | None = None,
    two_way: bool = False,
) -> Verdict:
    """Judge a model by annual Sharpes of its three windows and its deflated test Sharpe.

    Passing needs every minimum to be exceeded, not met. A number that is NaN (too few trades,
    never varied) exceeds nothing and fails. Decay is asked only of a positive validation Sharpe.
    `lift`: what the filter added to the unfiltered strategy; it is warned of unless its interval
    lies above 0, and None, not measured, is not judged. `two_way`: the model was trained on the
    validation window too, which is warned of.
    """
    failures = _failures(
        test_sharpe, deflated_sharpe_z, test_win_rate, test_trades, thresholds=thresholds
    )
    significant = (
        deflated_sharpe_z > thresholds.min_deflated_sharpe_z
        and deflated_sharpe_prob >= thresholds.significant_prob
    )
    warnings = _overfitting_warnings(train_sharpe, validation_sharpe, test_sharpe, thresholds)
    warnings += _doubts(
        deflated_sharpe_z, deflated_sharpe_prob, test_trades, significant, thresholds=thresholds
    )
    if lift is not None and not lift.low > 0.0:
        warnings.append(_no_lift(lift))
    if two_way:
        warnings.append(_TRAINED_ON_VALIDATION)
    passed = not failures
    return Verdict(passed, "pass" if passed else "fail", significant, (*failures, *warnings))


def _overfitting_warnings(
    train_sharpe: float,
    validation_sharpe: float,
    test_sharpe: float,
    thresholds: VerdictThresholds,
) -> list[Reason]:
    decay = (validation_sharpe - test_sharpe) / validation_sharpe if validation_sharpe > 0 else 0.0
    if not decay > thresholds.max_decay:
        return []
    text = (
        f"test Sharpe {test_sharpe:.2f} is {decay:.0%} below validation {validation_sharpe:.2f} "
        f"(train {train_sharpe:.2f}); more than {thresholds.max_decay:.0%} says overfitted"
    )
    return [Reason(ReasonCode.DECAY_FROM_VALIDATION, text)]


def _doubts(
    deflated_sharpe_z: float,
    deflated_sharpe_prob: float,
    test_trades: int,
    significant: bool,
    *,
    thresholds: VerdictThresholds,
) -> list[Reason]:
    doubts: list[Reason] = []
    if not deflated_sharpe_z >= thresholds.weak_deflated_sharpe_z:
        text = (
            f"deflated Sharpe z {deflated_sharpe_z:.2f} below {thresholds.weak_deflated_sharpe_z:g}"
        )
        doubts.append(Reason(ReasonCode.DEFLATED_SHARPE_WEAK, text))
    if test_trades < thresholds.few_test_trades:
        text = (
            f"{test_trades} test trades, fewer than {thresholds.few_test_trades}: says very little"
        )
        doubts.append(Reason(ReasonCode.VERY_FEW_TRADES, text))
    if not significant:
        text = (
            f"deflated Sharpe probability {deflated_sharpe_prob:.3f}: not significant, "
            f"{thresholds.significant_prob:g} is needed"
        )
        doubts.append(Reason(ReasonCode.NOT_SIGNIFICANT, text))
    return doubts


def _no_lift(lift: Lift) -> Reason:
    if math.isnan(lift.sharpe):
        said = "lift over the unfiltered strategy unknown: one of the two never varied"
    elif math.isnan(lift.low):
        said = f"lift {lift.sharpe:+.2f} over the unfiltered strategy, without an interval"
    else:
        said = (
            f"lift {lift.sharpe:+.2f} over the unfiltered strategy, interval {lift.low:+.2f} to "
            f"{lift.high:+.2f} not above 0"
        )
    return Reason(ReasonCode.NO_LIFT, f"{said}: nothing says that the filter helps")


def _failures(
    test_sharpe: float,
    deflated_sharpe_z: float,
    test_win_rate: float,
    test_trades: int,
    *,
    thresholds: VerdictThresholds,
) -> list[Reason]:
    needs: list[tuple[ReasonCode, str, float, float]] = [
        (ReasonCode.TEST_SHARPE_TOO_LOW, "test Sharpe", test_sharpe, thresholds.min_test_sharpe),
        (
            ReasonCode.DEFLATED_SHARPE_TOO_LOW,
            "deflated Sharpe z",
            deflated_sharpe_z,
            thresholds.min_deflated_sharpe_z,
        ),
        (
            ReasonCode.WIN_RATE_TOO_LOW,
            "test win rate",
            test_win_rate,
            thresholds.min_test_win_rate,
        ),
        (ReasonCode.TOO_FEW_TRADES, "test trades", test_trades, thresholds.min_test_trades),
    ]
    return [
        Reason(code, f"{what} {value:.4g} is not above {minimum:g}")
        for code, what, value, minimum in needs
        # Not `value <= minimum`: NaN must fail.
        if not value > minimum
    ]
