"""RSI of fourteen sessions, back above a low level. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import above, all_of, at_most
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams

RSI_SESSIONS: Final = 14


class Rsi14ReclaimParams(VariantParams):
    """`entry_crossed`: level in [0, 100] that the RSI was not above, and is now.

    `exit_above`: RSI in [0, 100], exclusive.
    """

    entry_crossed: Annotated[float, Field(gt=0, lt=100)] = 30.0
    exit_above: Annotated[float, Field(gt=0, lt=100)] = 50.0
    max_bars: MaxBars = 10

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        if self.entry_crossed >= self.exit_above:
            raise ValueError("entry_crossed must be smaller than exit_above")
        return self

    @property
    def lookback_sessions(self) -> int:
        """The memory of the RSI before."""
        return memory_of(RSI_SESSIONS) + 1


def _rule(prices: Prices, params: Rsi14ReclaimParams) -> Signals:
    strength = prices.daily.relative_strength(RSI_SESSIONS)
    level = params.entry_crossed
    enter = all_of(
        prices,
        above("RSI(14)", strength, level, "entry_crossed"),
        at_most("RSI(14) of the session before", earlier(strength), level, "entry_crossed"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=strength > params.exit_above,
        max_bars=params.max_bars,
    )


RSI14_RECLAIM = Variant(
    name="rsi14_reclaim",
    summary="Long when the RSI of fourteen sessions comes back above a low level, until it is in "
    "the middle.",
    source="Catalogue B06, a standard rule on Wilder's RSI (1978). Adapted: sessions of futures; "
    "the RSI forgets what is older than ten periods.",
    params_type=Rsi14ReclaimParams,
    axes={
        "entry_crossed": (25.0, 30.0, 35.0),
        "exit_above": (50.0, 60.0),
        "max_bars": (5, 10, 20),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="rsi",
)
