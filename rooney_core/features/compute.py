"""The feature matrix of some bars of one symbol.

Belongs here: names and order of the columns, and putting own and reference features side by side.
Does not belong here: a feature's arithmetic (`own_symbol.py`, `references.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from rooney_core.errors import InputError
from rooney_core.features.declarations import FEATURES
from rooney_core.features.own_symbol import fill_rows
from rooney_core.features.references import ReferenceCloses, fill_z_scores, reference_feature_name
from rooney_core.market.bars import BarArrays


def feature_names(reference_symbols: Iterable[str]) -> tuple[str, ...]:
    """Columns of `compute_features`: own features, then one per reference, sorted by symbol."""
    return (*FEATURES, *map(reference_feature_name, sorted(set(reference_symbols))))


def compute_features(
    bars: BarArrays, indices: npt.ArrayLike, references: Mapping[str, ReferenceCloses]
) -> npt.NDArray[np.float64]:
    """Features known at the close of bars `indices`: f8[len(indices), n_features], NaN = unknown.

    Columns are `feature_names(references)`, whatever the order of the mapping. The row of bar t
    reads bars (t - MAX_LOOKBACK, t] and reference closes with known_at_us <= bar_end_us[t], so a
    window of MAX_LOOKBACK bars gives the same bits as the whole history. A reference without
    closes (empty arrays) is a column of NaN; one that is left out of the mapping has no column.

    Raises InputError for an index outside the bars.
    """
    rows = np.array(indices, dtype=np.int64, ndmin=1)
    if len(rows) and (rows.min() < 0 or rows.max() >= len(bars)):
        raise InputError(
            f"Bar index {rows.min()} to {rows.max()} arrived; 0 to {len(bars) - 1} is allowed."
        )
    out = np.empty((len(rows), len(FEATURES) + len(references)))
    fill_rows(
        rows,
        bars.bar_end_us,
        bars.session_open_us,
        bars.session_close_us,
        bars.session,
        bars.high,
        bars.low,
        bars.close,
        bars.adjustment,
        bars.volume,
        out,
    )
    bar_end_us = bars.bar_end_us[rows]
    column = np.empty(len(rows))
    for offset, symbol in enumerate(sorted(references)):
        closes = references[symbol]
        fill_z_scores(bar_end_us, closes.known_at_us, closes.close, column)
        out[:, len(FEATURES) + offset] = column
    return out
