"""What MLflow is told about one training, once its model is in the lake.

Belongs here: parameters, metrics, figures and names of a training run. Does not belong here: the
store and the registry (`rooney_assets.tracking`), or Dagster, so that declarations load without it.

Nothing that MLflow is given can execute: the model is its row of the lake as Parquet, and the same
in words as JSON; there is no pickle, and no flavor that would load one.
"""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from rooney_assets.graph.declaration import Here
from rooney_assets.ledger import model_alone
from rooney_assets.model_report.figures import figures_of
from rooney_assets.model_report.portrait import Portrait
from rooney_assets.provenance import git_commit
from rooney_assets.registry import LAKE_TAG, SYMBOL_TAG, VERSION_TAG

if TYPE_CHECKING:
    from mlflow.entities import Metric

MODEL_FOLDER: Final = "model"
FIGURES_FOLDER: Final = "figures"
ROW_FILE, FACTS_FILE = "meta_model.parquet", "meta_model.json"
LARGE: Final = ("lightgbm_text", "random_forest")
"""Columns of the row that are in the Parquet file only."""
METRICS_AT_ONCE: Final = 1000
"""MLflow takes no more in one batch."""
MOST_OF_A_REASON: Final = 300
"""Characters of what MLflow says when it fails; the first line says what."""


@dataclass(frozen=True, eq=False)
class TrainingLog:
    """One training, to be told when its table is in the lake."""

    here: Here
    table: pl.DataFrame
    portrait: Portrait

    def __call__(self, lake_version: str) -> dict[str, str]:
        """Log it as a nested MLflow run and register the model; their ids for the metadata.

        The model is in the lake by now, and the lake is the truth: whatever goes wrong in MLflow is
        told, and undoes nothing.
        """
        try:
            return self._log(lake_version)
        except Exception as error:  # noqa: BLE001  (a store may fail in any way; the model stays)
            reason = str(error).partition("\n")[0][:MOST_OF_A_REASON]
            told = f"failed with {type(error).__name__}: {reason}"
            self.here.milestone(f"the model is in the lake, and MLflow knows nothing of it: {told}")
            return {"mlflow run": told}

    def _log(self, lake_version: str) -> dict[str, str]:
        from rooney_assets.tracking import register

        here, portrait = self.here, self.portrait
        mlflow = here.tracking.open()
        tags = _tags(here, portrait, lake_version)
        with mlflow.start_run(run_name=here.symbol, nested=True) as run:
            client = mlflow.tracking_client
            mlflow.set_tags(tags)
            mlflow.log_params(_params(here, portrait))
            every = metrics_of(portrait)
            for at in range(0, len(every), METRICS_AT_ONCE):
                client.log_batch(run.info.run_id, every[at : at + METRICS_AT_ONCE])
            for name, drawn in figures_of(portrait).items():
                mlflow.log_text(drawn, f"{FIGURES_FOLDER}/{name}.svg")
            with tempfile.TemporaryDirectory() as folder:
                write_model(self.table, Path(folder))
                mlflow.log_artifacts(folder, MODEL_FOLDER)
            source = f"{run.info.artifact_uri}/{MODEL_FOLDER}"
            number = register(client, here.symbol, source, run.info.run_id, tags)
        return {"mlflow run": run.info.run_id, "mlflow registered version": number}


def write_model(table: pl.DataFrame, folder: Path) -> None:
    """The row without its searches as Parquet, and what of it a person reads as JSON."""
    row = model_alone(table)
    row.write_parquet(folder / ROW_FILE)
    facts = row.drop(LARGE).row(0, named=True)
    facts["hyperparameters"] = json.loads(facts["hyperparameters"])
    (folder / FACTS_FILE).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def metrics_of(portrait: Portrait) -> list[Metric]:
    """Numbers of a training: one value each, and a series by trial and by path."""
    from mlflow.entities import Metric

    model, trials = portrait.model, portrait.trials
    single: dict[str, float | None] = {
        "cpcv_sharpe_mean": model.cpcv_sharpe_mean,
        "cpcv_sharpe_sd": trials["cpcv_sharpe_sd"][portrait.chosen],
        "threshold": model.threshold,
        "calibration_slope": model.calibration.slope,
        "calibration_intercept": model.calibration.intercept,
        "n_features": float(len(model.features)),
        "n_trials": float(model.n_trials),
    }
    for row in portrait.windows.iter_rows(named=True):
        window = row.pop("window")
        single |= {f"{window}_{name}": value for name, value in row.items()}
    series = {
        "trial_score": trials["score"].to_list(),
        "trial_cpcv_sharpe": trials["cpcv_sharpe_mean"].to_list(),
        "path_sharpe": portrait.path_sharpes,
    }
    every = [(name, value, 0) for name, value in single.items()]
    every += [(name, value, at) for name, row in series.items() for at, value in enumerate(row)]
    # An undefined number is left out: MLflow would keep NaN as 0.
    known = [(name, value, at) for name, value, at in every if value is not None]
    return [Metric(name, value, 0, at) for name, value, at in known if math.isfinite(value)]


def _tags(here: Here, portrait: Portrait, lake_version: str) -> dict[str, str]:
    return {
        SYMBOL_TAG: here.symbol,
        VERSION_TAG: portrait.model_version,
        LAKE_TAG: lake_version,
        "training_set_version": here.input_versions[f"training_set[{here.symbol}]"],
        "code_version": here.code_version,
        "git_commit": git_commit(),
        "dagster_run_id": here.run_id,
    }


def _params(here: Here, portrait: Portrait) -> dict[str, Any]:
    chosen: dict[str, Any] = json.loads(portrait.model.hyperparameters)
    settings = here.params.model_dump(mode="json")
    return chosen | {f"tuning.{name}": value for name, value in settings.items()}
