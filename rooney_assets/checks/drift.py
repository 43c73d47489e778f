"""Checks of the drift report: drift itself, as a warning that the UI shows."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Outcome, check


@check("drift_report")
def features_are_as_learnt(table: pl.DataFrame, here: Here) -> Outcome:
    """No more of the features have drifted from the train window than the mandate allows."""
    row = table.row(0, named=True)
    facts = {name: row[name] for name in ("n_drifted", "n_features", "worst_feature", "note")}
    told = {name: "" if value is None else value for name, value in facts.items()}
    drifted = here.beside["features"].filter("has_drifted")
    return Outcome(not row["has_feature_drift"], told, sample=drifted)


@check("drift_report")
def wins_are_as_promised(table: pl.DataFrame, here: Here) -> Outcome:
    """As many trades won as the model promised, within the mandate's errors, as far as live trading
    or the model's own evaluation tell."""
    row = table.row(0, named=True)
    names = (
        *("promised_win_rate", "recent_win_rate", "calibration_z", "calibration_trades"),
        *("calibration_of", "calibration_last_session", "calibration_note"),
    )
    facts = {name: "" if row[name] is None else row[name] for name in names}
    return Outcome(not row["has_calibration_drift"], facts)


@check("drift_report", blocking=True)
def every_feature_is_told_of_once(table: pl.DataFrame, here: Here) -> Outcome:
    """A row per feature that is compared, unless too few trades let nothing be said."""
    row, features = table.row(0, named=True), here.beside["features"]
    wanted = 0 if row["note"] else row["n_features"]
    distinct = features["feature"].n_unique()
    facts = {"features": row["n_features"], "rows": features.height, "distinct": distinct}
    return Outcome(features.height == wanted == distinct, facts)
