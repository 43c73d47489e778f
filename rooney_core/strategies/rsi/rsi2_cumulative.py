"""RSI of two sessions, summed, in an upward trend. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import above, all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class Rsi2CumulativeParams(VariantParams):
    """`sum_below`: the RSI and the one before it together, in [0, 200], exclusive.

    `exit_above`: RSI in [0, 100], exclusive. `trend_sessions`: enter only above the mean close of
    so many sessions.
    """

    sum_below: Annotated[float, Field(gt=0, lt=200)] = 35.0
    exit_above: Annotated[float, Field(gt=0, lt=100)] = 65.0
    trend_sessions: Annotated[int, Field(ge=2, le=500)] = 200
    max_bars: MaxBars = 20

    @property
    def lookback_sessions(self) -> int:
        """The longer of the trend's window, and the memory of the RSI before."""
        return max(memory_of(2) + 1, self.trend_sessions)


def _rule(prices: Prices, params: Rsi2CumulativeParams) -> Signals:
    daily = prices.daily
    strength = daily.relative_strength(2)
    both = strength + earlier(strength)
    trend = daily.mean_close(params.trend_sessions)
    enter = all_of(
        prices,
        above("close", daily.close, trend, f"its {params.trend_sessions}-session mean"),
        below("RSI(2) of two sessions together", both, params.sum_below, "sum_below"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=strength > params.exit_above,
        max_bars=params.max_bars,
    )


RSI2_CUMULATIVE = Variant(
    name="rsi2_cumulative",
    summary="Long after two weak sessions in an upward trend, until the RSI has recovered.",
    source="Catalogue B03: Connors & Alvarez, Short Term Trading Strategies That Work (2009). "
    "Adapted: sessions of futures; the limit of 20 sessions is ours.",
    params_type=Rsi2CumulativeParams,
    axes={
        "sum_below": (10.0, 20.0, 35.0, 50.0),
        "exit_above": (50.0, 65.0, 75.0),
        "trend_sessions": (100, 200),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="rsi",
)
