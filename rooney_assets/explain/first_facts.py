"""What a person asks first of a symbol or a table, before where it comes from.

Belongs here: a few facts read from the lake. Does not belong here: finding what an id names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from rooney_assets.explain.steps import label_of, partition_in
from rooney_assets.lake import Lake
from rooney_core.errors import LakeError

RELEASE: Final = "production_config"
OF_A_SYMBOL: Final = {
    "best_strategy": ("variant", "params"),
    "meta_model": ("model_version",),
    "model_evaluation": ("verdict", "test_sharpe", "test_trades"),
}


def symbol_facts(lake: Lake, symbol: str, inputs: Mapping[str, str]) -> dict[str, Any]:
    """Its variant, its model, the verdict, the release; `inputs`: its tables, label to version.

    What the lake does not have is left out. Raises LakeError for a damaged table.
    """
    facts: dict[str, Any] = {"tables": len(inputs)}
    for asset, columns in OF_A_SYMBOL.items():
        version = inputs.get(label_of(asset, symbol))
        if version is not None:
            row = lake.read(asset, ("symbol", symbol), version=version).row(0, named=True)
            facts |= {name: row[name] for name in columns if name in row}
    if lake.version(RELEASE, None) is not None:
        rows = lake.read(RELEASE, None).filter(pl.col("symbol") == symbol)
        if rows.height:
            size, name = rows["size"][0], rows["release_id"][0]
            facts["released"] = f"{size} contracts in {name}" if size else f"not traded by {name}"
    return facts


def table_facts(lake: Lake, label: str, version: str) -> dict[str, Any]:
    """What a table of one row says; of others, how many rows it has. One that cannot be read says
    why, and its lineage is told all the same."""
    asset, partition = label.partition("[")[0], partition_in(lake, label)
    n_rows = lake.manifest(asset, partition, version=version).rows
    if n_rows != 1:
        return {"table": label, "rows": n_rows}
    try:
        table = lake.read(asset, partition, version=version)
    except LakeError as error:
        return {"table": label, "cannot be read": str(error)}
    plain = [name for name, kind in table.schema.items() if not kind.is_nested()]
    return {"table": label, **table.select(plain).row(0, named=True)}
