"""RSI of two sessions, in any trend. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class Rsi2UnfilteredParams(VariantParams):
    """`entry_below`, `exit_above`: RSI of two sessions, in [0, 100], both exclusive."""

    entry_below: Annotated[float, Field(gt=0, lt=100)] = 10.0
    exit_above: Annotated[float, Field(gt=0, lt=100)] = 70.0
    max_bars: MaxBars = 20

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        if self.entry_below >= self.exit_above:
            raise ValueError("entry_below must be smaller than exit_above")
        return self

    @property
    def lookback_sessions(self) -> int:
        """The RSI's memory."""
        return memory_of(2)


def _rule(prices: Prices, params: Rsi2UnfilteredParams) -> Signals:
    strength = prices.daily.relative_strength(2)
    return daily_signals(
        prices,
        enter=all_of(prices, below("RSI(2)", strength, params.entry_below, "entry_below")),
        leave=strength > params.exit_above,
        max_bars=params.max_bars,
    )


RSI2_UNFILTERED = Variant(
    name="rsi2_unfiltered",
    summary="Long after a sharp fall, until the RSI of two sessions has recovered.",
    source="Catalogue B02, a standard rule without the trend filter of Connors & Alvarez (2009). "
    "Adapted: sessions of futures; the limit of 20 sessions is ours.",
    params_type=Rsi2UnfilteredParams,
    axes={"entry_below": (2.0, 5.0, 10.0, 15.0), "exit_above": (50.0, 60.0, 70.0, 80.0)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="rsi",
)
