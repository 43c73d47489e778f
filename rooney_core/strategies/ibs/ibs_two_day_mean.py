"""IBS averaged over two sessions. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.strategies.conditions import all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.ibs.ibs_daily import IbsDailyParams
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.variant import Signals, Variant


class IbsTwoDayMeanParams(IbsDailyParams):
    """`entry_below`, `exit_above`: mean strength of the last two sessions, both exclusive."""

    entry_below: Annotated[float, Field(gt=0, le=0.5)] = 0.25
    exit_above: Annotated[float, Field(gt=0, lt=1)] = 0.75

    @property
    def lookback_sessions(self) -> int:
        """The session and the one before it."""
        return 2


def _rule(prices: Prices, params: IbsTwoDayMeanParams) -> Signals:
    mean = prices.once(
        "ibs_two_day_mean", lambda: (prices.daily.ibs + earlier(prices.daily.ibs)) / 2.0
    )
    return daily_signals(
        prices,
        enter=all_of(
            prices, below("mean IBS of two sessions", mean, params.entry_below, "entry_below")
        ),
        leave=mean > params.exit_above,
        max_bars=params.max_bars,
    )


IBS_TWO_DAY_MEAN = Variant(
    name="ibs_two_day_mean",
    summary="Long after two sessions that closed low on average, until two closed high.",
    source="Catalogue A07, a standard rule. Adapted: sessions of futures; the limit of five "
    "sessions is that of the daily rule.",
    params_type=IbsTwoDayMeanParams,
    axes={
        "entry_below": (0.15, 0.2, 0.25, 0.3, 0.35),
        "exit_above": (0.6, 0.65, 0.7, 0.75, 0.85),
        "max_bars": (3, 5, 10),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
)
