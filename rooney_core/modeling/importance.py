"""Which features does a model need to tell wins from losses, on rows that it did not learn from?

Belongs here: permutation importance. Does not belong here: contributions to one prediction
(`contributions.py`), or which rows these are (the caller's business).

Breiman (2001), "Random forests", Machine Learning 45, section 10, for any model as in Fisher, Rudin
& Dominici (2019), "All models are wrong, but many are useful", JMLR 20(177): the loss after one
column was shuffled, minus the loss before.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.modeling.meta_model import MetaModel

FloatArray = npt.NDArray[np.float64]

IMPORTANCE_SCHEMA: Final[dict[str, pl.DataType]] = {
    "feature": pl.String(),
    "importance": pl.Float64(),
    "importance_sd": pl.Float64(),
}
"""One row per feature of the model, in its order. `importance`: mean rise of the log loss (nats per
trade) over the shuffles, above 0 where the feature helps; `importance_sd`: between the shuffles,
ddof 1. NaN where there are no rows."""

N_SHUFFLES: Final = 10
PROBABILITY_EDGE: Final = 1e-6
"""Nearer to 0 or 1 a probability is taken for this near: one sure mistake is not infinitely bad."""


def permutation_importance(
    model: MetaModel,
    features: FloatArray,
    label: FloatArray,
    *,
    n_shuffles: int = N_SHUFFLES,
    seed: int = 0,
) -> pl.DataFrame:
    """IMPORTANCE_SCHEMA of f8[n, k] `features` with `label` f8[n] in {0, 1}; NaN is unknown.

    Columns are shuffled as they are, unknown values among them. Correlated features share what they
    know: each alone may look needless. Two shuffles are the least that has a spread.
    """
    n_features = len(model.features)
    rises = np.full((n_features, n_shuffles), np.nan)
    if len(label):
        rng = np.random.default_rng(seed)
        before = log_loss(model.probability(features), label)
        for column in range(n_features):
            for shuffle in range(n_shuffles):
                shuffled = features.copy()
                shuffled[:, column] = rng.permutation(features[:, column])
                rises[column, shuffle] = log_loss(model.probability(shuffled), label) - before
    return pl.DataFrame(
        {
            "feature": list(model.features),
            "importance": rises.mean(axis=1),
            "importance_sd": rises.std(axis=1, ddof=1),
        },
        schema=IMPORTANCE_SCHEMA,
    )


def log_loss(probability: FloatArray, label: FloatArray) -> float:
    """Mean of -log of the probability that was given to what happened, nats per trade."""
    inside = np.clip(probability, PROBABILITY_EDGE, 1.0 - PROBABILITY_EDGE)
    return float(-np.mean(np.where(label == 1, np.log(inside), np.log1p(-inside))))
