"""Checks of stage 5: the release that the trader will read."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Outcome, check
from rooney_core.lineage import content_version
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.release.load import load_release


@check("production_model", blocking=True)
def every_model_loads(table: pl.DataFrame, here: Here) -> Outcome:
    """Each row rebuilds its model and carries the hash of its own content."""
    loaded = [MetaModel.from_row(table[row : row + 1]) for row in range(table.height)]
    return Outcome(len(loaded) == table.height, {"models": len(loaded)})


@check("production_model", blocking=True)
def one_model_per_symbol(table: pl.DataFrame, here: Here) -> Outcome:
    """No symbol has two models."""
    return Outcome(table["symbol"].n_unique() == table.height, {"models": table.height})


@check("production_config", blocking=True)
def trader_accepts_it(table: pl.DataFrame, here: Here) -> Outcome:
    """The trader's own loader accepts config and models together: hashes, features, thresholds."""
    models = here.lake.read("production_model", None)
    release = load_release(table, models)
    return Outcome(
        True, {"release": release.config.release_id, "traded": len(release.config.traded)}
    )


@check("production_config", blocking=True)
def names_the_models_by_hash(table: pl.DataFrame, here: Here) -> Outcome:
    """`production_model_version` is the content hash of the models beside it."""
    named = table["production_model_version"].unique().to_list()
    actual = content_version(here.lake.read("production_model", None))
    return Outcome(named == [actual], {"named": str(named), "actual": actual})


@check("production_config", blocking=True)
def passed_symbols_only(table: pl.DataFrame, here: Here) -> Outcome:
    """Every traded symbol's model is, by version, one whose own evaluation is a pass."""
    traded = dict(table.filter(pl.col("size") > 0).select("symbol", "model_version").iter_rows())
    unproved = [name for name, version in traded.items() if not _passed(here, name, version)]
    return Outcome(not unproved, {"traded": len(traded), "unproved": ", ".join(unproved)})


@check("production_config")
def sql_shows_the_same_models(table: pl.DataFrame, here: Here) -> Outcome:
    """A DuckDB client of `lake.duckdb` sees the model versions that the table holds."""
    stored = sorted(here.lake.read("production_model", None)["model_version"])
    with here.duckdb.get_connection() as client:
        rows = client.execute("select model_version from production_model order by 1").fetchall()
    shown = [row[0] for row in rows]
    return Outcome(shown == stored, {"stored": len(stored), "shown": len(shown)})


def _passed(here: Here, symbol: str, model_version: str) -> bool:
    row = here.lake.read("model_evaluation", ("symbol", symbol)).row(0, named=True)
    return bool(row["model_version"] == model_version and row["verdict"] == "pass")
