"""IBS on sessions, while volatility is high. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rooney_core.indicators import percent_rank
from rooney_core.indicators.arrays import FloatArray
from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import all_of, at_least, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.ibs.ibs_daily import IbsDailyParams
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import Signals, Variant

ATR_SESSIONS: Final = 14
YEAR: Final = 252


class IbsHighVolatilityParams(IbsDailyParams):
    """`volatility_rank`: share of the 252 sessions before that were less volatile, inclusive."""

    volatility_rank: Annotated[float, Field(ge=0, le=1)] = 0.5

    @property
    def lookback_sessions(self) -> int:
        """The average range, and a year of those before it, the first with its own memory."""
        return memory_of(ATR_SESSIONS) + YEAR


def _volatility_rank(prices: Prices) -> FloatArray:
    daily = prices.daily
    return percent_rank(daily.average_true_range(ATR_SESSIONS) / daily.raw_close, YEAR)


def _rule(prices: Prices, params: IbsHighVolatilityParams) -> Signals:
    rank = prices.once("ibs_high_volatility.rank", lambda: _volatility_rank(prices))
    enter = all_of(
        prices,
        below("IBS", prices.daily.ibs, params.entry_below, "entry_below"),
        at_least("volatility's rank in its year", rank, params.volatility_rank, "volatility_rank"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=prices.daily.ibs > params.exit_above,
        max_bars=params.max_bars,
    )


IBS_HIGH_VOLATILITY = Variant(
    name="ibs_high_volatility",
    summary="The daily rule, entered only while the average range is high against its own year.",
    source="Catalogue A04: Pagonidis, The IBS Effect (2013), finds the effect stronger at high "
    "volatility. Adapted: average range over the contract's own price, not the adjusted one.",
    params_type=IbsHighVolatilityParams,
    axes={
        "entry_below": (0.1, 0.15, 0.2, 0.25, 0.3),
        "exit_above": (0.6, 0.7, 0.8, 0.9),
        "volatility_rank": (0.3, 0.4, 0.5, 0.6, 0.7),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
)
