"""How much of each feature is known, and since when: what a reader of a training set must see.

Belongs here: counting nulls per feature and window. Does not belong here: filling them. A feed that
starts late leaves its feature null before, and null it stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from rooney_core.market.calendar import UTC_MICROSECONDS

COVERAGE_SCHEMA: Final[dict[str, pl.DataType]] = {
    "feature": pl.String(),
    "split": pl.String(),
    "rows": pl.Int64(),
    "known": pl.Int64(),
    "coverage": pl.Float64(),
    "first_known": UTC_MICROSECONDS,
    "last_known": UTC_MICROSECONDS,
}
"""Columns of `feature_coverage`. coverage = known / rows; first_known and last_known are the
entry_time (UTC) of the first and last row that knows the feature, null where none does."""


def feature_coverage(training_set: pl.DataFrame, features: Sequence[str]) -> pl.DataFrame:
    """One row per feature and window of `training_set`, in the order of `features`, then by time.

    Test rows are left out: their features are sealed, so nothing can be said of them.
    """
    rows = training_set.filter(pl.col("split") != "test").sort("entry_time")
    windows = rows["split"].unique(maintain_order=True)
    parts = [
        _of_one(rows.filter(pl.col("split") == window), feature, window)
        for feature in features
        for window in windows
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=COVERAGE_SCHEMA)


def _of_one(rows: pl.DataFrame, feature: str, window: str) -> pl.DataFrame:
    known = rows.filter(pl.col(feature).is_not_null())["entry_time"]
    facts = {
        "feature": [feature],
        "split": [window],
        "rows": [rows.height],
        "known": [len(known)],
        "coverage": [len(known) / rows.height],
        "first_known": [known.min()],
        "last_known": [known.max()],
    }
    return pl.DataFrame(facts, schema=COVERAGE_SCHEMA)
