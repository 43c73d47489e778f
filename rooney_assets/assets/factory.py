"""Stage 2: the Strategy Factory, which sees the train window and nothing else."""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numba
import numpy as np
import polars as pl

from rooney_assets.factory_tables import (
    SearchVerdict,
    carried_on,
    folds_table,
    in_window,
    judge_search,
    results_table,
    returns_table,
    search_trials,
    undefined_as_null,
)
from rooney_assets.graph.declaration import Here, Made, Reach, lake_asset
from rooney_assets.graph.factory_pictures import factory_pictures
from rooney_core.backtest.costs import CostModel
from rooney_core.backtest.ranking import RankingCriteria, rank
from rooney_core.backtest.sweep import SweepResult, sweep_all
from rooney_core.errors import NotEnoughData
from rooney_core.feedback.costs import with_costs
from rooney_core.strategies import VARIANTS, Variant
from rooney_core.strategies.peers import PeerSessions
from rooney_core.validation.windows import SPLITS

ROOMS = ("market", "indicators", "strategies", "backtest", "validation")
SEARCH_ROOMS = (*ROOMS, "rooney_assets.factory_tables")
COSTS = "feedback.costs"
"""Turns the costs in force into an instrument."""


@lake_asset(
    group="factory",
    rooms=(*SEARCH_ROOMS, COSTS),
    kinds=("numba", "parquet"),
    reach={"session_bars": Reach.PEERS},
    plots_column="annual_sharpe",
)
def strategy_results(
    here: Here,
    continuous_bars: pl.DataFrame,
    session_bars: dict[str, pl.DataFrame],
    cost_model: pl.DataFrame | None = None,
) -> Made:
    """Every variant x every configuration, backtested with costs on the train window (to 2018).

    Sharpe ratios are annual, of daily returns that include flat days; drawdown is a fraction <= 0.
    Each row is a trial that the deflated Sharpe ratio later pays for. Beside it: the daily returns
    of all of them (`strategy_results_returns`), and the walk-forward (`strategy_results_folds`).
    """
    began = time.perf_counter()
    swept = search_train_window(here, continuous_bars, session_bars, VARIANTS.values(), cost_model)
    after_sweep = time.perf_counter()
    verdict = judge_search(swept)
    seconds = {"sweep": after_sweep - began, "judging": time.perf_counter() - after_sweep}
    table = results_table(here.symbol, swept, verdict)
    returns, folds = returns_table(here.symbol, swept), folds_table(here.symbol, swept)
    pictures = factory_pictures(table, returns, folds)
    seconds["pictures"] = time.perf_counter() - began - sum(seconds.values())
    return Made(
        table,
        beside={"returns": returns, "folds": folds},
        notes=_notes(table, returns, verdict, seconds)
        | {"peers": ", ".join(session_bars) or "none"},
        pictures=pictures,
    )


def search_train_window(
    here: Here,
    continuous_bars: pl.DataFrame,
    session_bars: Mapping[str, pl.DataFrame],
    variants: Iterable[Variant],
    cost_model: pl.DataFrame | None = None,
) -> SweepResult:
    """Every configuration of these variants on the bars of the train window, and on no others.

    At the costs in force (`cost_model`), or the instrument's own without any.
    """
    instrument = with_costs(here.instrument, cost_model)
    peers = {
        symbol: PeerSessions.from_session_bars(in_window(bars, SPLITS.train_end))
        for symbol, bars in session_bars.items()
    }
    return sweep_all(
        _to_search(here.symbol, continuous_bars),
        variants,
        CostModel.of(instrument),
        instrument,
        peers,
        # As many as this process may use: one each where several processes share the cores.
        n_threads=numba.config.NUMBA_NUM_THREADS,
    )


def _to_search(symbol: str, continuous_bars: pl.DataFrame) -> pl.DataFrame:
    """The bars of the train window. Raises NotEnoughData where none are in it."""
    bars = in_window(continuous_bars, SPLITS.train_end)
    if bars.is_empty():
        raise NotEnoughData(
            f"{symbol}: no bar up to {SPLITS.train_end} arrived, the first is of session "
            f"{continuous_bars['session'].min()}; only the train window is searched. Give it bars "
            "from before, or make the symbol a reference in universe.yaml."
        )
    return bars


def _notes(
    table: pl.DataFrame,
    returns: pl.DataFrame,
    verdict: SearchVerdict,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """What the UI shows of a search as a whole."""
    logits = verdict.logits
    return {
        "configurations": table.height,
        "sessions": returns.height,
        "last session used": returns["session"].max(),
        "probability of backtest overfitting": _told(verdict.pbo),
        "its logits": {
            "splits": len(logits),
            "mean": float(logits.mean()),
            "sd": float(logits.std()),
            "5 %": float(np.quantile(logits, 0.05)),
        }
        if len(logits)
        else "none: too few sessions",
        "effective trials": verdict.effective.n_effective,
        "effective trials are": f"clusters: {verdict.effective.method}, at least "
        f"{verdict.effective.min_correlation:g} on average",
        "best annual Sharpe found": _told(table["annual_sharpe"].max()),
        "best expected of as many worthless": _told(search_trials(table).annual_hurdle),
        "seconds by part": {name: round(value, 3) for name, value in seconds.items()},
        # Linux counts in kB; the highest that the process has been, whatever it did before.
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000,
    }


def _told(value: Any) -> float | str:
    """A number for the UI, or a word where there is none."""
    return "undefined" if value is None or math.isnan(value) else float(value)


@lake_asset(group="factory", rooms=SEARCH_ROOMS, params=RankingCriteria)
def strategy_ranking(here: Here, strategy_results: pl.DataFrame) -> Made:
    """The best configuration of each variant, ranked by annual Sharpe, with what it fails.

    The criteria are the mandate's (`mandate.yaml`). The deflated Sharpe ratio counts every
    configuration of the search, and informs: on the window that was searched it refuses nothing.
    `is_carried_on`: the best ranked with enough trades for a model to learn from.
    """
    trials = search_trials(strategy_results)
    pbo = pl.lit(strategy_results["pbo"][0], pl.Float64).alias("pbo")
    ranked = rank(strategy_results, here.params, trials)
    last = ("meets_criteria", "refused_because")
    table = undefined_as_null(ranked.select(pl.all().exclude(last), pbo, carried_on(ranked), *last))
    notes = {
        "ranking": table.drop("symbol", "pbo", "sr0_annual", "n_trials_raw", "n_trials_effective"),
        "meet the criteria": int(table["meets_criteria"].sum()),
        "criteria": here.params.model_dump(mode="json"),
    }
    return Made(table, notes=notes)


@lake_asset(group="factory", rooms=ROOMS)
def best_strategy(here: Here, strategy_ranking: pl.DataFrame) -> Made:
    """The variant and parameters carried on, as a candidate even where it fails a criterion.

    The gates decide later; `carried_as` says which of the two it is.
    """
    chosen = strategy_ranking.filter(pl.col("is_carried_on"))
    meets = pl.col("meets_criteria")
    carried = pl.when(meets).then(pl.lit("winner")).otherwise(pl.lit("candidate"))
    table = chosen.with_columns(carried_as=carried)
    row = table.row(0, named=True)
    shown = ("variant", "params", "rank", "annual_sharpe", "carried_as", "refused_because")
    return Made(table, notes={name: row[name] for name in shown})
