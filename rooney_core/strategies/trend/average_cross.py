"""Crossing averages, fast and slow. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from rooney_core.strategies.conditions import above, all_of
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class TrendSmaFastParams(VariantParams):
    """`fast_sessions`, `slow_sessions`: windows of the two means of closes, fast below slow."""

    fast_sessions: Annotated[int, Field(ge=1, le=400)] = 10
    slow_sessions: Annotated[int, Field(ge=2, le=400)] = 50
    max_bars: MaxBars = 500

    @model_validator(mode="after")
    def _windows_are_ordered(self) -> Self:
        if self.fast_sessions >= self.slow_sessions:
            raise ValueError("fast_sessions must be smaller than slow_sessions")
        return self

    @property
    def lookback_sessions(self) -> int:
        """The slow window."""
        return self.slow_sessions


class TrendSmaSlowParams(TrendSmaFastParams):
    """The same with the slow pair of windows."""

    fast_sessions: Annotated[int, Field(ge=1, le=400)] = 50
    slow_sessions: Annotated[int, Field(ge=2, le=400)] = 200


def _rule(prices: Prices, params: TrendSmaFastParams) -> Signals:
    # Above, not just crossing: an entry that found no volume is ordered again the next session.
    fast = prices.daily.mean_close(params.fast_sessions)
    slow = prices.daily.mean_close(params.slow_sessions)
    n, m = params.fast_sessions, params.slow_sessions
    enter = all_of(prices, above(f"{n}-session mean", fast, slow, f"the {m}-session mean"))
    return daily_signals(prices, enter=enter, leave=fast < slow, max_bars=params.max_bars)


TREND_SMA_FAST = Variant(
    name="trend_sma_fast",
    summary="Long while the mean close of 10 sessions is above that of 50.",
    source="Catalogue D03: a standard rule. Long side; at most 500 sessions a position, then anew.",
    params_type=TrendSmaFastParams,
    axes={"fast_sessions": (5, 10, 15, 20), "slow_sessions": (30, 50, 75, 100)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="trend",
)

TREND_SMA_SLOW = Variant(
    name="trend_sma_slow",
    summary="Long while the mean close of 50 sessions is above that of 200.",
    source="Catalogue D04: a standard rule. Long side; at most 500 sessions a position, then anew.",
    params_type=TrendSmaSlowParams,
    axes={"fast_sessions": (20, 50, 100), "slow_sessions": (150, 200, 250)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="trend",
)
