"""IBS adaptive exit: wait longer in wild markets, behind a stop. Facts only; behaviour is in
`variant`."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from rooney_core.indicators.arrays import FloatArray
from rooney_core.strategies.conditions import above, all_of, below, known
from rooney_core.strategies.ibs.ibs_baseline import IbsBaselineParams
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import BoolArray, Signals, Variant, long_only

# The exit level stays where a bar can reach it and the trade still makes sense.
LOWEST_EXIT, HIGHEST_EXIT = 0.5, 0.95
SLOW_WINDOWS = 5


class IbsAdaptiveExitParams(IbsBaselineParams):
    """The exit level rises with the ratio of recent to usual range.

    `range_bars`: window of the recent mean true range; the usual one is five times as long.
    `adaptation`: exit level added when the recent range is twice the usual. `stop_ranges`:
    distance of the stop, in recent mean true ranges.
    """

    exit_above: Annotated[float, Field(gt=0, lt=1)] = 0.7
    range_bars: Annotated[int, Field(ge=2, le=200)] = 20
    adaptation: Annotated[float, Field(ge=0, le=1)] = 0.2
    stop_ranges: Annotated[float, Field(gt=0, le=20)] = 3.0

    @property
    def lookback(self) -> int:
        """The usual range's window, and one close before it."""
        return SLOW_WINDOWS * self.range_bars + 1


def _ratio(prices: Prices, range_bars: int) -> FloatArray:
    usual = prices.mean_true_range(SLOW_WINDOWS * range_bars)
    # A market without any range has no usual one; there is nothing to enter or to leave then.
    return prices.mean_true_range(range_bars) / np.where(usual > 0.0, usual, np.nan)


def _enter(prices: Prices, entry_below: float, range_bars: int) -> BoolArray:
    return all_of(
        prices,
        below("IBS", prices.ibs, entry_below, "entry_below"),
        above("mean true range", prices.mean_true_range(range_bars), 0.0),
        known("ratio of recent to usual range", _ratio(prices, range_bars)),
    )


def _leave(prices: Prices, exit_above: float, adaptation: float, range_bars: int) -> BoolArray:
    level = exit_above + adaptation * (_ratio(prices, range_bars) - 1.0)
    return prices.ibs > np.clip(level, LOWEST_EXIT, HIGHEST_EXIT)


def _rule(prices: Prices, params: IbsAdaptiveExitParams) -> Signals:
    n = params.range_bars
    entry = params.entry_below, n
    leave = params.exit_above, params.adaptation, n
    ranges = params.stop_ranges
    return long_only(
        enter=prices.once("ibs_adaptive_exit.enter", lambda: _enter(prices, *entry), *entry),
        leave=prices.once("ibs_adaptive_exit.leave", lambda: _leave(prices, *leave), *leave),
        max_bars=params.max_bars,
        stop_distance=prices.once(
            "ibs_adaptive_exit.stop", lambda: ranges * prices.mean_true_range(n), ranges, n
        ),
    )


IBS_ADAPTIVE_EXIT = Variant(
    name="ibs_adaptive_exit",
    summary="The baseline with an exit level that rises with recent range, and a range stop.",
    source="Catalogue A10 (bracket in mean ranges, a standard rule). Adapted: hourly bars, flat by "
    "the flat time; only the stop is in ranges, and instead of a target the exit level adapts to "
    "them, which is our own, after Pagonidis, The IBS Effect (2013): the effect is stronger after "
    "wide ranges.",
    params_type=IbsAdaptiveExitParams,
    axes={
        "entry_below": (0.05, 0.1, 0.15, 0.2, 0.25),
        "exit_above": (0.6, 0.65, 0.7, 0.75),
        "adaptation": (0.0, 0.2, 0.4),
        "range_bars": (10, 20, 40),
        "stop_ranges": (2.0, 3.0, 4.0),
    },
    rule=_rule,
)
