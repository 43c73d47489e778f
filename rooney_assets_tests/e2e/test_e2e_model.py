"""`rooney train` and `rooney model`, by the real command: what is made, shown, and left sealed."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlparse

import polars as pl
import pytest
from e2e_factory import Factory

from rooney_assets.lake import Lake
from rooney_assets.ledger import model_alone

pytestmark = pytest.mark.slow

ES = "SIM_ES"
FIGURES = {"importance", "reliability", "threshold", "path_sharpes", "contributions"}


def mlflow_rows(factory: Factory, query: str) -> list[tuple[object, ...]]:
    """Rows of MLflow's own store."""
    with closing(sqlite3.connect(factory.folder / "state" / "mlflow" / "mlflow.db")) as store:
        return store.execute(query).fetchall()


def looks(factory: Factory) -> int:
    return Lake(factory.lake).looks(ES).height


@pytest.fixture(scope="module")
def untrained(
    materialized: Factory, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], Factory]:
    """Makes a copy of the materialized factory that was never trained nor looked at."""

    def make() -> Factory:
        folder = tmp_path_factory.mktemp("untrained") / "factory"
        shutil.copytree(materialized.folder, folder)
        for asset in ("meta_model", "trial_ledger", "model_evaluation", "holdout_looks"):
            shutil.rmtree(folder / "lake" / asset)
        shutil.rmtree(folder / "state")
        return Factory(folder)

    return make


@pytest.fixture(scope="module")
def trained(untrained: Callable[[], Factory]) -> Factory:
    """One symbol trained by the command, its output beside it."""
    factory = untrained()
    done = factory.rooney("train", "ES", "--quick", "--out", str(factory.folder / "report"))
    assert done.returncode == 0, done.stdout + done.stderr
    (factory.folder / "said.txt").write_text(done.stdout, encoding="utf-8")
    return factory


def test_train_shows_its_trials_and_its_result_and_spends_no_look(trained: Factory) -> None:
    said = (trained.folder / "said.txt").read_text(encoding="utf-8")
    assert f"{ES}: trial 10 of 10" in said
    for word in ("train (in sample)", "validation", "threshold", "calibration", "CPCV path"):
        assert word in said
    assert "not evaluated" in said
    assert "0 of 5 looks spent" in said
    assert looks(trained) == 0
    assert not (trained.lake / "model_evaluation").exists()
    page = (trained.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 9


def test_the_run_is_in_mlflow_and_its_model_is_the_challenger(trained: Factory) -> None:
    lake = Lake(trained.lake)
    row, version = lake.read_versioned("meta_model", ("symbol", ES))
    tags = dict(
        mlflow_rows(
            trained,
            "select t.key, t.value from model_version_tags t join registered_model_aliases a "
            f"on a.name = t.name and a.version = t.version where a.name = 'rooney-meta-model-{ES}' "
            "and a.alias = 'challenger'",
        )
    )
    assert tags["symbol"] == ES
    assert tags["model_version"] == row["model_version"][0]
    assert tags["lake_version"] == version
    assert mlflow_rows(trained, "select distinct alias from registered_model_aliases") == [
        ("challenger",)
    ]
    ((source,),) = mlflow_rows(trained, "select source from model_versions")
    model = Path(unquote(urlparse(str(source)).path))
    assert pl.read_parquet(model / "meta_model.parquet").equals(model_alone(row))
    drawn = {path.stem for path in (model.parent / "figures").glob("*.svg")}
    assert drawn >= FIGURES
    kinds = {path.suffix for path in model.parent.rglob("*") if path.is_file()}
    assert kinds == {".parquet", ".json", ".svg"}
    params = {str(key) for (key,) in mlflow_rows(trained, "select key from params")}
    assert {"forest_depth", "boosting_rounds", "tuning.seed"} <= params
    metrics = dict(mlflow_rows(trained, "select key, value from latest_metrics"))
    assert metrics["cpcv_sharpe_mean"] == pytest.approx(row["cpcv_sharpe_mean"][0])
    assert metrics["threshold"] == row["threshold"][0]
    assert {"validation_annual_sharpe", "path_sharpe", "trial_score"} <= set(metrics)


def test_show_tells_a_program_everything(trained: Factory) -> None:
    done = trained.rooney("model", "show", "ES", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    row = Lake(trained.lake).read("meta_model", ("symbol", ES)).row(0, named=True)
    assert facts["model_version"] == row["model_version"]
    assert {one["feature"] for one in facts["features"]} == set(row["features"])
    assert facts["calibration"]["slope"] == row["calibration_slope"]
    assert facts["reliability"] == row["reliability"]
    assert facts["mlflow"]["aliases"] == ["challenger"]
    assert facts["evaluation"] is None
    for name in ("meta_model", "training_set", "continuous_bars", "raw_bars"):
        version = facts["lineage"][f"{name}[{ES}]"]
        assert version == Lake(trained.lake).version(name, ("symbol", ES))
    said = trained.rooney("model", "show", "ES").stdout
    for word in ("hyperparameters", "reliability", "features", "lineage", "challenger", "report"):
        assert word in said


def test_evaluate_says_that_it_spends_a_look_and_spends_one(trained: Factory) -> None:
    out = str(trained.folder / "report")
    runs = mlflow_rows(trained, "select count(*) from runs")
    done = trained.rooney("train", "ES", "--quick", "--evaluate", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "this spends a look" in done.stdout
    assert "1 of 5 looks spent" in done.stdout
    assert looks(trained) == 1
    (row,) = trained.sql(f"select verdict, test_sharpe from model_evaluation where symbol = '{ES}'")
    assert row["verdict"].upper() in done.stdout
    page = (trained.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert f"verdict: {row['verdict'].upper()}" in page
    # The model was reused: it left no run of its own, and a second evaluation looks no more.
    assert mlflow_rows(trained, "select count(*) from runs") == runs
    again = trained.rooney("train", "ES", "--quick", "--evaluate", "--out", out)
    assert "was evaluated before" in again.stdout
    assert looks(trained) == 1


def test_mlflow_that_fails_leaves_a_sound_model(untrained: Callable[[], Factory]) -> None:
    factory = untrained()
    (factory.folder / "state").mkdir()
    (factory.folder / "state" / "mlflow").write_text("a file is in the way", encoding="utf-8")
    out = str(factory.folder / "report")
    done = factory.rooney("train", "ES", "--quick", "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MLflow knows nothing of it" in done.stdout
    facts = json.loads(factory.rooney("model", "show", "ES", "--json").stdout)
    assert facts["mlflow"] is None
    row = Lake(factory.lake).read("meta_model", ("symbol", ES))
    assert row["model_version"][0] == facts["model_version"]
    assert "Nothing to do" in factory.rooney("train", "ES", "--quick", "--out", out).stdout


def test_what_cannot_be_trained_is_told_before_anything_runs(materialized: Factory) -> None:
    reference = materialized.rooney("train", "ZN")
    assert reference.returncode == 2
    assert "reference symbol" in reference.stderr
    unknown = materialized.rooney("train", "SIM_EX")
    assert unknown.returncode == 2
    assert "SIM_ES" in unknown.stderr


def test_a_symbol_without_a_model_says_how_to_get_one(untrained: Callable[[], Factory]) -> None:
    done = untrained().rooney("model", "show", "NQ")
    assert done.returncode == 1
    assert "meta_model" in done.stderr
    assert "rooney materialize" in done.stderr


def test_a_page_is_written_where_it_is_asked_for(materialized: Factory, tmp_path: Path) -> None:
    done = materialized.rooney("model", "report", "NQ", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert str(tmp_path / "report.html") in done.stdout
    assert "SIM_NQ meta model" in (tmp_path / "report.html").read_text(encoding="utf-8")
