"""Breakout above a long Bollinger band. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.indicators import bollinger_bands
from rooney_core.indicators.arrays import FloatArray
from rooney_core.strategies.conditions import above, all_of
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class TrendBandBreakoutParams(VariantParams):
    """`mean_sessions`: window of mean and deviation. `deviations`: how far above to enter."""

    mean_sessions: Annotated[int, Field(ge=2, le=400)] = 350
    deviations: Annotated[float, Field(gt=0, le=10)] = 2.5
    max_bars: MaxBars = 500

    @property
    def lookback_sessions(self) -> int:
        """The window."""
        return self.mean_sessions


def _mean_and_deviation(prices: Prices, n: int) -> tuple[FloatArray, FloatArray]:
    def compute() -> tuple[FloatArray, FloatArray]:
        upper, middle, _ = bollinger_bands(prices.sessions.close, n, 1.0)
        return middle, upper - middle

    return prices.once("trend.mean_and_deviation", compute, n)


def _rule(prices: Prices, params: TrendBandBreakoutParams) -> Signals:
    close = prices.sessions.close
    mean, deviation = _mean_and_deviation(prices, params.mean_sessions)
    band = mean + params.deviations * deviation
    return daily_signals(
        prices,
        enter=all_of(prices, above("close", close, band, "the upper band")),
        leave=close < mean,
        max_bars=params.max_bars,
    )


TREND_BAND_BREAKOUT = Variant(
    name="trend_band_breakout",
    summary="Long after a close 2.5 deviations above the mean of 350 sessions, until one below "
    "the mean.",
    source="Catalogue D09: Faith, Way of the Turtle (2007), chapter 10, Bollinger breakout. Long "
    "side.",
    params_type=TrendBandBreakoutParams,
    axes={"mean_sessions": (50, 100, 200, 350), "deviations": (1.0, 1.5, 2.0, 2.5)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="trend",
)
