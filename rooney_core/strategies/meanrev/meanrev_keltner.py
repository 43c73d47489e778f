"""Below the lower Keltner line. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class KeltnerReversionParams(VariantParams):
    """`channel_sessions`: period of the exponential mean and of the average true range.

    `ranges`: distance of the lower line from the mean, in average true ranges.
    """

    channel_sessions: Annotated[int, Field(ge=2, le=100)] = 20
    ranges: Annotated[float, Field(gt=0, le=10)] = 2.0
    max_bars: MaxBars = 20

    @property
    def lookback_sessions(self) -> int:
        """The memory of mean and range."""
        return memory_of(self.channel_sessions)


def _rule(prices: Prices, params: KeltnerReversionParams) -> Signals:
    daily, n = prices.daily, params.channel_sessions
    middle = daily.exponential_mean_close(n)
    line = middle - params.ranges * daily.average_true_range(n)
    return daily_signals(
        prices,
        enter=all_of(prices, below("close", daily.close, line, "the lower Keltner line")),
        leave=daily.close > middle,
        max_bars=params.max_bars,
    )


MEANREV_KELTNER = Variant(
    name="meanrev_keltner",
    summary="Long after a close some average ranges below the exponential mean, until one above "
    "it.",
    source="Catalogue C09, a standard rule on Keltner's channel. Adapted: sessions of futures; "
    "mean and range forget what is older than ten periods; the limit of 20 sessions is ours.",
    params_type=KeltnerReversionParams,
    axes={
        "channel_sessions": (10, 20, 30),
        "ranges": (1.0, 1.5, 2.0, 2.5, 3.0),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="meanrev",
)
