"""Which versions of the lake may go, and why each of the others stays.

Belongs here: the rules. They are, in this order:

- what is current stays, and with it everything that it was made of, down to the bars;
- so does every release, with what it names: candidate, models, evidence, mandate;
- every search and every ledger of trials stays, because the deflation counts all of them, and every
  mandate, because approvals name it;
- of what is judged (evaluations, stress, portfolios, candidates, gates, evidence) the newest
  versions stay with everything that they were made of, and so does what the promotion log names;
- what was current since the oldest run that is still in progress began stays, because it may have
  read it, and will name it when it writes;
- of everything else the newest versions stay.

Logs (looks, trials by hand, promotions) are no versions, and are never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

import polars as pl

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.evidence.rows import Part, of_part
from rooney_assets.graph.declaration import ASSETS, partition_of
from rooney_assets.graph.lineage import asset_of
from rooney_assets.lake import Lake, Manifest, layout, promotions
from rooney_assets.lake.forget import files_of
from rooney_assets.lake.layout import Folder
from rooney_assets.ledger import SEARCHING
from rooney_core.errors import InvalidSetting

RELEASE, CANDIDATE, EVIDENCE = "production_config", "release_candidate", "release_evidence"
MODELS: Final = "production_model"
COUNTED: Final = frozenset({*SEARCHING, "trial_ledger", "mandate", RELEASE, MODELS})
"""Assets of which no version ever goes."""
JUDGED: Final = frozenset(
    {"model_evaluation", "stress_report", "equity_curve", "portfolio_config", CANDIDATE}
    | {"paper_report", "gate_report", EVIDENCE}
)
"""Assets whose kept versions keep what they were made of."""

Named = tuple[str, str]
"""(label, data version)."""


class Why(StrEnum):
    """Why a version stays; the strongest reason is told."""

    CURRENT = "current"
    RELEASE = "a release"
    LOGGED = "the promotion log names it"
    COUNTED = "a search, a ledger, a mandate: all are kept"
    NAMED = "what stays was made of it"
    BEING_READ = "a run in progress may have read it"
    NEWEST = "among the newest"


@dataclass(frozen=True)
class Partition:
    """One partition of one asset: its versions, the newest first, and why some stay."""

    folder: Folder
    versions: tuple[Manifest, ...]
    kept: Mapping[str, Why]

    @property
    def removable(self) -> tuple[Manifest, ...]:
        """Versions that may go."""
        return tuple(one for one in self.versions if one.data_version not in self.kept)

    @property
    def removable_bytes(self) -> int:
        """Size of their files."""
        return sum(
            path.stat().st_size
            for one in self.removable
            for path in files_of(self.folder, one.data_version)
        )


def plan(lake: Lake, keep: int, began: datetime | None = None) -> tuple[Partition, ...]:
    """Every partition of the lake, with what may go when the `keep` newest of each stay.

    `began`: when the oldest run in progress did (UTC), None where none is in progress. Raises
    InvalidSetting for fewer than one, LakeError for a damaged manifest: what is not understood is
    not collected.
    """
    if keep < 1:
        raise InvalidSetting(f"--keep {keep} arrived; at least the newest version is kept.")
    known = _Known(lake)
    for one in known.folders:
        for manifest in known.newest(one)[:keep]:
            known.keep((one.label, manifest.data_version), Why.NEWEST)
            if one.asset in JUDGED:
                known.follow((one.label, manifest.data_version))
    for named in _current_since(known, began):
        known.keep(named, Why.BEING_READ)
        known.follow(named)
    for why, named in _stays(lake, known):
        known.keep(named, why)
        known.follow(named)
    return tuple(
        Partition(one, known.newest(one), known.kept.get(one.label, {})) for one in known.folders
    )


def _current_since(known: _Known, began: datetime | None) -> Iterator[Named]:
    """Every version that was current at that moment or later."""
    if began is None:
        return
    for one in known.folders:
        for manifest in known.newest(one):
            yield one.label, manifest.data_version
            if manifest.recorded_at < began:
                break


def _stays(lake: Lake, known: _Known) -> Iterator[tuple[Why, Named]]:
    for one in known.folders:
        current = lake.version(one.asset, one.partition)
        if current is not None:
            yield Why.CURRENT, (one.label, current)
        if one.asset in COUNTED:
            why = Why.RELEASE if one.asset in (RELEASE, MODELS) else Why.COUNTED
            yield from ((why, (one.label, each.data_version)) for each in known.newest(one))
    for each in known.of_asset(RELEASE):
        yield from ((Why.RELEASE, named) for named in _named_by_release(known, each))
    logged = _logged(lake)
    for label, version in known.of_asset(CANDIDATE):
        rows = known.read(label, version)
        if str(rows["release_id"][0]) in logged:
            yield Why.LOGGED, (label, version)
    for label, version in known.of_asset(EVIDENCE):
        if version in known.kept.get(label, {}):
            yield from ((Why.NAMED, named) for named in _lineage_in(known.read(label, version)))


def _logged(lake: Lake) -> set[str]:
    log = promotions.read(lake)
    named = (*log["release_id"], *log["earlier_release_id"])
    return {str(one) for one in named if one is not None}


def _named_by_release(known: _Known, release: Named) -> Iterator[Named]:
    """What the rows of a release name, beside its inputs."""
    row = known.read(*release).row(0, named=True)
    month = row["rebalance_month"]
    if row.get("evidence_version"):
        evidence = (f"{EVIDENCE}[{month}]", str(row["evidence_version"]))
        yield evidence
        if known.has(evidence):
            yield from _lineage_in(known.read(*evidence))
    yield MODELS, str(row["production_model_version"])
    if row.get("mandate_version"):
        yield "mandate", str(row["mandate_version"])


def _lineage_in(evidence: pl.DataFrame) -> Iterator[Named]:
    rows = of_part(evidence, Part.LINEAGE)
    yield from ((str(one), str(two)) for one, two in rows.select("about", "version").iter_rows())


@dataclass
class _Known:
    """Every manifest of the lake, read once; what is kept of it so far, by label and version."""

    lake: Lake
    folders: tuple[Folder, ...] = ()
    kept: dict[str, dict[str, Why]] = field(default_factory=dict)
    _manifests: dict[str, tuple[Manifest, ...]] = field(default_factory=dict)
    _followed: set[Named] = field(default_factory=set)

    def __post_init__(self) -> None:
        names = self.lake.assets()
        self.folders = tuple(one for name in names for one in layout.folders(self.lake.root, name))
        for one in self.folders:
            found = self.lake.versions(one.asset, one.partition)
            newest = sorted(found, key=lambda each: each.recorded_at, reverse=True)
            self._manifests[one.label] = tuple(newest)

    def newest(self, folder: Folder) -> tuple[Manifest, ...]:
        """Versions of a partition, by when they were last made; the newest first."""
        return self._manifests[folder.label]

    def of_asset(self, asset: str) -> list[Named]:
        """Every version of every partition of an asset."""
        labels = (one.label for one in self.folders if one.asset == asset)
        return [(label, one.data_version) for label in labels for one in self._manifests[label]]

    def has(self, named: Named) -> bool:
        """Whether the lake holds it."""
        return self._manifest(named) is not None

    def read(self, label: str, version: str) -> pl.DataFrame:
        """The table of a version."""
        name, key = asset_of(label)
        return self.lake.read(name, partition_of(ASSETS[name], key), version=version)

    def keep(self, named: Named, why: Why) -> None:
        """Let it stay; a stronger reason replaces a weaker one."""
        label, version = named
        reasons = self.kept.setdefault(label, {})
        order = list(Why)
        if version not in reasons or order.index(why) < order.index(reasons[version]):
            reasons[version] = why

    def follow(self, named: Named) -> None:
        """Let stay what it was made of, down to the bars."""
        waiting = [named]
        while waiting:
            one = waiting.pop()
            if one in self._followed:
                continue
            self._followed.add(one)
            for upstream in self._behind(one):
                self.keep(upstream, Why.NAMED)
                waiting.append(upstream)

    def _behind(self, named: Named) -> Iterable[Named]:
        manifest = self._manifest(named)
        if manifest is None:
            return ()
        before = manifest.config.get("month before", {})
        asset, _ = asset_of(named[0])
        months = ((f"{asset}[{month}]", str(version)) for month, version in before.items())
        return (*manifest.inputs.items(), *months)

    def _manifest(self, named: Named) -> Manifest | None:
        label, version = named
        versions = self._manifests.get(label, ())
        return next((one for one in versions if one.data_version == version), None)
