"""MACD above its signal line. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rooney_core.indicators.arrays import FloatArray
from rooney_core.indicators.bounded import bounded_macd, memory_of
from rooney_core.strategies.conditions import above, all_of
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams

FAST_SESSIONS: Final = 12
SLOW_SESSIONS: Final = 26


class TrendMacdCrossParams(VariantParams):
    """`signal_sessions`: period of the signal line, an exponential average of the MACD."""

    signal_sessions: Annotated[int, Field(ge=2, le=26)] = 9
    max_bars: MaxBars = 500

    @property
    def lookback_sessions(self) -> int:
        """What the slow average remembers; the others forget sooner."""
        return memory_of(SLOW_SESSIONS)


def _histogram(prices: Prices, signal_sessions: int) -> FloatArray:
    def compute() -> FloatArray:
        close, memory = prices.sessions.close, memory_of(SLOW_SESSIONS)
        return bounded_macd(close, FAST_SESSIONS, SLOW_SESSIONS, signal_sessions, memory)[2]

    return prices.once("trend.macd_histogram", compute, signal_sessions)


def _rule(prices: Prices, params: TrendMacdCrossParams) -> Signals:
    histogram = _histogram(prices, params.signal_sessions)
    enter = all_of(prices, above("MACD minus its signal line", histogram, 0.0))
    return daily_signals(prices, enter=enter, leave=histogram < 0.0, max_bars=params.max_bars)


TREND_MACD_CROSS = Variant(
    name="trend_macd_cross",
    summary="Long while MACD(12, 26) is above its signal line.",
    source="Catalogue D05: a standard rule after Appel. Long side; the averages forget what is "
    "more than 260 sessions old.",
    params_type=TrendMacdCrossParams,
    axes={"signal_sessions": (5, 7, 9, 12, 15)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="trend",
)
