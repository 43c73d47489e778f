"""Stage 2: the Strategy Factory, which sees the train window and nothing else."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Made, lake_asset
from rooney_assets.graph.figures import sharpe_distribution
from rooney_core.backtest.costs import CostModel
from rooney_core.backtest.ranking import RankingCriteria, best, rank
from rooney_core.backtest.sweep import sweep
from rooney_core.strategies import VARIANTS
from rooney_core.validation.windows import SPLITS

ROOMS = ("market", "indicators", "strategies", "backtest", "validation")


@lake_asset(group="factory", rooms=ROOMS, kinds=("numba", "parquet"), plots_column="annual_sharpe")
def strategy_results(here: Here, continuous_bars: pl.DataFrame) -> Made:
    """Every variant x every configuration, backtested with costs on the train window (to 2018).

    Sharpe ratios are annual, of daily returns that include flat days; drawdown is a fraction <= 0.
    Each row is a trial that the deflated Sharpe ratio later pays for.
    """
    window = continuous_bars.filter(pl.col("session") <= SPLITS.train_end)
    results = sweep(window, VARIANTS, CostModel.of(here.instrument), here.instrument)
    table = results.select(pl.lit(here.symbol).alias("symbol"), pl.all())
    return Made(
        table,
        notes={"configurations": table.height, "last session used": window["session"].max()},
        pictures={"sharpe of every configuration": sharpe_distribution(table)},
    )


@lake_asset(group="factory", rooms=ROOMS, params=RankingCriteria)
def strategy_ranking(here: Here, strategy_results: pl.DataFrame) -> Made:
    """The best configuration of each variant, ranked by annual Sharpe, with what it fails.

    Criteria: Sharpe > 1.5 after costs, 100 to 400 trades a year, drawdown < 20 %, robust.
    """
    table = rank(strategy_results, here.params)
    return Made(table, notes={"ranking": table.drop("symbol")})


@lake_asset(group="factory", rooms=ROOMS)
def best_strategy(here: Here, strategy_ranking: pl.DataFrame) -> Made:
    """The variant and parameters carried on, as a candidate even where it fails a criterion.

    The gates decide later; a candidate that fails is marked so.
    """
    table = best(strategy_ranking)
    row = table.row(0, named=True)
    return Made(table, notes={"variant": row["variant"], "params": row["params"]})
