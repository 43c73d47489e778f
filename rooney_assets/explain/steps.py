"""The steps behind a version: every table that it was made of, with who made it, from what, how.

Belongs here: following the lake's manifests down to the bars. Does not belong here: what an id
names (`ids`), or a hash of the lineage (`rooney_assets.graph.lineage`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.graph.code_version import code_version
from rooney_assets.graph.declaration import ASSETS, partition_of, upstream_closure
from rooney_assets.graph.lineage import asset_of
from rooney_assets.lake import Lake, Manifest
from rooney_assets.lake.layout import Partition, partition_columns
from rooney_core.errors import MissingArtifact

BARS = "raw_bars"


@dataclass(frozen=True)
class Step:
    """One version of one partition, as its manifest has it.

    `manifest` is None where the lake does not know the version any more. `is_current`: everybody
    reads it now. `is_code_of_now`: the code that decides its content is what it was.
    """

    label: str
    version: str
    manifest: Manifest | None
    is_current: bool
    is_code_of_now: bool

    @property
    def asset(self) -> str:
        """Name of the asset."""
        return asset_of(self.label)[0]

    @property
    def key(self) -> str | None:
        """The partition's key; None for one table."""
        return asset_of(self.label)[1]

    @property
    def inputs(self) -> Mapping[str, str]:
        """Label to data version of what it was made of; nothing where nobody knows."""
        return {} if self.manifest is None else self.manifest.inputs

    @property
    def failed_checks(self) -> tuple[str, ...]:
        """Names of its checks that did not pass."""
        checks = {} if self.manifest is None else self.manifest.extra.get("checks", {})
        return tuple(name for name, passed in checks.items() if not passed)


def partition_in(lake: Lake, label: str) -> Partition | None:
    """The lake's name of a label's partition, whether or not the graph declares its asset.

    Raises MissingArtifact when the lake has no such partition of an asset that nobody declares.
    """
    name, key = asset_of(label)
    if name in ASSETS:
        return partition_of(ASSETS[name], key)
    for column, keys in partition_columns(lake.root, name).items():
        if column is None and key is None:
            return None
        if column is not None and key in keys:
            return column, str(key)
    raise MissingArtifact(f"The lake at {lake.root} holds no {label}.")


def label_of(asset: str, key: str | None) -> str:
    """`raw_bars[ES]`, or `mandate`."""
    return asset if key is None else f"{asset}[{key}]"


def steps_of(lake: Lake, inputs: Mapping[str, str]) -> tuple[Step, ...]:
    """Every version behind `inputs` (label to data version), themselves last.

    In the order of the graph from the bars on, then by key. Raises LakeError for a damaged
    manifest.
    """
    known = _Known(lake)
    found: dict[tuple[str, str], Step] = {}
    waiting = list(inputs.items())
    while waiting:
        named = waiting.pop()
        if named not in found:
            found[named] = known.step(*named)
            waiting.extend(found[named].inputs.items())
    return in_order(found.values())


def in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Steps in the order of the graph, what it does not declare last; then by key and version."""
    order = {name: place for place, name in enumerate(upstream_closure(ASSETS))}
    last = len(order)
    return tuple(
        sorted(
            steps,
            key=lambda one: (order.get(one.asset, last), one.asset, one.key or "", one.version),
        )
    )


@dataclass
class _Known:
    """What the lake knows; what is asked often is asked once."""

    lake: Lake
    current: dict[str, str | None] = field(default_factory=dict)

    def step(self, label: str, version: str) -> Step:
        name, _ = asset_of(label)
        try:
            partition = partition_in(self.lake, label)
            manifest = self.lake.manifest(name, partition, version=version)
        except MissingArtifact:
            return Step(label, version, None, False, False)
        if label not in self.current:
            self.current[label] = self.lake.version(name, partition)
        is_same = name not in ASSETS or code_version(ASSETS[name].rooms) == manifest.code_version
        return Step(label, version, manifest, self.current[label] == version, is_same)


def step_facts(step: Step) -> dict[str, Any]:
    """A step for a program; times as ISO 8601, what nobody knows is null."""
    known = step.manifest
    facts: dict[str, Any] = {
        "asset": step.asset,
        "partition": step.key,
        "version": step.version,
        "is_in_lake": known is not None,
        "is_current": step.is_current,
    }
    if known is not None:
        facts |= {
            "rows": known.rows,
            "made_at": _text(known.created_at),
            "confirmed_at": _text(known.recorded_at),
            "run_id": known.run_id,
            "git_commit": known.git_commit,
            "code_version": known.code_version,
            "is_code_of_now": step.is_code_of_now,
            "inputs": dict(known.inputs),
            "params": known.config.get("params"),
            "source": known.config.get("source"),
            "checks": dict(known.extra.get("checks", {})),
        }
    return facts


def _text(time: datetime) -> str:
    return time.isoformat(timespec="seconds")
