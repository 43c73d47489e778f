"""IBS filtered: the baseline after wide bars in an upward trend only. Facts only; behaviour is in
`variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.strategies.conditions import above, all_of, below
from rooney_core.strategies.ibs.ibs_baseline import IbsBaselineParams
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import BoolArray, Signals, Variant, long_only


class IbsFilteredParams(IbsBaselineParams):
    """Two filters on the entry, over the same window.

    `trend_bars`: enter only where the adjusted close is above its mean of so many bars.
    `range_above`: and only after a bar whose range exceeds so many mean true ranges.
    """

    trend_bars: Annotated[int, Field(ge=2, le=1000)] = 200
    range_above: Annotated[float, Field(ge=0, le=10)] = 1.0

    @property
    def lookback(self) -> int:
        """The window, and one close before it."""
        return self.trend_bars + 1


def _enter(prices: Prices, entry_below: float, trend_bars: int, range_above: float) -> BoolArray:
    wide = range_above * prices.mean_true_range(trend_bars)
    return all_of(
        prices,
        below("IBS", prices.ibs, entry_below, "entry_below"),
        above("close", prices.close, prices.mean_close(trend_bars), f"its {trend_bars}-bar mean"),
        above("range", prices.spread, wide, "range_above mean true ranges"),
    )


def _rule(prices: Prices, params: IbsFilteredParams) -> Signals:
    entry = params.entry_below, params.trend_bars, params.range_above
    above = params.exit_above
    return long_only(
        enter=prices.once("ibs_filtered.enter", lambda: _enter(prices, *entry), *entry),
        leave=prices.once("ibs.leave", lambda: prices.ibs > above, above),
        max_bars=params.max_bars,
    )


IBS_FILTERED = Variant(
    name="ibs_filtered",
    summary="The baseline, entered only above the long moving average and after a wide bar.",
    source="Catalogue A02 (trend, a standard filter after Connors & Alvarez 2009) and A03 (wide "
    "bars: Pagonidis, The IBS Effect, 2013, finds the effect stronger after them). Adapted: both "
    "filters in one rule, on hourly bars; the plain mean of true ranges holds the bar itself; flat "
    "by the flat time.",
    params_type=IbsFilteredParams,
    axes={
        "entry_below": (0.1, 0.15, 0.2, 0.25, 0.3),
        "exit_above": (0.6, 0.7, 0.8, 0.9),
        "max_bars": (6, 12),
        "trend_bars": (50, 100, 200),
        "range_above": (0.5, 0.75, 1.0, 1.25, 1.5),
    },
    rule=_rule,
)
