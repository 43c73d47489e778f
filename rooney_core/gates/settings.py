"""How often the sealed test may be opened, and when a release may replace another.

Belongs here: frozen, validated settings of the evaluation and of promotion. Does not belong here:
the limits of a gate, which are beside that gate.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from rooney_core.gates.verdict import VerdictThresholds
from rooney_core.validation.windows import HOLDOUT_BUDGET, MIN_NEW_SESSIONS


class EvaluationSettings(BaseModel):
    """How often the sealed window may be opened, and what a model must show there.

    `holdout_budget`: how many different (model, code) pairs may see one test window.
    `min_new_sessions`: by how many sessions a test window must have grown, since the last look that
    cost some of the budget, to be another window with a budget of its own; a month at the least.
    `verdict` is the mandate's section of that name, which the gates judge by too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    holdout_budget: Annotated[int, Field(ge=1, le=100)] = HOLDOUT_BUDGET
    min_new_sessions: Annotated[int, Field(ge=21, le=2520)] = MIN_NEW_SESSIONS
    verdict: VerdictThresholds = VerdictThresholds()


class PromotionLimits(BaseModel):
    """When a release whose gates are green may replace the one that is traded.

    `auto`: it does so by itself; otherwise a person approves each release by its id.
    `approval_days`: calendar days after the release's last session (`data_through`) to which its
    approval holds, that day included; from then on the trader only reduces.

    A challenger is compared with the champion on their common published days: at least
    `min_common_sessions` of them; its annual Sharpe may be below the champion's by up to
    `max_sharpe_shortfall`; and at most `max_worse_share` of the paired resamples of those days may
    show it below.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    auto: bool = True
    approval_days: Annotated[int, Field(ge=1, le=366)] = 100
    min_common_sessions: Annotated[int, Field(ge=20, le=2520)] = 60
    max_sharpe_shortfall: Annotated[float, Field(ge=0, le=5)] = 0.2
    max_worse_share: Annotated[float, Field(gt=0, le=1)] = 0.9
