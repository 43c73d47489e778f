"""How long does a stored meta model take to load, to score a row, and to explain it?

Run: .venv/bin/python benchmarks/scoring.py [--rounds 7] [--repeats 300]
Two models on 2,800 drawn trades of 40 features, a tenth unknown: `usual`, the largest that the
search allows (150 trees of depth 7, 120 rounds of 12 leaves), and `largest`, the most that a stored
row may hold of rounds and leaves. Medians of interleaved rounds, and ratios against scikit-learn's
and LightGBM's own `predict` in the same run; `off by` is the largest difference of a probability.
Loading is timed in fresh processes that have imported numpy, numba and polars, from the file on;
what numba itself takes for its first kernel, whichever that is, stands on a line of its own.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import lightgbm
import numpy as np
from sklearn.ensemble import RandomForestClassifier

from rooney_core.modeling import MetaModel
from rooney_core.modeling.boosting_text import trees_only
from rooney_core.modeling.calibration import Calibration
from rooney_core.modeling.forest import ForestArrays

N_TRADES, N_FEATURES, UNKNOWN = 2_800, 40, 0.1
NAMES = tuple(f"feature_{i}" for i in range(N_FEATURES))
SIZES = {
    "usual": {"trees": 150, "depth": 7, "rounds": 120, "leaves": 12},
    "largest": {"trees": 500, "depth": 8, "rounds": 500, "leaves": 64},
}
LOAD = """
import sys, time, numpy, numba, polars
def now(): return numpy.array([time.perf_counter(), time.process_time()])
marks = [now()]
from rooney_core.modeling import MetaModel
marks.append(now())
model = MetaModel.from_row(polars.read_parquet(sys.argv[1]))
marks.append(now())
from rooney_core.indicators import internal_bar_strength
internal_bar_strength(*numpy.ones((3, 5)))
marks.append(now())
model.probability(numpy.zeros((1, len(model.features))))
marks.append(now())
model.contributions(numpy.zeros((1, len(model.features))))
marks.append(now())
print(*numpy.diff(marks, axis=0).ravel())
"""
STEPS = ("import of ours", "load", "numba's own start", "first row", "first why")


class Fitted:
    """Both libraries' models on the same drawn trades, and ours made of them."""

    def __init__(self, trees: int, depth: int, rounds: int, leaves: int) -> None:
        rng = np.random.default_rng(1)
        self.features = rng.normal(size=(N_TRADES, N_FEATURES))
        self.features[rng.random(self.features.shape) < UNKNOWN] = np.nan
        edge = np.nan_to_num(self.features[:, :5]).sum(axis=1)
        label = (edge + 2.0 * rng.normal(size=N_TRADES) > 0).astype(np.int64)
        self.forest = RandomForestClassifier(
            trees, max_depth=depth, min_samples_leaf=10, n_jobs=1, random_state=1
        ).fit(self.features, label)
        settings = {
            "objective": "binary",
            "num_leaves": leaves,
            "min_data_in_leaf": 10,
            "learning_rate": 0.03,
            "num_threads": 1,
            "verbosity": -1,
        }
        data = lightgbm.Dataset(self.features, label, feature_name=list(NAMES), params=settings)
        self.booster = lightgbm.train(settings, data, rounds)
        self.model = MetaModel(
            features=NAMES,
            threshold=0.5,
            threshold_reason="set by hand",
            lightgbm_text=trees_only(self.booster.model_to_string()),
            forest=ForestArrays.from_sklearn(self.forest),
            hyperparameters="{}",
            n_trials=1,
            cpcv_sharpe_mean=0.0,
            calibration=Calibration(0.8, 0.1),
        )

    def by_libraries(self, rows: np.ndarray) -> np.ndarray:
        """What the two libraries say together."""
        boosted = np.asarray(self.booster.predict(rows, num_threads=1))
        mean: np.ndarray = 0.5 * (self.forest.predict_proba(rows)[:, 1] + boosted)
        return mean


def main() -> None:
    """Fit, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=300)
    options = parser.parse_args()
    for name, size in SIZES.items():
        fitted = Fitted(**size)
        n_nodes, text = len(fitted.model.forest.feature), len(fitted.model.lightgbm_text)
        print(f"\n{name}: {size}, {n_nodes:,} forest nodes, {text:,} characters of LightGBM")
        print_loading(fitted, options.rounds)
        print_scoring(fitted, options.rounds, options.repeats)


def print_loading(fitted: Fitted, rounds: int) -> None:
    """Median milliseconds of each step in fresh processes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.parquet"
        fitted.model.to_row("SIM_ES").write_parquet(file)
        command = [sys.executable, "-c", LOAD, str(file)]
        timed = []
        for _ in range(rounds + 1):
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            timed.append([float(one) for one in done.stdout.split()])
        n_bytes = file.stat().st_size
    # The first process may have had to compile.
    steps = 1e3 * np.median(timed[1:], axis=0).reshape(len(STEPS), 2)
    print(f"  file of {n_bytes:,} bytes; ms in a fresh process (medians of {rounds}):")
    print(f"    {'':<26}{'wall':>10}{'CPU':>10}")
    for what, (wall, cpu) in zip(STEPS, steps, strict=True):
        print(f"    {what:<26}{wall:>10.1f}{cpu:>10.1f}")
    wall, cpu = steps[:2].sum(axis=0)
    print(f"    {'import and load':<26}{wall:>10.1f}{cpu:>10.1f}   aim: below 200")


def print_scoring(fitted: Fitted, rounds: int, repeats: int) -> None:
    """Median microseconds a call, and ratios against both libraries together."""
    model, all_rows = fitted.model, fitted.features
    row = np.ascontiguousarray(all_rows[:1])
    calls: dict[str, tuple[Callable[[], object], int]] = {
        "scikit-learn + LightGBM": (lambda: fitted.by_libraries(row), max(1, repeats // 10)),
        "scikit-learn": (lambda: fitted.forest.predict_proba(row), max(1, repeats // 10)),
        "LightGBM": (lambda: fitted.booster.predict(row, num_threads=1), repeats),
        "both, ours": (lambda: model.probability(row), repeats),
        "why, LightGBM alone": (
            lambda: fitted.booster.predict(row, pred_contrib=True, num_threads=1),
            repeats,
        ),
        "why of both, ours": (lambda: model.contributions(row), repeats),
    }
    timed = interleaved(calls, rounds)
    base = timed["scikit-learn + LightGBM"]
    print("  us for one row (aim: below 500), and times faster than both libraries:")
    for what, took in timed.items():
        print(f"    {what:<26}{took:>10.1f}{base / took:>10.1f}")
    batch = interleaved(
        {
            "libraries": (lambda: fitted.by_libraries(all_rows), 1),
            "ours": (lambda: model.uncalibrated(all_rows), 1),
        },
        rounds,
    )
    off = np.abs(model.uncalibrated(all_rows) - fitted.by_libraries(all_rows)).max()
    sums = np.abs(model.contributions(all_rows).sum(axis=1) - model.uncalibrated(all_rows)).max()
    print(
        f"  {N_TRADES:,} rows: libraries {batch['libraries'] / 1e3:.1f} ms, ours "
        f"{batch['ours'] / 1e3:.1f} ms; off by {off:.1e}; sums of contributions off by {sums:.1e}"
    )


def interleaved(
    calls: dict[str, tuple[Callable[[], object], int]], rounds: int
) -> dict[str, float]:
    """Median microseconds a call, every kind once per round."""
    timed: dict[str, list[float]] = {name: [] for name in calls}
    for call, _ in calls.values():
        call()
    for _ in range(rounds):
        for name, (call, repeats) in calls.items():
            began = time.perf_counter()
            for _ in range(repeats):
                call()
            timed[name].append((time.perf_counter() - began) / repeats * 1e6)
    return {name: statistics.median(one) for name, one in timed.items()}


if __name__ == "__main__":
    main()
