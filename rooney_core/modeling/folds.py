"""The splits of a search, prepared once: every trial is fitted on the same binned rows.

Belongs here: what a split learns from, its bins, and what one hyper-parameter set says of the rows
that it did not see. Does not belong here: which sets are tried (`tuning.py`), or what their trades
are worth (`path_scores.py`).

The forest here is the histogram forest (`histogram_forest.py`); the model that trades gets
scikit-learn's. Bins are those of a split's own training rows. One seed per split and no more: sets
are compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import lightgbm
import numpy as np
import numpy.typing as npt

from rooney_core.modeling.ensemble import (
    Hyperparameters,
    base_rate,
    boost,
    boosting_data,
    is_fittable,
    rows_drawn_per_tree,
)
from rooney_core.modeling.histogram_forest import (
    Codes,
    ForestShape,
    bin_codes,
    bin_edges,
    forest_probability,
)
from rooney_core.modeling.rows import FloatArray, SampleRows
from rooney_core.modeling.settings import TuningSettings
from rooney_core.validation.purged_cv import CombinatorialPurgedCV

IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BinnedRows:
    """Training rows and tested rows of a split, as both halves of the ensemble read them."""

    train_codes: Codes
    test_codes: Codes
    n_drawn: int
    boosting: lightgbm.Dataset


@dataclass(frozen=True, eq=False)
class Fold:
    """One split. `test` i8[m] row numbers, `path` i8[m] the path on which each is predicted here.

    `base_rate`: weighted share of wins in the purged training rows. `binned` is None where these
    hold one label only, or too few rows: then every set predicts the base rate.
    """

    number: int
    train: SampleRows
    test: IndexArray
    path: IndexArray
    asked: FloatArray
    base_rate: float
    binned: BinnedRows | None

    def probability(self, hyperparameters: Hyperparameters, n_trees: int, seed: int) -> FloatArray:
        """Probability of a win for each tested row, f8[m], of models that never saw them."""
        if self.binned is None:
            return np.full(len(self.test), self.base_rate)
        said = np.zeros(len(self.test))
        weight = hyperparameters.forest_weight
        if weight > 0.0:
            said += weight * self._forest(self.binned, hyperparameters, n_trees, seed)
        if weight < 1.0:
            booster = boost(self.binned.boosting, hyperparameters, seed)
            boosted = booster.predict(self.asked, num_threads=1)
            said += (1.0 - weight) * np.asarray(boosted, dtype=np.float64)
        return said

    def _forest(
        self, binned: BinnedRows, hyperparameters: Hyperparameters, n_trees: int, seed: int
    ) -> FloatArray:
        n_columns = len(binned.train_codes)
        shape = ForestShape(
            n_trees=n_trees,
            max_depth=hyperparameters.forest_depth,
            leaf_rows=hyperparameters.forest_leaf_trades,
            n_features=max(1, int(hyperparameters.forest_feature_share * n_columns)),
            n_drawn=binned.n_drawn,
        )
        return forest_probability(
            binned.train_codes, self.train.label, self.train.weight, binned.test_codes, shape, seed
        )


@dataclass(frozen=True, eq=False)
class Folds:
    """All splits in the order in which a trial takes them: every row is tested once before most
    are tested twice, so that a trial that is given up early was still seen on the whole window.

    `n_to_cover`: splits after which every row was tested.
    """

    splits: tuple[Fold, ...]
    n_paths: int
    n_rows: int
    n_to_cover: int
    seed: int

    @classmethod
    def of(cls, rows: SampleRows, feature_names: Sequence[str], settings: TuningSettings) -> Folds:
        """Purge, embargo and bin once. Raises NotEnoughData for fewer rows than folds."""
        cv = CombinatorialPurgedCV(
            settings.n_folds, settings.n_test_folds, timedelta(days=settings.embargo_days)
        )
        fold_ids, path_ids = cv.fold_ids(len(rows)), cv.path_ids()
        pairs = list(cv.split(rows.label_start, rows.label_end))
        order, n_to_cover = covering_order(cv.test_folds())
        splits = []
        for number in order:
            train, test = pairs[number]
            path_of = np.full(settings.n_folds, -1)
            path_of[cv.test_folds()[number]] = path_ids[number]
            splits.append(
                _prepared(number, rows, train, test, path_of[fold_ids[test]], feature_names)
            )
        return cls(tuple(splits), cv.n_paths, len(rows), n_to_cover, settings.seed)

    def path_probabilities(self, hyperparameters: Hyperparameters, n_trees: int) -> FloatArray:
        """Out-of-fold probability of every row on every path, f8[n_paths, n].

        A split that cannot be fitted predicts the base rate of its training rows, 0.5 when purging
        leaves none.
        """
        paths = np.full((self.n_paths, self.n_rows), np.nan)
        for fold in self.splits:
            said = fold.probability(hyperparameters, n_trees, self.seed + fold.number)
            paths[fold.path, fold.test] = said
        return paths


def covering_order(test_folds: IndexArray) -> tuple[list[int], int]:
    """Numbers of the splits i8[n_splits, n_test_folds], those first whose folds were tested least;
    and after how many of them every fold was tested."""
    n_seen = np.zeros(int(test_folds.max()) + 1, dtype=np.int64)
    left, order, n_to_cover = list(range(len(test_folds))), [], 0
    while left:
        chosen = min(left, key=lambda split: (int(n_seen[test_folds[split]].sum()), split))
        left.remove(chosen)
        order.append(chosen)
        n_to_cover += bool(n_seen.min() == 0)
        n_seen[test_folds[chosen]] += 1
    return order, n_to_cover


def _prepared(
    number: int,
    rows: SampleRows,
    train: IndexArray,
    test: IndexArray,
    path: IndexArray,
    feature_names: Sequence[str],
) -> Fold:
    known, asked = rows.take(train), rows.features[test]
    binned = None
    if is_fittable(known):
        edges = bin_edges(known.features)
        binned = BinnedRows(
            bin_codes(known.features, edges),
            bin_codes(asked, edges),
            rows_drawn_per_tree(known),
            boosting_data(known, feature_names),
        )
    return Fold(number, known, test, path, asked, base_rate(known), binned)
