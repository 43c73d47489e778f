"""What the lake keeps of a search: a row per configuration, all daily returns, the yearly folds.

Belongs here: putting a sweep and what is judged of it as a whole into tables, and reading them
back. Does not belong here: the search (`rooney_core.backtest.sweep`), the statistics.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.backtest.anchor import DIGITS
from rooney_core.backtest.ranking import SearchTrials
from rooney_core.backtest.sweep import SweepResult
from rooney_core.errors import NotEnoughData
from rooney_core.validation.overfitting import probability_of_backtest_overfitting
from rooney_core.validation.trials import EffectiveTrials, effective_trials

FOLDS_SCHEMA = {
    "symbol": pl.String(),
    "variant": pl.String(),
    "year": pl.Int64(),
    "params": pl.String(),
    "annual_sharpe": pl.Float64(),
}


LEAST_TRADES_TO_LEARN = 150
"""Trades in the train window below which no model can be trained: a training set needs 100 whose
features are known and whose span ends inside the window."""


@dataclass(frozen=True)
class SearchVerdict:
    """What the search says of itself, as a whole.

    `pbo` and `logits` f8[n_splits] by CSCV over all configurations; NaN and none where the sessions
    are too few. `effective`: clusters of correlated configurations.
    """

    pbo: float
    logits: npt.NDArray[np.float64]
    effective: EffectiveTrials


def judge_search(swept: SweepResult) -> SearchVerdict:
    """PBO and effective trials of all configurations of a sweep."""
    # Turned once for both; a sum over days of neighbouring trials reads memory in order.
    by_session = np.ascontiguousarray(swept.returns.T, dtype=np.float64)
    effective = effective_trials(by_session)
    try:
        estimate = probability_of_backtest_overfitting(by_session)
    except NotEnoughData:
        return SearchVerdict(math.nan, np.empty(0), effective)
    return SearchVerdict(estimate.pbo, estimate.logits, effective)


def results_table(symbol: str, swept: SweepResult, verdict: SearchVerdict) -> pl.DataFrame:
    """RESULTS_SCHEMA with the symbol, the place in the search, the cluster, the search's PBO.

    What is undefined is null here.
    """
    table = swept.results.select(
        pl.lit(symbol).alias("symbol"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("trial"),
        pl.all(),
        pl.Series("cluster", verdict.effective.labels, dtype=pl.Int64),
        pl.lit(verdict.pbo, pl.Float64).alias("pbo"),
    )
    return undefined_as_null(table)


def returns_table(symbol: str, swept: SweepResult) -> pl.DataFrame:
    """One row per session: the daily returns of all configurations, float32, in order of `trial`.

    Side by side in a session, near-equal configurations lie next to each other and compress to a
    fraction of what one column or one row per configuration takes.
    """
    by_session = np.ascontiguousarray(swept.returns.T)
    kind = pl.Array(pl.Float32, by_session.shape[1])
    return pl.DataFrame(
        [
            pl.Series("symbol", [symbol] * len(by_session), dtype=pl.String),
            pl.Series("session", swept.sessions, dtype=pl.Int32).cast(pl.Date),
            pl.Series("daily_returns", by_session, dtype=kind),
        ]
    )


def folds_table(symbol: str, swept: SweepResult) -> pl.DataFrame:
    """One row per variant and walk-forward year: what was chosen before it, its Sharpe in it.

    The Sharpe of a year without a trade is null.
    """
    rows = []
    for (name,), part in swept.results.group_by("variant", maintain_order=True):
        params = part["params"]
        rows += [
            (symbol, name, fold.year, params[fold.configuration], fold.annual_sharpe)
            for fold in swept.walk_forwards[str(name)].folds
        ]
    return undefined_as_null(pl.DataFrame(rows, schema=FOLDS_SCHEMA, orient="row"))


def returns_matrix(returns: pl.DataFrame) -> npt.NDArray[np.float32]:
    """f4[n_sessions, n_configurations] of a returns table; column `trial` - 1 is a configuration's.

    Also right for the List that a Parquet file may give in place of an Array.
    """
    column = returns["daily_returns"]
    values = column.explode() if isinstance(column.dtype, pl.List) else column.reshape((-1,))
    flat: npt.NDArray[np.float32] = values.to_numpy()
    return flat.reshape(returns.height, -1)


def search_trials(results: pl.DataFrame) -> SearchTrials:
    """How much a kept search tried: every row, and the clusters among them."""
    clusters = results["cluster"]
    return SearchTrials.of(results, clusters.filter(clusters > 0).n_unique())


def carried_on(ranking: pl.DataFrame) -> pl.Expr:
    """True for the one row that goes on: the best ranked with enough trades to learn from.

    Without any such row it is rank 1, and the training set says what it lacks.
    """
    able = ranking.filter(pl.col("n_trades") >= LEAST_TRADES_TO_LEARN)["rank"].min()
    return (pl.col("rank") == (1 if able is None else able)).alias("is_carried_on")


def in_window(bars: pl.DataFrame, last: date) -> pl.DataFrame:
    """Bars of the sessions up to `last`, itself included, adjusted onto the last one's contract.

    So no roll after the window leaves a bit in it: see `rooney_core.backtest.anchor`.
    """
    kept = bars.filter(pl.col("session") <= last)
    if kept.is_empty() or kept["adjustment"][-1] == 0.0:
        return kept
    level = pl.col("adjustment") - pl.col("adjustment").last()
    return kept.with_columns(level.round(DIGITS).alias("adjustment"))


def undefined_as_null(table: pl.DataFrame) -> pl.DataFrame:
    """The table with null for NaN: where a lake is asked for the largest, NaN would be it."""
    return table.with_columns(pl.col(pl.Float64).fill_nan(None))
