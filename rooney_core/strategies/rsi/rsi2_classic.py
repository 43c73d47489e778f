"""RSI of two sessions in an upward trend. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import above, all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class Rsi2ClassicParams(VariantParams):
    """`entry_below`: RSI of two sessions, in [0, 100], exclusive.

    `trend_sessions`: enter only above the mean close of so many sessions. `exit_sessions`: leave
    above the mean close of so many.
    """

    entry_below: Annotated[float, Field(gt=0, lt=100)] = 5.0
    trend_sessions: Annotated[int, Field(ge=2, le=500)] = 200
    exit_sessions: Annotated[int, Field(ge=2, le=100)] = 5
    max_bars: MaxBars = 20

    @property
    def lookback_sessions(self) -> int:
        """The longest of the RSI's memory and the means."""
        return max(memory_of(2), self.trend_sessions, self.exit_sessions)


def _rule(prices: Prices, params: Rsi2ClassicParams) -> Signals:
    daily = prices.daily
    trend = daily.mean_close(params.trend_sessions)
    enter = all_of(
        prices,
        above("close", daily.close, trend, f"its {params.trend_sessions}-session mean"),
        below("RSI(2)", daily.relative_strength(2), params.entry_below, "entry_below"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=daily.close > daily.mean_close(params.exit_sessions),
        max_bars=params.max_bars,
    )


RSI2_CLASSIC = Variant(
    name="rsi2_classic",
    summary="Long after a sharp fall in an upward trend, until a close above the short mean.",
    source="Catalogue B01: Connors & Alvarez, Short Term Trading Strategies That Work (2009). "
    "Adapted: sessions of futures; the limit of 20 sessions is ours.",
    params_type=Rsi2ClassicParams,
    axes={
        "entry_below": (2.0, 5.0, 10.0, 15.0),
        "trend_sessions": (100, 150, 200),
        "exit_sessions": (3, 5, 10),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="rsi",
)
