"""IBS and a short RSI on sessions, both low. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.ibs.ibs_daily import IbsDailyParams
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import Signals, Variant


class IbsRsiConfluenceParams(IbsDailyParams):
    """`rsi_below`: Wilder's RSI of `rsi_sessions`, in [0, 100], exclusive."""

    entry_below: Annotated[float, Field(gt=0, le=0.5)] = 0.3
    rsi_sessions: Annotated[int, Field(ge=2, le=50)] = 3
    rsi_below: Annotated[float, Field(gt=0, lt=100)] = 20.0

    @property
    def lookback_sessions(self) -> int:
        """The RSI's memory."""
        return memory_of(self.rsi_sessions)


def _rule(prices: Prices, params: IbsRsiConfluenceParams) -> Signals:
    daily = prices.daily
    strength = daily.relative_strength(params.rsi_sessions)
    enter = all_of(
        prices,
        below("IBS", daily.ibs, params.entry_below, "entry_below"),
        below(f"RSI({params.rsi_sessions})", strength, params.rsi_below, "rsi_below"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=daily.ibs > params.exit_above,
        max_bars=params.max_bars,
    )


IBS_RSI_CONFLUENCE = Variant(
    name="ibs_rsi_confluence",
    summary="The daily rule, entered only where a short RSI is low as well.",
    source="Catalogue A06: qusma blog, RSI(3) with and without an IBS filter. Adapted: sessions of "
    "futures; exit level and the limit of five sessions are those of the daily rule.",
    params_type=IbsRsiConfluenceParams,
    axes={
        "entry_below": (0.2, 0.25, 0.3, 0.4),
        "exit_above": (0.6, 0.7, 0.8),
        "rsi_sessions": (2, 3, 4),
        "rsi_below": (10.0, 20.0, 30.0),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
)
