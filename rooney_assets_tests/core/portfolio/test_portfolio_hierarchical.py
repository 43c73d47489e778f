"""Hierarchical risk parity against a plain rewriting of the paper's steps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rooney_core.errors import InputError
from rooney_core.portfolio.hierarchical import hierarchical_risk_parity


def drawn(seed: int, n: int, n_sessions: int = 300) -> np.ndarray:
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n_sessions, 1)) * rng.uniform(-0.5, 1.0, n)
    return (common + rng.normal(size=(n_sessions, n))) * rng.uniform(0.002, 0.02, n)


def plain_weights(returns: np.ndarray) -> list[float]:
    """Every distance by hand, clusters merged one pair at a time, no library."""
    n = returns.shape[1]
    correlation = np.corrcoef(returns.T)
    distance = [[((1 - correlation[i, j]) / 2) ** 0.5 for j in range(n)] for i in range(n)]
    apart = {
        (i, j): sum((distance[i][k] - distance[j][k]) ** 2 for k in range(n)) ** 0.5
        for i in range(n)
        for j in range(n)
    }
    clusters: dict[int, list[int]] = {i: [i] for i in range(n)}
    for new in range(n, 2 * n - 1):
        pairs = [
            (min(apart[a, b] for a in clusters[one] for b in clusters[two]), one, two)
            for one in clusters
            for two in clusters
            if one < two
        ]
        _, one, two = min(pairs)
        clusters[new] = clusters.pop(one) + clusters.pop(two)
    (order,) = clusters.values()
    covariance = np.cov(returns.T)
    weights = dict.fromkeys(range(n), 1.0)

    def variance(group: list[int]) -> float:
        inverse = [1 / covariance[i, i] for i in group]
        shares = [one / sum(inverse) for one in inverse]
        return sum(
            shares[a] * shares[b] * covariance[group[a], group[b]]
            for a in range(len(group))
            for b in range(len(group))
        )

    def halve(group: list[int]) -> None:
        if len(group) < 2:
            return
        left, right = group[: len(group) // 2], group[len(group) // 2 :]
        share = 1 - variance(left) / (variance(left) + variance(right))
        for one in left:
            weights[one] *= share
        for one in right:
            weights[one] *= 1 - share
        halve(left)
        halve(right)

    halve(order)
    return [weights[i] for i in range(n)]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(2, 9))
def test_weights_are_those_of_the_plain_steps(seed: int, n: int) -> None:
    returns = drawn(seed, n)
    weights = hierarchical_risk_parity(returns)
    assert weights.tolist() == pytest.approx(plain_weights(returns), rel=1e-9)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights > 0).all()


def test_two_uncorrelated_columns_share_by_variance() -> None:
    pattern = np.array([[1.0, 2.0], [1.0, -2.0], [-1.0, 2.0], [-1.0, -2.0]])
    assert hierarchical_risk_parity(pattern).tolist() == pytest.approx([0.8, 0.2])


def test_one_has_all_and_none_has_nothing() -> None:
    assert hierarchical_risk_parity(drawn(1, 1)).tolist() == [1.0]
    assert hierarchical_risk_parity(np.empty((5, 0))).tolist() == []


@pytest.mark.parametrize(
    "returns", [np.zeros((5, 2)), np.ones((1, 2)), [[0.1, np.nan], [0.2, 0.3]], [0.1, 0.2]]
)
def test_what_has_no_variance_is_refused(returns) -> None:
    with pytest.raises(InputError):
        hierarchical_risk_parity(returns)
