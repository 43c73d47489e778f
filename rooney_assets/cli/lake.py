"""`rooney lake`: what the lake and Dagster's storage keep, and collecting the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import polars as pl

    from rooney_assets.retention.versions import Partition

MEGABYTE = 1_000_000
DEFAULT_KEEP = 10


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
@click.option("--dry-run", is_flag=True, help="Print what would go; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def gc(keep: int, dry_run: bool, as_json: bool) -> None:
    """Collect old versions: whatever no release, no judgement and nothing current was made of.

    What stays: current versions, releases, candidates, evidence, mandates, searches and ledgers,
    and all that any of them names, down to the raw bars. Killed at any time, it has removed whole
    versions and nothing else.
    """
    from rooney_assets.cli.context import Place
    from rooney_assets.retention.collect import collect
    from rooney_assets.retention.versions import plan

    place = Place.from_environment()
    parts = plan(place.lake, keep)
    told = _table(parts)
    gone = None if dry_run else collect(place.lake, parts)
    if as_json:
        click.echo(json.dumps(_facts(parts, keep, gone), indent=2))
        return
    _print(told, parts)
    if gone is not None:
        click.echo(f"Removed {gone.versions} versions, {_megabytes(gone.bytes)}.")
    elif any(one.removable for one in parts):
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
