"""The meta model: what it says of a trade, and why.

Belongs here: the frozen model, its probability and its contributions. Does not belong here:
training, or what a stored row must look like (`model_row.py`). This module imports neither
scikit-learn nor LightGBM nor Optuna: a stored model is asked without them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import InputError
from rooney_core.modeling.boosting import BoostingArrays
from rooney_core.modeling.boosting_text import parse_boosting_text
from rooney_core.modeling.calibration import RELIABILITY_SCHEMA, Calibration
from rooney_core.modeling.contributions import BoostingPaths, forest_contributions
from rooney_core.modeling.forest import ForestArrays
from rooney_core.modeling.model_row import META_MODEL_SCHEMA, Windows, checked_row, model_version

FloatArray = npt.NDArray[np.float64]

EQUAL_WEIGHT: Final = 0.5
"""Forest and booster count the same."""


@dataclass(frozen=True, eq=False)
class MetaModel:
    """Probability that a trade of the primary strategy wins after costs.

    `features`: columns of the matrix, in order. `threshold` in [0, 1]: trade where probability >=
    threshold; `threshold_reason` says how it was chosen. `hyperparameters`: JSON with sorted keys.
    `n_trials`: hyper-parameter sets scored for this model. `cpcv_sharpe_mean`: annual, mean of the
    paths of the chosen set inside the train window. `forest_weight` in [0, 1]: the forest's part of
    the blend, the booster has the rest. `windows`: `two_way` where validation rows trained
    too and the threshold was chosen out of fold. `calibration` maps the blend to `probability`.
    `reliability`: RELIABILITY_SCHEMA, calibrated probabilities against outcomes of the validation
    window (out of fold where there is none); no rows where it was not measured.
    """

    features: tuple[str, ...]
    threshold: float
    threshold_reason: str
    lightgbm_text: str
    forest: ForestArrays
    hyperparameters: str
    n_trials: int
    cpcv_sharpe_mean: float
    forest_weight: float = EQUAL_WEIGHT
    windows: Windows = "three_way"
    calibration: Calibration = Calibration.IDENTITY
    reliability: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema=RELIABILITY_SCHEMA)
    )

    def probability(self, features: FloatArray) -> FloatArray:
        """Calibrated probability of a win, f8[n] in [0, 1], for f8[n, len(self.features)].

        NaN is unknown, and a value like any other. Raises InputError as `uncalibrated`.
        """
        return self.calibration.apply(self.uncalibrated(features))

    def uncalibrated(self, features: FloatArray) -> FloatArray:
        """Weighted mean of forest and booster, f8[n] in [0, 1], for f8[n, len(self.features)].

        Raises InputError for another shape, or an infinite value: no feature is ever infinite.
        """
        matrix = self._matrix(features)
        boosted = self.boosting.probability(matrix)
        rest = 1.0 - self.forest_weight
        blended: FloatArray = self.forest_weight * self.forest.probability(matrix) + rest * boosted
        return blended

    def contributions(self, features: FloatArray) -> FloatArray:
        """Parts of the uncalibrated probability, f8[n, k + 1] for f8[n, k]: by feature, then base.

        A row sums to `uncalibrated`, to 1e-12. Methods and sources: `contributions.py`. Raises
        InputError as `uncalibrated`.
        """
        matrix = self._matrix(features)
        rest = 1.0 - self.forest_weight
        boosted = self._boosting_paths.contributions(matrix)
        parts: FloatArray = self.forest_weight * forest_contributions(self.forest, matrix)
        return parts + rest * boosted

    def _matrix(self, features: FloatArray) -> FloatArray:
        matrix = np.asarray(features, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[1] != len(self.features):
            raise InputError(
                f"Features of shape {matrix.shape} arrived; (n, {len(self.features)}) is needed: "
                f"{', '.join(self.features)}."
            )
        if np.isinf(matrix).any():
            raise InputError("A feature is infinite; unknown is NaN.")
        return matrix

    def to_row(self, symbol: str) -> pl.DataFrame:
        """The model as one row of META_MODEL_SCHEMA; nothing in it can execute."""
        row = pl.DataFrame(
            [
                {
                    "symbol": symbol,
                    "model_version": "",
                    "features": list(self.features),
                    "threshold": self.threshold,
                    "threshold_reason": self.threshold_reason,
                    "lightgbm_text": self.lightgbm_text,
                    "random_forest": self.forest.to_lists(),
                    "hyperparameters": self.hyperparameters,
                    "n_trials": self.n_trials,
                    "cpcv_sharpe_mean": self.cpcv_sharpe_mean,
                    "forest_weight": self.forest_weight,
                    "windows": self.windows,
                    "calibration_slope": self.calibration.slope,
                    "calibration_intercept": self.calibration.intercept,
                    "reliability": self.reliability.to_dicts(),
                }
            ],
            schema=META_MODEL_SCHEMA,
        )
        return row.with_columns(pl.lit(model_version(row)).alias("model_version"))

    @classmethod
    def from_row(cls, row: pl.DataFrame) -> MetaModel:
        """Rebuild a model from one row, trusting nothing in it; other columns are ignored.

        Raises ReleaseRejected for a number of rows other than 1, a missing or mistyped column, a
        null, a model_version that is not the content's, or a part that could not have been made
        by `to_row`.
        """
        values = checked_row(row)
        model = cls(
            features=values["features"],
            threshold=values["threshold"],
            threshold_reason=values["threshold_reason"],
            lightgbm_text=values["lightgbm_text"],
            forest=ForestArrays.from_lists(values["random_forest"], len(values["features"])),
            hyperparameters=values["hyperparameters"],
            n_trials=values["n_trials"],
            cpcv_sharpe_mean=values["cpcv_sharpe_mean"],
            forest_weight=values["forest_weight"],
            windows=values["windows"],
            calibration=Calibration(values["calibration_slope"], values["calibration_intercept"]),
            reliability=values["reliability"],
        )
        _ = model.boosting  # read now, not at the first decision
        return model

    @cached_property
    def boosting(self) -> BoostingArrays:
        """The booster of `lightgbm_text`; raises ReleaseRejected where that is not one."""
        return parse_boosting_text(self.lightgbm_text, self.features)

    @cached_property
    def _boosting_paths(self) -> BoostingPaths:
        return BoostingPaths.of(self.boosting)
