"""Checks of stage 5: may this be promoted, and is it the release that the trader will read?

Every condition of a promotion is a blocking check of both tables: one that fails keeps the versions
that are there, and the run says why.
"""

from __future__ import annotations

import json
from typing import Final

import polars as pl

from rooney_assets.graph.declaration import Here, Outcome, Severity, check
from rooney_assets.promotion import asking, day_of_judging, decision
from rooney_core.gates.promotion import ConditionCode, Decision
from rooney_core.lineage import content_version
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.release.load import load_release

CONDITIONS: Final = {
    ConditionCode.NO_EMERGENCY_STOP: "No emergency stop file is in the lake.",
    ConditionCode.SAME_VERSIONS: "The gates judged exactly this candidate and its models, under "
    "the mandate in force.",
    ConditionCode.GATES_GREEN: "Every gate of every traded symbol is green, or overridden by a "
    "person until a day.",
    ConditionCode.CHALLENGER_NOT_WORSE: "On the days that both are known for, the challenger is no "
    "worse than the champion.",
    ConditionCode.TURNOVER_KEPT: "The change from what is traded is within the limits of turnover.",
    ConditionCode.LIVE_LIMITS_KEPT: "The trader would refuse none of its sizes under the mandate's "
    "live limits.",
    ConditionCode.NOT_WITHDRAWN: "Nobody rolled back from it.",
    ConditionCode.APPROVED: "The mandate promotes by itself, or a person approved this release.",
}
RELEASES: Final = ("production_model", "production_config")


def _declare(asset: str, code: ConditionCode, words: str) -> None:
    def look(table: pl.DataFrame, here: Here) -> Outcome:
        condition = _decided(here).of(code)
        return Outcome(condition.passed, {"reason": condition.reason})

    look.__name__, look.__doc__ = str(code), words
    check(asset, blocking=True)(look)


def _decided(here: Here) -> Decision:
    return decision(here.lake, asking(here.lake, here.params))


for _asset in RELEASES:
    for _code, _words in CONDITIONS.items():
        _declare(_asset, _code, _words)


@check("production_model", blocking=True)
def every_model_loads(table: pl.DataFrame, here: Here) -> Outcome:
    """Each row rebuilds its model and carries the hash of its own content."""
    loaded = [MetaModel.from_row(table[row : row + 1]) for row in range(table.height)]
    return Outcome(len(loaded) == table.height, {"models": len(loaded)})


@check("production_model", blocking=True)
def one_model_per_symbol(table: pl.DataFrame, here: Here) -> Outcome:
    """No symbol has two models."""
    return Outcome(table["symbol"].n_unique() == table.height, {"models": table.height})


@check("production_model", blocking=True)
def are_what_was_judged(table: pl.DataFrame, here: Here) -> Outcome:
    """Their content hash is the one that the judged candidate names."""
    named = asking(here.lake, here.params).candidate["production_model_version"].unique().to_list()
    actual = content_version(table)
    return Outcome(named == [actual], {"named": str(named), "actual": actual})


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
def is_what_was_judged(table: pl.DataFrame, here: Here) -> Outcome:
    """Row by row the candidate that was paper traded and judged, but for its evidence's version."""
    asked = asking(here.lake, here.params)
    differs = not table.drop("evidence_version").equals(asked.candidate.drop("evidence_version"))
    return Outcome(not differs, {"month": asked.month, "release": table["release_id"][0]})


@check("production_config", blocking=True)
def passed_symbols_only(table: pl.DataFrame, here: Here) -> Outcome:
    """Every traded symbol's model is, by version, one whose own evaluation is a pass.

    Or a person overrides its backtest gate, which the verdict is of.
    """
    traded = dict(table.filter(pl.col("size") > 0).select("symbol", "model_version").iter_rows())
    given = json.loads(table["overrides"][0])
    excused = {one["symbol"] for one in given if one["gate"] == "backtest"}
    unproved = [
        name
        for name, version in traded.items()
        if name not in excused and not _passed(here, name, version)
    ]
    facts = {"traded": len(traded), "unproved": ", ".join(unproved)}
    return Outcome(not unproved, facts | {"overridden": ", ".join(sorted(excused))})


@check("production_config", severity=Severity.ERROR)
def no_override_is_in_force(table: pl.DataFrame, here: Here) -> Outcome:
    """Every gate was passed by itself. Red as long as a person lets a failed one pass."""
    today = day_of_judging(table["data_through"][0]).isoformat()
    given = [one for one in json.loads(table["overrides"][0]) if one["until"] >= today]
    told = {
        f"{one['symbol']}:{one['gate']}": f"until {one['until']}, {one['who']}: {one['reason']}"
        for one in given
    }
    return Outcome(not given, told)


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
