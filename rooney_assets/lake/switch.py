"""Back to an earlier version of a table, in one instant.

Belongs here: the switch. Does not belong here: when that is wanted, or recording it.
"""

from __future__ import annotations

from rooney_assets.lake import durable
from rooney_assets.lake.layout import Folder, Partition
from rooney_assets.lake.store import Lake


def switch_to(lake: Lake, asset: str, partition: Partition | None, version: str) -> None:
    """Let a version that the lake holds be current: one rename, seen whole or not at all.

    Raises MissingArtifact when the lake never had it, LakeError when it is damaged or the disk
    refuses; then `current` is what it was.
    """
    folder = Folder(lake.root, asset, partition)
    lake.read(asset, partition, version=version, verify=True)
    with durable.refusing(lake.root, f"switch {folder.label}"), durable.in_use(folder.path):
        durable.link_over(folder.version_file(version), folder.current)
