"""Far below the mean, in deviations. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from rooney_core.strategies.conditions import all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class ZscoreReversionParams(VariantParams):
    """`entry_below`, `exit_above`: z-score of the close among the last sessions, both exclusive.

    `score_sessions`: closes in its mean and (sample) deviation, the current one included.
    """

    score_sessions: Annotated[int, Field(ge=3, le=500)] = 20
    entry_below: Annotated[float, Field(ge=-10, lt=0)] = -2.0
    exit_above: Annotated[float, Field(ge=-10, le=10)] = 0.0
    max_bars: MaxBars = 20

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        if self.entry_below >= self.exit_above:
            raise ValueError("entry_below must be smaller than exit_above")
        return self

    @property
    def lookback_sessions(self) -> int:
        """The score's window."""
        return self.score_sessions


def _rule(prices: Prices, params: ZscoreReversionParams) -> Signals:
    score = prices.daily.zscore(params.score_sessions)
    return daily_signals(
        prices,
        enter=all_of(prices, below("z-score", score, params.entry_below, "entry_below")),
        leave=score > params.exit_above,
        max_bars=params.max_bars,
    )


MEANREV_ZSCORE = Variant(
    name="meanrev_zscore",
    summary="Long after a close some deviations below the mean, until it is nearly back.",
    source="Catalogue C03, a standard rule. Adapted: sessions of futures; the limit of 20 sessions "
    "is ours.",
    params_type=ZscoreReversionParams,
    axes={
        "score_sessions": (15, 20, 30),
        "entry_below": (-2.5, -2.0, -1.5, -1.0),
        "exit_above": (-0.5, 0.0),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="meanrev",
)
