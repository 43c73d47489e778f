"""Dagster on a real Postgres: the documented configuration, the real command, many at once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import yaml
from postgres_server import postgres_server

from rooney_assets.instance import dagster_instance
from rooney_assets.provenance import ROOT
from rooney_assets.retention.runs import forget_runs, old_runs
from rooney_assets.settings import Settings
from rooney_core.errors import InvalidSetting

SYMBOLS = "SIM_TLT,SIM_ZN"
OPENING = "from dagster import DagsterInstance as d; d.get().get_runs_count()"


def documents() -> tuple[dict[str, object], dict[str, object]]:
    texts = ((ROOT / name).read_text() for name in ("dagster.yaml", "dagster.postgres.yaml"))
    one, other = (yaml.safe_load(text) for text in texts)
    return one, other


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the README says: a folder with the configuration as dagster.yaml, and the address."""
    folder = tmp_path_factory.mktemp("postgres")
    home = folder / "home"
    home.mkdir()
    shutil.copy(ROOT / "dagster.postgres.yaml", home / "dagster.yaml")
    with postgres_server() as address:
        kept = {name: one for name, one in os.environ.items() if not name.startswith("ROONEY_")}
        yield {
            **kept,
            "ROONEY_LAKE": str(folder / "lake"),
            "ROONEY_STATE": str(folder / "state"),
            "ROONEY_DAGSTER_HOME": str(home),
            "DAGSTER_POSTGRES_URL": address,
        }


def test_both_configurations_differ_in_their_storage_alone() -> None:
    sqlite, postgres = documents()
    assert sqlite.pop("storage") == {"sqlite": {"base_dir": {"env": "ROONEY_STATE"}}}
    assert postgres.pop("storage") == {
        "postgres": {"postgres_url": {"env": "DAGSTER_POSTGRES_URL"}}
    }
    assert sqlite == postgres
    assert sqlite["telemetry"] == {"enabled": False}


def test_a_home_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match=r"no dagster\.yaml"):
        Settings.from_environment({"ROONEY_DAGSTER_HOME": str(tmp_path)})


@pytest.mark.slow
def test_runs_of_the_real_command_are_in_postgres(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers meet an empty server at once; nothing of Dagster's storage is on this disk."""
    rooney = Path(sys.executable).with_name("rooney")
    arguments = ["materialize", "--symbols", SYMBOLS, "--to", "roll_calendar"]
    command = [str(rooney), *arguments, "--processes", "2"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    state = Path(environment["ROONEY_STATE"])
    assert not (state / "history").exists()
    assert not (state / "schedules").exists()
    monkeypatch.setattr(os, "environ", dict(environment))
    with dagster_instance(Settings.from_environment(environment)) as instance:
        runs = instance.get_runs()
        assert {run.tags["dagster/partition"] for run in runs} == set(SYMBOLS.split(","))
        assert {run.status for run in runs} == {dg.DagsterRunStatus.SUCCESS}
        keys = {one.to_user_string() for one in instance.get_asset_keys()}
        assert {"raw_bars", "roll_calendar"} <= keys
        later = datetime.now(UTC) + timedelta(days=1)
        found = old_runs(instance, later, frozenset())
        assert (found.n_ended, found.removable) == (2, ())
        assert forget_runs(instance, [runs[0].run_id], state) == 1
        assert [run.run_id for run in instance.get_runs()] == [runs[1].run_id]


@pytest.mark.slow
def test_many_processes_open_it_at_once(environment: dict[str, str]) -> None:
    home = {"DAGSTER_HOME": environment["ROONEY_DAGSTER_HOME"]}
    opened = [
        subprocess.Popen([sys.executable, "-c", OPENING], env={**environment, **home})
        for _ in range(4)
    ]
    assert [one.wait() for one in opened] == [0] * len(opened)
