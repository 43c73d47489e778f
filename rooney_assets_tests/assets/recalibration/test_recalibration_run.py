"""The whole chain through a real Dagster job and lake on few bars: it fails, and reports that."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from rooney_assets.build import build_defs
from rooney_assets.lake import Lake
from rooney_assets.mandate import load_mandate
from rooney_assets.recalibration import ASSET, COLUMN, Workshop
from rooney_assets.recalibration_plan import planned
from rooney_assets.schedules import JOB, QUARTERLY, SCHEDULE
from rooney_assets.settings import Settings, load_universe
from rooney_assets.sources.selection import source_from

UNIVERSE = """
instruments:
  - symbol: PL
    name: Platinum
    role: tradable
    exchange: NYMEX
    product_group: metals
    multiplier: 50
    tick_size: 0.1
    contract_months: FJNV
    sources: {files: {path: platinum, time_column: time, time_zone: America/Chicago, bar_edge: end}}
"""
MONDAY = date(2024, 3, 4)


def write_bars(folder: Path, n_days: int) -> None:
    """Hourly bars of one contract on weekdays."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "time": f"{MONDAY + timedelta(days=7 * (day // 5) + day % 5)} {hour:02d}:00:00",
            "contract": "PLN24",
            "open": 900.0 + day,
            "high": 903.0 + day,
            "low": 898.0 + day,
            "close": 901.0 + day,
            "volume": 100,
        }
        for day in range(n_days)
        for hour in range(9, 15)
    ]
    pl.DataFrame(rows).write_csv(folder / "platinum.csv")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("factory")
    (folder / "universe.yaml").write_text(UNIVERSE, encoding="utf-8")
    write_bars(folder / "bars", 15)
    environment = {
        "ROONEY_LAKE": str(folder / "lake"),
        "ROONEY_STATE": str(folder / "state"),
        "ROONEY_UNIVERSE": str(folder / "universe.yaml"),
        "ROONEY_SOURCE": f"files:{folder / 'bars'}",
    }
    return Settings.from_environment(environment, folder)


def shop_of(settings: Settings) -> Workshop:
    source = source_from(settings.source, settings.base, settings.vendor)
    return Workshop(settings, load_universe(settings), source, Lake(settings.lake))


@pytest.fixture(scope="module")
def plan_before(settings: Settings) -> pl.DataFrame:
    """What a dry run says of a lake that holds nothing."""
    plan = planned(shop_of(settings))
    assert not settings.lake.exists()
    return plan


@pytest.fixture(scope="module")
def ran(settings: Settings, plan_before: pl.DataFrame) -> tuple[dg.ExecuteInProcessResult, Any]:
    """The job, run as the daemon runs it, and where its events are."""
    instance = dg.DagsterInstance.ephemeral()
    job = build_defs(settings, load_universe(settings)).resolve_job_def(JOB)
    tags = {"dagster/schedule_name": SCHEDULE}
    return job.execute_in_process(instance=instance, raise_on_error=False, tags=tags), instance


def test_dry_run_of_an_empty_lake_would_make_everything(plan_before: pl.DataFrame) -> None:
    assert set(plan_before["because_of"]) == {"never made"}
    assert {"raw_bars", "meta_model", "release_evidence", "production_config"} <= set(
        plan_before["asset"]
    )
    assert "gate_calibration" not in set(plan_before["asset"])
    order = plan_before["asset"].to_list()
    assert order.index("raw_bars") < order.index("gate_report") < order.index("production_model")


def test_chain_that_fails_is_reported_in_the_lake(
    settings: Settings, ran: tuple[dg.ExecuteInProcessResult, Any]
) -> None:
    lake = Lake(settings.lake)
    (name,) = lake.partitions(ASSET)
    (row,) = lake.query(f"select * from {ASSET}").to_dicts()
    assert (row[COLUMN], row["outcome"]) == (name, "failed")
    assert row["asked_by"] == f"schedule {SCHEDULE}"
    assert row["mandate_version"] == load_mandate(settings).version
    assert (row["release_before"], row["release_after"]) == (None, None)
    assert row["is_auto"] is True
    assert row["began_at"] <= row["ended_at"]
    failures = lake.query(f"select failed from {ASSET}_failures")["failed"].to_list()
    assert "PL" in failures
    assert row["n_failed"] == len(failures)


def test_what_was_made_is_named_with_its_versions(
    settings: Settings, ran: tuple[dg.ExecuteInProcessResult, Any]
) -> None:
    lake = Lake(settings.lake)
    changes = lake.query(f"select * from {ASSET}_changes where asset = 'session_bars'").to_dicts()
    (one,) = changes
    assert one["version_after"] == lake.version("session_bars", ("symbol", "PL"))
    assert (one["version_before"], one["because_of"]) == (None, "made for the first time")


def test_job_fails_and_its_report_is_in_the_event_log(
    settings: Settings, ran: tuple[dg.ExecuteInProcessResult, Any]
) -> None:
    result, instance = ran
    assert not result.success
    found = instance.fetch_materializations(dg.AssetKey(ASSET), limit=5).records
    (event,) = [one.asset_materialization for one in found]
    assert event.partition == Lake(settings.lake).partitions(ASSET)[0]
    assert event.metadata["outcome"].value == "failed"


def test_new_bars_make_what_reads_them_stale_and_nothing_is_written(
    settings: Settings, ran: tuple[dg.ExecuteInProcessResult, Any]
) -> None:
    shop = shop_of(settings)
    files = sorted(settings.lake.rglob("*"))
    assert "raw_bars" not in set(planned(shop)["asset"])
    write_bars(settings.base / "bars", 16)
    reasons = dict(planned(shop).select("asset", "because_of").iter_rows())
    assert reasons["raw_bars"] == "the source's bars"
    assert reasons["roll_calendar"] == "raw_bars[PL]"
    assert "continuous_bars[PL]" in reasons["session_bars"].split(", ")
    assert reasons["strategy_results"] == "never made"
    assert sorted(settings.lake.rglob("*")) == files


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({}, dg.DefaultScheduleStatus.STOPPED),
        ({"ROONEY_RECALIBRATION": "off"}, dg.DefaultScheduleStatus.STOPPED),
        ({"ROONEY_RECALIBRATION": "on"}, dg.DefaultScheduleStatus.RUNNING),
    ],
)
def test_schedule_is_quarterly_and_stopped_unless_settings_say_otherwise(
    tmp_path: Path, said: dict[str, str], status: dg.DefaultScheduleStatus
) -> None:
    settings = Settings.from_environment(said, tmp_path)
    defs = build_defs(settings, load_universe(settings))
    schedule = defs.resolve_schedule_def(SCHEDULE)
    assert (schedule.cron_schedule, schedule.execution_timezone) == (QUARTERLY, "UTC")
    assert (schedule.job_name, schedule.default_status) == (JOB, status)
    minute, hour, day, months, weekday = QUARTERLY.split()
    assert (minute.isdigit(), hour.isdigit(), day, weekday) == (True, True, "1", "*")
    assert months == "1,4,7,10"
