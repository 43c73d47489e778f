"""Donchian breakouts, the Turtles' two systems, long side. Facts only; behaviour is in `variant`.

The Turtles skipped a breakout of the fast system after a winning one, and added to winners: both
need to know past trades, which a rule does not, and are left out.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rooney_core.indicators import donchian_channel
from rooney_core.indicators.arrays import FloatArray
from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import above, all_of
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams

RANGE_SESSIONS: Final = 20
"""The Turtles' N: Wilder's average of the true range over so many sessions."""


class TrendDonchianFastParams(VariantParams):
    """`entry_sessions`: close above the highest high of so many sessions before.

    `exit_sessions`: close below the lowest low of so many. `stop_ranges`: distance of the stop, in
    average true ranges of 20 sessions.
    """

    entry_sessions: Annotated[int, Field(ge=2, le=300)] = 20
    exit_sessions: Annotated[int, Field(ge=2, le=300)] = 10
    stop_ranges: Annotated[float, Field(gt=0, le=20)] = 2.0
    max_bars: MaxBars = 500

    @property
    def lookback_sessions(self) -> int:
        """The longer channel and the session after it, or the true range's memory."""
        channel = max(self.entry_sessions, self.exit_sessions) + 1
        return max(channel, memory_of(RANGE_SESSIONS))


class TrendDonchianSlowParams(TrendDonchianFastParams):
    """The same with the slow system's channels."""

    entry_sessions: Annotated[int, Field(ge=2, le=300)] = 55
    exit_sessions: Annotated[int, Field(ge=2, le=300)] = 20


def _channel_before(prices: Prices, n: int) -> tuple[FloatArray, FloatArray]:
    """Highest high and lowest low of the n sessions before each."""

    def compute() -> tuple[FloatArray, FloatArray]:
        upper, lower = donchian_channel(prices.sessions.high, prices.sessions.low, n)
        return earlier(upper), earlier(lower)

    return prices.once("trend.channel_before", compute, n)


def _rule(prices: Prices, params: TrendDonchianFastParams) -> Signals:
    close = prices.sessions.close
    upper, _ = _channel_before(prices, params.entry_sessions)
    _, lower = _channel_before(prices, params.exit_sessions)
    highest = f"the highest high of {params.entry_sessions} sessions before"
    return daily_signals(
        prices,
        enter=all_of(prices, above("close", close, upper, highest)),
        leave=close < lower,
        max_bars=params.max_bars,
        stop_distance=params.stop_ranges * prices.daily.average_true_range(RANGE_SESSIONS),
    )


TREND_DONCHIAN_FAST = Variant(
    name="trend_donchian_fast",
    summary="Long after a close above the highest high of 20 sessions, until one below the lowest "
    "low of 10, behind a stop of two average ranges.",
    source="Catalogue D01: pages on the Turtles' system 1 (Faith, Way of the Turtle, 2007). Entry "
    "at the next session's opening instead of on the touch; no pyramids, no skipped breakout.",
    params_type=TrendDonchianFastParams,
    axes={
        "entry_sessions": (10, 20, 30, 40),
        "exit_sessions": (5, 10, 20),
        "stop_ranges": (1.5, 2.0, 3.0),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="trend",
)

TREND_DONCHIAN_SLOW = Variant(
    name="trend_donchian_slow",
    summary="Long after a close above the highest high of 55 sessions, until one below the lowest "
    "low of 20, behind a stop of two average ranges.",
    source="Catalogue D02: pages on the Turtles' system 2 (Faith, Way of the Turtle, 2007). Entry "
    "at the next session's opening instead of on the touch; no pyramids.",
    params_type=TrendDonchianSlowParams,
    axes={
        "entry_sessions": (40, 55, 80),
        "exit_sessions": (10, 20, 30),
        "stop_ranges": (1.5, 2.0, 3.0),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="trend",
)
