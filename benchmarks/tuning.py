"""Minutes of a tuning of 420 sets, and what its short cuts cost in quality, on simulated trades.

Run: .venv/bin/python benchmarks/tuning.py [--trials 42] [--full] [--markets 3]
2,800 trades x 30 features, CPCV 6 choose 2, one thread. Three routes, same draws, same seeds:
  plain      scikit-learn's forest and LightGBM, fitted anew on the rows of every split
  histogram  rows binned once per split, the compiled histogram forest, LightGBM on prepared bins
  Rooney     the same, and sets given up that are worse split by split (what `tune` does)
Seconds are of the processor, so that a busy machine shows beside (wall). A route is timed on
--trials sets (plain on --plain-trials) and projected to 420; --full runs all 420 of Rooney's.
Quality: each route searches --quality-trials sets on each of --markets markets; its best set is
fitted by the same final fit and trades 20,000 fresh trades. Last, the rank correlation of sets
between the forests, and of scikit-learn's forest with itself at another seed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from scipy.stats import spearmanr

from rooney_core.modeling.ensemble import Hyperparameters, fit_ensemble
from rooney_core.modeling.folds import Fold, Folds
from rooney_core.modeling.path_scores import PathScores
from rooney_core.modeling.rows import FloatArray, SampleRows, TradingCalendar
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.study import ForgetfulStudies, Search, TrialRecord
from rooney_core.modeling.tuning import search

N_TRADES, N_FEATURES, N_FRESH = 2_800, 30, 20_000
NAMES = tuple(f"f{i}" for i in range(N_FEATURES))
ALL_TRIALS = TuningSettings().n_trials
ROUTES = ("plain", "histogram", "Rooney")
EDGE, NOISE, UNKNOWN = 0.25, 0.006, 0.03
RANKED_SETS = 12


@dataclass(frozen=True)
class Timed:
    """Seconds of the processor and on the clock, and the trials."""

    cpu: float
    wall: float
    records: list[TrialRecord]


@dataclass(frozen=True, eq=False)
class PlainFold(Fold):
    """A split by the libraries alone, from the rows every time."""

    def probability(self, hyperparameters: Hyperparameters, n_trees: int, seed: int) -> FloatArray:
        """As `Fold.probability`."""
        fitted = fit_ensemble(self.train, NAMES, hyperparameters, n_trees=n_trees, seed=seed)
        return fitted.probability(self.asked)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=42)
    parser.add_argument("--plain-trials", type=int, default=3)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--markets", type=int, default=3)
    parser.add_argument("--quality-trials", type=int, default=12)
    options = parser.parse_args()
    counts = {"plain": options.plain_trials, "histogram": options.trials}
    counts["Rooney"] = ALL_TRIALS if options.full else options.trials
    print_speed(counts)
    print_quality(options.markets, options.quality_trials)
    print_ranks(options.markets)


def print_speed(counts: dict[str, int]) -> None:
    """A line per route."""
    trades = drawn_trades(1, N_TRADES)
    tried(trades, "histogram", 1)  # compiled code is loaded before the clock starts
    print(f"{'route':<11}{'sets':>5}{'splits':>8}{'s/set':>8}{'wall':>7}  minutes for {ALL_TRIALS}")
    for route in ROUTES:
        done = tried(trades, route, counts[route])
        n = counts[route]
        splits = np.mean([len(one.steps) for one in done.records])
        told = "measured" if n == ALL_TRIALS else "projected"
        print(
            f"{route:<11}{n:>5}{splits:>8.1f}{done.cpu / n:>8.2f}{done.wall / n:>7.2f}"
            f"  {done.cpu / n * ALL_TRIALS / 60:.1f} {told} "
            f"(wall {done.wall / n * ALL_TRIALS / 60:.1f})",
            flush=True,
        )


def print_quality(n_markets: int, n_trials: int) -> None:
    """What each route's best set earns on fresh trades, mean over the markets."""
    print(f"\nbest of {n_trials} sets, {n_markets} markets: annual Sharpe of 20,000 fresh trades")
    earned: dict[str, list[float]] = {route: [] for route in ROUTES}
    seconds = dict.fromkeys(ROUTES, 0.0)
    every = []
    for seed in range(11, 11 + n_markets):
        trades, fresh = drawn_trades(seed, N_TRADES), drawn_trades(seed + 1000, N_FRESH)
        every.append(sharpe_of(fresh, np.ones(N_FRESH, dtype=np.bool_)))
        for route in ROUTES:
            done = tried(trades, route, n_trials)
            seconds[route] += done.cpu
            scored = [one for one in done.records if one.score is not None]
            best = max(scored, key=lambda one: one.score or 0.0)
            earned[route].append(fresh_sharpe(trades, fresh, best))
    print(f"{'every trade':<11}{np.mean(every):>8.2f}")
    for route in ROUTES:
        loss = np.subtract(earned["plain"], earned[route])
        print(
            f"{route:<11}{np.mean(earned[route]):>8.2f}  loss against plain {loss.mean():+.2f} "
            f"(by market {', '.join(f'{one:+.2f}' for one in loss)}), "
            f"{seconds['plain'] / seconds[route]:.0f} times as fast"
        )


def print_ranks(n_markets: int) -> None:
    """Do both forests put configurations in the same order?"""
    print(f"\nrank correlation of {RANKED_SETS} forests, out-of-fold log likelihood")
    for seed in range(11, 11 + n_markets):
        trades = drawn_trades(seed, N_TRADES)
        folds = Folds.of(trades, NAMES, TuningSettings())
        sets = drawn_forests(seed)
        by_histogram = likelihoods(trades, folds, sets)
        by_sklearn = likelihoods(trades, plain(folds), sets)
        again = likelihoods(trades, replace(plain(folds), seed=folds.seed + 1000), sets)
        both, itself = (spearmanr(by_sklearn, one)[0] for one in (by_histogram, again))
        print(f"market {seed}: histogram {both:.2f}, scikit-learn at another seed {itself:.2f}")


def drawn_trades(seed: int, n: int) -> SampleRows:
    """n trades of six hours over nine years: noise with fat tails, and an edge in four features,
    one of them only together with another, one by its size alone; the others know nothing."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, N_FEATURES))
    drive = np.tanh(features[:, 0]) + 0.8 * np.sign(features[:, 1]) * (features[:, 2] > 0)
    drive += 0.5 * np.abs(features[:, 3]) - 0.4
    earned = NOISE * (rng.standard_t(5, size=n) + EDGE * drive)
    features[rng.random(features.shape) < UNKNOWN] = np.nan
    first, step = datetime(2010, 1, 4, 15, tzinfo=UTC), timedelta(days=9 * 365.25) / n
    start = [first + i * step for i in range(n)]
    utc = pl.Datetime("us", "UTC")
    return SampleRows(
        features=features,
        label=(earned > 0).astype(np.int64),
        weight=rng.uniform(0.5, 1.0, n),
        label_start=pl.Series(start, dtype=utc),
        label_end=pl.Series([one + timedelta(hours=6) for one in start], dtype=utc),
        held_sessions=pl.Series([[one.date()] for one in start], dtype=pl.List(pl.Date)),
        held_return=pl.Series([[one] for one in earned], dtype=pl.List(pl.Float64)),
    )


def tried(trades: SampleRows, route: str, n_trials: int) -> Timed:
    """Search by one route, with as large a share of random sets as a full search has."""
    n_random = -(-n_trials * TuningSettings().n_random_trials // ALL_TRIALS)
    settings = TuningSettings(n_random_trials=n_random, n_bayesian_trials=n_trials - n_random)
    if route != "Rooney":
        settings = settings.model_copy(update={"pruning_p": 0.0})
    calendar = TradingCalendar.of(trades, None)
    cpu, wall = time.process_time(), time.perf_counter()
    folds = Folds.of(trades, NAMES, settings)
    if route == "plain":
        folds = plain(folds)
    with ForgetfulStudies().open("") as log:
        records = search(folds, PathScores(calendar, settings), settings, log)
    return Timed(time.process_time() - cpu, time.perf_counter() - wall, records)


def plain(folds: Folds) -> Folds:
    """The same splits, fitted by the libraries alone."""
    names = Fold.__dataclass_fields__
    splits = tuple(
        PlainFold(**{name: getattr(one, name) for name in names}) for one in folds.splits
    )
    return replace(folds, splits=splits)


def fresh_sharpe(trades: SampleRows, fresh: SampleRows, best: TrialRecord) -> float:
    """Annual Sharpe of the fresh trades that a set's final fit holds for above the average."""
    settings = TuningSettings()
    drawn = Hyperparameters.model_validate(best.params)
    fitted = fit_ensemble(trades, NAMES, drawn, n_trees=settings.n_trees, seed=settings.seed)
    base = float(np.average(trades.label, weights=trades.weight))
    return sharpe_of(fresh, fitted.probability(fresh.features) >= base)


def sharpe_of(trades: SampleRows, taken: np.ndarray) -> float:
    """Annual Sharpe of these trades, every weekday counted."""
    scores = PathScores(TradingCalendar.of(trades, None), TuningSettings())
    return float(scores.sharpes(taken[np.newaxis, :])[0])


def drawn_forests(seed: int) -> list[Hyperparameters]:
    """Random sets of the search space, the forest alone."""
    study = Search(TuningSettings(seed=seed, n_random_trials=1000), 1, [])
    sets = []
    for _ in range(RANKED_SETS):
        trial = study.ask()
        sets.append(Hyperparameters.model_validate({**trial.params, "forest_weight": 1.0}))
        study.tell(trial, 0.0)
    return sets


def likelihoods(trades: SampleRows, folds: Folds, sets: Sequence[Hyperparameters]) -> list[float]:
    """Mean out-of-fold log likelihood of each set."""
    found = []
    for one in sets:
        said = folds.path_probabilities(one, TuningSettings().n_search_trees).mean(axis=0)
        said = said.clip(1e-6, 1 - 1e-6)
        found.append(float(np.mean(np.log(np.where(trades.label == 1, said, 1 - said)))))
    return found


if __name__ == "__main__":
    main()
