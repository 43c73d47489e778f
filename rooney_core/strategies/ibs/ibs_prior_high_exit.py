"""IBS on sessions, until a close above the high before. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.strategies.conditions import all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class IbsPriorHighExitParams(VariantParams):
    """`entry_below`: internal bar strength of the session, exclusive."""

    entry_below: Annotated[float, Field(gt=0, le=0.5)] = 0.1
    max_bars: MaxBars = 10

    @property
    def lookback_sessions(self) -> int:
        """The session and the one before it."""
        return 2


def _rule(prices: Prices, params: IbsPriorHighExitParams) -> Signals:
    return daily_signals(
        prices,
        enter=all_of(prices, below("IBS", prices.daily.ibs, params.entry_below, "entry_below")),
        leave=prices.daily.close > earlier(prices.sessions.high),
        max_bars=params.max_bars,
    )


IBS_PRIOR_HIGH_EXIT = Variant(
    name="ibs_prior_high_exit",
    summary="Long after a session that closed near its low, until a close above the high of the "
    "session before.",
    source="Catalogue A05: systemtradersuccess (2016), on QQQ. Adapted: sessions of futures; the "
    "limit of sessions held is ours, the source waits for ever.",
    params_type=IbsPriorHighExitParams,
    axes={"entry_below": (0.05, 0.1, 0.15, 0.2, 0.25, 0.3), "max_bars": (3, 5, 7, 10, 15)},
    rule=_rule,
    timeframe="session",
    overnight=True,
)
