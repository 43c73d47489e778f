"""RSI of two sessions that fell three times (R3). Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import Condition, above, all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams

FIRST_BELOW: Final = 60.0


class Rsi2ThreeFallsParams(VariantParams):
    """`entry_below`, `exit_above`: RSI of two sessions, in [0, 100], both exclusive.

    `trend_sessions`: enter only above the mean close of so many sessions.
    """

    entry_below: Annotated[float, Field(gt=0, lt=100)] = 10.0
    exit_above: Annotated[float, Field(gt=0, lt=100)] = 70.0
    trend_sessions: Annotated[int, Field(ge=2, le=500)] = 200
    max_bars: MaxBars = 20

    @property
    def lookback_sessions(self) -> int:
        """The longer of the trend's window, and the memory of the RSI three sessions before."""
        return max(memory_of(2) + 3, self.trend_sessions)


def _three_falls(prices: Prices) -> tuple[Condition, ...]:
    now = prices.daily.relative_strength(2)
    one, two, three = (earlier(now, n) for n in (1, 2, 3))
    return (
        below("RSI(2)", now, one, "that of the session before"),
        below("RSI(2) of the session before", one, two, "that of two before"),
        below("RSI(2) of two sessions before", two, three, "that of three before"),
        below("RSI(2) of three sessions before", three, FIRST_BELOW),
    )


def _rule(prices: Prices, params: Rsi2ThreeFallsParams) -> Signals:
    daily = prices.daily
    strength = daily.relative_strength(2)
    falls = prices.once("rsi2_three_falls.falls", lambda: _three_falls(prices))
    trend = daily.mean_close(params.trend_sessions)
    enter = all_of(
        prices,
        above("close", daily.close, trend, f"its {params.trend_sessions}-session mean"),
        *falls,
        below("RSI(2)", strength, params.entry_below, "entry_below"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=strength > params.exit_above,
        max_bars=params.max_bars,
    )


RSI2_THREE_FALLS = Variant(
    name="rsi2_three_falls",
    summary="Long after the RSI of two sessions fell three times from below 60 in an upward trend, "
    "until it has recovered.",
    source="Catalogue B04: Connors & Alvarez, High Probability ETF Trading (2009), where it is "
    "called R3. Adapted: sessions of futures; the limit of 20 sessions is ours.",
    params_type=Rsi2ThreeFallsParams,
    axes={
        "entry_below": (5.0, 10.0, 15.0),
        "exit_above": (60.0, 70.0, 80.0),
        "trend_sessions": (100, 200),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="rsi",
)
