"""Fitting the two halves of the meta model: a random forest and a LightGBM booster.

Belongs here: hyper-parameters, how both are fitted, and their blend. Does not belong here: which
rows may be used (`folds.py`, `training.py`), or storage (`meta_model.py`).

Classes are not reweighted: wins may be rare, and a probability must mean one. One thread each: with
more, LightGBM is slower on a busy machine and its sums depend on the schedule.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import lightgbm
import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from pydantic import BaseModel, ConfigDict, Field
from sklearn.ensemble import RandomForestClassifier

from rooney_core.modeling.boosting_text import trees_only
from rooney_core.modeling.forest import ForestArrays
from rooney_core.modeling.meta_model import EQUAL_WEIGHT
from rooney_core.modeling.rows import FloatArray, SampleRows

ROWS_PER_TREE: Final = 0.5

_BINNING: Final[dict[str, object]] = {
    "max_bin": 63,
    # The least number of rows in a leaf is searched; what it filters must not be binned in.
    "feature_pre_filter": False,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}

MIN_FIT_ROWS: Final = 20
"""Fewer rows, or only one label, are not fitted: a fold of them predicts its base rate."""


class Hyperparameters(BaseModel):
    """One set that the search scores. Leaf sizes are trades; shares are fractions of features.

    `forest_weight`: the forest's part of the blend, the booster has the rest; 0 and 1 are one of
    the two alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    forest_depth: Annotated[int, Field(ge=1, le=8)]
    forest_leaf_trades: Annotated[int, Field(ge=1)]
    forest_feature_share: Annotated[float, Field(gt=0, le=1)]
    boosting_rounds: Annotated[int, Field(ge=1, le=500)]
    boosting_leaves: Annotated[int, Field(ge=2, le=64)]
    boosting_leaf_trades: Annotated[int, Field(ge=1)]
    boosting_learning_rate: Annotated[float, Field(gt=0, le=1)]
    boosting_l2: Annotated[float, Field(ge=0)]
    forest_weight: Annotated[float, Field(ge=0, le=1)] = EQUAL_WEIGHT

    def as_json(self) -> str:
        """Canonical JSON with sorted keys: how a set is stored and compared."""
        return json.dumps(self.model_dump(), sort_keys=True)


SEARCH_SPACE: Final[dict[str, BaseDistribution]] = {
    "forest_depth": IntDistribution(2, 7),
    "forest_leaf_trades": IntDistribution(10, 80, log=True),
    "forest_feature_share": FloatDistribution(0.2, 0.8),
    "boosting_rounds": IntDistribution(20, 120, log=True),
    "boosting_leaves": IntDistribution(3, 12),
    "boosting_leaf_trades": IntDistribution(10, 80, log=True),
    "boosting_learning_rate": FloatDistribution(0.01, 0.12, log=True),
    "boosting_l2": FloatDistribution(0.01, 10.0, log=True),
    "forest_weight": FloatDistribution(0.0, 1.0, step=0.25),
}
"""From what a set is drawn: small, strongly regularised models."""


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A fitted pair and its blend; `boosting_text` is LightGBM's own text, trees only."""

    forest: ForestArrays
    booster: lightgbm.Booster
    forest_weight: float = EQUAL_WEIGHT

    @property
    def boosting_text(self) -> str:
        """LightGBM's text without parameters and importances."""
        return trees_only(self.booster.model_to_string())

    def probability(self, features: FloatArray) -> FloatArray:
        """Weighted mean of both halves, f8[n] in [0, 1]; NaN is a value like any other."""
        if len(features) == 0:
            return np.empty(0)
        boosted = np.asarray(self.booster.predict(features, num_threads=1), dtype=np.float64)
        rest = 1.0 - self.forest_weight
        mean: FloatArray = self.forest_weight * self.forest.probability(features) + rest * boosted
        return mean


def fit_ensemble(
    rows: SampleRows,
    feature_names: Sequence[str],
    hyperparameters: Hyperparameters,
    *,
    n_trees: int,
    seed: int,
) -> Ensemble:
    """Fit both halves on all of `rows` with their weights; deterministic in its arguments.

    One label only, or features that never vary, give a model that says the same of everything.
    """
    return Ensemble(
        forest=_fit_forest(rows, hyperparameters, n_trees, seed),
        booster=boost(boosting_data(rows, feature_names), hyperparameters, seed),
        forest_weight=hyperparameters.forest_weight,
    )


def base_rate(rows: SampleRows) -> float:
    """Weighted share of label 1; 0.5 for no rows at all."""
    if len(rows) == 0:
        return 0.5
    return float(np.average(rows.label, weights=rows.weight))


def is_fittable(rows: SampleRows) -> bool:
    """Whether there is something to learn from: enough rows, and both labels."""
    return len(rows) >= MIN_FIT_ROWS and bool(np.ptp(rows.label) > 0)


def rows_drawn_per_tree(rows: SampleRows) -> int:
    """How many rows a tree draws, with replacement and in proportion to their weight: half of what
    the rows weigh. A row whose label overlaps others' is less than one row of news."""
    return max(1, int(ROWS_PER_TREE * float(rows.weight.sum())))


def _fit_forest(
    rows: SampleRows, hyperparameters: Hyperparameters, n_trees: int, seed: int
) -> ForestArrays:
    forest = RandomForestClassifier(
        n_estimators=n_trees,
        max_depth=hyperparameters.forest_depth,
        min_samples_leaf=hyperparameters.forest_leaf_trades,
        max_features=hyperparameters.forest_feature_share,
        max_samples=rows_drawn_per_tree(rows),
        n_jobs=1,
        random_state=seed,
    )
    return ForestArrays.from_sklearn(forest.fit(rows.features, rows.label, rows.weight))


def boosting_data(rows: SampleRows, feature_names: Sequence[str]) -> lightgbm.Dataset:
    """The rows binned for LightGBM: once, for any number of boosters."""
    data = lightgbm.Dataset(
        rows.features,
        rows.label,
        weight=rows.weight,
        feature_name=list(feature_names),
        params=_BINNING,
    )
    return data.construct()


def boost(data: lightgbm.Dataset, hyperparameters: Hyperparameters, seed: int) -> lightgbm.Booster:
    """Fit a booster on binned rows; it stops early where no split gains anything."""
    settings = _BINNING | {
        "objective": "binary",
        "num_leaves": hyperparameters.boosting_leaves,
        "min_data_in_leaf": hyperparameters.boosting_leaf_trades,
        "learning_rate": hyperparameters.boosting_learning_rate,
        "lambda_l2": hyperparameters.boosting_l2,
        "seed": seed,
    }
    # lightgbm.train() does the same, and then writes and reads the whole model once more.
    booster = lightgbm.Booster(settings, data)
    for _ in range(hyperparameters.boosting_rounds):
        if booster.update():
            break
    return booster
