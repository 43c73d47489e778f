"""`rooney lake`: what the lake and Dagster's storage keep, and collecting the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import polars as pl

    from rooney_assets.retention.versions import Partition

MEGABYTE = 1_000_000
DEFAULT_KEEP = 10
DEFAULT_RUN_DAYS = 90


@click.group()
def lake() -> None:
    """The lake's own housekeeping."""


@lake.command()
@click.option(
    "--keep",
    default=DEFAULT_KEEP,
    show_default=True,
    type=click.IntRange(min=1),
    help="Newest versions of each partition that stay in any case.",
)
@click.option(
    "--run-days",
    default=DEFAULT_RUN_DAYS,
    show_default=True,
    type=click.IntRange(min=1),
    help="Days that Dagster remembers a run in any case.",
)
@click.option("--dry-run", is_flag=True, help="Print what would go; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def gc(keep: int, run_days: int, dry_run: bool, as_json: bool) -> None:
    """Collect old versions: whatever no release, no judgement and nothing current was made of.

    What stays: current versions, releases, candidates, evidence, mandates, searches and ledgers,
    what a run in progress may have read, and all that any of them names, down to the raw bars.
    Dagster forgets the runs that ended long ago, made nothing that stays, and hold the newest event
    of no partition. Killed at any time, it has removed whole versions and whole runs, and nothing
    else.
    """
    from rooney_assets.cli.context import Place
    from rooney_assets.instance import dagster_instance
    from rooney_assets.retention.collect import collect
    from rooney_assets.retention.runs import (
        forget_runs,
        named_by,
        old_runs,
        oldest_in_progress,
    )
    from rooney_assets.retention.versions import plan

    place = Place.from_environment()
    now = datetime.now(UTC)
    before = now - timedelta(days=run_days)
    with dagster_instance(place.settings) as instance:
        parts = plan(place.lake, keep, oldest_in_progress(instance, now))
        told = _table(parts)
        runs = old_runs(instance, before, named_by(parts))
        gone = None if dry_run else collect(place.lake, parts)
        if not dry_run:
            forget_runs(instance, runs.removable, place.settings.state)
    if as_json:
        facts = _facts(parts, keep, gone)
        facts |= {"run_days": run_days, "n_old_runs": runs.n_ended}
        click.echo(json.dumps(facts | {"runs": list(runs.removable)}, indent=2))
        return
    _print(told, parts)
    click.echo(
        f"Of {runs.n_ended} runs that ended more than {run_days} days ago, "
        f"{len(runs.removable)} may go."
    )
    if gone is not None:
        size = _megabytes(gone.bytes)
        click.echo(f"Removed {gone.versions} versions, {size}, and {len(runs.removable)} runs.")
    elif runs.removable or any(one.removable for one in parts):
        click.echo("Nothing was changed; without --dry-run they go.")


def _table(parts: tuple[Partition, ...]) -> pl.DataFrame:
    """A row per asset that has something to lose."""
    import polars as pl

    rows: dict[str, list[int]] = {}
    for one in parts:
        counted = rows.setdefault(one.folder.asset, [0, 0, 0, 0])
        n_gone = len(one.removable)
        added = (1, len(one.versions), n_gone, one.removable_bytes)
        rows[one.folder.asset] = [a + b for a, b in zip(counted, added, strict=True)]
    head = ("asset", "partitions", "versions", "go", "size")
    table = [(name, *numbers[:3], _megabytes(numbers[3])) for name, numbers in rows.items()]
    return pl.DataFrame([row for row in table if row[3]], schema=list(head), orient="row")


def _print(told: pl.DataFrame, parts: tuple[Partition, ...]) -> None:
    from collections import Counter

    from rooney_assets.cli.tables import print_frame

    n_versions = sum(len(one.versions) for one in parts)
    n_gone = sum(len(one.removable) for one in parts)
    if n_gone == 0:
        click.echo(f"Nothing to collect: all {n_versions} versions are needed.")
    else:
        size = _megabytes(sum(one.removable_bytes for one in parts))
        click.echo(f"{n_gone} of {n_versions} versions may go, {size}:")
        print_frame(told, 0)
    reasons = Counter(str(why) for one in parts for why in one.kept.values())
    click.echo("What stays: " + ", ".join(f"{n} {why}" for why, n in reasons.most_common()))


def _facts(parts: tuple[Partition, ...], keep: int, gone: Any) -> dict[str, Any]:
    return {
        "keep": keep,
        "is_dry_run": gone is None,
        "n_versions": sum(len(one.versions) for one in parts),
        "n_removable": sum(len(one.removable) for one in parts),
        "n_removed": 0 if gone is None else gone.versions,
        "bytes_removed": 0 if gone is None else gone.bytes,
        "partitions": [
            {
                "table": one.folder.label,
                "kept": {version: str(why) for version, why in one.kept.items()},
                "removable": [each.data_version for each in one.removable],
            }
            for one in parts
        ],
    }


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f} MB"
