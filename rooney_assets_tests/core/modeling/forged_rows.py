"""Stored models as a forger would write them, their version renewed. No assertions of their own."""

from __future__ import annotations

import functools

import numpy as np
import polars as pl
from drawn_boosters import NAMES, boosted, drawn
from sklearn.ensemble import RandomForestClassifier

from rooney_core.modeling import META_MODEL_SCHEMA, MetaModel, model_version
from rooney_core.modeling.boosting_text import trees_only
from rooney_core.modeling.calibration import Calibration, reliability_curve
from rooney_core.modeling.forest import ForestArrays


@functools.cache
def small_row() -> pl.DataFrame:
    """A sound row of a small model on NAMES."""
    features = drawn(1, 400)
    label = (np.nan_to_num(features[:, 0]) > 0).astype(int)
    forest = RandomForestClassifier(5, max_depth=4, random_state=1).fit(features, label)
    model = MetaModel(
        features=NAMES,
        threshold=0.5,
        threshold_reason="set by hand",
        lightgbm_text=trees_only(boosted(1, rounds=6, num_leaves=5).model_to_string()),
        forest=ForestArrays.from_sklearn(forest),
        hyperparameters="{}",
        n_trials=1,
        cpcv_sharpe_mean=0.0,
        calibration=Calibration(0.8, 0.1),
        reliability=reliability_curve(np.linspace(0.2, 0.8, 400), label),
    )
    return model.to_row("SIM_T")


def signed(row: pl.DataFrame, **columns: object) -> pl.DataFrame:
    """The row with other contents and a version that fits them: a forger knows the hash too."""
    values = row.row(0, named=True) | columns
    forged = pl.DataFrame([values], schema=META_MODEL_SCHEMA)
    return forged.with_columns(pl.lit(model_version(forged)).alias("model_version"))


def with_forest(row: pl.DataFrame, **lists: object) -> pl.DataFrame:
    return signed(row, random_forest=row.row(0, named=True)["random_forest"] | lists)


def with_text(row: pl.DataFrame, old: str, new: str) -> pl.DataFrame:
    text = row["lightgbm_text"][0]
    assert old in text
    return signed(row, lightgbm_text=text.replace(old, new, 1))


def stored_forest(row: pl.DataFrame) -> dict[str, list]:
    return row.row(0, named=True)["random_forest"]


def with_tree(row: pl.DataFrame, old: str, new: str) -> pl.DataFrame:
    """As `with_text` inside the first tree, whose size in the header is made to fit."""
    text = row["lightgbm_text"][0]
    head, sizes, rest = text.partition("tree_sizes=")
    size, space, trees = rest.partition(" ")
    assert old in trees
    fitting = str(int(size) + len(new) - len(old))
    return signed(row, lightgbm_text=head + sizes + fitting + space + trees.replace(old, new, 1))
