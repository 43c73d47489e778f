"""Several lower closes in a row in an upward trend. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.indicators import streak
from rooney_core.strategies.conditions import above, all_of, at_most
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class FallingClosesParams(VariantParams):
    """`falls`: closes in a row below the one before, at least.

    `trend_sessions`: enter only above the mean close of so many sessions. `exit_sessions`: leave
    above the mean close of so many.
    """

    falls: Annotated[int, Field(ge=1, le=20)] = 3
    trend_sessions: Annotated[int, Field(ge=2, le=500)] = 200
    exit_sessions: Annotated[int, Field(ge=2, le=100)] = 5
    max_bars: MaxBars = 20

    @property
    def lookback_sessions(self) -> int:
        """The longest of the falls, with the close before them, and the means."""
        return max(self.falls + 1, self.trend_sessions, self.exit_sessions)


def _rule(prices: Prices, params: FallingClosesParams) -> Signals:
    daily, falls = prices.daily, params.falls
    run = prices.once("meanrev_falling_closes", lambda: streak(daily.close, falls), falls)
    trend = daily.mean_close(params.trend_sessions)
    enter = all_of(
        prices,
        above("close", daily.close, trend, f"its {params.trend_sessions}-session mean"),
        at_most("streak of closes (below 0: falling)", run, -falls, "minus falls"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=daily.close > daily.mean_close(params.exit_sessions),
        max_bars=params.max_bars,
    )


MEANREV_FALLING_CLOSES = Variant(
    name="meanrev_falling_closes",
    summary="Long after several lower closes in an upward trend, until a close above the short "
    "mean.",
    source="Catalogue C06, a standard rule after Connors & Alvarez (2009). Adapted: sessions of "
    "futures; the limit of 20 sessions is ours.",
    params_type=FallingClosesParams,
    axes={
        "falls": (2, 3, 4, 5),
        "trend_sessions": (100, 200),
        "exit_sessions": (3, 5, 10),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="meanrev",
)
