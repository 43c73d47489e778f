"""Small tables kept beside a version of an artifact, such as the rows that were refused.

Belongs here: writing and reading them as whole as the table itself. Does not belong here: what is
in them. They are facts about a version, like its manifest, and do not name it: the same bars with
another quarantine are the same bars, and the newer quarantine replaces the older one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from rooney_assets.lake import durable, tables
from rooney_assets.lake.layout import Folder
from rooney_core.lineage import Stamp, table_from_bytes, table_to_bytes

Besides = Mapping[str, pl.DataFrame]
"""Name to table."""


def stamps_for(beside: Besides, folder: Folder, version: str) -> dict[str, Stamp]:
    """A stamp per table: the artifact's version, and the table's own content.

    Raises LakeError as `tables.stamp_for` does, InvalidSetting for an unfit name.
    """
    for name in beside:
        folder.beside_folder(name)
    return {
        name: Stamp(version, tables.stamp_for(table, None, folder).content_version)
        for name, table in beside.items()
    }


def publish(folder: Folder, beside: Besides, stamps: Mapping[str, Stamp]) -> None:
    """Put each table beside the version, unless it is there and intact."""
    for name, table in beside.items():
        file = folder.beside_file(name, stamps[name].data_version)
        if not tables.holds(file, stamps[name]):
            durable.publish(file, table_to_bytes(table, stamps[name]))


def make_current(folder: Folder, stamps: Mapping[str, Stamp]) -> None:
    """Let each stable name be that of this version's table; the view of other clients reads it."""
    for name, stamp in stamps.items():
        file, stable = folder.beside_file(name, stamp.data_version), folder.beside_current(name)
        is_same = stable.exists() and stable.samefile(file)
        if not is_same and not tables.holds(stable, stamp):
            durable.link_over(file, stable)


def read(folder: Folder, names: Iterable[str], data_version: str) -> dict[str, pl.DataFrame]:
    """The tables of these names beside a version. Raises LakeError for a damaged one."""
    found = {}
    for name in names:
        file = folder.beside_file(name, data_version)
        table, stamp = table_from_bytes(file.read_bytes(), str(file))
        tables.require_version(stamp, data_version, file)
        found[name] = table
    return found


def are_there(folder: Folder, versions: Mapping[str, str], data_version: str) -> bool:
    """True when every table that a manifest names claims to be what it should."""
    return all(
        tables.claims(folder.beside_file(name, data_version), Stamp(data_version, content))
        for name, content in versions.items()
    )
