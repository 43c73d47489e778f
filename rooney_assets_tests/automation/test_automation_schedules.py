"""When schedules tick, by the calendar; what they ask for, on a real lake."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from dagster._utils.schedules import schedule_execution_time_iterator
from growing_market import Market, instance_of, make_market

from rooney_assets.build import build_defs
from rooney_assets.schedules import MONTHLY, WEEKLY, fetching_times
from rooney_assets.settings import Settings, load_universe
from rooney_assets.ticking import tick
from rooney_core.market.hours import HOURS


def ticks(cron: str | list[str], zone: str, begin: datetime, n: int) -> list[datetime]:
    """The next ticks of a schedule, as the daemon computes them."""
    found = schedule_execution_time_iterator(begin.timestamp(), cron, zone)
    return [next(found) for _ in range(n)]


def test_rebalance_is_on_the_first_sunday_of_a_month() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    found = ticks(MONTHLY, "UTC", begin, 24)
    by_calendar = []
    for month in range(24):
        day = date(2026 + month // 12, month % 12 + 1, 1)
        by_calendar.append(day + timedelta(days=(6 - day.weekday()) % 7))
    assert [one.date() for one in found] == by_calendar
    assert {one.hour for one in found} == {18}


def test_training_is_weekly_when_markets_are_shut() -> None:
    found = ticks(WEEKLY, "UTC", datetime(2026, 1, 1, tzinfo=UTC), 8)
    assert {one.weekday() for one in found} == {5}
    assert {later - earlier for earlier, later in pairwise(found)} == {timedelta(days=7)}


@pytest.mark.parametrize("group", sorted(HOURS))
def test_bars_are_fetched_after_the_close_in_winter_and_in_summer(group: str) -> None:
    zone, lines = fetching_times(group)
    closes = HOURS[group].closes
    for begin in (datetime(2026, 1, 4, tzinfo=UTC), datetime(2026, 7, 5, tzinfo=UTC)):
        found = ticks(lines, zone, begin, 10)
        local = [one.astimezone(ZoneInfo(zone)) for one in found]
        after = [one for one in local if one.hour >= closes.hour]
        assert [one.weekday() for one in after] == [0, 1, 2, 3, 4]
        assert {
            (one.hour * 60 + one.minute) - (closes.hour * 60 + closes.minute) for one in after
        } == {30}
        # And once more before the next session is far, for vendors who publish overnight.
        assert [one.weekday() for one in local if one not in after] == [1, 2, 3, 4, 5]


def test_every_group_of_the_universe_has_its_schedule_and_all_are_off_by_default() -> None:
    settings = Settings.from_environment({})
    universe = load_universe(settings)
    repository = build_defs(settings, universe).get_repository_def()
    groups = {universe[symbol].product_group for symbol in universe.symbols}
    fetching = {one.name for one in repository.schedule_defs if one.name.startswith("fetch_")}
    assert fetching == {f"fetch_{group}" for group in groups}
    mine = fetching | {"weekly_retraining", "monthly_rebalance", "quarterly_recalibration"}
    mine |= {"follow_symbols", "follow_months", "arrivals", "retraining"}
    for one in (*repository.schedule_defs, *repository.sensor_defs):
        if one.name in mine:
            assert one.default_status.value == "STOPPED", one.name


def test_one_setting_switches_them_on_and_recalibration_has_its_own() -> None:
    settings = Settings.from_environment({"ROONEY_AUTOMATION": "on"})
    repository = build_defs(settings, load_universe(settings)).get_repository_def()
    status = {one.name: one.default_status.value for one in repository.schedule_defs}
    status |= {one.name: one.default_status.value for one in repository.sensor_defs}
    assert status.pop("quarterly_recalibration") == "STOPPED"
    assert set(status.values()) == {"RUNNING"}


def test_a_group_is_asked_for_what_is_new_and_nothing_else(tmp_path: Path) -> None:
    market = make_market(tmp_path / "market")
    with instance_of(market) as instance:
        defs = build_defs(market.settings, market.universe)
        first = tick(defs, "fetch_equity_index", instance)
        assert [one.partition_key for one in first.requests] == ["ES"]
        assert tick(defs, "fetch_rates", instance).requests[0].partition_key == "ZN"
        job = defs.resolve_job_def("bars_of_symbol")
        for one in first.requests:
            done = job.execute_in_process(
                instance=instance, partition_key=one.partition_key, tags=one.tags
            )
            assert done.success
        told = tick(defs, "fetch_equity_index", instance)
        assert (told.requests, told.skipped) == ((), "Nothing new of ES at the source.")
        market.write_bars("ES", date(2021, 6, 3))
        (asked,) = tick(defs, "fetch_equity_index", instance).requests
        assert asked.tags["rooney/reason"] == "the source has other bars"
        # The same tick, evaluated again, asks for the same run.
        at = datetime(2026, 3, 2, 22, 30, tzinfo=UTC)
        keys = {tick(defs, "fetch_equity_index", instance, at).requests[0].run_key for _ in "12"}
        assert len(keys) == 1


def test_a_file_that_cannot_be_read_is_the_runs_to_tell(tmp_path: Path) -> None:
    market: Market = make_market(tmp_path / "market")
    with instance_of(market) as instance:
        defs = build_defs(market.settings, market.universe)
        job = defs.resolve_job_def("bars_of_symbol")
        assert job.execute_in_process(instance=instance, partition_key="GC").success
        (market.folder / "bars" / "GC.parquet").unlink()
        (asked,) = tick(defs, "fetch_metals", instance).requests
        assert asked.tags["rooney/reason"].startswith("whether there is news is not known: ")
        failed = job.execute_in_process(
            instance=instance, partition_key="GC", raise_on_error=False, tags=asked.tags
        )
        assert isinstance(failed, dg.ExecuteInProcessResult)
        assert not failed.success
    assert market.lake.version("raw_bars", ("symbol", "GC")) is not None
