"""Boosters fitted on seeded rows with every kind of missing value. No assertions."""

from __future__ import annotations

import lightgbm
import numpy as np

from rooney_core.modeling.boosting import ZERO_EDGE, BoostingArrays
from rooney_core.modeling.boosting_text import parse_boosting_text, trees_only

NAMES = ("a", "b", "c", "d", "e")
QUIET = {"verbosity": -1, "num_threads": 1, "deterministic": True, "seed": 3}
MISSING = {
    "unknown is its own": {},
    "zero is unknown": {"zero_as_missing": True},
    "nothing is unknown": {"use_missing": False},
}


def drawn(seed: int, n: int) -> np.ndarray:
    """Normal, with a fifth unknown, a fifth 0, and some so near to 0 that LightGBM calls them 0."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, len(NAMES)))
    features[rng.random(features.shape) < 0.2] = np.nan
    features[rng.random(features.shape) < 0.2] = 0.0
    near = rng.random(features.shape) < 0.05
    edges = (ZERO_EDGE, -ZERO_EDGE, 5e-324, np.nextafter(ZERO_EDGE, 1), 1e-36, -0.0)
    features[near] = rng.choice(edges, size=int(near.sum()))
    return features


def boosted(seed: int, n: int = 900, rounds: int = 40, **settings: object) -> lightgbm.Booster:
    features = drawn(seed, n)
    rng = np.random.default_rng(seed + 1)
    wins = np.isnan(features[:, 0]) | (features[:, 1] > 0.4) | (features[:, 2] == 0.0)
    label = (wins ^ (rng.random(n) < 0.2)).astype(np.int64)
    chosen = {"objective": "binary", "min_data_in_leaf": 5, "lambda_l2": 0.5, **QUIET, **settings}
    data = lightgbm.Dataset(
        features, label, weight=rng.uniform(0.3, 1, n), feature_name=list(NAMES), params=chosen
    )
    return lightgbm.train(chosen, data, rounds)


def parsed(booster: lightgbm.Booster) -> BoostingArrays:
    return parse_boosting_text(trees_only(booster.model_to_string()), NAMES)
