"""Writes sharpe_lifts.json: paired stationary bootstrap of a difference of Sharpes, by `arch`.

Run with any Python that has arch 8 and numpy 2 (neither is a dependency of Rooney):
    python make_sharpe_lifts.py > sharpe_lifts.json
The returns are remade by the test from the same recipe: a strategy's daily returns with a shared
AR(1) part, and a filter that drops days by chance and is right a little more often than not.
"""

import json
import sys

import numpy as np
from arch.bootstrap import StationaryBootstrap, optimal_block_length

# (seed, days, share of the days traded, dependence, how much better than chance the filter is)
CASES = [(1, 1000, 0.5, 0.0, 0.0), (2, 800, 0.7, 0.4, 0.3), (3, 1250, 0.3, 0.2, 0.6)]
N_RESAMPLES = 20_000


def daily_returns(seed, n_days, share, dependence, skill):
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal(n_days)
    for t in range(1, n_days):
        shocks[t] += dependence * shocks[t - 1]
    unfiltered = np.where(rng.random(n_days) < share, 0.01 * shocks, 0.0)
    taken = skill * np.sign(unfiltered) + rng.standard_normal(n_days) > 0.0
    return np.where(taken, unfiltered, 0.0), unfiltered


def lift(filtered, unfiltered):
    sharpes = [one.mean() / one.std(ddof=1) * 252**0.5 for one in (filtered, unfiltered)]
    return sharpes[0] - sharpes[1]


answers = []
for case in CASES:
    filtered, unfiltered = daily_returns(*case)
    block = max(
        1.0,
        *(float(optimal_block_length(one)["stationary"].iloc[0]) for one in (filtered, unfiltered)),
    )
    bootstrap = StationaryBootstrap(block, filtered, unfiltered, seed=7)
    lifts = bootstrap.apply(lift, N_RESAMPLES).ravel()
    low, high = np.quantile(lifts, [0.05, 0.95])
    answers.append(
        {
            "case": case,
            "lift": lift(filtered, unfiltered),
            "low": low,
            "high": high,
            "block_length": block,
        }
    )
json.dump(answers, sys.stdout, indent=1)
sys.stdout.write("\n")
