"""How every asset and partition stands: version, age, rows, checks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.cli.context import Place
from rooney_assets.graph.declaration import (
    ASSETS,
    Asset,
    Partitioning,
    partition_keys,
    partition_of,
)
from rooney_assets.graph.plan import basis_of, default_params, is_current
from rooney_assets.mandate import Mandate
from rooney_core.errors import LakeError, RooneyError

SCHEMA = {
    "asset": pl.String,
    "partition": pl.String,
    "state": pl.String,
    "version": pl.String,
    "rows": pl.Int64,
    "age": pl.String,
    "checks": pl.String,
}


def standing(place: Place, symbols: set[str] | None = None) -> pl.DataFrame:
    """One row per asset and partition; `state` is current, quick, stale, missing or damaged.

    `on demand` is what nobody asked for yet, and nothing waits for.
    """
    rows = [
        _row(asset, key, place)
        for asset in ASSETS.values()
        for key in _keys(asset, place)
        if symbols is None or asset.partitioning.column != "symbol" or key in symbols
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _keys(asset: Asset, place: Place) -> list[str | None]:
    if asset.partitioning.is_whole:
        return [None]
    if asset.partitioning is Partitioning.MONTH:
        return [*place.lake.partitions(asset.name)]
    return [*partition_keys(asset, place.universe)]


def _row(asset: Asset, key: str | None, place: Place) -> tuple[Any, ...]:
    try:
        return _sound_row(asset, key, place)
    except LakeError:
        # One damaged file must not hide how all the others stand.
        return (asset.name, key or "", "damaged", None, None, None, None)


def _sound_row(asset: Asset, key: str | None, place: Place) -> tuple[Any, ...]:
    partition = partition_of(asset, key)
    version = place.lake.version(asset.name, partition)
    if version is None:
        absent = "on demand" if asset.partitioning is Partitioning.ON_DEMAND else "missing"
        return (asset.name, key or "", absent, None, None, None, None)
    manifest = place.lake.manifest(asset.name, partition)
    checks: dict[str, bool] = manifest.extra.get("checks", {})
    failed = [name for name, passed in checks.items() if not passed]
    told = f"{len(checks) - len(failed)}/{len(checks)}"
    if failed:
        told += f" ({', '.join(failed)})"
    age = _age(datetime.now(UTC) - manifest.created_at)
    return (
        asset.name,
        key or "",
        _state(asset, key, place),
        version[:10],
        manifest.rows,
        age,
        told,
    )


def _state(asset: Asset, key: str | None, place: Place) -> str:
    """`current`; `quick` where it is so under the quick mandate alone; else `stale`."""
    if _is_current(asset, key, place, place.mandate):
        return "current"
    if _is_current(asset, key, place, place.mandate.quick()):
        return "quick"
    return "stale"


def _is_current(asset: Asset, key: str | None, place: Place, mandate: Mandate) -> bool:
    try:
        params = default_params(asset, mandate)
        basis = basis_of(asset, key, place.universe, place.source, place.lake, params)
    except RooneyError:
        # An input is gone or unreadable: what was made from it is not current.
        return False
    return is_current(asset, key, basis, place.lake)


def _age(age: Any) -> str:
    seconds = int(age.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
