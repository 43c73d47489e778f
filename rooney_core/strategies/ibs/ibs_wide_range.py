"""IBS on sessions, after wide ones only. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import above, all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.ibs.ibs_daily import IbsDailyParams
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.variant import Signals, Variant

ATR_SESSIONS: Final = 14


class IbsWideRangeParams(IbsDailyParams):
    """`range_above`: the session's range, in average true ranges of the sessions before it."""

    range_above: Annotated[float, Field(ge=0, le=10)] = 1.0

    @property
    def lookback_sessions(self) -> int:
        """The average range's memory, and the session after it."""
        return memory_of(ATR_SESSIONS) + 1


def _rule(prices: Prices, params: IbsWideRangeParams) -> Signals:
    daily = prices.daily
    usual = earlier(daily.average_true_range(ATR_SESSIONS))
    enter = all_of(
        prices,
        below("IBS", daily.ibs, params.entry_below, "entry_below"),
        above("range", daily.spread, params.range_above * usual, "range_above average ranges"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=daily.ibs > params.exit_above,
        max_bars=params.max_bars,
    )


IBS_WIDE_RANGE = Variant(
    name="ibs_wide_range",
    summary="The daily rule, entered only after a session whose range exceeds the usual one.",
    source="Catalogue A03: Pagonidis, The IBS Effect (2013), finds the effect stronger after days "
    "of high range. Adapted: sessions of futures; the average range forgets what is older than "
    "ten periods.",
    params_type=IbsWideRangeParams,
    axes={
        "entry_below": (0.1, 0.15, 0.2, 0.25, 0.3),
        "exit_above": (0.6, 0.7, 0.8, 0.9),
        "range_above": (0.5, 0.75, 1.0, 1.25, 1.5),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
)
