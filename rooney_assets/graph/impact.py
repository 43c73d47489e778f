"""What would change if a source's bars of now were materialized: versions, followed downstream.

Belongs here: recomputing the bars stage in memory and following what the manifests say was read.
Does not belong here: writing anything, or printing (`rooney_assets.cli.impact`).

The bars stage is computed exactly, so that a change that goes no further than it is seen to stop:
a bar of a contract that was never in front, for example. What is researched from bars takes long
to make and is not made here: it is named as `RECOMPUTED` when anything that it read would change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.graph.declaration import (
    ASSETS,
    Asset,
    Here,
    Made,
    Partitioning,
    partition_of,
)
from rooney_assets.graph.plan import Basis, basis_of, default_params, upstream_closure
from rooney_assets.lake import Lake, Manifest
from rooney_assets.lake.manifest import plain_json
from rooney_assets.mandate import Mandate
from rooney_assets.sources import BarSource
from rooney_core.errors import RooneyError
from rooney_core.lineage import content_version
from rooney_core.market.instruments import Universe
from rooney_core.market.quality import Measured, restated_bars

RECOMPUTED = "recomputed"
"""Stands for a version that only making it could tell."""
FROM_THE_SOURCE = "the source's bars"
IMPACT_SCHEMA = {
    "asset": pl.String,
    "partition": pl.String,
    "current_version": pl.String,
    "new_version": pl.String,
    "because_of": pl.String,
}


@dataclass(frozen=True)
class Impact:
    """What a materialization now would change.

    `bars`: how the source's bars differ from the lake's (`quality.restated_bars`). `results`: one
    row per partition with another version, in the order in which they would be made
    (`IMPACT_SCHEMA`); `because_of` names what it reads that changes, or why it is stale already.
    """

    symbol: str
    bars: Measured
    results: pl.DataFrame


def impact_of(
    symbol: str, universe: Universe, source: BarSource, lake: Lake, mandate: Mandate
) -> Impact:
    """The impact of a symbol's bars as the source tells them now. Nothing is written.

    Raises MissingArtifact when the symbol's bars were never materialized, and what the source
    raises for bars that cannot be read.
    """
    lake.manifest("raw_bars", ("symbol", symbol))
    walk = _Walk(symbol, universe, source, lake, mandate)
    for name in upstream_closure(ASSETS):
        for key in _kept_partitions(ASSETS[name], lake):
            walk.visit(ASSETS[name], key)
    bars = restated_bars(
        walk.tables["raw_bars"], lambda names: lake.columns("raw_bars", ("symbol", symbol), names)
    )
    return Impact(symbol, bars, pl.DataFrame(walk.rows, schema=IMPACT_SCHEMA, orient="row"))


class _Walk:
    """Inputs first, through every partition that the lake holds and that the symbol reaches."""

    def __init__(
        self,
        symbol: str,
        universe: Universe,
        source: BarSource,
        lake: Lake,
        mandate: Mandate,
    ) -> None:
        self.symbol, self.universe, self.source, self.lake = symbol, universe, source, lake
        self.mandate = mandate
        self.tables: dict[str, pl.DataFrame] = {}
        self.rows: list[tuple[str, str, str, str, str]] = []
        self._reached = {_label("raw_bars", symbol)}
        self._altered: set[str] = set()

    def visit(self, asset: Asset, key: str | None) -> None:
        """Find out whether this partition's version would change, and record it if so."""
        label = _label(asset.name, key)
        manifest = self.lake.manifest(asset.name, partition_of(asset, key))
        if label not in self._reached and not self._reached & manifest.inputs.keys():
            return
        self._reached.add(label)
        new = self._exact_version(asset, key)
        reasons = self._reasons(asset, key, manifest)
        if new == manifest.data_version or (new is None and not reasons):
            return
        self._altered.add(label)
        because = ", ".join(reasons) or FROM_THE_SOURCE
        found = (asset.name, key or "", manifest.data_version, new or RECOMPUTED, because)
        self.rows.append(found)

    def _exact_version(self, asset: Asset, key: str | None) -> str | None:
        """The version of the bars stage's tables, which are made here; None for all others."""
        is_bars = asset.partitioning is Partitioning.SYMBOL and key == self.symbol
        if not is_bars or not asset.inputs.keys() <= self.tables.keys():
            return None
        here = Here(
            asset=asset.name,
            partition=key,
            universe=self.universe,
            source=self.source,
            lake=self.lake,
            params=default_params(asset, self.mandate),
            run_id="impact",
            code_version="",
            state_folder=None,
            input_versions={},
        )
        made = asset.body(here, **{name: self.tables[name] for name in asset.inputs})
        table = made.table if isinstance(made, Made) else made
        self.tables[asset.name] = table
        return content_version(table)

    def _reasons(self, asset: Asset, key: str | None, manifest: Manifest) -> list[str]:
        altered = sorted(self._altered & manifest.inputs.keys())
        try:
            params = default_params(asset, self.mandate)
            basis = basis_of(asset, key, self.universe, self.source, self.lake, params)
        except RooneyError as error:
            return [*altered, f"stale already: {error}"]
        return [*altered, *_stale_already(manifest, basis, set(altered))]


def _stale_already(manifest: Manifest, basis: Basis, altered: set[str]) -> list[str]:
    """Why a partition is behind what the lake and the code are now, apart from the new bars."""
    reasons = [f"{name} (stale already)" for name in moved_inputs(manifest.inputs, basis.inputs)]
    reasons = [one for one in reasons if one.split(" ")[0] not in altered]
    if manifest.code_version != basis.code_version:
        reasons.append("code (stale already)")
    if basis.inputs and settled_config(manifest.config) != settled_config(plain_json(basis.config)):
        reasons.append("configuration (stale already)")
    return reasons


def settled_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration without the source's identity, which moves with the bars asked about."""
    return {name: one for name, one in config.items() if name != "source"}


def moved_inputs(recorded: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Inputs whose version is another one now, that are gone, or that joined."""
    return sorted(
        name for name in recorded.keys() | now.keys() if recorded.get(name) != now.get(name)
    )


def _kept_partitions(asset: Asset, lake: Lake) -> list[str | None]:
    if asset.partitioning.is_whole:
        return [None] if lake.version(asset.name, None) is not None else []
    return [*lake.partitions(asset.name)]


def _label(asset: str, key: str | None) -> str:
    return asset if key is None else f"{asset}[{key}]"
