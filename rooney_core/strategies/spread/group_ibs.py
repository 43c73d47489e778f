"""The weakest and the strongest close of a product group. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rooney_core.indicators import internal_bar_strength
from rooney_core.strategies.conditions import all_of, at_least, at_most, known
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.spread.beside import peer_prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams

SMALLEST_GROUP: Final = 3
"""Of two, one is always the weakest: that is no selection."""


class SpreadGroupIbsParams(VariantParams):
    """`ranks`: long among so many lowest, short among so many highest; the group must be twice as
    large, and three at the least. `max_bars`: sessions held."""

    ranks: Annotated[int, Field(ge=1, le=5)] = 1
    max_bars: MaxBars = 1

    @property
    def lookback_sessions(self) -> int:
        """The session itself."""
        return 1


def _ranks(prices: Prices) -> tuple[npt.NDArray[np.int64], ...]:
    """(members, not above, not below): of the group's known IBS, our own counted in each."""
    own = prices.daily.ibs
    known = (~np.isnan(own)).astype(np.int64)
    members, not_above, not_below = known.copy(), known.copy(), known.copy()
    for symbol in prices.peers:
        beside = None if symbol == prices.instrument.symbol else peer_prices(prices, symbol)
        if beside is None:
            continue
        ibs = internal_bar_strength(beside["high"], beside["low"], beside["close"])
        # What is unknown compares as False, so it is in none of the counts.
        members += ~np.isnan(ibs)
        not_above += ibs <= own
        not_below += ibs >= own
    return members, not_above, not_below


def _rule(prices: Prices, params: SpreadGroupIbsParams) -> Signals:
    members, not_above, not_below = prices.once("spread.ranks", lambda: _ranks(prices))
    comparable = (
        known("IBS", prices.daily.ibs),
        at_least("members of the group", members, max(SMALLEST_GROUP, 2 * params.ranks)),
    )
    # Equals share the worse rank: a tie is never the weakest or the strongest alone.
    weak = at_most("rank of its IBS from the lowest", not_above, params.ranks, "ranks")
    strong = at_most("rank of its IBS from the highest", not_below, params.ranks, "ranks")
    lowest = all_of(prices, *comparable, weak)
    highest = all_of(prices, *comparable, strong, side=-1)
    return daily_signals(
        prices,
        enter=lowest.astype(np.int8) - highest.astype(np.int8),
        leave=np.zeros(len(lowest), np.bool_),
        max_bars=params.max_bars,
    )


SPREAD_GROUP_IBS = Variant(
    name="spread_group_ibs",
    summary="Long one session the product group's lowest IBS, short its highest.",
    source="Catalogue H03: a report on country ETFs (arXiv 2306.12434). Within the instrument's "
    "product group instead of index futures alone; every second session at the most, as a position "
    "is closed before the next is opened.",
    params_type=SpreadGroupIbsParams,
    axes={"ranks": (1, 2), "max_bars": (1, 2, 3)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    sides=(1, -1),
    peers="group",
    family="spread",
)
