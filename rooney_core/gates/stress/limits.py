"""What gate 2 asks for, and how hard its scenarios are.

Belongs here: the mandate's section `stress`. Does not belong here: which kinds of scenarios there
are (`kinds`), or the comparison (`gate`).
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from rooney_core.validation.sharpe import DAYS_PER_YEAR

Share = Annotated[float, Field(gt=0, lt=1)]
QUICK_SCENARIOS: Final = {"n_scenarios": 40}
"""What ROONEY_TUNING=quick changes."""


class StressLimits(BaseModel):
    """Limits of gate 2, and the hardness of its scenarios.

    `min_profitable_share` of the scenarios earn money, at least; the median annual Sharpe is above
    `min_median_sharpe`; the drawdown at `drawdown_quantile` of the scenarios is shallower than
    `max_drawdown`, and no scenario ever loses more than `max_loss` of the starting cash. All are
    fractions.

    `n_scenarios` of `horizon_sessions` each (a year), drawn from `seed`. `luck_errors`: by how many
    standard errors of their mean past daily results are lowered before they are used again (1.645:
    to the lower end of a one-sided 95 % interval; see `luck`). `correlated_positions`: positions
    that win and lose together in a correlation shock. `n_reshuffles`: histories of the trades.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    n_scenarios: Annotated[int, Field(ge=20, le=5000)] = 200
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 20100104
    min_profitable_share: Share = 0.40
    min_median_sharpe: Annotated[float, Field(ge=-5, le=5)] = 0.0
    drawdown_quantile: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    max_drawdown: Share = 0.25
    max_loss: Share = 0.90
    horizon_sessions: Annotated[int, Field(ge=21, le=2520)] = DAYS_PER_YEAR
    luck_errors: Annotated[float, Field(ge=0, le=5)] = 1.645
    correlated_positions: Annotated[int, Field(ge=1, le=20)] = 2
    n_reshuffles: Annotated[int, Field(ge=100, le=100_000)] = 2000
