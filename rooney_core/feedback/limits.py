"""From when on live results count, and what is still as expected: a section of the mandate.

Belongs here: the frozen page. Does not belong here: using it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=1, le=100_000)]


class FeedbackLimits(BaseModel):
    """What is made of the trader's own results.

    Costs: fills that the broker reported count from `min_fills` of them on, and are taken up
    `refresh_fills` at a time, the newest `max_fills` of them: a backtest shall not change with
    every fill. Slippage is the upper end of the mean's one-sided interval at `cost_confidence`, and
    never below `least_cost_share` of what universe.yaml assumes. A fill later than
    `max_fill_delay_seconds` after it was due is a matter of timing and not of slippage.

    Performance: from `min_trades` trades on, against two-sided intervals at `confidence`, and
    `n_histories` simulated ones drawn from `seed`, of which `drawdown_quantile` stay shallower.

    Parity: differences of up to `tolerance_usd` per trade are rounding.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min_fills: Count = 100
    refresh_fills: Count = 50
    max_fills: Count = 500
    cost_confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    least_cost_share: Annotated[float, Field(ge=0, le=1)] = 0.5
    max_fill_delay_seconds: Annotated[int, Field(ge=1, le=3600)] = 120
    min_trades: Count = 20
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.98
    n_histories: Annotated[int, Field(ge=100, le=100_000)] = 2_000
    drawdown_quantile: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0)] = 20100104
    tolerance_usd: Annotated[float, Field(ge=0, le=1_000)] = 0.01
