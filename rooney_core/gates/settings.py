"""How often the sealed test may be opened: what a person may set of the evaluation.

Belongs here: frozen, validated settings. Does not belong here: the thresholds of a verdict
(`verdict.py`), which nobody sets.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from rooney_core.validation.windows import HOLDOUT_BUDGET, MIN_NEW_SESSIONS


class EvaluationSettings(BaseModel):
    """How often the sealed window may be opened.

    `holdout_budget`: how many different (model, code) pairs may see one test window.
    `min_new_sessions`: by how many sessions a test window must have grown, since the last look that
    cost some of the budget, to be another window with a budget of its own; a month at the least.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    holdout_budget: Annotated[int, Field(ge=1, le=100)] = HOLDOUT_BUDGET
    min_new_sessions: Annotated[int, Field(ge=21, le=2520)] = MIN_NEW_SESSIONS
