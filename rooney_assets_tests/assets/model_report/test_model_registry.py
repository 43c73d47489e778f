"""MLflow's registry on a real SQLite store: the challenger, its artifacts, and looking it up."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from small_portrait import model_of, row_of, training_set

from rooney_assets.registry import CHALLENGER, VERSION_TAG, registered, registry_name
from rooney_assets.training_log import FACTS_FILE, ROW_FILE, write_model
from rooney_core.modeling.meta_model import MetaModel

SYMBOL = "SIM_T"

# MLflow asks SQLAlchemy in ways that the latter calls old.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A prepared store with one run, and its client."""
    from mlflow.tracking import MlflowClient

    from rooney_assets.tracking import EXPERIMENT, prepare_store

    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    uri = f"sqlite:///{file}"
    prepare_store(uri)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    run = client.create_run(experiment.experiment_id)
    return SimpleNamespace(file=file, client=client, run=run)


def put(store: SimpleNamespace, version: str) -> str:
    from rooney_assets.tracking import register

    tags = {VERSION_TAG: version, "symbol": SYMBOL}
    source = f"{store.run.info.artifact_uri}/model"
    return register(store.client, SYMBOL, source, store.run.info.run_id, tags)


def test_the_newest_model_is_the_challenger_and_nobody_is_champion(store: SimpleNamespace) -> None:
    assert registered(store.file, SYMBOL, "aaa") is None
    assert put(store, "aaa") == "1"
    assert put(store, "bbb") == "2"
    name = registry_name(SYMBOL)
    assert store.client.get_registered_model(name).aliases == {CHALLENGER: 2}
    first, second = (registered(store.file, SYMBOL, one) for one in ("aaa", "bbb"))
    assert first is not None
    assert second is not None
    assert (first.aliases, second.aliases) == ((), (CHALLENGER,))
    # A model that is known already is not registered twice; the alias comes back to it.
    assert put(store, "aaa") == "1"
    assert len(store.client.search_model_versions(f"name = '{name}'")) == 2
    again = registered(store.file, SYMBOL, "aaa")
    assert again is not None
    assert again.aliases == (CHALLENGER,)


def test_a_look_says_what_mlflows_own_client_says(store: SimpleNamespace) -> None:
    number = put(store, "ccc")
    told = store.client.get_model_version(registry_name(SYMBOL), number)
    found = registered(store.file, SYMBOL, "ccc")
    assert found is not None
    assert found.as_facts() == {
        "run_id": told.run_id,
        "registered_model": told.name,
        "version": str(told.version),
        "aliases": sorted(told.aliases),
    }
    assert told.source == f"{store.run.info.artifact_uri}/model"
    assert registered(store.file, "SIM_OTHER", "ccc") is None


def test_no_store_and_another_file_are_no_registry(tmp_path: Path) -> None:
    assert registered(tmp_path / "absent.db", SYMBOL, "aaa") is None
    assert not (tmp_path / "absent.db").exists()
    (tmp_path / "text.db").write_text("no database at all, whatever it is called")
    assert registered(tmp_path / "text.db", SYMBOL, "aaa") is None


def test_the_artifact_is_the_row_and_says_the_same_as_the_model(tmp_path: Path) -> None:
    table = training_set()
    model = model_of(table)
    write_model(row_of(model), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [FACTS_FILE, ROW_FILE]
    loaded = MetaModel.from_row(pl.read_parquet(tmp_path / ROW_FILE))
    features = table.select(model.features).fill_null(np.nan).to_numpy()
    assert loaded.probability(features).tobytes() == model.probability(features).tobytes()
    facts = json.loads((tmp_path / FACTS_FILE).read_text(encoding="utf-8"))
    assert facts["threshold"] == model.threshold
    assert facts["features"] == list(model.features)
    assert facts["hyperparameters"] == json.loads(model.hyperparameters)


def test_a_released_model_is_the_champion_and_an_unknown_one_is_told(
    store: SimpleNamespace,
) -> None:
    from rooney_assets.tracking import crown

    uri = f"sqlite:///{store.file}"
    number = put(store, "ccc")
    told = crown(uri, {SYMBOL: "ccc", "SIM_OTHER": "zzz"})
    assert told == {SYMBOL: f"champion is version {number}", "SIM_OTHER": "not registered"}
    aliases = store.client.get_registered_model(registry_name(SYMBOL)).aliases
    assert str(aliases["champion"]) == number
    # A later release moves the alias, as a rollback does.
    assert crown(uri, {SYMBOL: "aaa"}) == {SYMBOL: "champion is version 1"}
    assert crown(uri, {}) == {}


def test_a_damaged_or_unreachable_store_is_told_and_stops_no_release(tmp_path: Path) -> None:
    from rooney_assets.tracking import crown

    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"not a database, whatever its name says" * 100)
    told = crown(f"sqlite:///{damaged}", {SYMBOL: "aaa"})
    assert told[SYMBOL].startswith("MLflow's store could not be used: ")
    assert "not a database" in told[SYMBOL]
    file = tmp_path / "file"
    file.write_text("a file where a folder should be")
    told = crown(f"sqlite:///{file}/mlflow.db", {SYMBOL: "aaa", "SIM_OTHER": "bbb"})
    assert list(told) == [SYMBOL, "SIM_OTHER"]
    assert all("could not be used" in one for one in told.values())
