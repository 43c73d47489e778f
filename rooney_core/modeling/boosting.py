"""A LightGBM booster as flat arrays: data that is walked here, without the library that made it.

Belongs here: the arrays and the compiled walk. Does not belong here: reading them out of LightGBM's
text, which also checks them (`boosting_text.py`), fitting (`ensemble.py`), or explanations
(`contributions.py`).

The rule of a split is `Tree::NumericalDecision` of LightGBM 4 (include/LightGBM/tree.h).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

DEFAULT_LEFT: Final = 2
"""Bit of a decision type: what is missing goes left."""

MISSING_SHIFT: Final = 2
"""The decision type shifted right by this, two bits: what counts as missing."""

MISSING_NONE, MISSING_ZERO, MISSING_NAN = 0, 1, 2

ZERO_EDGE: Final = float(np.float32(1e-35))
"""LightGBM takes numbers no further than this from 0 for 0."""


@dataclass(frozen=True, eq=False)
class BoostingArrays:
    """Binary trees of numeric splits, one after the other; a tree of n leaves has n - 1 splits.

    Per split: `feature` i4; `threshold` f8, left when x <= it; `decision` u1, LightGBM's
    decision_type; `left`, `right` i4: the number of a later split of the same tree, or ~leaf.
    Per leaf: `leaf_value` f8, finite, in log odds; `leaf_count` i8, training rows in it, at least 1
    in a tree with splits. Tree k has splits split_offset[k] to split_offset[k + 1] and leaves
    leaf_offset[k] to leaf_offset[k + 1], both exclusive.
    """

    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    decision: npt.NDArray[np.uint8]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    leaf_value: npt.NDArray[np.float64]
    leaf_count: npt.NDArray[np.int64]
    split_offset: npt.NDArray[np.int64]
    leaf_offset: npt.NDArray[np.int64]

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.split_offset) - 1

    def margin(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Log odds of label 1, f8[n], for f8[n, k]: LightGBM's `predict(raw_score=True)`."""
        out = np.empty(len(features))
        _walk(
            np.ascontiguousarray(features, dtype=np.float64),
            self.feature,
            self.threshold,
            self.decision,
            self.left,
            self.right,
            self.leaf_value,
            self.split_offset,
            self.leaf_offset,
            out,
        )
        return out

    def probability(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Probability of label 1, f8[n] in [0, 1], for f8[n, k]: LightGBM's `predict`."""
        return win_probability(self.margin(features))


def win_probability(margin: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """1 / (1 + exp(-margin)), f8[n], as LightGBM's objective `binary sigmoid:1` has it."""
    out = np.empty(len(margin))
    _sigmoid(margin, out)
    return out


@njit(cache=True)
def goes_left(x: float, threshold: float, decision: int) -> bool:
    """Whether a split sends x to its left child."""
    missing = (decision >> MISSING_SHIFT) & 3
    if math.isnan(x):
        if missing == MISSING_NAN:
            return decision & DEFAULT_LEFT != 0
        x = 0.0
    if -ZERO_EDGE <= x <= ZERO_EDGE:
        if missing == MISSING_ZERO:
            return decision & DEFAULT_LEFT != 0
        x = 0.0
    return x <= threshold


@njit(cache=True)
def _walk(
    features: npt.NDArray[np.float64],
    feature: npt.NDArray[np.int32],
    threshold: npt.NDArray[np.float64],
    decision: npt.NDArray[np.uint8],
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    leaf_value: npt.NDArray[np.float64],
    split_offset: npt.NDArray[np.int64],
    leaf_offset: npt.NDArray[np.int64],
    out: npt.NDArray[np.float64],
) -> None:
    n_trees = len(split_offset) - 1
    for row in range(len(out)):
        total = 0.0
        for tree in range(n_trees):
            first = split_offset[tree]
            child = np.int32(0) if split_offset[tree + 1] > first else np.int32(-1)
            while child >= 0:
                split = first + child
                x = features[row, feature[split]]
                is_left = goes_left(x, threshold[split], decision[split])
                child = left[split] if is_left else right[split]
            total += leaf_value[leaf_offset[tree] + ~child]
        out[row] = total


@njit(cache=True)
def _sigmoid(margin: npt.NDArray[np.float64], out: npt.NDArray[np.float64]) -> None:
    for row in range(len(margin)):
        out[row] = 1.0 / (1.0 + math.exp(-margin[row]))
