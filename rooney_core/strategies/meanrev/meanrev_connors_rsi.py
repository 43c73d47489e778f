"""ConnorsRSI in an upward trend. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rooney_core.indicators import percent_rank, streak
from rooney_core.indicators.arrays import FloatArray
from rooney_core.indicators.bounded import bounded_relative_strength_index, memory_of
from rooney_core.strategies.conditions import above, all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams

PRICE_PERIOD: Final = 3
STREAK_PERIOD: Final = 2
LONGEST_STREAK: Final = 20
RANK_SESSIONS: Final = 100


class ConnorsRsiParams(VariantParams):
    """`entry_below`: ConnorsRSI(3, 2, 100), in [0, 100], exclusive.

    `trend_sessions`: enter only above the mean close of so many sessions. `exit_sessions`: leave
    above the mean close of so many.
    """

    entry_below: Annotated[float, Field(gt=0, lt=100)] = 15.0
    trend_sessions: Annotated[int, Field(ge=2, le=500)] = 200
    exit_sessions: Annotated[int, Field(ge=2, le=100)] = 5
    max_bars: MaxBars = 20

    @property
    def lookback_sessions(self) -> int:
        """The longest of what the index is made of, and the means."""
        streaks = memory_of(STREAK_PERIOD) + LONGEST_STREAK
        # A change needs a close before it, and the rank is among those before.
        ranked = RANK_SESSIONS + 2
        strength = max(memory_of(PRICE_PERIOD), streaks, ranked)
        return max(strength, self.trend_sessions, self.exit_sessions)


def _connors_rsi(prices: Prices) -> FloatArray:
    daily = prices.daily
    run = streak(daily.close, LONGEST_STREAK)
    of_run = bounded_relative_strength_index(run, STREAK_PERIOD, memory_of(STREAK_PERIOD))
    rank = 100.0 * percent_rank(daily.change, RANK_SESSIONS)
    return (daily.relative_strength(PRICE_PERIOD) + of_run + rank) / 3.0


def _rule(prices: Prices, params: ConnorsRsiParams) -> Signals:
    daily = prices.daily
    strength = prices.once("meanrev_connors_rsi", lambda: _connors_rsi(prices))
    trend = daily.mean_close(params.trend_sessions)
    enter = all_of(
        prices,
        above("close", daily.close, trend, f"its {params.trend_sessions}-session mean"),
        below("ConnorsRSI", strength, params.entry_below, "entry_below"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=daily.close > daily.mean_close(params.exit_sessions),
        max_bars=params.max_bars,
    )


MEANREV_CONNORS_RSI = Variant(
    name="meanrev_connors_rsi",
    summary="Long at a low mean of three oscillators in an upward trend, until a close above the "
    "short mean.",
    source="Catalogue C05: Connors & Alvarez, An Introduction to ConnorsRSI (2012). Adapted: "
    "sessions of futures; streaks counted up to 20, changes over the contract's own price; the "
    "limit of 20 sessions is ours.",
    params_type=ConnorsRsiParams,
    axes={
        "entry_below": (5.0, 10.0, 15.0, 20.0),
        "trend_sessions": (100, 200),
        "exit_sessions": (3, 5, 10),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="meanrev",
)
