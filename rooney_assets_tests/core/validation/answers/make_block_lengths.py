"""Writes block_lengths.json: Politis-White block lengths by the `arch` package.

Run with any Python that has arch 8 and numpy 2 (neither is a dependency of Rooney):
    python make_block_lengths.py > block_lengths.json
The series are remade by the test from the same recipe: AR(1), standard normal shocks.
"""

import json
import sys

import numpy as np
from arch.bootstrap import optimal_block_length

CASES = [
    (1, 100, 0.0),
    (2, 250, 0.3),
    (3, 1000, 0.6),
    (4, 2500, 0.9),
    (5, 60, -0.4),
    (6, 4000, 0.1),
]


def autoregressive(seed: int, n_obs: int, coefficient: float) -> np.ndarray:
    """x[t] = coefficient x[t-1] + e[t], x[0] = e[0]."""
    shocks = np.random.default_rng(seed).standard_normal(n_obs)
    x = np.empty(n_obs)
    x[0] = shocks[0]
    for t in range(1, n_obs):
        x[t] = coefficient * x[t - 1] + shocks[t]
    return x


answers = [
    {
        "seed": seed,
        "n_obs": n_obs,
        "coefficient": coefficient,
        "stationary": float(
            optimal_block_length(autoregressive(seed, n_obs, coefficient))["stationary"].iloc[0]
        ),
    }
    for seed, n_obs, coefficient in CASES
]
json.dump(answers, sys.stdout, indent=1)
sys.stdout.write("\n")
