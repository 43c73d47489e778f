"""Hierarchical risk parity: weights by a tree of who moves with whom.

Belongs here: the weights of Lopez de Prado (2016), "Building Diversified Portfolios that Outperform
Out of Sample", The Journal of Portfolio Management 42(4). Does not belong here: selection, or
contracts.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import pdist

from rooney_core.errors import InputError
from rooney_core.validation.samples import FloatArray, finite_matrix

FEWEST_SESSIONS = 2


def hierarchical_risk_parity(daily_returns: npt.ArrayLike) -> FloatArray:
    """Weights f8[n], each >= 0 and 1 in sum, for returns f8[n_sessions, n], flat days as 0.0.

    Distance sqrt((1 - correlation) / 2); single linkage on the Euclidean distances between the
    rows of that matrix; leaves in the tree's order are halved, and halved again, and each half gets
    a part inverse to the variance of its inverse-variance portfolio. One column has all; none gives
    none.

    Raises InputError for NaN, infinite, fewer than two sessions, or a column that never varies.
    """
    returns = finite_matrix(daily_returns, "daily_returns")
    n = returns.shape[1]
    if n == 0:
        return np.empty(0)
    flat = np.flatnonzero(np.ptp(returns, axis=0) == 0.0) if len(returns) else np.arange(n)
    if len(returns) < FEWEST_SESSIONS or len(flat):
        raise InputError(
            f"{len(returns)} sessions arrived, columns {flat.tolist()} never vary; risk parity "
            "needs two sessions at the least and columns that vary. Leave out what never traded."
        )
    if n == 1:
        return np.ones(1)
    covariance = np.cov(returns, rowvar=False)
    return _bisected(covariance, _tree_order(returns))


def _tree_order(returns: FloatArray) -> list[int]:
    correlation = np.clip(np.corrcoef(returns, rowvar=False), -1.0, 1.0)
    distance = np.sqrt((1.0 - correlation) / 2.0)
    return [int(leaf) for leaf in leaves_list(linkage(pdist(distance), method="single"))]


def _bisected(covariance: FloatArray, order: list[int]) -> FloatArray:
    weights = np.ones(len(order))
    groups = [order]
    while groups:
        group = groups.pop()
        if len(group) == 1:
            continue
        left, right = group[: len(group) // 2], group[len(group) // 2 :]
        of_left, of_right = _group_variance(covariance, left), _group_variance(covariance, right)
        share = of_right / (of_left + of_right)
        weights[left] *= share
        weights[right] *= 1.0 - share
        groups += [left, right]
    return weights


def _group_variance(covariance: FloatArray, members: list[int]) -> float:
    """Variance of the members' inverse-variance portfolio."""
    within = covariance[np.ix_(members, members)]
    inverse = 1.0 / np.diag(within)
    weights = inverse / inverse.sum()
    return float(weights @ within @ weights)
