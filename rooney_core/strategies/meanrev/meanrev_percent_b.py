"""Low in narrow Bollinger bands three sessions in a row. Facts only; behaviour is in
`variant`."""

from __future__ import annotations

from typing import Annotated, Final, Self

import numpy as np
from pydantic import Field, model_validator

from rooney_core.indicators import bollinger_bands
from rooney_core.indicators.arrays import FloatArray
from rooney_core.strategies.conditions import above, all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams

BAND_SESSIONS: Final = 5
IN_A_ROW: Final = 3


class PercentBStreakParams(VariantParams):
    """`entry_below`, `exit_above`: %b, the place of the close between the bands, both exclusive.

    0 is the lower band, 1 the upper; the bands are one deviation from the mean of five sessions.
    `trend_sessions`: enter only above the mean close of so many sessions.
    """

    entry_below: Annotated[float, Field(gt=-1, lt=1)] = 0.2
    exit_above: Annotated[float, Field(gt=0, lt=2)] = 0.8
    trend_sessions: Annotated[int, Field(ge=2, le=500)] = 200
    max_bars: MaxBars = 20

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        if self.entry_below >= self.exit_above:
            raise ValueError("entry_below must be smaller than exit_above")
        return self

    @property
    def lookback_sessions(self) -> int:
        """The longer of the trend's window, and the bands of the first of three sessions."""
        return max(self.trend_sessions, BAND_SESSIONS + IN_A_ROW - 1)


def _percent_b(prices: Prices) -> FloatArray:
    upper, _, lower = bollinger_bands(prices.daily.close, BAND_SESSIONS, 1.0)
    width = upper - lower
    return (prices.daily.close - lower) / np.where(width > 0.0, width, np.nan)


def _rule(prices: Prices, params: PercentBStreakParams) -> Signals:
    daily = prices.daily
    percent_b = prices.once("meanrev_percent_b", lambda: _percent_b(prices))
    trend = daily.mean_close(params.trend_sessions)
    low = (
        below(f"%b of {n} sessions ago", earlier(percent_b, n), params.entry_below, "entry_below")
        for n in range(IN_A_ROW)
    )
    enter = all_of(
        prices,
        above("close", daily.close, trend, f"its {params.trend_sessions}-session mean"),
        *low,
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=percent_b > params.exit_above,
        max_bars=params.max_bars,
    )


MEANREV_PERCENT_B = Variant(
    name="meanrev_percent_b",
    summary="Long after three closes low in their Bollinger bands in an upward trend, until one "
    "high in them.",
    source="Catalogue C02: Connors & Alvarez, High Probability ETF Trading (2009). Adapted: "
    "sessions of futures; the limit of 20 sessions is ours.",
    params_type=PercentBStreakParams,
    axes={
        "entry_below": (0.1, 0.2, 0.3),
        "exit_above": (0.7, 0.8, 0.9),
        "trend_sessions": (100, 200),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="meanrev",
)
