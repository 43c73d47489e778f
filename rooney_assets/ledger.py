"""Counts trials: which rows a symbol's ledger gains, and what the deflation reads of it.

Belongs here: turning search results into ledger rows and merging them with the rows of before.
Does not belong here: the formula that spends them (`rooney_core.validation.sharpe`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from rooney_assets.graph.declaration import Here
from rooney_core.validation.sharpe import null_sharpe_variance, trial_sharpe_variance

if TYPE_CHECKING:
    from rooney_assets.lake import Lake
    from rooney_core.modeling.training import TrainedModel

KEY = ("search", "basis", "configuration")
SCHEMA: dict[str, Any] = {
    "symbol": pl.String,
    "search": pl.String,
    "basis": pl.String,
    "configuration": pl.String,
    "sharpe_per_day": pl.Float64,
    "n_obs": pl.Int64,
    "cluster": pl.Int64,
}


SEARCHING = ("strategy_results", "meta_model")
SEARCHES = ("trials", "thresholds")


def with_searches(row: pl.DataFrame, trained: TrainedModel) -> pl.DataFrame:
    """A meta_model row with everything that was scored to get it, as two nested columns."""
    scored = (trained.trials, trained.thresholds)
    nested = [
        pl.Series(name, [table.to_struct()]) for name, table in zip(SEARCHES, scored, strict=True)
    ]
    return row.with_columns(nested)


def model_alone(table: pl.DataFrame) -> pl.DataFrame:
    """The row without its searches: what a release carries and the trader reads."""
    return table.drop(SEARCHES)


def extend_ledger(here: Here) -> pl.DataFrame:
    """The ledger of before plus the trials of every version that any search ever left behind.

    `basis` is that data version, and each (search, basis, configuration) counts once: the same
    search on the same data by the same code leaves the same version and adds nothing; a search
    that was superseded before the ledger saw it is counted all the same.
    """
    symbol = pl.lit(here.symbol).alias("symbol")
    gained = [table.with_columns(symbol) for table in _all_searches(here)]
    # Ledgers and sweeps of before clusters were counted have none.
    rows = pl.concat([pl.DataFrame(schema=SCHEMA), _before(here), *gained], how="diagonal_relaxed")
    ledger = rows.select(tuple(SCHEMA)).cast(SCHEMA)
    return ledger.unique(KEY, keep="first", maintain_order=True)


def searches_on_record(lake: Lake, symbol: str) -> list[str]:
    """Data versions of every search of a symbol that the lake holds, and trials by hand, sorted."""
    partition = ("symbol", symbol)
    searches = [one.data_version for asset in SEARCHING for one in lake.versions(asset, partition)]
    return sorted([*searches, *lake.trials(symbol)["trial"]])


def _all_searches(here: Here) -> Iterator[pl.DataFrame]:
    partition = ("symbol", here.symbol)
    for asset in SEARCHING:
        for manifest in here.lake.versions(asset, partition):
            version = manifest.data_version
            table = here.lake.read(asset, partition, version=version)
            if asset == "strategy_results":
                yield _strategy_trials(table, version)
            else:
                yield _nested_trials(table, "trials", "meta_tuning", version)
                yield _nested_trials(table, "thresholds", "threshold", version)
    yield _trials_by_hand(here.lake.trials(here.symbol))


class TrialStatistics(NamedTuple):
    """`n_trials`: rows of the ledger. Of their per-day Sharpes: `sharpe_variance`, were all trials
    worthless; `observed_variance`, of the sample (ddof 1).
    """

    n_trials: int
    sharpe_variance: float
    observed_variance: float


def trial_statistics(ledger: pl.DataFrame) -> TrialStatistics:
    """N and V of the deflated Sharpe ratio; trials without a Sharpe count in N, not in V."""
    scored = ledger.filter(pl.col("sharpe_per_day").is_finite())
    return TrialStatistics(
        ledger.height,
        null_sharpe_variance(scored["n_obs"]),
        trial_sharpe_variance(scored["sharpe_per_day"]),
    )


def effective_trials_counted(ledger: pl.DataFrame) -> int:
    """Clusters of correlated configurations, of each sweep by itself, and every other trial.

    An upper bound: two sweeps of nearly the same bars count twice, and a trial outside a sweep, or
    of a sweep that was not clustered, counts as one of its own. Configurations that never varied
    (cluster 0) tried nothing.
    """
    clustered = ledger.filter(pl.col("cluster") > 0).select("basis", "cluster").n_unique()
    return clustered + ledger["cluster"].null_count()


def _before(here: Here) -> pl.DataFrame:
    partition = ("symbol", here.symbol)
    if here.lake.version("trial_ledger", partition) is None:
        return pl.DataFrame(schema=SCHEMA)
    return here.lake.read("trial_ledger", partition)


def _strategy_trials(results: pl.DataFrame, basis: str) -> pl.DataFrame:
    clusters = [name for name in ("cluster",) if name in results.columns]
    return results.select(
        pl.lit("strategy_sweep").alias("search"),
        pl.lit(basis).alias("basis"),
        pl.format("{} {}", "variant", "params").alias("configuration"),
        "sharpe_per_day",
        "n_obs",
        *clusters,
    )


def _trials_by_hand(trials: pl.DataFrame) -> pl.DataFrame:
    """Each is a trial of its own; one off the search's window or costs has no say in V."""
    comparable = pl.when("is_comparable").then("sharpe_per_day")
    window = ("first_session", "last_session", "costs_times")
    return trials.select(
        pl.lit("by_hand").alias("search"),
        pl.col("trial").alias("basis"),
        pl.format("{} {} {}..{} costs x{}", "variant", "params", *window).alias("configuration"),
        comparable.alias("sharpe_per_day"),
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
