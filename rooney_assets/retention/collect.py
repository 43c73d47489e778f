"""Carries a plan out: takes the versions away that may go.

Belongs here: one collection. Does not belong here: the rules (`versions`), or how files go
(`rooney_assets.lake.forget`).
"""

from __future__ import annotations

from collections.abc import Iterable

from rooney_assets.lake import Lake
from rooney_assets.lake.forget import Gone, forget
from rooney_assets.retention.versions import Partition


def collect(lake: Lake, parts: Iterable[Partition]) -> Gone:
    """Take away what may go of each partition, and what killed processes left. Raises LakeError."""
    taken = [forget(lake, one.folder, one.removable) for one in parts]
    lake.sweep_leftovers()
    return Gone(
        sum(one.versions for one in taken),
        sum(one.files for one in taken),
        sum(one.bytes for one in taken),
    )
