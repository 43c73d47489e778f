"""ADX: trends that are strong and point upward. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.indicators.arrays import FloatArray
from rooney_core.indicators.bounded import bounded_average_directional_index, memory_of
from rooney_core.strategies.conditions import above, all_of
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class TrendAdxParams(VariantParams):
    """`adx_above`: least strength of the trend, in [0, 100]. `period`: Wilder's, in sessions."""

    adx_above: Annotated[float, Field(ge=0, lt=100)] = 25.0
    period: Annotated[int, Field(ge=2, le=50)] = 14
    max_bars: MaxBars = 500

    @property
    def lookback_sessions(self) -> int:
        """What an index that is smoothed twice remembers."""
        return memory_of(self.period, smoothings=2)


def _directions(prices: Prices, period: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    def compute() -> tuple[FloatArray, FloatArray, FloatArray]:
        view, memory = prices.sessions, memory_of(period, smoothings=2)
        return bounded_average_directional_index(view.high, view.low, view.close, period, memory)

    return prices.once("trend.directions", compute, period)


def _rule(prices: Prices, params: TrendAdxParams) -> Signals:
    strength, up, down = _directions(prices, params.period)
    enter = all_of(
        prices,
        above("ADX", strength, params.adx_above, "adx_above"),
        above("+DI", up, down, "-DI"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=down > up,
        max_bars=params.max_bars,
    )


TREND_ADX = Variant(
    name="trend_adx",
    summary="Long when the ADX exceeds 25 and +DI is above -DI, until -DI is above +DI.",
    source="Catalogue D08: a standard rule after Wilder, New Concepts (1978). Long side; the "
    "averages forget what is more than 13 periods old.",
    params_type=TrendAdxParams,
    axes={"adx_above": (15.0, 20.0, 25.0, 30.0), "period": (10, 14, 20)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="trend",
)
