"""Counts trials: which rows a symbol's ledger gains, and what the deflated Sharpe ratio reads of it.

Belongs here: turning search results into ledger rows and merging them with the rows of before.
Does not belong here: the formula that spends them (`rooney_core.validation.sharpe`).
"""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here

KEY = ("search", "basis", "configuration")
SCHEMA = {
    "symbol": pl.String,
    "search": pl.String,
    "basis": pl.String,
    "configuration": pl.String,
    "sharpe_per_day": pl.Float64,
    "n_obs": pl.Int64,
}


def extend_ledger(
    here: Here, strategy_results: pl.DataFrame, meta_model: pl.DataFrame
) -> pl.DataFrame:
    """The ledger of before plus the trials of these results, each (search, basis, configuration) once.

    `basis` is the data version that the search left behind: the same search on the same data by the
    same code leaves the same one and adds nothing, any other adds all its trials.
    """
    basis = {name: here.input_versions[f"{name}[{here.symbol}]"] for name in _SOURCES}
    gained = [
        _strategy_trials(strategy_results, basis["strategy_results"]),
        _nested_trials(meta_model, "trials", "meta_tuning", basis["meta_model"]),
        _nested_trials(meta_model, "thresholds", "threshold", basis["meta_model"]),
    ]
    symbol = pl.lit(here.symbol).alias("symbol")
    rows = [_before(here), *(table.select(symbol, pl.all()) for table in gained)]
    ledger = pl.concat([table.select(SCHEMA).cast(SCHEMA) for table in rows])  # type: ignore[arg-type]
    return ledger.unique(KEY, keep="first", maintain_order=True)


_SOURCES = ("strategy_results", "meta_model")


def trial_statistics(ledger: pl.DataFrame) -> dict[str, float | int]:
    """N, and the sample variance (ddof 1) of the per-day Sharpe ratios of all trials that have one."""
    known = ledger["sharpe_per_day"].drop_nulls().drop_nans()
    variance = known.var() if len(known) > 1 else 0.0
    return {"n_trials_raw": ledger.height, "trial_sharpe_variance": float(variance or 0.0)}


def _before(here: Here) -> pl.DataFrame:
    partition = ("symbol", here.symbol)
    if here.lake.version("trial_ledger", partition) is None:
        return pl.DataFrame(schema=SCHEMA)
    return here.lake.read("trial_ledger", partition)


def _strategy_trials(results: pl.DataFrame, basis: str) -> pl.DataFrame:
    return results.select(
        pl.lit("strategy_sweep").alias("search"),
        pl.lit(basis).alias("basis"),
        pl.format("{} {}", "variant", "params").alias("configuration"),
        "sharpe_per_day",
        "n_obs",
    )


def _nested_trials(meta_model: pl.DataFrame, column: str, search: str, basis: str) -> pl.DataFrame:
    trials = meta_model.select(pl.col(column).explode()).unnest(column)
    named = "hyperparameters" if column == "trials" else "threshold"
    return trials.select(
        pl.lit(search).alias("search"),
        pl.lit(basis).alias("basis"),
        pl.col(named).cast(pl.String).alias("configuration"),
        "sharpe_per_day",
        "n_obs",
    )
