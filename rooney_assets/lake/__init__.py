"""The lake: the only store of artifacts, one folder per asset and partition, versions by content.

Belongs here: where tables live, how they reach the disk whole, what is known about each version,
the SQL views over them, and the one door to the sealed test window. Does not belong here: Dagster,
what any table means, or how it is computed. Data versions are `rooney_core.lineage`'s.
"""

from __future__ import annotations

from rooney_assets.lake.holdout import seal
from rooney_assets.lake.layout import Partition
from rooney_assets.lake.manifest import Manifest, ManifestFacts
from rooney_assets.lake.store import Lake, Written

__all__ = ["Lake", "Manifest", "ManifestFacts", "Partition", "Written", "seal"]
