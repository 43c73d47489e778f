"""A lake with many versions, written by hand, of which it is known what may go.

Belongs here: writing it. Does not belong here: assertions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from rooney_assets.evidence.rows import EVIDENCE_SCHEMA, Part
from rooney_assets.lake import Lake, ManifestFacts

SYMBOL = "SIM_ES"
MONTH = "2026-01"


def write(
    lake: Lake,
    asset: str,
    key: str | None,
    rows: Mapping[str, Any],
    inputs: Mapping[str, str] | None = None,
    **more: Any,
) -> str:
    """Make a table the current version; its version. `more`: `run_id`, `sealed`, `beside`."""
    column = "rebalance_month" if key == MONTH else "symbol"
    n_rows = len(next(iter(rows.values())))
    own = {} if key is None else {column: pl.Series([key] * n_rows, dtype=pl.String)}
    frame = pl.DataFrame({**own, **{name: one for name, one in rows.items() if name not in own}})
    facts = ManifestFacts(
        run_id=more.pop("run_id", "run"), code_version="c", git_commit="g", inputs=inputs or {}
    )
    partition = None if key is None else (column, key)
    beside = more.pop("beside", None)
    kept = None if beside is None else {beside: frame}
    return lake.write(asset, partition, frame, facts, beside=kept, **more).data_version


def versions_of_bars(lake: Lake, count: int, first: int = 0) -> list[str]:
    """So many versions of raw bars, the oldest first, each with a quarantine beside it."""
    return [
        write(lake, "raw_bars", SYMBOL, {"close": [float(first + n)]}, beside="quarantine")
        for n in range(count)
    ]


def evidence_rows(release_id: str, lineage: Mapping[str, str]) -> pl.DataFrame:
    """Evidence that names versions and nothing else."""
    rows = [
        {
            "rebalance_month": MONTH,
            "release_id": release_id,
            "part": str(Part.LINEAGE),
            "about": label,
            "version": version,
        }
        for label, version in lineage.items()
    ]
    return pl.DataFrame(rows, schema=EVIDENCE_SCHEMA)


def release_rows(release_id: str, **named: str) -> dict[str, list[Any]]:
    """A release that trades one symbol, and what its rows name."""
    rows: dict[str, list[Any]] = {
        "release_id": [release_id],
        "rebalance_month": [MONTH],
        "symbol": [SYMBOL],
        "size": [1],
        "model_version": ["m"],
        "production_model_version": [named.get("models", "none")],
        "mandate_version": [named.get("mandate", "")],
        "evidence_version": [named.get("evidence", "")],
    }
    return rows
