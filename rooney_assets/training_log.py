"""What MLflow is told about one training.

Belongs here: parameters, metrics and names of a training run. Does not belong here: the store
(`rooney_assets.tracking`), or Dagster, so that declarations load without it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from rooney_assets.graph.declaration import Here

if TYPE_CHECKING:
    from rooney_core.modeling.training import TrainedModel


def track_training(here: Here, trained: TrainedModel) -> dict[str, str]:
    """Log one training as a nested MLflow run named by the symbol; returns its id."""
    mlflow = here.tracking.open()
    with mlflow.start_run(run_name=here.symbol, nested=True) as run:
        mlflow.set_tags(
            {
                "symbol": here.symbol,
                "model_version": trained.model.to_row(here.symbol)["model_version"][0],
                "training_set_version": here.input_versions[f"training_set[{here.symbol}]"],
            }
        )
        mlflow.log_params(json.loads(trained.model.hyperparameters))
        mlflow.log_metrics(
            {
                "cpcv_sharpe_mean": trained.cpcv_sharpe_mean,
                "threshold": trained.model.threshold,
                "n_features": float(len(trained.model.features)),
            }
        )
        for row in trained.trials.select("trial", "cpcv_sharpe_mean").iter_rows():
            mlflow.log_metric("trial_cpcv_sharpe", row[1], step=row[0])
        return {"mlflow run": run.info.run_id}
