"""Writes and reads tables: content decides the version, a write is seen whole or not at all.

Belongs here: the `Lake`. Does not belong here: names of files (`layout`), how bytes become durable
(`durable`), SQL (`views`), or who may look at the test window (`holdout`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from rooney_assets.lake import beside as besides
from rooney_assets.lake import durable, holdout, layout, tables, trials, views
from rooney_assets.lake import manifest as manifests
from rooney_assets.lake.layout import Folder, Partition
from rooney_assets.lake.manifest import Manifest, ManifestFacts
from rooney_core.errors import LakeError
from rooney_core.lineage import Stamp, table_from_bytes, table_to_bytes
from rooney_core.validation.windows import HOLDOUT_BUDGET, MIN_NEW_SESSIONS


@dataclass(frozen=True)
class Written:
    """What a write did. `changed` is False when the lake already held exactly this content."""

    data_version: str
    changed: bool
    path: Path


class Lake:
    """The lake below one root folder. Making the object touches nothing on disk.

    Any number of processes may read and write; no lock is taken. Two writers of one partition: the
    last one's table is current, and both versions exist.
    """

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()

    def write(
        self,
        asset: str,
        partition: Partition | None,
        frame: pl.DataFrame,
        manifest: ManifestFacts,
        sealed: pl.DataFrame | None = None,
        beside: Mapping[str, pl.DataFrame] | None = None,
    ) -> Written:
        """Make `frame` the current version; `sealed` rows go where only `open_test_window` reads.

        `beside` are small tables kept with the version, by name, each a view `<asset>_<name>`; they
        must fit the lake as the table does, and may be empty.

        The partition's column must be in the table, and every time in microseconds UTC. The order
        on disk is version, beside, manifest, current: killed anywhere, the old or the new version
        is current. Content that is already there is verified instead of written again (and repaired
        when damaged); its manifest takes the new facts.

        Raises LakeError when the table does not fit the lake or the disk refuses; then `current`
        is what it was.
        """
        folder = Folder(self.root, asset, partition)
        stamp = tables.stamp_for(frame, sealed, folder)
        kept = dict(beside or {})
        stamps = besides.stamps_for(kept, folder, stamp.data_version)
        with durable.refusing(self.root, f"write {folder.label}"), durable.in_use(folder.path):
            has_views = bool(layout.partition_columns(self.root, asset)) and (
                not kept or kept.keys() <= set(layout.beside_names(self.root, asset))
            )
            before = tables.version_or_none(folder.current)
            self._prepare(folder, sealed is not None, kept)
            created = self._publish_version(folder, frame, sealed, stamp)
            besides.publish(folder, kept, stamps)
            self._record(folder, frame, stamp, manifest, created, stamps)
            besides.make_current(folder, stamps)
            self._make_current(folder, before, stamp)
        if not has_views:
            self.refresh_views()
        return Written(stamp.data_version, before != stamp.data_version, folder.current)

    def read(
        self,
        asset: str,
        partition: Partition | None,
        *,
        version: str | None = None,
        verify: bool = False,
    ) -> pl.DataFrame:
        """The current table, or a named version of it.

        Every read checks that the file is whole to the last bit; `verify` recomputes the content's
        version as well. Raises MissingArtifact when the table was never made, LakeError when the
        file is not what it says it is.
        """
        return self.read_versioned(asset, partition, version=version, verify=verify)[0]

    def read_versioned(
        self,
        asset: str,
        partition: Partition | None,
        *,
        version: str | None = None,
        verify: bool = False,
    ) -> tuple[pl.DataFrame, str]:
        """The table and its data version, of one instant even while somebody replaces it."""
        folder = Folder(self.root, asset, partition)
        path = folder.current if version is None else folder.version_file(version)
        with durable.refusing(self.root, f"read {folder.label}"):
            try:
                data = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                raise folder.missing(version) from None
        frame, stamp = table_from_bytes(data, str(path))
        tables.require_version(stamp, version or stamp.data_version, path)
        if verify:
            tables.require_content(stamp, frame, path)
        return frame, stamp.data_version

    def beside(
        self, asset: str, partition: Partition | None, *, version: str | None = None
    ) -> dict[str, pl.DataFrame]:
        """The small tables kept beside the current version, or a named one; {} without any.

        Raises MissingArtifact when the asset was never made, LakeError for a damaged table.
        """
        folder = Folder(self.root, asset, partition)
        found = self.manifest(asset, partition, version=version)
        with durable.refusing(self.root, f"read what is beside {folder.label}"):
            return besides.read(folder, found.beside, found.data_version)

    def columns(
        self, asset: str, partition: Partition | None, names: Sequence[str]
    ) -> pl.DataFrame:
        """Some columns of the current table: for comparing without holding it all.

        Checks and raises as `read` does; a column that the table does not have is left out.
        """
        folder = Folder(self.root, asset, partition)
        with durable.refusing(self.root, f"read {folder.label}"):
            try:
                return tables.some_columns(folder.current, names)
            except (FileNotFoundError, NotADirectoryError):
                raise folder.missing() from None

    def version(self, asset: str, partition: Partition | None) -> str | None:
        """Data version of the current table, None when there is none.

        Raises LakeError when the file is damaged.
        """
        folder = Folder(self.root, asset, partition)
        with durable.refusing(self.root, f"read {folder.label}"):
            try:
                return tables.claimed_by(folder.current).data_version
            except (FileNotFoundError, NotADirectoryError):
                return None

    def manifest(
        self, asset: str, partition: Partition | None, *, version: str | None = None
    ) -> Manifest:
        """What is known about the current version, or a named one.

        Raises MissingArtifact when there is none, LakeError when it is damaged.
        """
        folder = Folder(self.root, asset, partition)
        wanted = version or self.version(asset, partition)
        if wanted is None:
            raise folder.missing()
        with durable.refusing(self.root, f"read {folder.label}"):
            found = manifests.read(folder, wanted)
        if found is None:
            raise folder.missing(wanted)
        return found

    def is_current(
        self,
        asset: str,
        partition: Partition | None,
        code_version: str,
        inputs: Mapping[str, str],
        config: Mapping[str, Any],
    ) -> bool:
        """True when the current version was made by this code from these inputs: nothing to do.

        A damaged current, manifest or table beside is not current: making it again repairs it.
        """
        folder = Folder(self.root, asset, partition)
        version = tables.version_or_none(folder.current)
        if version is None:
            return False
        try:
            found = manifests.read(folder, version)
        except (LakeError, OSError):
            return False
        return (
            found is not None
            and found.same_basis(code_version, inputs, config)
            and besides.are_there(folder, found.beside, version)
        )

    def check_writable(self) -> None:
        """Return when a file can be made in the lake, after creating its root; else LakeError."""
        with durable.refusing(self.root, "write"):
            durable.make_folder(self.root)
            with tempfile.TemporaryFile(dir=self.root):
                pass

    def assets(self) -> tuple[str, ...]:
        """Names of the assets that hold anything, sorted."""
        return tuple(layout.assets(self.root))

    def partitions(self, asset: str) -> tuple[str, ...]:
        """Keys ("ES", "2026-01") of the partitions that have a current version, sorted.

        Empty for an asset that was never made, and for a table without partitions.
        """
        columns = layout.partition_columns(self.root, asset)
        return tuple(sorted(key for keys in columns.values() for key in keys))

    def versions(self, asset: str, partition: Partition | None) -> tuple[Manifest, ...]:
        """Every version that was ever written, the oldest first."""
        folder = Folder(self.root, asset, partition)
        with durable.refusing(self.root, f"read {folder.label}"):
            names = [path.stem for path in folder.versions.glob("*.json")]
            found = [one for name in names if (one := manifests.read(folder, name)) is not None]
        return tuple(sorted(found, key=lambda one: (one.created_at, one.data_version)))

    def refresh_views(self) -> None:
        """Rebuild `lake.duckdb`: one view for every asset that holds anything."""
        with durable.refusing(self.root, "rebuild the views"):
            durable.make_folder(self.root)
            views.refresh(self.root)

    def query(self, sql: str) -> pl.DataFrame:
        """Answer a question in SQL (DuckDB's); every asset is a table, times are UTC.

        Raises InputError for a question DuckDB does not accept or that would change something,
        UnknownName for a table that does not exist, MissingArtifact for an empty lake.
        """
        with durable.refusing(self.root, "rebuild the views"):
            return views.query(self.root, sql)

    def open_test_window(
        self,
        symbol: str,
        *,
        who: str,
        model_version: str,
        code_version: str,
        budget: int = HOLDOUT_BUDGET,
        min_new_sessions: int = MIN_NEW_SESSIONS,
        sessions: pl.Series | None = None,
    ) -> pl.DataFrame:
        """The sealed rows of a symbol's training set: recorded first, then handed out.

        The look is on disk before this returns. Asking again for the same model, code and training
        set is recorded as a repeat and costs nothing. Raises HoldoutRefused when this model and
        code would be one pair more than `budget` in this window, or a name is empty. `sessions` and
        `min_new_sessions` say when a window that has grown is another one (`holdout`).
        """
        folder = Folder(self.root, "training_set", ("symbol", symbol))
        sealed, version = self._read_sealed(folder)
        asked = holdout.Asked(who, model_version, code_version, version)
        with durable.refusing(self.root, f"record a look at {folder.label}"):
            seen = holdout.Seen(holdout.latest(sealed["entry_time"]), sessions)
            limits = holdout.Limits(budget, min_new_sessions)
            holdout.record(self._looks_folder(symbol), asked, seen, limits)
        return sealed

    def open_test_bars(
        self,
        symbol: str,
        last: date,
        *,
        who: str,
        model_version: str,
        code_version: str,
        budget: int = HOLDOUT_BUDGET,
        min_new_sessions: int = MIN_NEW_SESSIONS,
    ) -> tuple[pl.DataFrame, str]:
        """Continuous bars up to session `last`, some of the test window: recorded, then handed out.

        With their data version. Recorded, counted and refused as `open_test_window` does.
        """
        every, version = self.read_versioned("continuous_bars", ("symbol", symbol))
        bars = every.filter(pl.col("session") <= last)
        asked = holdout.Asked(who, model_version, code_version, f"continuous_bars:{version}")
        with durable.refusing(self.root, f"record a look at the bars of {symbol}"):
            seen = holdout.Seen(holdout.latest(bars["bar_start"]), every["session"])
            limits = holdout.Limits(budget, min_new_sessions)
            holdout.record(self._looks_folder(symbol), asked, seen, limits)
        return bars, version

    def record_trial(self, symbol: str, trial: trials.HandMadeTrial) -> str:
        """Keep a configuration that was scored by hand, once; its name."""
        with durable.refusing(self.root, f"record a trial of {symbol}"):
            return trials.append(self._trials_folder(symbol), trial)

    def trials(self, symbol: str) -> pl.DataFrame:
        """Every configuration that was scored by hand (`trials.TRIALS_SCHEMA`)."""
        with durable.refusing(self.root, f"read the trials of {symbol}"):
            return trials.read(self._trials_folder(symbol))

    def looks(self, symbol: str) -> pl.DataFrame:
        """Every recorded look at a symbol's test window, in order (`holdout.LOOKS_SCHEMA`)."""
        with durable.refusing(self.root, f"read the looks of {symbol}"):
            return holdout.looks(self._looks_folder(symbol), symbol)

    def sweep_leftovers(self, older_than: timedelta = timedelta(days=1)) -> int:
        """Remove unfinished files of killed processes; how many. They harm nobody but the disk."""
        with durable.refusing(self.root, "sweep"):
            return durable.sweep(self.root, older_than.total_seconds())

    def _looks_folder(self, symbol: str) -> Path:
        return Folder(self.root, "holdout_looks", ("symbol", symbol)).path / "looks"

    def _trials_folder(self, symbol: str) -> Path:
        return Folder(self.root, "trials_by_hand", ("symbol", symbol)).path / "trials"

    def _prepare(self, folder: Folder, has_sealed: bool, beside: Iterable[str]) -> None:
        used = [folder.versions, *(folder.beside_folder(name) for name in beside)]
        if has_sealed:
            used.append(folder.sealed_file("").parent)
        for one in used:
            durable.make_folder(one)
        for one in (folder.path, *used):
            durable.remove_orphans(one)

    def _publish_version(
        self, folder: Folder, frame: pl.DataFrame, sealed: pl.DataFrame | None, stamp: Stamp
    ) -> bool:
        """Put the version's tables in place unless they are there and intact; True when new."""
        version_file = folder.version_file(stamp.data_version)
        is_new = not version_file.exists()
        if sealed is not None:
            own = stamp.of_sealed()
            sealed_file = folder.sealed_file(stamp.data_version)
            if not tables.holds(sealed_file, own):
                durable.publish(sealed_file, table_to_bytes(sealed, own))
        if is_new or not tables.holds(version_file, stamp):
            durable.publish(version_file, table_to_bytes(frame, stamp))
        return is_new

    def _make_current(self, folder: Folder, before: str | None, stamp: Stamp) -> None:
        version_file = folder.version_file(stamp.data_version)
        is_intact = before == stamp.data_version and (
            folder.current.samefile(version_file) or tables.holds(folder.current, stamp)
        )
        if not is_intact:
            durable.link_over(version_file, folder.current)

    def _record(
        self,
        folder: Folder,
        frame: pl.DataFrame,
        stamp: Stamp,
        facts: ManifestFacts,
        is_new: bool,
        stamps: Mapping[str, Stamp],
    ) -> None:
        beside = {name: one.content_version for name, one in stamps.items()}
        known = None if is_new else manifests.read_or_none(folder, stamp.data_version)
        if known is not None and known.facts == facts and dict(known.beside) == beside:
            return
        now = datetime.now(UTC)
        manifest = Manifest(
            asset=folder.asset,
            partition=None if folder.partition is None else "=".join(folder.partition),
            data_version=stamp.data_version,
            visible_version=stamp.content_version,
            sealed_version=stamp.sealed_version,
            beside=beside,
            rows=frame.height,
            columns={name: str(dtype) for name, dtype in frame.schema.items()},
            created_at=now if known is None else known.created_at,
            recorded_at=now,
            **facts.model_dump(),
        )
        durable.publish(folder.manifest_file(stamp.data_version), manifest.to_json())

    def _read_sealed(self, folder: Folder) -> tuple[pl.DataFrame, str]:
        with durable.refusing(self.root, f"read {folder.label}"):
            try:
                version = tables.claimed_by(folder.current).data_version
                path = folder.sealed_file(version)
                data = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                raise folder.missing() from None
        frame, stamp = table_from_bytes(data, str(path))
        tables.require_version(stamp, version, path)
        return frame, version
