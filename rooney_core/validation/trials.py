"""How many different things did a search try?

Belongs here: counting clusters among the trials of a search. Does not belong here: the deflation
that uses the count (sharpe.py), the ledger of trials.

Configurations of one grid trade much the same days: thousands of rows are tens of ideas. N of the
deflated Sharpe is the raw count; the effective count is reported beside it, never instead of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from rooney_core.errors import InvalidSetting
from rooney_core.validation.samples import finite_matrix

MIN_CORRELATION: Final = 0.5
MAX_TRIALS: Final = 4000
METHOD: Final = "average linkage on 1 - correlation of daily returns"
# Correlations to so many digits, so that the order of a sum cannot decide a merger.
DIGITS: Final = 9


@dataclass(frozen=True)
class EffectiveTrials:
    """`n_effective`: clusters. `labels` i8[n_trials]: the cluster of each trial, from 1; 0 for one
    whose returns never vary (it tried nothing) or that was not in the sample. `n_raw`: all trials,
    `n_compared`: those clustered. `min_correlation`: see `effective_trials`; `method` in words.
    """

    n_effective: int
    n_raw: int
    n_compared: int
    min_correlation: float
    labels: npt.NDArray[np.int64]
    method: str = METHOD


def effective_trials(
    trial_returns: npt.ArrayLike,
    min_correlation: float = MIN_CORRELATION,
    max_trials: int = MAX_TRIALS,
) -> EffectiveTrials:
    """Clusters of correlated trials in f8[T, N] returns, one column per trial, one time axis.

    Agglomerative clustering (average linkage, Sokal & Michener 1958): two clusters become one as
    long as the correlations between their members are at least `min_correlation` on average. In
    the spirit of Lopez de Prado & Lewis 2019, who take the number of clusters of the correlation
    matrix for the number of independent trials, but deterministic, and with a stated threshold in
    place of k-means and silhouettes: the higher it is, the more trials count. Of more than
    `max_trials` trials that vary, so many evenly spaced ones are compared, and the count is a lower
    bound. No trial that varies gives 0.

    Raises:
        InputError: not a matrix of finite numbers.
        InvalidSetting: min_correlation outside (-1, 1), max_trials below 2.
    """
    if not -1.0 < min_correlation < 1.0 or max_trials < 2:
        raise InvalidSetting(
            f"min_correlation={min_correlation}, max_trials={max_trials} arrived; a number between "
            "-1 and 1, and at least 2 trials, are allowed."
        )
    returns = finite_matrix(trial_returns, "trial_returns")
    varying = np.flatnonzero(np.ptp(returns, axis=0) > 0.0) if len(returns) else np.empty(0, int)
    compared = varying
    if len(varying) > max_trials:
        compared = varying[np.linspace(0, len(varying) - 1, max_trials).astype(np.int64)]
    labels = np.zeros(returns.shape[1], np.int64)
    labels[compared] = _clusters(returns[:, compared], min_correlation)
    return EffectiveTrials(
        n_effective=int(labels.max(initial=0)),
        n_raw=returns.shape[1],
        n_compared=len(compared),
        min_correlation=min_correlation,
        labels=labels,
    )


def _clusters(returns: npt.NDArray[np.float64], min_correlation: float) -> npt.NDArray[np.int64]:
    if returns.shape[1] < 2:
        return np.ones(returns.shape[1], np.int64)
    scores = returns - returns.mean(axis=0)
    scores /= np.sqrt(np.square(scores).sum(axis=0))
    distance = 1.0 - np.round(scores.T @ scores, DIGITS)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="average")
    clusters: npt.NDArray[np.int64] = fcluster(tree, 1.0 - min_correlation, criterion="distance")
    return clusters.astype(np.int64)
