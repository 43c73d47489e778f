"""The lowest close of some sessions in an upward trend, until the highest. Facts only; behaviour
is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.indicators import rolling_max, rolling_min
from rooney_core.strategies.conditions import above, all_of, equal
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class DoubleSevensParams(VariantParams):
    """`extreme_sessions`: of how many closes the last one is the lowest, or the highest.

    `trend_sessions`: enter only above the mean close of so many sessions.
    """

    extreme_sessions: Annotated[int, Field(ge=2, le=100)] = 7
    trend_sessions: Annotated[int, Field(ge=2, le=500)] = 200
    max_bars: MaxBars = 20

    @property
    def lookback_sessions(self) -> int:
        """The longer of the two windows."""
        return max(self.extreme_sessions, self.trend_sessions)


def _rule(prices: Prices, params: DoubleSevensParams) -> Signals:
    daily, n = prices.daily, params.extreme_sessions
    lowest = prices.once("daily.lowest_close", lambda: rolling_min(daily.close, n), n)
    highest = prices.once("daily.highest_close", lambda: rolling_max(daily.close, n), n)
    trend = daily.mean_close(params.trend_sessions)
    enter = all_of(
        prices,
        above("close", daily.close, trend, f"its {params.trend_sessions}-session mean"),
        equal("close", daily.close, lowest, f"the lowest of {n} closes"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=daily.close == highest,
        max_bars=params.max_bars,
    )


MEANREV_DOUBLE_SEVENS = Variant(
    name="meanrev_double_sevens",
    summary="Long after the lowest close of seven sessions in an upward trend, until the highest.",
    source="Catalogue C07: Connors & Alvarez, Short Term Trading Strategies That Work (2009). "
    "Adapted: sessions of futures; the limit of 20 sessions is ours.",
    params_type=DoubleSevensParams,
    axes={"extreme_sessions": (3, 5, 7, 9, 11), "trend_sessions": (100, 150, 200)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="meanrev",
)
