"""RSI of two sessions, mirrored: sell a sharp rise in a downward trend. Facts only; behaviour is
in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import above, all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class Rsi2ShortParams(VariantParams):
    """`entry_above`: RSI of two sessions, in [0, 100], exclusive.

    `trend_sessions`: enter only below the mean close of so many sessions. `exit_sessions`: leave
    below the mean close of so many.
    """

    entry_above: Annotated[float, Field(gt=0, lt=100)] = 95.0
    trend_sessions: Annotated[int, Field(ge=2, le=500)] = 200
    exit_sessions: Annotated[int, Field(ge=2, le=100)] = 5
    max_bars: MaxBars = 20

    @property
    def lookback_sessions(self) -> int:
        """The longest of the RSI's memory and the means."""
        return max(memory_of(2), self.trend_sessions, self.exit_sessions)


def _rule(prices: Prices, params: Rsi2ShortParams) -> Signals:
    daily = prices.daily
    trend = daily.mean_close(params.trend_sessions)
    enter = all_of(
        prices,
        below("close", daily.close, trend, f"its {params.trend_sessions}-session mean"),
        above("RSI(2)", daily.relative_strength(2), params.entry_above, "entry_above"),
        side=-1,
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=daily.close < daily.mean_close(params.exit_sessions),
        max_bars=params.max_bars,
        side=-1,
    )


RSI2_SHORT = Variant(
    name="rsi2_short",
    summary="Short after a sharp rise in a downward trend, until a close below the short mean.",
    source="Catalogue B05, the mirror image of Connors & Alvarez (2009). Adapted: sessions of "
    "futures; the limit of 20 sessions is ours.",
    params_type=Rsi2ShortParams,
    axes={
        "entry_above": (85.0, 90.0, 95.0),
        "trend_sessions": (100, 200),
        "exit_sessions": (3, 5, 10),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    sides=(-1,),
    family="rsi",
)
