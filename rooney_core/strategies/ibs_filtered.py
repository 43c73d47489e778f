"""IBS filtered: the baseline in an upward trend only. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.strategies.ibs_baseline import IbsBaselineParams
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import Signals, Variant, long_only


class IbsFilteredParams(IbsBaselineParams):
    """`trend_bars`: longs only where the adjusted close is above its mean of so many bars."""

    trend_bars: Annotated[int, Field(ge=2, le=1000)] = 200

    @property
    def lookback(self) -> int:
        """The trend's window."""
        return self.trend_bars


def _rule(prices: Prices, params: IbsFilteredParams) -> Signals:
    rising = prices.close > prices.mean_close(params.trend_bars)
    return long_only(
        enter=(prices.ibs < params.entry_below) & rising,
        leave=prices.ibs > params.exit_above,
        max_bars=params.max_bars,
        stop_distance=prices.nothing,
    )


IBS_FILTERED = Variant(
    name="ibs_filtered",
    summary="The baseline, entered only while the close is above its long moving average.",
    source="Catalogue A02, a standard filter after Connors & Alvarez (2009); entry after "
    "Pagonidis, The IBS Effect (2013).",
    params_type=IbsFilteredParams,
    axes={
        "entry_below": (0.1, 0.15, 0.2),
        "exit_above": (0.6, 0.75),
        "max_bars": (6, 12),
        "trend_bars": (100, 200),
    },
    rule=_rule,
)
