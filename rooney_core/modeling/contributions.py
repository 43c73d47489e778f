"""How much did each feature move a probability? Sums are exact; live computes what training did.

Belongs here: contributions of the forest, of the booster, and of their weighted mean. Does not
belong here: the walks that predict (`forest.py`, `boosting.py`), or figures.

Forest: path contributions (Saabas, 2014, "Interpreting random forests"). Down the path of a row
each split gives its feature the change of the node's share of wins; the base is the root's share.

Booster, in log odds: Shapley values over the features, where an unknown feature means both ways in
proportion to the training rows, as TreeSHAP has them (Lundberg et al., 2020, "From local
explanations to global understanding with explainable AI for trees", algorithm 2); equal to
LightGBM's `pred_contrib`. Computed leaf by leaf by Owen's integral (1972, "Multilinear extensions
of games"): a leaf of value v, whose path asks features 1..m, is the game v * prod_j f_j with
f_j(x) = z_j (1 - x) + o_j x, z_j the share of rows that follow the path's splits on j and o_j 1
where this row does, else 0; the value of j is v (o_j - z_j) * integral over [0, 1] of the product
of the other f_i. Gauss-Legendre with m / 2 points is exact for it, and no term is negative.

From log odds to probability: every contribution of the booster is multiplied by the one slope of
the chord from the base's probability to the row's, so that sums stay exact and signs and shares
stay those of the log odds ("rescale": Shrikumar et al., 2017, "Learning important features through
propagating activation differences").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from rooney_core.backtest.compiled import njit_across_files
from rooney_core.modeling.boosting import BoostingArrays, goes_left, win_probability
from rooney_core.modeling.forest import ForestArrays, goes_left_in_forest

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int32]

ROOT: Final = -1
"""Parent of a tree's first split, or of its only leaf."""

FLAT: Final = 1e-6
"""Log odds: over a shorter distance the chord is the tangent, to within its square."""


def forest_contributions(forest: ForestArrays, features: FloatArray) -> FloatArray:
    """f8[n, k + 1] in probability for f8[n, k]: by feature, then the base; rows sum to the forest's
    probability."""
    out = np.zeros((len(features), features.shape[1] + 1))
    _forest_paths(
        np.ascontiguousarray(features, dtype=np.float64),
        forest.feature,
        forest.threshold,
        forest.left,
        forest.right,
        forest.missing_left,
        forest.value,
        forest.tree_offset,
        out,
    )
    return out


@dataclass(frozen=True, eq=False)
class BoostingPaths:
    """A booster with what its explanation needs besides: ways up, and shares of training rows.

    `split_parent`, `leaf_parent` i4: split above, ROOT at the top. `split_share`, `leaf_share` f8
    in (0, 1]: rows here over rows of the split above. `nodes`, `weights`: quadrature over [0, 1].
    """

    boosting: BoostingArrays
    split_parent: IntArray
    leaf_parent: IntArray
    split_share: FloatArray
    leaf_share: FloatArray
    nodes: FloatArray
    weights: FloatArray

    @classmethod
    def of(cls, boosting: BoostingArrays) -> BoostingPaths:
        """Climb once; the trees are sound, as the parser of their text made sure."""
        n_splits, n_leaves = len(boosting.feature), len(boosting.leaf_value)
        split_parent = np.full(n_splits, ROOT, dtype=np.int32)
        leaf_parent = np.full(n_leaves, ROOT, dtype=np.int32)
        split_share, leaf_share = np.ones(n_splits), np.ones(n_leaves)
        deepest = _climb(
            boosting.left,
            boosting.right,
            boosting.leaf_count,
            boosting.split_offset,
            boosting.leaf_offset,
            split_parent,
            leaf_parent,
            split_share,
            leaf_share,
        )
        # A product of deepest - 1 factors; n points are exact up to degree 2 n - 1.
        points, weights = np.polynomial.legendre.leggauss(max(1, (deepest + 1) // 2))
        return cls(
            boosting=boosting,
            split_parent=split_parent,
            leaf_parent=leaf_parent,
            split_share=split_share,
            leaf_share=leaf_share,
            nodes=(points + 1.0) / 2.0,
            weights=weights / 2.0,
        )

    def margin_contributions(self, features: FloatArray) -> FloatArray:
        """f8[n, k + 1] in log odds for f8[n, k]: LightGBM's `predict(pred_contrib=True)`."""
        booster = self.boosting
        out = np.zeros((len(features), features.shape[1] + 1))
        _shapley(
            np.ascontiguousarray(features, dtype=np.float64),
            booster.feature,
            booster.threshold,
            booster.decision,
            booster.left,
            booster.leaf_value,
            booster.split_offset,
            booster.leaf_offset,
            self.split_parent,
            self.leaf_parent,
            self.split_share,
            self.leaf_share,
            self.nodes,
            self.weights,
            out,
        )
        return out

    def contributions(self, features: FloatArray) -> FloatArray:
        """f8[n, k + 1] in probability; rows sum to the booster's probability."""
        out = self.margin_contributions(features)
        distance = out[:, :-1].sum(axis=1)
        base, reached = win_probability(out[:, -1]), self.boosting.probability(features)
        flat = np.abs(distance) < FLAT
        slope = np.where(
            flat, base * (1.0 - base), (reached - base) / np.where(flat, 1.0, distance)
        )
        out[:, :-1] *= slope[:, np.newaxis]
        out[:, -1] = base
        return out


@njit_across_files
def _forest_paths(
    features: FloatArray,
    feature: IntArray,
    threshold: FloatArray,
    left: IntArray,
    right: IntArray,
    missing_left: npt.NDArray[np.bool_],
    value: FloatArray,
    tree_offset: npt.NDArray[np.int64],
    out: FloatArray,
) -> None:
    n_trees = len(tree_offset) - 1
    for row in range(len(features)):
        for tree in range(n_trees):
            root = tree_offset[tree]
            node = root
            out[row, -1] += value[root]
            while left[node] >= 0:
                x = features[row, feature[node]]
                is_left = goes_left_in_forest(x, threshold[node], missing_left[node])
                child = root + (left[node] if is_left else right[node])
                out[row, feature[node]] += value[child] - value[node]
                node = child
        for column in range(out.shape[1]):
            out[row, column] /= n_trees


@njit_across_files
def _climb(
    left: IntArray,
    right: IntArray,
    leaf_count: npt.NDArray[np.int64],
    split_offset: npt.NDArray[np.int64],
    leaf_offset: npt.NDArray[np.int64],
    split_parent: IntArray,
    leaf_parent: IntArray,
    split_share: FloatArray,
    leaf_share: FloatArray,
) -> int:
    """Fill parents and shares; returns the most splits above any leaf."""
    rows = np.zeros(len(left))
    depth = np.zeros(len(left), dtype=np.int64)
    deepest = 0
    for tree in range(len(split_offset) - 1):
        first, leaves = split_offset[tree], leaf_offset[tree]
        # Children come after their parent: backwards for sums, forwards for depths.
        for split in range(split_offset[tree + 1] - 1, first - 1, -1):
            for child in (left[split], right[split]):
                rows[split] += rows[first + child] if child >= 0 else leaf_count[leaves + ~child]
        for split in range(first, split_offset[tree + 1]):
            deepest = max(deepest, depth[split] + 1)
            for child in (left[split], right[split]):
                if child >= 0:
                    split_parent[first + child] = split - first
                    split_share[first + child] = rows[first + child] / rows[split]
                    depth[first + child] = depth[split] + 1
                else:
                    leaf_parent[leaves + ~child] = split - first
                    leaf_share[leaves + ~child] = leaf_count[leaves + ~child] / rows[split]
    return deepest


@njit_across_files
def _shapley(
    features: FloatArray,
    feature: IntArray,
    threshold: FloatArray,
    decision: npt.NDArray[np.uint8],
    left: IntArray,
    leaf_value: FloatArray,
    split_offset: npt.NDArray[np.int64],
    leaf_offset: npt.NDArray[np.int64],
    split_parent: IntArray,
    leaf_parent: IntArray,
    split_share: FloatArray,
    leaf_share: FloatArray,
    nodes: FloatArray,
    weights: FloatArray,
    out: FloatArray,
) -> None:
    most = 2 * len(nodes) + 1
    asked = np.empty(most, dtype=np.int32)
    shares, follows = np.empty(most), np.empty(most)
    behind = np.empty(most + 1)
    is_left = np.empty(len(feature), dtype=np.bool_)
    for row in range(len(features)):
        for split in range(len(feature)):
            x = features[row, feature[split]]
            is_left[split] = goes_left(x, threshold[split], decision[split])
        for tree in range(len(split_offset) - 1):
            first = split_offset[tree]
            for leaf in range(leaf_offset[tree], leaf_offset[tree + 1]):
                # Up from the leaf: what each feature asked on the way says of this row.
                n_asked = 0
                share, parent = leaf_share[leaf], leaf_parent[leaf]
                child = ~(leaf - leaf_offset[tree])
                while parent >= 0:
                    split = first + parent
                    follow = is_left[split] == (left[split] == child)
                    place = 0
                    while place < n_asked and asked[place] != feature[split]:
                        place += 1
                    if place == n_asked:
                        asked[place], shares[place], follows[place] = feature[split], 1.0, 1.0
                        n_asked += 1
                    shares[place] *= share
                    follows[place] *= follow
                    share, child, parent = split_share[split], parent, split_parent[split]
                expected = leaf_value[leaf]
                for place in range(n_asked):
                    expected *= shares[place]
                out[row, -1] += expected
                _add_leaf(
                    leaf_value[leaf],
                    n_asked,
                    asked,
                    shares,
                    follows,
                    behind,
                    nodes,
                    weights,
                    out[row],
                )


@njit_across_files
def _add_leaf(
    value: float,
    n_asked: int,
    asked: IntArray,
    shares: FloatArray,
    follows: FloatArray,
    behind: FloatArray,
    nodes: FloatArray,
    weights: FloatArray,
    out: FloatArray,
) -> None:
    """Add one leaf's Shapley values to `out` f8[k + 1]."""
    for point in range(len(nodes)):
        x = nodes[point]
        # Product of the factors behind a place; those before it are multiplied on the way.
        behind[n_asked] = value * weights[point]
        for place in range(n_asked - 1, -1, -1):
            factor = shares[place] * (1.0 - x) + follows[place] * x
            behind[place] = behind[place + 1] * factor
        before = 1.0
        for place in range(n_asked):
            gain = follows[place] - shares[place]
            out[asked[place]] += gain * before * behind[place + 1]
            before *= shares[place] * (1.0 - x) + follows[place] * x
