"""Effective trials against a slow clustering written out, and against searches of known size."""

from __future__ import annotations

import numpy as np
import pytest

from rooney_core.errors import InputError, InvalidSetting
from rooney_core.validation.trials import effective_trials


def slow_count(returns, min_correlation):
    """Merge the two clusters whose members correlate most on average, while they do enough."""
    correlation = np.corrcoef(returns.T)
    clusters = [[i] for i in range(returns.shape[1])]
    while len(clusters) > 1:
        pairs = [
            (np.mean([correlation[i, j] for i in a for j in b]), x, y)
            for x, a in enumerate(clusters)
            for y, b in enumerate(clusters)
            if x < y
        ]
        most, x, y = max(pairs)
        if most < min_correlation:
            break
        clusters[x] += clusters.pop(y)
    return sorted(sorted(one) for one in clusters)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("min_correlation", [0.2, 0.5, 0.8])
def test_equals_a_clustering_written_out(seed, min_correlation):
    rng = np.random.default_rng(seed)
    ideas = rng.normal(size=(300, 4))
    returns = ideas[:, rng.integers(0, 4, 18)] + rng.normal(size=(300, 18)) * rng.uniform(0.1, 2)
    found = effective_trials(returns, min_correlation)
    groups = [np.flatnonzero(found.labels == one).tolist() for one in set(found.labels.tolist())]
    assert sorted(groups) == slow_count(returns, min_correlation)
    assert found.n_effective == len(groups)


def test_independent_trials_all_count_and_copies_count_once():
    rng = np.random.default_rng(1)
    ideas = rng.normal(size=(1000, 30))
    assert effective_trials(ideas).n_effective == 30
    copies = np.repeat(ideas, 50, axis=1) + rng.normal(size=(1000, 1500)) * 0.3
    found = effective_trials(copies)
    assert (found.n_effective, found.n_raw, found.n_compared) == (30, 1500, 1500)
    assert np.array_equal(np.unique(found.labels.reshape(30, 50), axis=1).shape, (30, 1))


def test_a_trial_against_another_is_another_trial():
    one = np.random.default_rng(2).normal(size=100)
    assert effective_trials(np.column_stack([one, -one])).n_effective == 2


def test_what_never_traded_tried_nothing():
    returns = np.zeros((50, 3))
    assert effective_trials(returns).n_effective == 0
    returns[:, 1] = np.random.default_rng(3).normal(size=50)
    found = effective_trials(returns)
    assert (found.n_effective, found.labels.tolist(), found.n_compared) == (1, [0, 1, 0], 1)


def test_many_trials_are_sampled_evenly():
    returns = np.random.default_rng(4).normal(size=(400, 90))
    found = effective_trials(returns, max_trials=30)
    assert (found.n_effective, found.n_compared, found.n_raw) == (30, 30, 90)
    assert (found.labels[[0, -1]] > 0).all()


def test_what_is_wrong_is_refused():
    with pytest.raises(InvalidSetting, match="min_correlation"):
        effective_trials(np.ones((4, 2)), 1.0)
    with pytest.raises(InputError):
        effective_trials(np.full((4, 2), np.nan))
