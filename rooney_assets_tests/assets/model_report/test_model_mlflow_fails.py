"""MLflow that fails after the model is written: it is told, and the Dagster run succeeds."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from small_portrait import model_of, portrait, row_of, training_set

from rooney_assets.registry import registered
from rooney_assets.tracking import late_mlflow
from rooney_assets.training_log import TrainingLog
from rooney_core.modeling.settings import TuningSettings

SYMBOL = "SIM_T"

# MLflow asks SQLAlchemy in ways that the latter calls old, and its resource is called a beta.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*currently in beta"),
]


def announced(
    store: Path, before: Callable[[], None] = lambda: None, after: Callable[[], None] = lambda: None
) -> tuple[dict[str, Any], list[str]]:
    """What a Dagster asset gets back from the announcement, and the milestones it was told.

    `before` runs when the store is open, `after` when all was logged. The Dagster run must succeed.
    """
    milestones: list[str] = []

    @dg.asset(required_resource_keys={"mlflow"})
    def trained(context):  # type: ignore[no-untyped-def]
        here = SimpleNamespace(
            symbol=SYMBOL,
            tracking=context.resources.mlflow,
            input_versions={f"training_set[{SYMBOL}]": "t1"},
            code_version="c1",
            run_id=context.run_id,
            params=TuningSettings(),
            milestone=milestones.append,
        )
        if store.parent.is_dir():
            here.tracking.open()
        before()
        log = TrainingLog(here, row_of(model_of(training_set())), portrait())  # type: ignore[arg-type]
        facts = log("lake1")
        after()
        return dg.MaterializeResult(metadata=facts)

    resource = late_mlflow.configured({"mlflow_tracking_uri": f"sqlite:///{store}"})
    done = dg.materialize([trained], resources={"mlflow": resource}, raise_on_error=False)
    assert done.success
    (made,) = done.asset_materializations_for_node("trained")
    return {name: value.value for name, value in made.metadata.items()}, milestones


def drop(store: Path, *tables: str) -> None:
    with closing(sqlite3.connect(store)) as found, found:
        for table in tables:
            found.execute(f"drop table {table}")


def test_a_sound_store_has_the_run_and_its_registered_model(tmp_path: Path) -> None:
    (tmp_path / "mlflow").mkdir()
    store = tmp_path / "mlflow" / "mlflow.db"
    facts, milestones = announced(store)
    assert milestones == []
    version = row_of(model_of(training_set()))["model_version"][0]
    found = registered(store, SYMBOL, version)
    assert found is not None
    assert (found.run_id, found.version) == (
        facts["mlflow run"],
        facts["mlflow registered version"],
    )


def test_a_store_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "mlflow").write_text("a file is in the way")
    facts, milestones = announced(tmp_path / "mlflow" / "mlflow.db")
    assert set(facts) == {"mlflow run"}
    assert "failed with" in facts["mlflow run"]
    assert len(milestones) == 1
    assert "the model is in the lake" in milestones[0]
    assert "\n" not in milestones[0]


def test_a_registry_that_fails_is_told(tmp_path: Path) -> None:
    (tmp_path / "mlflow").mkdir()
    store = tmp_path / "mlflow" / "mlflow.db"
    facts, milestones = announced(store, before=lambda: drop(store, "registered_models"))
    assert "failed with" in facts["mlflow run"]
    assert len(milestones) == 1


def test_a_store_that_fails_when_the_run_ends_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "mlflow").mkdir()
    store = tmp_path / "mlflow" / "mlflow.db"
    facts, milestones = announced(store, after=lambda: drop(store, "runs"))
    assert "mlflow registered version" in facts
    assert milestones == []
