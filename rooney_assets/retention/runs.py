"""Which runs Dagster's storage may forget, and forgetting them with their events and logs.

Belongs here: the rules, and carrying them out. A run that ended long ago goes, unless

- a table that the lake keeps names it: `rooney explain` leads there;
- it holds the newest materialization or check of a partition: without it, Dagster would take the
  partition for missing, and make it anew.

Does not belong here: ticks of schedules and sensors, which `dagster.yaml` limits.
"""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import dagster as dg
from dagster._core.event_api import EventRecordsFilter
from dagster._core.events import DagsterEventType

from rooney_assets.retention.versions import Partition
from rooney_assets.run_control import LONGEST_RUN

ENDED: Final = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)
IN_PROGRESS: Final = (
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_AT_ONCE: Final = 500
"""Runs that one query asks for."""


@dataclass(frozen=True)
class OldRuns:
    """Of `n_ended` runs that ended before the day, `removable` may go."""

    n_ended: int
    removable: tuple[str, ...]


def named_by(parts: Iterable[Partition]) -> frozenset[str]:
    """Runs that made what the lake keeps."""
    return frozenset(
        one.run_id for part in parts for one in part.versions if one.data_version in part.kept
    )


def oldest_in_progress(instance: dg.DagsterInstance, now: datetime) -> datetime | None:
    """When the oldest run began that is still in progress; None where none is.

    One that began longer ago than any run may take is not believed to be.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=list(IN_PROGRESS)))
    began = [
        datetime.fromtimestamp(one.start_time or one.create_timestamp.timestamp(), UTC)
        for one in records
    ]
    return min((one for one in began if now - one < LONGEST_RUN), default=None)


def old_runs(instance: dg.DagsterInstance, before: datetime, needed: frozenset[str]) -> OldRuns:
    """Runs that ended before a moment (UTC); of them, those that nobody needs."""
    ended = [run for run in _ended(instance) if run[1] < before.timestamp()]
    if not ended:
        return OldRuns(0, ())
    kept = needed | set(_newest(instance))
    return OldRuns(len(ended), tuple(run for run, _ in ended if run not in kept))


def forget_runs(instance: dg.DagsterInstance, runs: Iterable[str], state: Path) -> int:
    """Delete runs with their events and logs; how many. Killed in between, the next call goes on.

    `state`: the folder below which each run has its logs.
    """
    n_gone = 0
    for run in runs:
        # Events first: a run without events is found again, events without a run are not.
        instance.event_log_storage.delete_events(run)
        instance.run_storage.delete_run(run)
        for path in _files(instance, run):
            path.unlink(missing_ok=True)
        shutil.rmtree(state / run, ignore_errors=True)
        n_gone += 1
    return n_gone


def _ended(instance: dg.DagsterInstance) -> Iterator[tuple[str, float]]:
    """Run and when it ended (Unix seconds), the newest first."""
    cursor = None
    while True:
        records = instance.get_run_records(
            dg.RunsFilter(statuses=list(ENDED)), limit=_AT_ONCE, cursor=cursor
        )
        for one in records:
            yield one.dagster_run.run_id, one.end_time or one.update_timestamp.timestamp()
        if len(records) < _AT_ONCE:
            return
        cursor = records[-1].dagster_run.run_id


def _newest(instance: dg.DagsterInstance) -> Iterator[str]:
    """Runs with the newest materialization of a partition, or the newest check of an asset."""
    storage = instance.event_log_storage
    keys = instance.get_asset_keys()
    for key in keys:
        of_partition = storage.get_latest_storage_id_by_partition(
            key, DagsterEventType.ASSET_MATERIALIZATION
        )
        latest = instance.get_latest_materialization_event(key)
        if latest is not None:
            yield latest.run_id
        if of_partition:
            asked = EventRecordsFilter(
                DagsterEventType.ASSET_MATERIALIZATION,
                asset_key=key,
                storage_ids=list(of_partition.values()),
            )
            yield from (one.run_id for one in storage.get_event_records(asked))
    yield from _newest_checks(instance, keys)


def _newest_checks(instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey]) -> Iterator[str]:
    from rooney_assets.graph.declaration import CHECKS

    known = set(keys)
    checks = [
        dg.AssetCheckKey(dg.AssetKey(asset), one.name)
        for asset, declared in CHECKS.items()
        for one in declared
        if dg.AssetKey(asset) in known
    ]
    found = instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)
    yield from (one.run_id for one in found.values())


def _files(instance: dg.DagsterInstance, run: str) -> list[Path]:
    """The run's own database, where the storage keeps one for each."""
    path_of = getattr(instance.event_log_storage, "path_for_shard", None)
    if path_of is None:
        return []
    own = Path(path_of(run))
    return [own, own.with_name(f"{own.name}-wal"), own.with_name(f"{own.name}-shm")]
