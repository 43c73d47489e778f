"""How long the gates' calibration takes, and how the strategy that stands for the edge was chosen.

Run: .venv/bin/python benchmarks/calibration.py [--universes 100] [--processes 2]
     .venv/bin/python benchmarks/calibration.py --oracle [--markets 6] [--edges 0.6 0.85 1.0]
The first runs that many small universes through the whole chain at quick settings, in the shares
that `gate_calibration` has them in, prints the error rates and what each rule rejected, and how
long it took. Aim on 2 cores: 100 universes under 10 minutes, 12 CPU seconds each.
The second searches the full grids on markets of its own, and prints the configurations with the
highest mean Sharpe: all, and those that trade as often as the ranking's criteria ask. The first of
the latter is `rooney_core.gates.calibration.oracle`. Simulated bars only.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from rooney_assets.calibration.runs import run_universes
from rooney_assets.mandate import Mandate
from rooney_core.backtest import CostModel, RankingCriteria, sweep_all
from rooney_core.gates.calibration.oracle import true_sharpe
from rooney_core.gates.calibration.report import rates_table, rules_table
from rooney_core.gates.calibration.settings import CalibrationSettings
from rooney_core.gates.calibration.universes import SYMBOL, market_of, seed_of, universe_of
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.simulation import simulate_bars
from rooney_core.strategies import VARIANTS

NULL_SHARE = 0.4
AIM_MINUTES, AIM_UNIVERSES = 10.0, 100
SHOWN = 5


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--universes", type=int, default=AIM_UNIVERSES)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--oracle", action="store_true")
    parser.add_argument("--markets", type=int, default=6)
    parser.add_argument("--edges", type=float, nargs="+", default=[0.6, 0.85, 1.0])
    options = parser.parse_args()
    pl.Config.set_tbl_rows(60)
    pl.Config.set_tbl_cols(20)
    pl.Config.set_fmt_str_lengths(90)
    if options.oracle:
        for edge in options.edges:
            choose(edge, options.markets)
        return
    calibrate(options.universes, options.processes)


def calibrate(n_universes: int, processes: int) -> None:
    """Rates, rules and seconds of so many universes."""
    n_null = round(n_universes * NULL_SHARE)
    n_strengths = len(CalibrationSettings().reversion_edges)
    settings = CalibrationSettings(
        n_null=n_null,
        n_planted=max(1, (n_universes - n_null) // n_strengths),
        processes=processes,
    )
    began = time.perf_counter()
    truth = {edge: true_sharpe(edge, settings) for edge in settings.reversion_edges}
    measured = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        finished = run_universes(settings, Mandate(), "benchmark", Path(folder))
    ended = time.perf_counter()
    n = finished.rows.height
    print(rates_table(finished.rows, truth).drop("rejected_by"))
    print(rules_table(finished.rows, truth))
    per_hundred = (ended - began) / 60.0 * AIM_UNIVERSES / n
    print(f"true Sharpes of {n_strengths} strengths: {measured - began:.0f} s")
    print(f"{n} universes on {processes} processes: {(ended - measured) / 60.0:.1f} minutes")
    print(f"CPU seconds a universe: {finished.cpu_seconds / n:.1f}")
    print(f"a hundred, all included: {per_hundred:.1f} minutes (aim {AIM_MINUTES:g})")


def choose(edge: float, n_markets: int) -> None:
    """The configurations with the highest mean Sharpe where this much is planted."""
    settings, instrument = CalibrationSettings(), universe_of(edge)[SYMBOL]
    sharpes, trades = [], []
    for number in range(n_markets):
        seed = seed_of(settings.seed, edge, number, "oracle choice")
        raw = simulate_bars(instrument, market_of(settings, seed))
        bars = stitch(raw, find_rolls(raw, instrument), instrument)
        results = sweep_all(bars, VARIANTS.values(), CostModel.of(instrument), instrument).results
        sharpes.append(results["annual_sharpe"].fill_nan(0.0).to_numpy())
        trades.append(results["trades_per_year"].to_numpy())
    table = results.select("variant", "params").with_columns(
        mean_sharpe=pl.Series(np.mean(sharpes, axis=0)),
        standard_error=pl.Series(np.std(sharpes, axis=0, ddof=1) / np.sqrt(n_markets)),
        trades_per_year=pl.Series(np.mean(trades, axis=0)),
    )
    best = table.sort("mean_sharpe", descending=True)
    asked = RankingCriteria()
    often = pl.col("trades_per_year").is_between(
        asked.min_trades_per_year, asked.max_trades_per_year
    )
    print(f"reversion_edge {edge:g}, {n_markets} markets; any number of trades:")
    print(best.head(SHOWN))
    print("as many trades as the ranking's criteria ask:")
    print(best.filter(often).head(SHOWN))


if __name__ == "__main__":
    main()
