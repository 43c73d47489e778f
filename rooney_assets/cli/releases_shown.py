"""The releases of a lake, for a person and for a program."""

from __future__ import annotations

import json
from typing import Any

import click

from rooney_assets.cli.lines import tell_overrides
from rooney_assets.lake import Lake
from rooney_assets.promotion import RELEASE, releases, traded_of


def release_facts(lake: Lake) -> list[dict[str, Any]]:
    """A page per release, the newest first; of one id written twice, the newest."""
    current = lake.version(RELEASE, None)
    found: dict[str, dict[str, Any]] = {}
    for version, rows in releases(lake):
        traded, row = traded_of(rows), rows.row(0, named=True)
        until = row.get("approved_until")
        found[traded.release_id] = {
            "release_id": traded.release_id,
            "rebalance_month": row["rebalance_month"],
            "is_current": version == current,
            "created_at": lake.manifest(RELEASE, None, version=version).created_at.isoformat(),
            "sizes": dict(traded.sizes),
            "data_through": row["data_through"].isoformat(),
            "approved_until": None if until is None else until.isoformat(),
            "mandate_version": traded.mandate_version,
            "evidence_version": row.get("evidence_version"),
            "overrides": json.loads(row.get("overrides") or "[]"),
        }
    return list(reversed(found.values()))


def print_releases(facts: list[dict[str, Any]]) -> None:
    """A line per release, and one in red per override."""
    if not facts:
        click.echo("Nothing was ever released; `rooney materialize` does it when the gates let it.")
    for one in facts:
        sizes = ", ".join(f"{symbol} {size}" for symbol, size in one["sizes"].items())
        mark = "* " if one["is_current"] else "  "
        click.echo(
            f"{mark}{one['release_id']}  {one['rebalance_month']}  made {one['created_at'][:16]}  "
            f"approved until {one['approved_until'] or 'no day'}  {sizes or 'trades nothing'}"
        )
        tell_overrides(one["overrides"])
