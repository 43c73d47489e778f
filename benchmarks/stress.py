"""200 scenarios of one symbol's strategy with its model, as the asset `stress_report` runs them.

Run: .venv/bin/python benchmarks/stress.py [--scenarios 200] [--rounds 3] [--variant NAME]
The market is simulated: the shipped universe's ten symbols from 2010 to 2025, so that features have
all their columns. The model has as many trees as a real one; the search for it is cut short, which
changes no scenario's cost. Everything counts from the tables to the report: bars to arrays, feeds,
the undisturbed window, all scenarios, the trade sequence. One core, one thread; the aim is 15 s on
two. The default variant trades more than any other: about a thousand signals a year go through the
model in each scenario.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from rooney_core.backtest import CostModel
from rooney_core.features import FeedNames, Feeds, feature_names
from rooney_core.gates.stress import StressLimits
from rooney_core.gates.stress.history import History, Strategy, Tables
from rooney_core.gates.stress.published import PublishedDays
from rooney_core.gates.stress.report import by_kind
from rooney_core.gates.stress.run import run_scenarios
from rooney_core.gates.stress.trades import trade_sequence
from rooney_core.labeling import build_training_set
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.taken import daily_results, taken_trades
from rooney_core.modeling.training import train_meta_model
from rooney_core.portfolio.market import market_days
from rooney_core.strategies import VARIANTS, params_json

SYMBOL = "SIM_NQ"
CHECKOUT = Path(__file__).resolve().parent.parent
SHORT = TuningSettings(n_random_trials=1, n_bayesian_trials=0)
START_USD = 250_000.0
WINDOWS = {"train": 2018, "validation": 2020, "test": 9999}


@dataclass(frozen=True)
class Inputs:
    """What the asset is handed."""

    universe: Universe
    tables: Tables
    best_strategy: pl.DataFrame
    model: MetaModel
    equity_curve: pl.DataFrame


def make_inputs(variant: str) -> Inputs:
    """Simulate, label, train, and publish daily results; about half a minute."""
    shipped = Universe.parse(yaml.safe_load((CHECKOUT / "universe.yaml").read_text()), "shipped")
    universe, market = shipped.offered_by("simulated"), SimulatedMarket()
    continuous = {}
    for one in universe.instruments:
        raw = simulate_bars(one, market)
        continuous[one.symbol] = stitch(raw, find_rolls(raw, one), one)
    sessions = {name: session_bars(bars, universe[name]) for name, bars in continuous.items()}
    instrument, names = universe[SYMBOL], FeedNames.of(universe, SYMBOL)
    costs, params = CostModel.of(instrument), VARIANTS[variant].default_params
    feeds = Feeds.from_tables(names, continuous, sessions)
    labelled = build_training_set(continuous[SYMBOL], variant, params, costs, instrument, feeds)
    known = labelled.filter(pl.col("split") != "test")
    model = train_meta_model(known, feature_names(names), SHORT).model
    days = daily_results(taken_trades(model, labelled), sessions[SYMBOL]["session"])
    year = pl.col("session").dt.year()
    window = (
        pl.when(year <= WINDOWS["train"])
        .then(pl.lit("train"))
        .when(year <= WINDOWS["validation"])
        .then(pl.lit("validation"))
        .otherwise(pl.lit("test"))
    )
    market_columns = market_days(sessions[SYMBOL], costs, instrument)
    curve = days.with_columns(
        window.alias("window"), (START_USD + pl.col("daily_pnl_usd").cum_sum()).alias("equity_usd")
    ).join(market_columns, on="session", how="left")
    best = pl.DataFrame({"variant": [variant], "params": [params_json(params)]})
    return Inputs(universe, Tables(continuous, sessions), best, model, curve)


def stress(inputs: Inputs, limits: StressLimits) -> tuple[float, float, pl.DataFrame]:
    """Seconds of one report on the clock and on the core, and the report."""
    began, on_core = time.perf_counter(), time.process_time()
    bars = BarArrays.from_frame(inputs.tables.continuous_bars[SYMBOL], inputs.universe[SYMBOL])
    strategy = Strategy.of(
        SYMBOL, inputs.universe, inputs.best_strategy, inputs.model, inputs.tables
    )
    history = History.of(bars, strategy)
    days = PublishedDays.of(inputs.equity_curve, trained_on_validation=False)
    stressed = run_scenarios(SYMBOL, "benchmark", days, history, limits)
    profits = np.array(history.trades["net_profit_usd"], dtype=np.float64)
    trade_sequence(profits, days.starting_cash_usd, limits)
    seconds = time.perf_counter() - began, time.process_time() - on_core
    return *seconds, stressed.report


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenarios", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--variant", default="ibs_adaptive_exit", choices=sorted(VARIANTS))
    given = parser.parse_args()
    inputs = make_inputs(given.variant)
    # Compiled, or loaded from the cache, before anything is timed.
    stress(inputs, StressLimits(n_scenarios=20))
    limits = StressLimits(n_scenarios=given.scenarios)
    timed = [stress(inputs, limits) for _ in range(given.rounds)]
    seconds, on_core, report = [one for one, *_ in timed], [one[1] for one in timed], timed[-1][2]
    assert all(one[2].equals(report) for one in timed), "the same report every time"
    trees = len(inputs.model.forest.tree_offset) - 1
    print(
        f"{SYMBOL}, {given.variant}: {len(inputs.model.features)} features, {trees} trees and more"
    )
    with pl.Config(tbl_rows=20, tbl_cols=10, tbl_hide_dataframe_shape=True, float_precision=3):
        print(by_kind(report).select("kind", "n_scenarios", "mean_trades"))
    print(
        f"{given.scenarios} scenarios: {statistics.median(seconds):.2f} s on the clock "
        f"(best {min(seconds):.2f}, worst {max(seconds):.2f}), {statistics.median(on_core):.2f} s "
        "of one core; aim 15 s on two"
    )


if __name__ == "__main__":
    main()
