"""Removes versions that nobody needs any more: a version is there whole, or is not listed.

Belongs here: taking the files of one version away. Does not belong here: deciding which
(`rooney_assets.retention`).

The manifest goes first, so that no reader lists what is half gone; killed in between, the rest is
nobody's, and the next collection takes it away. A writer holds the folder `in_use`, so nothing is
taken from under a write that has just found its version there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rooney_assets.lake import durable, tables
from rooney_assets.lake import manifest as manifests
from rooney_assets.lake.layout import Folder
from rooney_assets.lake.manifest import Manifest
from rooney_assets.lake.store import Lake


@dataclass(frozen=True)
class Gone:
    """What was taken away of one partition: versions, files and bytes."""

    versions: int
    files: int
    bytes: int


def forget(lake: Lake, folder: Folder, versions: Iterable[Manifest]) -> Gone:
    """Take these versions away, and what an interrupted collection left.

    A version that is current, or was confirmed by a run since its manifest was read, stays. Raises
    LakeError when the disk refuses, or knows no locks; then nothing is half gone.
    """
    n_versions, removed = 0, []
    with durable.refusing(lake.root, f"collect {folder.label}"), durable.alone_in(folder.path):
        current = tables.version_or_none(folder.current)
        for one in versions:
            if one.data_version != current and _is_as_read(folder, one):
                n_versions += 1
                removed += _take(files_of(folder, one.data_version))
        for path in _orphans(folder, current):
            removed += _take([path])
        for place in {path.parent for path, _ in removed}:
            durable.sync_folder(place)
    return Gone(n_versions, len(removed), sum(size for _, size in removed))


def files_of(folder: Folder, version: str) -> list[Path]:
    """Every file of a version that is there, its manifest first."""
    beside = [folder.beside_file(name, version) for name in _beside_folders(folder)]
    every = [folder.manifest_file(version), *beside]
    every += [folder.sealed_file(version), folder.version_file(version)]
    return [path for path in every if path.is_file()]


def _is_as_read(folder: Folder, known: Manifest) -> bool:
    now = manifests.read_or_none(folder, known.data_version)
    return now is not None and now.recorded_at == known.recorded_at


def _take(paths: Iterable[Path]) -> list[tuple[Path, int]]:
    taken = []
    for path in paths:
        size = path.stat().st_size
        path.unlink()
        taken.append((path, size))
    return taken


def _orphans(folder: Folder, current: str | None) -> list[Path]:
    """Files of versions without a manifest; nobody can name them but who reads `current`."""
    known = {path.stem for path in folder.versions.glob("*.json")} | {current}
    places = [folder.versions, folder.sealed_file("").parent]
    places += [folder.beside_folder(name) for name in _beside_folders(folder)]
    return [path for place in places for path in place.glob("*.parquet") if path.stem not in known]


def _beside_folders(folder: Folder) -> list[str]:
    """Names of the tables beside any version, whether or not the current one has them."""
    taken = {folder.versions.name, "sealed", "looks", "trials", "entries"}
    names = (path.name for path in folder.path.iterdir() if path.is_dir())
    return sorted(name for name in names if name not in taken and "=" not in name)
