"""A random forest grown on binned features: fast enough to be grown thousands of times in a search.

Belongs here: bins, the compiled growing, and what such a forest says of other rows. Does not belong
here: a forest that is stored or trades; those are scikit-learn's (`ensemble.py`).

It follows scikit-learn's `RandomForestClassifier` (Breiman 2001; Gini; rows drawn with replacement
in proportion to their weight; features drawn anew per node until `max_features` were seen and one
of them varied; unknown values sent to whichever side splits better) in all but two points: a
threshold lies between bins (of the training rows, at most `MAX_BINS`), and the random numbers are
others. Single probabilities differ; the tests hold the ranking of configurations together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

MAX_BINS: Final = 63
"""Bins of known values per feature; code 0 is unknown."""

FloatArray = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint8]

_LEAF: Final = -1
# Below this a gain is rounding; scikit-learn's EPSILON for impurities.
_PURE: Final = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class ForestShape:
    """Depth and leaf sizes as scikit-learn's max_depth, min_samples_leaf; `n_features` per node.

    `n_drawn`: rows drawn per tree, with replacement.
    """

    n_trees: int
    max_depth: int
    leaf_rows: int
    n_features: int
    n_drawn: int


def bin_edges(features: FloatArray) -> list[FloatArray]:
    """Per column of f8[n, k], NaN = unknown: ascending upper edges (inclusive) of all bins but the
    last. A column with at most `MAX_BINS` different values has a bin for each; others have bins of
    about equal numbers of rows, with edges midway between two neighbouring values.
    """
    return [_edges(column[~np.isnan(column)]) for column in features.T]


def bin_codes(features: FloatArray, edges: list[FloatArray]) -> Codes:
    """Bin of each value, u1[k, n]: 0 for NaN, else 1 + the number of edges below it."""
    codes = np.zeros((len(edges), len(features)), dtype=np.uint8)
    for column, known_edges in enumerate(edges):
        values = features[:, column]
        known = ~np.isnan(values)
        codes[column, known] = 1 + np.searchsorted(known_edges, values[known], side="left")
    return codes


def forest_probability(
    train: Codes,
    label: npt.NDArray[np.int64],
    weight: FloatArray,
    asked: Codes,
    shape: ForestShape,
    seed: int,
) -> FloatArray:
    """Grow a forest on u1[k, n] codes, labels 0 and 1, weights > 0; its probability of label 1 for
    the columns of `asked`, u1[k, m] codes of the same edges, as f8[m]. Deterministic in `seed`.
    """
    total = np.zeros(asked.shape[1])
    cumulative = np.cumsum(weight)
    state = np.array([seed], dtype=np.uint64)
    _grow_all(
        train,
        label.astype(np.float64),
        cumulative / cumulative[-1],
        np.ascontiguousarray(asked),
        np.array(
            [shape.n_trees, shape.max_depth, shape.leaf_rows, shape.n_features, shape.n_drawn]
        ),
        state,
        total,
    )
    mean: FloatArray = total / shape.n_trees
    return mean


def _edges(known: FloatArray) -> FloatArray:
    values, counts = np.unique(known, return_counts=True)
    if len(values) <= 1:
        return np.empty(0)
    between = (values[:-1] + values[1:]) / 2
    if len(values) <= MAX_BINS:
        return between
    below = np.cumsum(counts)[:-1]
    wanted = len(known) * np.arange(1, MAX_BINS) / MAX_BINS
    nearest = np.unique(np.searchsorted(below, wanted).clip(0, len(between) - 1))
    chosen: FloatArray = between[nearest]
    return chosen


@njit(cache=True)
def _next(state):  # type: ignore[no-untyped-def]
    """SplitMix64 (Steele, Lea & Flood 2014): a 64-bit state that steps by a constant."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True)
def _uniform(state):  # type: ignore[no-untyped-def]
    """In [0, 1), 53 bits."""
    return np.float64(_next(state) >> np.uint64(11)) * 2.0**-53


@njit(cache=True)
def _grow_all(train, label, cumulative, asked, shape, state, total):  # type: ignore[no-untyped-def]
    n_trees, max_depth, leaf_rows, n_features, n_drawn = shape
    n_columns, n = train.shape
    # Every split leaves leaf_rows or more on either side.
    n_nodes = 2 * max(1, min(n, n_drawn) // max(1, leaf_rows)) + 1
    feature = np.empty(n_nodes, np.int32)
    code = np.empty(n_nodes, np.uint8)
    unknown_left = np.empty(n_nodes, np.bool_)
    left = np.empty(n_nodes, np.int32)
    value = np.empty(n_nodes, np.float64)
    begin = np.empty(n_nodes, np.int32)
    end = np.empty(n_nodes, np.int32)
    depth = np.empty(n_nodes, np.int32)
    drawn = np.empty(n, np.float64)
    wins = np.empty(n, np.float64)
    rows = np.empty(n, np.int32)
    spare = np.empty(n, np.int32)
    columns = np.arange(n_columns)
    histogram = np.empty((MAX_BINS + 1, 3))
    best = np.empty(2)
    for _ in range(n_trees):
        drawn[:] = 0.0
        for _ in range(n_drawn):
            drawn[min(np.searchsorted(cumulative, _uniform(state), side="right"), n - 1)] += 1.0
        n_rows = 0
        for row in range(n):
            wins[row] = drawn[row] * label[row]
            if drawn[row] > 0.0:
                rows[n_rows] = row
                n_rows += 1
        begin[0], end[0], depth[0] = 0, n_rows, 0
        used, node = 1, 0
        while node < used:
            first, last = begin[node], end[node]
            sum_drawn, sum_wins = 0.0, 0.0
            for at in range(first, last):
                sum_drawn += drawn[rows[at]]
                sum_wins += wins[rows[at]]
            value[node] = sum_wins / sum_drawn
            feature[node] = _LEAF
            if (
                depth[node] < max_depth
                and last - first >= 2 * leaf_rows
                and 0.0 < sum_wins < sum_drawn
            ):
                found = _best_split(
                    train, rows, first, last, drawn, wins, sum_drawn, sum_wins,
                    columns, n_features, leaf_rows, histogram, state, best,
                )  # fmt: skip
                if found >= 0:
                    feature[node], code[node], unknown_left[node] = found, best[0], best[1] > 0.0
                    middle = _partition(
                        train[found], code[node], unknown_left[node], rows, spare, first, last
                    )
                    left[node] = used
                    begin[used], end[used], depth[used] = first, middle, depth[node] + 1
                    begin[used + 1], end[used + 1], depth[used + 1] = middle, last, depth[node] + 1
                    used += 2
            node += 1
        for row in range(asked.shape[1]):
            at = 0
            while feature[at] != _LEAF:
                bin_ = asked[feature[at], row]
                goes_left = unknown_left[at] if bin_ == 0 else bin_ <= code[at]
                at = left[at] + (0 if goes_left else 1)
            total[row] += value[at]


@njit(cache=True)
def _best_split(  # type: ignore[no-untyped-def]
    train, rows, first, last, drawn, wins, sum_drawn, sum_wins,
    columns, n_features, leaf_rows, histogram, state, best,
):  # fmt: skip
    """The column of the best split, or -1; `best` gets (last bin on the left, unknown goes left).

    Gini impurity falls most where (wins^2 + losses^2) / rows, summed over both sides, is highest.
    """
    sum_losses = sum_drawn - sum_wins
    highest = (sum_wins**2 + sum_losses**2) / sum_drawn * (1.0 + _PURE)
    chosen, n_varied = -1, 0
    n_columns = len(columns)
    for seen in range(n_columns):
        if seen >= n_features and n_varied > 0:
            break
        pick = seen + np.int64(_next(state) % np.uint64(n_columns - seen))
        columns[seen], columns[pick] = columns[pick], columns[seen]
        column = columns[seen]
        codes = train[column]
        histogram[:, :] = 0.0
        highest_code = 0
        for at in range(first, last):
            row = rows[at]
            bin_ = codes[row]
            histogram[bin_, 0] += 1.0
            histogram[bin_, 1] += drawn[row]
            histogram[bin_, 2] += wins[row]
            highest_code = max(highest_code, bin_)
        lost = histogram[0, 0]
        if histogram[highest_code, 0] == last - first:
            continue
        n_varied += 1
        n_left, drawn_left, wins_left = 0.0, 0.0, 0.0
        # The last turn leaves the unknown alone on the right.
        for bin_ in range(1, highest_code + (1 if lost > 0 else 0)):
            if histogram[bin_, 0] == 0.0:
                continue
            n_left += histogram[bin_, 0]
            drawn_left += histogram[bin_, 1]
            wins_left += histogram[bin_, 2]
            for side in range(2 if lost > 0 else 1):
                n_here = n_left + side * lost
                n_there = last - first - n_here
                if n_here < leaf_rows or n_there < leaf_rows:
                    continue
                a, a_wins = drawn_left + side * histogram[0, 1], wins_left + side * histogram[0, 2]
                b, b_wins = sum_drawn - a, sum_wins - a_wins
                score = (a_wins**2 + (a - a_wins) ** 2) / a + (b_wins**2 + (b - b_wins) ** 2) / b
                if score > highest:
                    highest, chosen = score, column
                    best[0] = bin_
                    best[1] = side if lost > 0 else (1.0 if n_here > n_there else 0.0)
    return chosen


@njit(cache=True)
def _partition(codes, code, unknown_left, rows, spare, first, last):  # type: ignore[no-untyped-def]
    """Rows that go left first, each side in its order; returns where the right side begins."""
    middle, n_right = first, 0
    for at in range(first, last):
        row = rows[at]
        bin_ = codes[row]
        if unknown_left if bin_ == 0 else bin_ <= code:
            rows[middle] = row
            middle += 1
        else:
            spare[n_right] = row
            n_right += 1
    for at in range(n_right):
        rows[middle + at] = spare[at]
    return middle
