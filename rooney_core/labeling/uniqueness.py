"""How much of a label is its own, when the spans of labels overlap?

Belongs here: concurrency of spans and the weights made of it. Does not belong here: weights by
size of return (Lopez de Prado 2018, 4.10), which are stated to be left out. A model fitted with
them estimates a share of money, and what comes out is no probability that could be calibrated or
compared with a threshold; a rare huge win would rule a small training set; and size is not lost,
because the search and the threshold are scored by the Sharpe of returns.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rooney_core.errors import InputError


def average_uniqueness(
    first_bar: npt.ArrayLike, last_bar: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Mean of 1 / concurrency over the bars of each closed span, f8[n] in (0, 1].

    `first_bar`, `last_bar`: bar numbers i8[n], both inclusive. Concurrency of a bar is the number
    of spans that hold it. Lopez de Prado, Advances in Financial Machine Learning (2018), 4.3-4.4.
    A strategy that holds one position at a time shares at most the bars where one trade ends and
    the next is signalled, so its weights are close to 1.

    Raises InputError for negative bars or a span that ends before it starts.
    """
    first, last = np.asarray(first_bar, dtype=np.int64), np.asarray(last_bar, dtype=np.int64)
    if len(first) == 0:
        return np.empty(0)
    if first.min() < 0 or np.any(last < first):
        raise InputError("Label spans need 0 <= first bar <= last bar; check the trades' indices.")
    changes = np.zeros(last.max() + 2, dtype=np.int64)
    np.add.at(changes, first, 1)
    np.add.at(changes, last + 1, -1)
    concurrency = np.cumsum(changes)[:-1]
    shares = np.divide(1.0, concurrency, out=np.zeros(len(concurrency)), where=concurrency > 0)
    sums = np.concatenate(([0.0], np.cumsum(shares)))
    uniqueness: npt.NDArray[np.float64] = (sums[last + 1] - sums[first]) / (last - first + 1)
    return uniqueness
