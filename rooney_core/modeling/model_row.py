"""The one row that a meta model is stored in, and the refusal of a row that is not one.

Belongs here: the columns, the row's version, and every check of a row that needs no model: sizes
before anything is copied, then the version, then each value. Does not belong here: the checks of
the trees (`forest.py`, `boosting_text.py`).
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, Literal, get_args

import numpy as np
import polars as pl

from rooney_core.errors import ReleaseRejected
from rooney_core.lineage import content_version
from rooney_core.modeling.boosting_text import MAX_CHARACTERS
from rooney_core.modeling.calibration import RELIABILITY_SCHEMA
from rooney_core.modeling.forest import MAX_NODES

Windows = Literal["three_way", "two_way"]
"""Whether the validation window was kept apart from training, or not."""

_FOREST: Final[dict[str, pl.DataType]] = {
    "feature": pl.Int32(),
    "threshold": pl.Float64(),
    "left": pl.Int32(),
    "right": pl.Int32(),
    "missing_left": pl.Boolean(),
    "value": pl.Float64(),
    "tree_offset": pl.Int64(),
}

META_MODEL_SCHEMA: Final[dict[str, pl.DataType]] = {
    "symbol": pl.String(),
    "model_version": pl.String(),
    "features": pl.List(pl.String()),
    "threshold": pl.Float64(),
    "threshold_reason": pl.String(),
    "lightgbm_text": pl.String(),
    "random_forest": pl.Struct({name: pl.List(kind) for name, kind in _FOREST.items()}),
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

MAX_FEATURES: Final = 1_000
MAX_FEATURE_NAME: Final = 80
MAX_BINS: Final = 1_000
MAX_WORDS: Final = 2_000
"""Characters of a text column that is no model."""

MAX_PARAMETERS: Final = 10_000
"""Characters of the hyper-parameters: nested deeper than that, JSON would exhaust the stack."""

_LONGEST: Final = {
    "symbol": MAX_WORDS,
    "model_version": MAX_WORDS,
    "threshold_reason": MAX_WORDS,
    "windows": MAX_WORDS,
    "hyperparameters": MAX_PARAMETERS,
    "lightgbm_text": MAX_CHARACTERS,
}
_FEATURE_NAME: Final = re.compile(rf"[a-z0-9_]{{1,{MAX_FEATURE_NAME}}}")


def model_version(row: pl.DataFrame) -> str:
    """Content version of a meta_model row without the version itself."""
    content = [name for name in META_MODEL_SCHEMA if name != "model_version"]
    return content_version(row.select(content))


def checked_row(row: pl.DataFrame) -> dict[str, Any]:
    """The values of one row by column, trusting nothing in it; other columns are ignored.

    `features` is a tuple of names, `random_forest` arrays by field, `reliability` a frame, the rest
    plain values. Raises ReleaseRejected as `MetaModel.from_row`.
    """
    _check_schema(row)
    stored = row.select(*META_MODEL_SCHEMA)
    _check_sizes(stored)
    claimed, actual = stored["model_version"][0], model_version(stored)
    if claimed != actual:
        raise _rejected(f"model_version {claimed!r} is not the version of its content, {actual!r}")
    nested = ("features", "random_forest", "reliability")
    values = stored.drop(nested).row(0, named=True)
    _check_facts(values)
    return values | {
        "features": _checked_features(stored["features"][0]),
        "random_forest": _forest_arrays(stored["random_forest"]),
        "reliability": _checked_reliability(stored["reliability"][0]),
    }


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


def _check_sizes(row: pl.DataFrame) -> None:
    """Refuse what is too large before it is hashed or copied."""
    names = pl.col("features").list
    forest = pl.col("random_forest").struct
    sizes = {
        "features": (names.len(), MAX_FEATURES),
        "feature names": (names.join("").str.len_bytes(), MAX_FEATURES * MAX_FEATURE_NAME),
        "reliability": (pl.col("reliability").list.len(), MAX_BINS),
    }
    for name in _FOREST:
        # One offset more than trees, and no tree without a node.
        sizes[f"random_forest {name}"] = (forest.field(name).list.len(), MAX_NODES + 1)
    for name, longest in _LONGEST.items():
        sizes[name] = (pl.col(name).str.len_bytes(), longest)
    arrived = row.select(**{name: size for name, (size, _) in sizes.items()}).row(0, named=True)
    for name, (_, allowed) in sizes.items():
        if arrived[name] is None:
            raise _rejected(f"its {name} is null")
        if arrived[name] > allowed:
            raise _rejected(
                f"its {name} has {arrived[name]} parts or characters; at most {allowed} are allowed"
            )


def _check_facts(values: dict[str, Any]) -> None:
    for name in ("threshold", "forest_weight"):
        if not 0.0 <= values[name] <= 1.0:
            raise _rejected(f"{name} {values[name]} is outside [0, 1]")
    if values["n_trials"] < 1:
        raise _rejected(f"n_trials {values['n_trials']} is below 1")
    if not math.isfinite(values["cpcv_sharpe_mean"]):
        raise _rejected("cpcv_sharpe_mean is not finite")
    if values["windows"] not in get_args(Windows):
        raise _rejected(f"windows {values['windows']!r} is none of {', '.join(get_args(Windows))}")
    slope, intercept = values["calibration_slope"], values["calibration_intercept"]
    if not (math.isfinite(slope) and slope >= 0.0 and math.isfinite(intercept)):
        raise _rejected(f"calibration of slope {slope} and intercept {intercept} is not one")
    try:
        hyperparameters = json.loads(values["hyperparameters"])
    except (ValueError, RecursionError) as error:
        raise _rejected(f"hyperparameters are not JSON ({error})") from None
    if not isinstance(hyperparameters, dict):
        raise _rejected("hyperparameters are not a JSON object")


def _checked_features(names: pl.Series) -> tuple[str, ...]:
    if names.null_count():
        raise _rejected("a feature name is null, not of a-z, 0-9 and _")
    features = tuple(names)
    if not features or len(set(features)) != len(features):
        raise _rejected("its features are none, or not unique")
    wrong = [name for name in features if not _FEATURE_NAME.fullmatch(name)]
    if wrong:
        raise _rejected(f"feature name {wrong[0][:MAX_FEATURE_NAME]!r} is not of a-z, 0-9 and _")
    return features


def _forest_arrays(forest: pl.Series) -> dict[str, Any]:
    fields = {name: forest.struct.field(name)[0] for name in _FOREST}
    if any(values.null_count() for values in fields.values()):
        raise _rejected("its random forest has a null")
    return {name: values.to_numpy() for name, values in fields.items()}


def _checked_reliability(bins: pl.Series) -> pl.DataFrame:
    curve = bins.struct.unnest()
    if bins.null_count() or any(column.null_count() for column in curve):
        raise _rejected("its reliability curve has a null")
    shares = curve.select(pl.exclude("n")).to_numpy()
    if not np.all((shares >= 0.0) & (shares <= 1.0)) or (curve["n"] < 1).any():
        raise _rejected("its reliability curve holds a share outside [0, 1] or an empty bin")
    return curve


def _rejected(what: str) -> ReleaseRejected:
    return ReleaseRejected(f"This meta_model row is not usable: {what}. Train it again.")
