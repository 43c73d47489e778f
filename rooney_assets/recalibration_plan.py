"""What a recalibration would make anew, and why: nothing is made to find out.

Belongs here: following what is stale through the graph. Does not belong here: running it
(`recalibration`). A table that reads a stale one counts as stale: it may still come out the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import polars as pl

from rooney_assets.graph.declaration import ASSETS, Asset, Reach, partition_of
from rooney_assets.graph.plan import (
    basis_of,
    default_params,
    input_keys,
    is_current,
    upstream_closure,
)
from rooney_assets.headless import Request, everything, keys_to_run
from rooney_assets.lake.manifest import plain_json
from rooney_assets.mandate import Mandate, load_mandate
from rooney_assets.recalibration import Workshop, basis_changes
from rooney_assets.stages import STAGES
from rooney_core.errors import MissingArtifact, RooneyError

PLAN_SCHEMA: Final = {"asset": pl.String, "partition": pl.String, "because_of": pl.String}
NEXT_MONTH: Final = "the next month"


def planned(shop: Workshop) -> pl.DataFrame:
    """PLAN_SCHEMA: a row per partition that would be made, in the order of the run.

    `because_of` names inputs that would be made too, or what is another one already.
    """
    mandate, wanted = load_mandate(shop.settings), upstream_closure(everything(shop.universe))
    stale: dict[str, str] = {}
    rows = []
    for stage in STAGES:
        names = [name for name in wanted if ASSETS[name].partitioning is stage.partitioning]
        if not names:
            continue
        try:
            keys = keys_to_run(
                stage.partitioning, Request(), names, shop.universe, shop.lake, wanted
            )
        except MissingArtifact:
            keys = [NEXT_MONTH]
        for key in keys:
            for name in names:
                reason = _reason(ASSETS[name], key, stale, shop, mandate)
                if reason:
                    stale[_label(name, key)] = reason
                    rows.append((name, key or "", reason))
    return pl.DataFrame(rows, schema=PLAN_SCHEMA, orient="row")


def _reason(
    asset: Asset, key: str | None, stale: dict[str, str], shop: Workshop, mandate: Mandate
) -> str:
    """Why a partition would be made; empty where it would not."""
    partition = partition_of(asset, key)
    if key == NEXT_MONTH or shop.lake.version(asset.name, partition) is None:
        return "never made"
    anew = sorted(_read(asset, key, shop) & stale.keys() | _joining(asset, stale))
    try:
        params = default_params(asset, mandate)
        basis = basis_of(asset, key, shop.universe, shop.source, shop.lake, params)
        if not anew and is_current(asset, key, basis, shop.lake):
            return ""
        now = replace(basis, config=plain_json(basis.config))
        moved = basis_changes(shop.lake.manifest(asset.name, partition), now)
    except RooneyError as error:
        return f"it cannot be read: {error}"
    return ", ".join(dict.fromkeys((*anew, *moved))) or "a file of it is damaged"


def _read(asset: Asset, key: str | None, shop: Workshop) -> set[str]:
    return {
        _label(one.asset, upstream)
        for one in asset.inputs.values()
        for upstream in input_keys(asset, one, key, shop.universe, shop.lake)
    }


def _joining(asset: Asset, stale: dict[str, str]) -> set[str]:
    """Partitions that the lake may not have yet, for an asset that reads every one there is."""
    every = {one.asset for one in asset.inputs.values() if one.reach is Reach.EVERY}
    return {label for label in stale if label.partition("[")[0] in every}


def _label(asset: str, key: str | None) -> str:
    return asset if key is None else f"{asset}[{key}]"
