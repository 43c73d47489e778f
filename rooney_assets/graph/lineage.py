"""Where a table comes from: every version that it was made of, down to the bars.

Belongs here: following the lake's manifests. Does not belong here: what would change (`impact`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from rooney_assets.graph.declaration import ASSETS, Partitioning, partition_of, upstream_closure
from rooney_assets.lake import Lake
from rooney_core.errors import MissingArtifact


@dataclass(frozen=True)
class Link:
    """One version of one partition, and what it was made of.

    `inputs`: label ("asset[KEY]", or "asset") to data version. `code_version` is empty and `inputs`
    too where the lake does not know the version any more; `checks`: whether each check passed.
    """

    label: str
    version: str
    code_version: str = ""
    rows: int = 0
    inputs: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, bool] = field(default_factory=dict)

    @property
    def asset(self) -> str:
        """Name of the asset."""
        return asset_of(self.label)[0]

    @property
    def key(self) -> str | None:
        """The partition's key; None for one table."""
        return asset_of(self.label)[1]


def asset_of(label: str) -> tuple[str, str | None]:
    """Asset and partition key of a manifest's label: `raw_bars[ES]`, or `mandate`."""
    name, bracket, key = label.partition("[")
    return name, key.removesuffix("]") if bracket else None


def lineage_of(lake: Lake, inputs: Mapping[str, str]) -> tuple[Link, ...]:
    """Each version that `inputs` (label to data version) were made of, those first.

    In the order of the graph from the bars on, then by key. Two versions of one partition are two
    links: a table that was made before another one was made anew. What the trader wrote down is
    left out: it grows with every bar, and of a cost model its own version says what came of it.
    Raises LakeError for a damaged manifest.
    """
    found: dict[tuple[str, str], Link] = {}
    waiting = list(inputs.items())
    while waiting:
        label, version = waiting.pop()
        if (label, version) in found:
            continue
        link = found[label, version] = _link(lake, label, version)
        waiting.extend(link.inputs.items())
    order = {name: place for place, name in enumerate(upstream_closure(ASSETS))}
    return tuple(
        sorted(found.values(), key=lambda one: (order[one.asset], one.key or "", one.version))
    )


def lineage_digest(lake: Lake, inputs: Mapping[str, str]) -> str:
    """A hash of the whole lineage: other than before when any link of it is. Raises as that."""
    links = [asdict(one) for one in lineage_of(lake, inputs)]
    return hashlib.sha256(json.dumps(links, sort_keys=True).encode()).hexdigest()


def _link(lake: Lake, label: str, version: str) -> Link:
    name, key = asset_of(label)
    try:
        manifest = lake.manifest(name, partition_of(ASSETS[name], key), version=version)
    except MissingArtifact:
        return Link(label, version)
    checks = manifest.extra.get("checks", {})
    inputs = {one: of for one, of in manifest.inputs.items() if not _is_of_the_trader(one)}
    return Link(label, version, manifest.code_version, manifest.rows, inputs, dict(checks))


def _is_of_the_trader(label: str) -> bool:
    return ASSETS[asset_of(label)[0]].partitioning is Partitioning.JOURNAL
