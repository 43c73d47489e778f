"""Full coverage or no trade: which features have to be known before an approved entry may be sent.

Belongs here: the rule that a trader and its replay share. Does not belong here: counting over many
rows (`features.coverage`), or the model, which was trained on rows with gaps and gives a number for
one all the same. The rule belongs to the portfolio: the model's word, and with it the virtual trade
and what training and evaluation see, are the same with it and without.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from rooney_core.features import FeedNames, feature_names
from rooney_core.features.pair import PAIR_FEATURES
from rooney_core.features.prior_trades import PRIOR_TRADE_FEATURES


@cache
def required_features(names: FeedNames) -> tuple[str, ...]:
    """Features of a symbol that have to be known, in the model's order.

    Without a partner nobody delivers those of the pair: the model never knew them, in training
    neither. And a strategy that has not traded lately has no prior trades, which is a fact and no
    gap. Every other feature is made of bars, and unknown only where these are missing.
    """
    free = {one.name for one in PRIOR_TRADE_FEATURES}
    free |= {one.name for one in PAIR_FEATURES} if names.partner is None else set()
    return tuple(one for one in feature_names(names) if one not in free)


@cache
def _required_columns(names: FeedNames) -> npt.NDArray[np.intp]:
    every, wanted = feature_names(names), set(required_features(names))
    return np.array([at for at, one in enumerate(every) if one in wanted], dtype=np.intp)


def n_missing_required(values: npt.NDArray[np.float64], names: FeedNames) -> npt.NDArray[np.int64]:
    """How many required features each row lacks, i8[n]; `values` f8[n, n_features], NaN unknown.

    Columns are `feature_names(names)`.
    """
    unknown = ~np.isfinite(values[:, _required_columns(names)])
    return np.asarray(unknown.sum(axis=1), dtype=np.int64)
