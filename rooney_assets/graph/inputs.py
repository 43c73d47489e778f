"""What a body is handed: the tables of its inputs, read from the lake.

Belongs here: reading by declaration. Does not belong here: which partitions those are (`plan`).
"""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import (
    ASSETS,
    Asset,
    Here,
    Reach,
    partition_of,
)
from rooney_assets.graph.plan import input_keys

Tables = pl.DataFrame | dict[str, pl.DataFrame]


def load_inputs(asset: Asset, here: Here) -> dict[str, Tables]:
    """By argument name: a table, or tables by partition where several may be reached."""
    return {name: _load(asset, here, name) for name in asset.inputs}


def _load(asset: Asset, here: Here, name: str) -> Tables:
    one = asset.inputs[name]
    upstream = ASSETS[one.asset]
    keys = input_keys(asset, one, here.partition, here.universe, here.lake)
    tables = {key: here.lake.read(one.asset, partition_of(upstream, key)) for key in keys}
    if one.reach is Reach.SAME or upstream.partitioning.is_whole:
        return next(iter(tables.values()))
    return {str(key): table for key, table in tables.items()}
