"""The feature matrix of some bars of one symbol.

Belongs here: names and order of the columns, and putting own and other features side by side. Does
not belong here: a feature's arithmetic (`own_symbol.py`, `prior_trades.py`, `pair.py`,
`references.py`, `hourly.py`).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from rooney_core.errors import InputError
from rooney_core.features.declarations import FEATURES, Feature
from rooney_core.features.feeds import NO_FEEDS, FeedNames, Feeds
from rooney_core.features.hourly import HourlyCloses, hourly_feature
from rooney_core.features.own_symbol import fill_own
from rooney_core.features.pair import PAIR_FEATURES
from rooney_core.features.prior_trades import PRIOR_TRADE_FEATURES
from rooney_core.features.references import ReferenceCloses, daily_feature
from rooney_core.market.bars import BarArrays

IBS: Final = list(FEATURES).index("ibs")
PRIOR: Final = slice(len(FEATURES), len(FEATURES) + len(PRIOR_TRADE_FEATURES))
PAIR: Final = slice(PRIOR.stop, PRIOR.stop + len(PAIR_FEATURES))
"""Where the columns of prior trades and of the pair are; z-scores follow these."""


def declared_features(names: FeedNames) -> tuple[Feature, ...]:
    """Every column of `compute_features` with feeds of these names, as its page of facts, in order.

    Own features, prior trades, the pair, then a daily and then an hourly z-score per symbol, each
    sorted by symbol. A symbol's own name is not among `names`, so every symbol has its own list.
    """
    return (
        *FEATURES.values(),
        *PRIOR_TRADE_FEATURES,
        *PAIR_FEATURES,
        *map(daily_feature, names.daily),
        *map(hourly_feature, names.hourly),
    )


def feature_names(names: FeedNames) -> tuple[str, ...]:
    """Names of `declared_features`: the one list that training, release and live use."""
    return tuple(one.name for one in declared_features(names))


def compute_features(
    bars: BarArrays, indices: npt.ArrayLike, feeds: Feeds = NO_FEEDS
) -> npt.NDArray[np.float64]:
    """Features known at the close of bars `indices`: f8[len(indices), n_features], NaN = unknown.

    Columns are `feature_names(feeds.names)`, whatever the order of the mappings. The row of bar t
    reads bars (t - MAX_LOOKBACK, t], the prior trades that ended in the PRIOR_TRADE_BARS bars up to
    t, and of other symbols what is known at bar_end_us[t], so that a window of MAX_LOOKBACK bars
    gives the same bits as the whole history. A symbol whose series is empty is a column of NaN; one
    that is left out of `feeds` has no column.

    Raises InputError for an index outside the bars.
    """
    rows = np.array(indices, dtype=np.int64, ndmin=1)
    if len(rows) and (rows.min() < 0 or rows.max() >= len(bars)):
        raise InputError(
            f"Bar index {rows.min()} to {rows.max()} arrived; 0 to {len(bars) - 1} is allowed."
        )
    closes: list[ReferenceCloses | HourlyCloses] = [
        *(feeds.daily[one] for one in sorted(feeds.daily)),
        *(feeds.hourly[one] for one in sorted(feeds.hourly)),
    ]
    out = np.empty((len(rows), PAIR.stop + len(closes)))
    fill_own(bars, rows, out)
    out[:, PRIOR] = np.nan if feeds.trades is None else feeds.trades.at(rows)
    bar_end_us = bars.bar_end_us[rows]
    feeds.partner.fill(bar_end_us, out[:, IBS], out[:, PAIR])
    column = np.empty(len(rows))
    for offset, one in enumerate(closes, PAIR.stop):
        one.fill(bar_end_us, column)
        out[:, offset] = column
    return out
