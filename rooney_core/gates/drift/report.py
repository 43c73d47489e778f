"""Have the markets moved away from what a model learnt? One row per symbol, and one per feature.

Belongs here: which samples are compared, and when that is drift. Does not belong here: the
distances (`rooney_core.gates.drift.distances`), the counting of wins (`gates.promises`), or what is
done about it (`retraining`).

Recent rows are what the strategy's newest trades looked like when they were signalled: inputs, and
no outcome. What came of trades is asked of those who may know it: live trading, and what an
evaluation published under its recorded look. Nobody counts the newest trades' outcomes from bars:
the sessions after an evaluation's window are the window of the next one, and a choice made by them,
be it to train or not, would be made by a test that nobody paid for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from rooney_core.features import PRIOR_TRADE_FEATURES
from rooney_core.gates.drift.distances import (
    block_distances,
    false_discovery_adjusted,
    population_stability_index,
    two_sample_p,
)
from rooney_core.gates.promises import CALIBRATION_SCHEMA, Calibration
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.rows import feature_matrix

FEATURES_SCHEMA: Final = {
    "symbol": pl.String(),
    "feature": pl.String(),
    "psi": pl.Float64(),
    "psi_of_blocks": pl.Float64(),
    "p_value": pl.Float64(),
    "adjusted_p_value": pl.Float64(),
    "recent_unknown_share": pl.Float64(),
    "has_drifted": pl.Boolean(),
}
DRIFT_SCHEMA: Final = {
    "symbol": pl.String(),
    "model_version": pl.String(),
    "first_session": pl.Date(),
    "last_session": pl.Date(),
    "n_reference_trades": pl.Int64(),
    "n_recent_trades": pl.Int64(),
    "n_features": pl.Int64(),
    "n_drifted": pl.Int64(),
    "drifted_share": pl.Float64(),
    "worst_feature": pl.String(),
    "worst_psi": pl.Float64(),
    "calibration_of": pl.String(),
    **CALIBRATION_SCHEMA,
    "has_feature_drift": pl.Boolean(),
    "has_calibration_drift": pl.Boolean(),
    "note": pl.String(),
    "calibration_note": pl.String(),
}
OUTCOME_FEATURES: Final = frozenset(one.name for one in PRIOR_TRADE_FEATURES)
"""Features that are made of what came of earlier trades: of the newest ones they stay unread."""


class Witness(StrEnum):
    """Who told what came of trades, the one that is asked first in front."""

    LIVE = "live"  # the trader's own trades of this model
    EVALUATION = "evaluation"  # published by the evaluation of this model, under its recorded look


_KNOWN_BY: Final = {
    Witness.LIVE: "the model's recent live trades",
    Witness.EVALUATION: "those that its evaluation published",
}


class DriftLimits(BaseModel):
    """What is compared, and how much is drift.

    `recent_sessions`: the newest sessions, whose trades are compared with those of the train
    window; `min_trades` of them at least, or nothing is said: neither of features, nor of wins by a
    witness that knows fewer. A feature has drifted when its
    population stability index is above `max_psi`, above the `block_quantile` of what stretches of
    the train window of the same length have against the whole of it, and the two-sample test's
    adjusted p value is below `significance`. A symbol's features have drifted when more than
    `max_drifted_share` of them have. Its calibration has drifted when the wins are more than
    `max_calibration_z` standard errors away from what the probabilities promised.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    recent_sessions: Annotated[int, Field(ge=20, le=504)] = 126
    min_trades: Annotated[int, Field(ge=10, le=1000)] = 30
    max_psi: Annotated[float, Field(gt=0, le=10)] = 0.25
    block_quantile: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    significance: Annotated[float, Field(gt=0, le=0.2)] = 0.01
    max_drifted_share: Annotated[float, Field(gt=0, lt=1)] = 0.25
    max_calibration_z: Annotated[float, Field(gt=0, le=10)] = 2.576


def drift_of(
    symbol: str,
    model: MetaModel,
    model_version: str,
    trained_on: pl.DataFrame,
    recent: pl.DataFrame,
    sessions: pl.Series,
    told: Mapping[Witness, Calibration],
    limits: DriftLimits,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """DRIFT_SCHEMA (one row) and FEATURES_SCHEMA (a row per feature compared, the worst first).

    `trained_on`: training_set rows of the train window; `recent`: `label_start` and the features
    (`compared_features`) of newer trades, of which those that were signalled in the last
    `limits.recent_sessions` of `sessions` (Date, all there are) count. Too few of either: numbers
    are null, and `note` says so. `told`: what each witness knows of this model's trades; the first
    one that knows of enough is believed, and without one `calibration_note` says so.
    """
    newest = newest_sessions(sessions, limits)
    seen = recent.filter(pl.col("label_start").dt.date() >= newest.min())
    row: dict[str, Any] = {
        "symbol": symbol,
        "model_version": model_version,
        "first_session": newest.min(),
        "last_session": newest.max(),
        "n_reference_trades": trained_on.height,
        "n_recent_trades": seen.height,
        "n_features": len(compared_features(model)),
        "has_feature_drift": False,
        "note": "",
        **_of_outcomes(told, limits),
    }
    features = pl.DataFrame(schema=FEATURES_SCHEMA)
    fewest = min(seen.height, trained_on.height)
    if not compared_features(model):
        row["note"] = "the model reads nothing but the results of earlier trades"
    elif fewest < limits.min_trades:
        row["note"] = (
            f"{seen.height} recent and {trained_on.height} earlier trades; nothing is said of "
            f"fewer than {limits.min_trades}"
        )
    else:
        features = _features(symbol, model, trained_on, seen, limits)
        row |= _of_features(features, limits)
    return pl.DataFrame([row], schema=DRIFT_SCHEMA), features


def compared_features(model: MetaModel) -> tuple[str, ...]:
    """The model's features that may be read of any trade: all but OUTCOME_FEATURES."""
    return tuple(name for name in model.features if name not in OUTCOME_FEATURES)


def newest_sessions(sessions: pl.Series, limits: DriftLimits) -> pl.Series:
    """The sessions (Date, ascending) whose trades are the recent ones."""
    return sessions.unique().sort().tail(limits.recent_sessions)


def _features(
    symbol: str,
    model: MetaModel,
    trained_on: pl.DataFrame,
    recent: pl.DataFrame,
    limits: DriftLimits,
) -> pl.DataFrame:
    names = compared_features(model)
    before, now = feature_matrix(trained_on, names), feature_matrix(recent, names)
    blocks = _blocks(trained_on["label_start"], recent["label_start"])
    p_values = np.array([two_sample_p(*pair) for pair in zip(before.T, now.T, strict=True)])
    adjusted = false_discovery_adjusted(p_values)
    rows = []
    for place, name in enumerate(names):
        reference, values = before[:, place], now[:, place]
        psi = population_stability_index(reference, values)
        usual = float(np.quantile(block_distances(reference, blocks), limits.block_quantile))
        # A feature that was never known, or is not any more, has no test; its distance says it.
        is_sure = math.isnan(adjusted[place]) or adjusted[place] < limits.significance
        drifted = bool(psi > limits.max_psi and psi > usual and is_sure)
        unknown = float(np.isnan(values).mean())
        rows.append((symbol, name, psi, usual, p_values[place], adjusted[place], unknown, drifted))
    table = pl.DataFrame(rows, schema=FEATURES_SCHEMA, orient="row")
    known = table.with_columns(pl.col("p_value", "adjusted_p_value").fill_nan(None))
    return known.sort("has_drifted", "psi", "feature", descending=[True, True, False])


def _blocks(reference: pl.Series, recent: pl.Series) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Stretches of the reference's time as long as the recent rows' are."""
    length = max((recent.max() - recent.min()).days, 1)  # type: ignore[operator,union-attr]
    days = (reference - reference.min()).dt.total_days()
    return (days // length).to_numpy().astype(np.int64)


def _of_features(features: pl.DataFrame, limits: DriftLimits) -> dict[str, Any]:
    n_drifted = int(features["has_drifted"].sum())
    share = n_drifted / features.height
    worst = features.sort("psi", descending=True).row(0, named=True)
    return {
        "n_drifted": n_drifted,
        "drifted_share": share,
        "worst_feature": worst["feature"],
        "worst_psi": worst["psi"],
        "has_feature_drift": share > limits.max_drifted_share,
    }


def _of_outcomes(told: Mapping[Witness, Calibration], limits: DriftLimits) -> dict[str, Any]:
    """What the first witness says that knows of enough trades."""
    for witness in Witness:
        known = told.get(witness, Calibration())
        if known.calibration_trades >= limits.min_trades:
            z = known.calibration_z
            return known.row | {
                "calibration_of": str(witness),
                "has_calibration_drift": z is not None and abs(z) > limits.max_calibration_z,
                "calibration_note": "",
            }
    counts = " and ".join(
        f"{told.get(one, Calibration()).calibration_trades} of {words}"
        for one, words in _KNOWN_BY.items()
    )
    return {
        "has_calibration_drift": False,
        "calibration_note": f"outcomes are known of {counts}; nothing is said of fewer than "
        f"{limits.min_trades}",
    }
