"""Which variance belongs in the deflated Sharpe ratio: of noise, or of what the search showed?

Run: .venv/bin/python benchmarks/deflation.py [--universes 12] [--edges 0 0.5 1 1.5]
On each simulated universe the whole factory searches the train window; its best configuration is
then deflated there (in sample) and on the test window, by three readings of N and V:
  noise     every configuration, V = 1/T: the variance of worthless trials (what Rooney uses)
  sample    every configuration, V = the sample variance of their Sharpes (the paper, literally)
  clusters  clusters of correlated configurations, V of the clusters' mean Sharpes
A reading is right when z > 1 is rare without an edge and common with one. About 7 s a universe and
edge. Simulated bars only: no test year of a real market is read.
"""

from __future__ import annotations

import argparse
import math
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from rooney_core.backtest import CostModel, sweep_all
from rooney_core.backtest.sweep import SweepResult
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.strategies import VARIANTS
from rooney_core.strategies.peers import PeerSessions
from rooney_core.validation.sharpe import (
    annual_sharpe,
    deflated_sharpe,
    null_sharpe_variance,
    return_moments,
    trial_sharpe_variance,
)
from rooney_core.validation.trials import effective_trials
from rooney_core.validation.windows import SPLITS

CHECKOUT = Path(__file__).resolve().parents[1]
SYMBOL, PEERS = "SIM_ES", ("SIM_ES", "SIM_NQ", "SIM_RTY")
LEAST_TRADES = 150
READINGS = ("noise", "sample", "clusters")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--universes", type=int, default=12)
    parser.add_argument("--edges", type=float, nargs="+", default=[0.0, 0.5, 1.0, 1.5])
    options = parser.parse_args()
    print(f"{options.universes} universes an edge; share of z > 1, mean z in brackets")
    header = "".join(f"{one:>15}" for one in READINGS)
    print(f"{'edge':>5}{'window':>8}{'Sharpe':>8}{header}")
    for edge in options.edges:
        found = [judged(seed, edge) for seed in range(1, options.universes + 1)]
        for window in ("train", "test"):
            rows = [one[window] for one in found]
            cells = ""
            for reading in READINGS:
                z = np.array([row[reading] for row in rows])
                cells += f"{(z > 1).mean():>8.0%} ({z.mean():4.1f})"
            sharpe = np.mean([row["sharpe"] for row in rows])
            print(f"{edge:>5g}{window:>8}{sharpe:>8.2f}{cells}", flush=True)


def judged(seed: int, edge: float) -> dict[str, dict[str, float]]:
    """z of the best configuration of one universe, per window and reading, and its Sharpe."""
    universe = planted(edge)
    market = SimulatedMarket(seed=seed, last_session=date(2024, 12, 30))
    frames = {}
    for symbol in PEERS:
        raw = simulate_bars(universe[symbol], market)
        frames[symbol] = stitch(raw, find_rolls(raw))
    session = pl.col("session")
    train = swept(frames, universe, session <= SPLITS.train_end)
    test = swept(frames, universe, session > SPLITS.validation_end)
    readings = variances(train)
    able = train.results.with_row_index("trial").filter(pl.col("n_trades") >= LEAST_TRADES)
    trial = able.sort("annual_sharpe", descending=True)["trial"][0]
    rows = {}
    for window, result in (("train", train), ("test", test)):
        returns = result.returns[trial].astype(np.float64)
        moments = return_moments(returns)
        rows[window] = {"sharpe": annual_sharpe(returns)} | {
            name: deflated_sharpe(*moments, n, variance).z
            for name, (n, variance) in readings.items()
        }
    return rows


def planted(edge: float) -> Universe:
    """The simulated market with this reversion planted in the one symbol."""
    document = yaml.safe_load((CHECKOUT / "universe.yaml").read_text())
    for one in document["instruments"]:
        if one["symbol"] == SYMBOL:
            one["sources"]["simulated"]["reversion_edge"] = edge
    return Universe.parse(document, "universe.yaml").offered_by("simulated")


def swept(frames: dict[str, pl.DataFrame], universe: Universe, window: pl.Expr) -> SweepResult:
    """The whole factory on the bars of one window."""
    peers = {
        symbol: PeerSessions.from_session_bars(session_bars(frame, universe[symbol]).filter(window))
        for symbol, frame in frames.items()
    }
    own = universe[SYMBOL]
    bars = frames[SYMBOL].filter(window)
    return sweep_all(bars, VARIANTS.values(), CostModel.of(own), own, peers)


def variances(train: SweepResult) -> dict[str, tuple[int, float]]:
    """N and V of each reading."""
    traded = train.results.filter(pl.col("sharpe_per_day").is_finite())
    n_raw = train.results.height
    labels = effective_trials(train.returns.T.astype(np.float64)).labels
    clusters = (
        train.results.with_columns(cluster=pl.Series(labels))
        .filter((pl.col("cluster") > 0) & pl.col("sharpe_per_day").is_finite())
        .group_by("cluster")
        .agg(pl.col("sharpe_per_day").mean())
    )
    of_clusters = trial_sharpe_variance(clusters["sharpe_per_day"])
    if math.isnan(of_clusters):
        raise SystemExit("Fewer than two clusters traded; nothing to compare.")
    return {
        "noise": (n_raw, null_sharpe_variance(traded["n_obs"])),
        "sample": (n_raw, trial_sharpe_variance(traded["sharpe_per_day"])),
        "clusters": (clusters.height, of_clusters),
    }


if __name__ == "__main__":
    main()
