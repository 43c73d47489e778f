"""Old runs are forgotten, and none that Dagster or a kept table still needs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import DagsterEventType
from kept_lake import SYMBOL, write

from rooney_assets.lake import Lake
from rooney_assets.retention.runs import forget_runs, named_by, old_runs, oldest_in_progress
from rooney_assets.retention.versions import plan
from rooney_assets.run_control import LONGEST_RUN

KEYS = dg.StaticPartitionsDefinition(["SIM_ES", "SIM_NQ"])
LATER = datetime.now(UTC) + timedelta(days=1)
NOBODY: frozenset[str] = frozenset()


@dg.asset(partitions_def=KEYS)
def bars() -> None:
    """A table by symbol."""


@dg.asset
def page() -> None:
    """One table."""


@dg.asset
def broken() -> None:
    """Never comes to a table."""
    raise dg.Failure(description="on purpose")


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster").mkdir()
    silent = {"telemetry": {"enabled": False}}
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster"), overrides=silent) as made:
        yield made


def run(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, key: str | None = None) -> str:
    done = dg.materialize([asset], instance=instance, partition_key=key, raise_on_error=False)
    return str(done.run_id)


def test_the_newest_run_of_each_partition_stays(instance: dg.DagsterInstance) -> None:
    runs = [run(instance, bars, key) for key in ("SIM_ES", "SIM_NQ", "SIM_ES", "SIM_ES")]
    pages = [run(instance, page) for _ in range(2)]
    failed = run(instance, broken)
    found = old_runs(instance, LATER, NOBODY)
    assert found.n_ended == 7
    assert set(found.removable) == {runs[0], runs[2], pages[0], failed}


def test_runs_that_are_young_or_not_over_stay(instance: dg.DagsterInstance) -> None:
    run(instance, page)
    run(instance, page)
    assert old_runs(instance, datetime.now(UTC) - timedelta(days=1), NOBODY).n_ended == 0
    waiting = dg.Definitions(assets=[page], jobs=[dg.define_asset_job("one", [page])])
    instance.create_run_for_job(waiting.resolve_job_def("one"))
    assert old_runs(instance, LATER, NOBODY).n_ended == 2


def test_the_oldest_run_in_progress_is_found_and_a_lost_one_is_not_believed(
    instance: dg.DagsterInstance,
) -> None:
    now = datetime.now(UTC)
    run(instance, page)
    assert oldest_in_progress(instance, now) is None
    job = dg.Definitions(assets=[page], jobs=[dg.define_asset_job("one", [page])])
    begun = instance.create_run_for_job(job.resolve_job_def("one"))
    assert oldest_in_progress(instance, now) is None, "it waits, and has read nothing"
    started = dg.DagsterEvent(DagsterEventType.RUN_START.value, "one")
    instance.report_dagster_event(started, begun.run_id)
    found = oldest_in_progress(instance, now)
    assert found is not None
    assert now <= found <= datetime.now(UTC)
    assert oldest_in_progress(instance, now + LONGEST_RUN + timedelta(minutes=1)) is None


def test_a_run_that_a_kept_table_names_stays(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    first, second, third = (run(instance, page) for _ in range(3))
    lake = Lake(tmp_path / "lake")
    for number, made_by in enumerate((first, second, third)):
        write(lake, "raw_bars", SYMBOL, {"close": [float(number)]}, run_id=made_by)
    assert named_by(plan(lake, 2)) == {second, third}
    assert old_runs(instance, LATER, named_by(plan(lake, 2))).removable == (first,)


def test_a_forgotten_run_leaves_nothing_and_the_others_are_whole(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    first, second = (run(instance, bars, "SIM_ES") for _ in range(2))
    state = tmp_path / "dagster" / "storage"
    assert {first, second} <= set(os.listdir(state)), "where this instance keeps what steps print"
    assert forget_runs(instance, old_runs(instance, LATER, NOBODY).removable, state) == 1
    assert [one.run_id for one in instance.get_runs()] == [second]
    assert second in os.listdir(state)
    left = [str(one) for one in (tmp_path / "dagster").rglob("*") if first in one.name]
    assert left == []
    assert instance.get_materialized_partitions(dg.AssetKey("bars")) == {"SIM_ES"}
    latest = instance.get_latest_materialization_event(dg.AssetKey("bars"))
    assert latest is not None
    assert latest.run_id == second
    assert old_runs(instance, LATER, NOBODY).removable == ()


def test_a_run_whose_events_went_before_a_kill_goes_with_the_next_call(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    first, second = (run(instance, page) for _ in range(2))
    instance.event_log_storage.delete_events(first)
    found = old_runs(instance, LATER, NOBODY)
    assert found.removable == (first,)
    forget_runs(instance, found.removable, tmp_path)
    assert [one.run_id for one in instance.get_runs()] == [second]
