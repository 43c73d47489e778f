"""Fitting the two halves of the meta model: a random forest and a LightGBM booster.

Belongs here: hyper-parameters, how both are fitted, and their blend. Does not belong here: which
rows may be used (`tuning.py`, `training.py`), or storage (`meta_model.py`).

Classes are not reweighted: wins may be rare, and a probability must mean one. One thread each: with
more, LightGBM is slower on a busy machine and its sums depend on the schedule.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import lightgbm
import numpy as np
import optuna
from pydantic import BaseModel, ConfigDict, Field
from sklearn.ensemble import RandomForestClassifier

from rooney_core.modeling.boosting_text import trees_only
from rooney_core.modeling.forest import ForestArrays
from rooney_core.modeling.meta_model import blend
from rooney_core.modeling.rows import FloatArray, SampleRows

MIN_FIT_ROWS = 20
"""Fewer rows, or only one label, are not fitted: a fold of them predicts its base rate."""


class Hyperparameters(BaseModel):
    """One set that the search scores. Leaf sizes are trades; shares are fractions of features."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forest_depth: Annotated[int, Field(ge=1, le=8)]
    forest_leaf_trades: Annotated[int, Field(ge=1)]
    forest_feature_share: Annotated[float, Field(gt=0, le=1)]
    boosting_rounds: Annotated[int, Field(ge=1, le=500)]
    boosting_leaves: Annotated[int, Field(ge=2, le=64)]
    boosting_leaf_trades: Annotated[int, Field(ge=1)]
    boosting_learning_rate: Annotated[float, Field(gt=0, le=1)]
    boosting_l2: Annotated[float, Field(ge=0)]

    def as_json(self) -> str:
        """Canonical JSON with sorted keys: how a set is stored and compared."""
        return json.dumps(self.model_dump(), sort_keys=True)

    @classmethod
    def suggest(cls, trial: optuna.Trial) -> Hyperparameters:
        """Draw one set from the search space: small, strongly regularised models."""
        return cls(
            forest_depth=trial.suggest_int("forest_depth", 2, 7),
            forest_leaf_trades=trial.suggest_int("forest_leaf_trades", 10, 80, log=True),
            forest_feature_share=trial.suggest_float("forest_feature_share", 0.2, 0.8),
            boosting_rounds=trial.suggest_int("boosting_rounds", 20, 120, log=True),
            boosting_leaves=trial.suggest_int("boosting_leaves", 3, 12),
            boosting_leaf_trades=trial.suggest_int("boosting_leaf_trades", 10, 80, log=True),
            boosting_learning_rate=trial.suggest_float(
                "boosting_learning_rate", 0.01, 0.12, log=True
            ),
            boosting_l2=trial.suggest_float("boosting_l2", 0.01, 10.0, log=True),
        )


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A fitted pair; `boosting_text` is LightGBM's own text, trees only."""

    forest: ForestArrays
    booster: lightgbm.Booster

    @property
    def boosting_text(self) -> str:
        """LightGBM's text without parameters and importances."""
        return trees_only(self.booster.model_to_string())

    def probability(self, features: FloatArray) -> FloatArray:
        """Mean of both halves, f8[n] in [0, 1]; NaN is a value like any other."""
        return blend(self.forest, self.booster, features)


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
        booster=_fit_booster(rows, feature_names, hyperparameters, seed),
    )


def base_rate(rows: SampleRows) -> float:
    """Weighted share of label 1; 0.5 for no rows at all."""
    if len(rows) == 0:
        return 0.5
    return float(np.average(rows.label, weights=rows.weight))


def is_fittable(rows: SampleRows) -> bool:
    """Whether there is something to learn from: enough rows, and both labels."""
    return len(rows) >= MIN_FIT_ROWS and bool(np.ptp(rows.label) > 0)


def _fit_forest(
    rows: SampleRows, hyperparameters: Hyperparameters, n_trees: int, seed: int
) -> ForestArrays:
    forest = RandomForestClassifier(
        n_estimators=n_trees,
        max_depth=hyperparameters.forest_depth,
        min_samples_leaf=hyperparameters.forest_leaf_trades,
        max_features=hyperparameters.forest_feature_share,
        max_samples=0.5,
        n_jobs=1,
        random_state=seed,
    )
    return ForestArrays.from_sklearn(forest.fit(rows.features, rows.label, rows.weight))


def _fit_booster(
    rows: SampleRows,
    feature_names: Sequence[str],
    hyperparameters: Hyperparameters,
    seed: int,
) -> lightgbm.Booster:
    settings = {
        "objective": "binary",
        "num_leaves": hyperparameters.boosting_leaves,
        "min_data_in_leaf": hyperparameters.boosting_leaf_trades,
        "learning_rate": hyperparameters.boosting_learning_rate,
        "lambda_l2": hyperparameters.boosting_l2,
        "seed": seed,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(
        rows.features,
        rows.label,
        weight=rows.weight,
        feature_name=list(feature_names),
        params=settings,
    )
    return lightgbm.train(settings, data, num_boost_round=hyperparameters.boosting_rounds)
