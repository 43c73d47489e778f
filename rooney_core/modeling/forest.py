"""A random forest as flat arrays: data that can be stored, checked and walked, never executed.

Belongs here: the node arrays, their checks and the compiled walk. Does not belong here: growing a
forest (`ensemble.py`), or the row it is stored in (`meta_model.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.errors import ReleaseRejected

LEAF: Final = -1
"""Child and feature number of a leaf."""

MAX_NODES: Final = 1_000_000
"""500 trees of depth 8 have a quarter of it."""

_TYPES: Final[dict[str, type[Any]]] = {
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "right": np.int32,
    "missing_left": np.bool_,
    "value": np.float64,
    "tree_offset": np.int64,
}


class FittedForest(Protocol):
    """What is read of scikit-learn's RandomForestClassifier; the trader runs without it."""

    @property
    def estimators_(self) -> list[Any]:
        """The trees."""

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The labels, ascending."""


@dataclass(frozen=True, eq=False)
class ForestArrays:
    """Binary trees, one after the other, root first, children after their parent.

    Per node, length n: `feature` i4 (-1 in a leaf); `threshold` f8: left when float32(x) <= it;
    `left`, `right` i4, node numbers within the tree (-1 in a leaf); `missing_left`: where NaN goes;
    `value` f8: share of label 1 of the training weight that reached the node.
    `tree_offset` i8[n_trees + 1]: tree k is nodes tree_offset[k] to tree_offset[k + 1], exclusive.
    """

    feature: npt.NDArray[np.int32]
    threshold: npt.NDArray[np.float64]
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    missing_left: npt.NDArray[np.bool_]
    value: npt.NDArray[np.float64]
    tree_offset: npt.NDArray[np.int64]

    @classmethod
    def from_sklearn(cls, forest: FittedForest) -> ForestArrays:
        """The same forest as arrays; labels 0 and 1, or only one of them."""
        trees = [one.tree_ for one in forest.estimators_]
        classes = [int(label) for label in forest.classes_]
        is_leaf = np.concatenate([tree.children_left == LEAF for tree in trees])
        sizes = [tree.node_count for tree in trees]
        return cls(
            feature=np.where(is_leaf, LEAF, _joined(trees, "feature")).astype(np.int32),
            threshold=np.where(is_leaf, 0.0, _joined(trees, "threshold")),
            left=_joined(trees, "children_left").astype(np.int32),
            right=_joined(trees, "children_right").astype(np.int32),
            missing_left=_joined(trees, "missing_go_to_left").astype(np.bool_) & ~is_leaf,
            value=np.concatenate([_share_of_ones(tree.value, classes) for tree in trees]),
            tree_offset=np.concatenate(([0], np.cumsum(sizes))).astype(np.int64),
        )

    @classmethod
    def constant(cls, value: float) -> ForestArrays:
        """One leaf that says `value` of everything."""
        return cls.from_lists(
            {
                "feature": [LEAF],
                "threshold": [0.0],
                "left": [LEAF],
                "right": [LEAF],
                "missing_left": [False],
                "value": [value],
                "tree_offset": [0, 1],
            },
            n_features=0,
        )

    @classmethod
    def from_lists(cls, columns: dict[str, Any], n_features: int) -> ForestArrays:
        """Build from stored lists, trusting nothing; raises ReleaseRejected with what is wrong."""
        if sorted(columns) != sorted(_TYPES):
            raise _rejected(f"it has fields {sorted(columns)}, {sorted(_TYPES)} are needed")
        try:
            arrays = {name: np.array(columns[name], dtype=kind) for name, kind in _TYPES.items()}
        except (TypeError, ValueError, OverflowError) as error:
            raise _rejected(f"a list holds something that is not a number ({error})") from None
        if any(array.ndim != 1 for array in arrays.values()):
            raise _rejected("a field is not a plain list")
        forest = cls(**arrays)
        forest._check(n_features)
        return forest

    def to_lists(self) -> dict[str, list[Any]]:
        """Plain lists by field name, for a Struct of Lists."""
        return {one.name: getattr(self, one.name).tolist() for one in fields(self)}

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return len(self.tree_offset) - 1

    def probability(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Mean share of label 1 in the leaves reached, f8[n] in [0, 1].

        `features`: f8[n, k] in the columns of training; NaN is routed as in training. Equal to
        scikit-learn's `predict_proba[:, 1]`.
        """
        out = np.empty(len(features))
        _walk(
            np.ascontiguousarray(features, dtype=np.float64),
            self.feature,
            self.threshold,
            self.left,
            self.right,
            self.missing_left,
            self.value,
            self.tree_offset,
            out,
        )
        return out

    def _check(self, n_features: int) -> None:
        """Refuse arrays on which the compiled walk could leave memory, loop, or lie."""
        n_nodes, offsets = len(self.feature), self.tree_offset
        if any(len(getattr(self, name)) != n_nodes for name in _TYPES if name != "tree_offset"):
            raise _rejected("its node lists have different lengths")
        if not 0 < n_nodes <= MAX_NODES:
            raise _rejected(f"it has {n_nodes} nodes; 1 to {MAX_NODES} are allowed")
        if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != n_nodes:
            raise _rejected("tree_offset does not run from 0 to the number of nodes")
        if np.any(np.diff(offsets) < 1):
            raise _rejected("tree_offset must rise: every tree has a root")
        self._check_nodes(n_features)

    def _check_nodes(self, n_features: int) -> None:
        sizes = np.diff(self.tree_offset)
        size = np.repeat(sizes, sizes)
        own = np.arange(len(self.feature)) - np.repeat(self.tree_offset[:-1], sizes)
        leaf = self.left == LEAF
        if np.any(leaf != (self.right == LEAF)) or np.any(leaf != (self.feature == LEAF)):
            raise _rejected("a node is half a leaf")
        # A child after its parent: the walk always moves on and therefore ends.
        for child in (self.left, self.right):
            if np.any(~leaf & ((child <= own) | (child >= size))):
                raise _rejected("a child does not come after its parent within its tree")
        if np.any(~leaf & ((self.feature < 0) | (self.feature >= n_features))):
            raise _rejected(f"a node reads a feature outside 0 to {n_features - 1}")
        if np.any(np.isnan(self.threshold)):
            raise _rejected("a threshold is NaN")
        if not np.all((self.value >= 0.0) & (self.value <= 1.0)):
            raise _rejected("a value is outside [0, 1]")


def _joined(trees: list[Any], name: str) -> npt.NDArray[Any]:
    return np.concatenate([getattr(tree, name) for tree in trees])


def _share_of_ones(value: npt.NDArray[np.float64], classes: list[int]) -> npt.NDArray[np.float64]:
    """Share of label 1 per node from tree values [node, output, class]; absent class: share 0."""
    if 1 not in classes:
        return np.zeros(len(value))
    share: npt.NDArray[np.float64] = value[:, 0, classes.index(1)].copy()
    # scikit-learn's own shares exceed 1 by a rounding error now and then.
    return np.clip(share, 0.0, 1.0)


def _rejected(what: str) -> ReleaseRejected:
    return ReleaseRejected(f"The stored random forest is not usable: {what}. Train it again.")


@njit(cache=True)
def goes_left_in_forest(x: float, threshold: float, missing_left: bool) -> bool:
    """Whether a node sends x to its left child; compared as float32, where scikit-learn splits."""
    rounded = float(np.float32(x))
    return missing_left if math.isnan(rounded) else rounded <= threshold


@njit(cache=True)
def _walk(
    features: npt.NDArray[np.float64],
    feature: npt.NDArray[np.int32],
    threshold: npt.NDArray[np.float64],
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    missing_left: npt.NDArray[np.bool_],
    value: npt.NDArray[np.float64],
    tree_offset: npt.NDArray[np.int64],
    out: npt.NDArray[np.float64],
) -> None:
    n_trees = len(tree_offset) - 1
    for row in range(len(out)):
        total = 0.0
        for tree in range(n_trees):
            root = tree_offset[tree]
            node = root
            while left[node] >= 0:
                x = features[row, feature[node]]
                is_left = goes_left_in_forest(x, threshold[node], missing_left[node])
                node = root + (left[node] if is_left else right[node])
            total += value[node]
        out[row] = total / n_trees
