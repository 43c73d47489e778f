"""The meta model as data: what it is, what it says, and the one row it is stored in.

Belongs here: the frozen model, its lake row, and the refusal of a row that is not one. Does not
belong here: training; importing this module costs neither scikit-learn's forest nor Optuna.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import InputError, ReleaseRejected
from rooney_core.lineage import content_version
from rooney_core.modeling.boosting_text import check_boosting_text
from rooney_core.modeling.calibration import RELIABILITY_SCHEMA, Calibration
from rooney_core.modeling.forest import ForestArrays

if TYPE_CHECKING:
    import lightgbm

META_MODEL_SCHEMA: Final[dict[str, pl.DataType]] = {
    "symbol": pl.String(),
    "model_version": pl.String(),
    "features": pl.List(pl.String()),
    "threshold": pl.Float64(),
    "threshold_reason": pl.String(),
    "lightgbm_text": pl.String(),
    "random_forest": pl.Struct(
        {
            "feature": pl.List(pl.Int32()),
            "threshold": pl.List(pl.Float64()),
            "left": pl.List(pl.Int32()),
            "right": pl.List(pl.Int32()),
            "missing_left": pl.List(pl.Boolean()),
            "value": pl.List(pl.Float64()),
            "tree_offset": pl.List(pl.Int64()),
        }
    ),
    "hyperparameters": pl.String(),
    "n_trials": pl.Int64(),
    "cpcv_sharpe_mean": pl.Float64(),
    "forest_weight": pl.Float64(),
    "windows": pl.String(),
    "calibration_slope": pl.Float64(),
    "calibration_intercept": pl.Float64(),
    "reliability": pl.List(pl.Struct(RELIABILITY_SCHEMA)),
}
"""Columns of a meta_model row, in order. `model_version` is the content version of the others."""

Windows = Literal["three_way", "two_way"]
"""Whether the validation window was kept apart from training, or not."""

EQUAL_WEIGHT: Final = 0.5
"""Forest and booster count the same."""

MAX_FEATURES: Final = 1_000
MAX_BINS: Final = 1_000
_FEATURE_NAME: Final = re.compile(r"[a-z0-9_]{1,80}")


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

    def probability(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Calibrated probability of a win, f8[n] in [0, 1], for f8[n, len(self.features)].

        NaN is unknown, and a value like any other. Raises InputError as `uncalibrated`.
        """
        return self.calibration.apply(self.uncalibrated(features))

    def uncalibrated(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Weighted mean of forest and booster, f8[n] in [0, 1], for f8[n, len(self.features)].

        Raises InputError for another shape, or an infinite value: no feature is ever infinite.
        """
        matrix = np.asarray(features, dtype=np.float64)
        if matrix.ndim != 2 or matrix.shape[1] != len(self.features):
            raise InputError(
                f"Features of shape {matrix.shape} arrived; (n, {len(self.features)}) is needed: "
                f"{', '.join(self.features)}."
            )
        if np.isinf(matrix).any():
            raise InputError("A feature is infinite; unknown is NaN.")
        return blend(self.forest, self._booster, matrix, self.forest_weight)

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
        _check_schema(row)
        stored = row.select(*META_MODEL_SCHEMA)
        values = stored.row(0, named=True)
        _check_facts(values)
        features = _checked_features(values["features"])
        if values["model_version"] != model_version(stored):
            raise _rejected(
                f"model_version {values['model_version']!r} is not the version of its content, "
                f"{model_version(stored)!r}"
            )
        forest = ForestArrays.from_lists(_checked_forest(values["random_forest"]), len(features))
        check_boosting_text(values["lightgbm_text"], features)
        model = cls(
            features=features,
            threshold=values["threshold"],
            threshold_reason=values["threshold_reason"],
            lightgbm_text=values["lightgbm_text"],
            forest=forest,
            hyperparameters=values["hyperparameters"],
            n_trials=values["n_trials"],
            cpcv_sharpe_mean=values["cpcv_sharpe_mean"],
            forest_weight=values["forest_weight"],
            windows=values["windows"],
            calibration=Calibration(values["calibration_slope"], values["calibration_intercept"]),
            reliability=_checked_reliability(values["reliability"]),
        )
        model._require_booster()
        return model

    @cached_property
    def _booster(self) -> lightgbm.Booster:
        # LightGBM brings scikit-learn with it, seconds; whoever only lists assets never asks.
        import lightgbm

        return lightgbm.Booster(model_str=self.lightgbm_text)

    def _require_booster(self) -> None:
        """Load the text now, not at the first decision."""
        import lightgbm

        try:
            n_features = self._booster.num_feature()
        except lightgbm.basic.LightGBMError as error:
            raise _rejected(f"LightGBM cannot read its text ({error})") from None
        if n_features != len(self.features):
            raise _rejected(f"its LightGBM text reads {n_features} features")


def blend(
    forest: ForestArrays,
    booster: lightgbm.Booster,
    features: npt.NDArray[np.float64],
    forest_weight: float = EQUAL_WEIGHT,
) -> npt.NDArray[np.float64]:
    """Weighted mean of both probabilities of label 1, f8[n]; no rows give no probabilities."""
    if len(features) == 0:
        return np.empty(0)
    boosted = np.asarray(booster.predict(features, num_threads=1), dtype=np.float64)
    rest = 1.0 - forest_weight
    mean: npt.NDArray[np.float64] = forest_weight * forest.probability(features) + rest * boosted
    return mean


def model_version(row: pl.DataFrame) -> str:
    """Content version of a meta_model row without the version itself."""
    content = [name for name in META_MODEL_SCHEMA if name != "model_version"]
    return content_version(row.select(content))


def _check_schema(row: pl.DataFrame) -> None:
    if row.height != 1:
        raise _rejected(f"{row.height} rows arrived; exactly one is a model")
    for name, dtype in META_MODEL_SCHEMA.items():
        if name not in row.columns:
            raise _rejected(f"column {name} is missing")
        if row.schema[name] != dtype:
            raise _rejected(f"column {name} has type {row.schema[name]}; {dtype} is needed")
        if row[name].null_count():
            raise _rejected(f"column {name} is null")


def _check_facts(values: dict[str, Any]) -> None:
    if not 0.0 <= values["threshold"] <= 1.0:
        raise _rejected(f"threshold {values['threshold']} is outside [0, 1]")
    if values["n_trials"] < 1:
        raise _rejected(f"n_trials {values['n_trials']} is below 1")
    if not math.isfinite(values["cpcv_sharpe_mean"]):
        raise _rejected("cpcv_sharpe_mean is not finite")
    if not 0.0 <= values["forest_weight"] <= 1.0:
        raise _rejected(f"forest_weight {values['forest_weight']} is outside [0, 1]")
    if values["windows"] not in get_args(Windows):
        raise _rejected(f"windows {values['windows']!r} is none of {', '.join(get_args(Windows))}")
    slope, intercept = values["calibration_slope"], values["calibration_intercept"]
    if not (math.isfinite(slope) and slope >= 0.0 and math.isfinite(intercept)):
        raise _rejected(f"calibration of slope {slope} and intercept {intercept} is not one")
    try:
        hyperparameters = json.loads(values["hyperparameters"])
    except json.JSONDecodeError as error:
        raise _rejected(f"hyperparameters are not JSON ({error})") from None
    if not isinstance(hyperparameters, dict):
        raise _rejected("hyperparameters are not a JSON object")


def _checked_features(names: Iterable[str | None]) -> tuple[str, ...]:
    features = tuple(name or "" for name in names)
    if not 1 <= len(features) <= MAX_FEATURES or len(set(features)) != len(features):
        raise _rejected("its features are none, too many, or not unique")
    wrong = [name for name in features if not _FEATURE_NAME.fullmatch(name)]
    if wrong:
        raise _rejected(f"feature name {wrong[0]!r} is not of a-z, 0-9 and _")
    return features


def _checked_forest(lists: dict[str, list[Any] | None]) -> dict[str, list[Any]]:
    checked = {name: values for name, values in lists.items() if values is not None}
    if len(checked) != len(lists) or any(None in values for values in checked.values()):
        raise _rejected("its random forest has a null")
    return checked


def _checked_reliability(rows: list[dict[str, Any] | None]) -> pl.DataFrame:
    if len(rows) > MAX_BINS or any(row is None or None in row.values() for row in rows):
        raise _rejected("its reliability curve has a null, or too many bins")
    curve = pl.DataFrame(rows, schema=RELIABILITY_SCHEMA)
    shares = curve.select(pl.exclude("n")).to_numpy()
    if not np.all((shares >= 0.0) & (shares <= 1.0)) or (curve["n"] < 1).any():
        raise _rejected("its reliability curve holds a share outside [0, 1] or an empty bin")
    return curve


def _rejected(what: str) -> ReleaseRejected:
    return ReleaseRejected(f"This meta_model row is not usable: {what}. Train it again.")
