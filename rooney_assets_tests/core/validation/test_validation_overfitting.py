"""PBO against a literal, slow reading of the paper."""

import math
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import rankdata

from rooney_core.errors import InputError, InvalidSetting, NotEnoughData
from rooney_core.validation.overfitting import probability_of_backtest_overfitting


def literal_logits(returns, n_blocks):
    """Join the blocks row by row, in time order, and rank; nothing is shared between splits."""
    usable = returns[len(returns) % n_blocks :]
    blocks = np.split(usable, n_blocks)
    logits = []
    for chosen in combinations(range(n_blocks), n_blocks // 2):
        inside = np.vstack([blocks[i] for i in range(n_blocks) if i in chosen])
        outside = np.vstack([blocks[i] for i in range(n_blocks) if i not in chosen])
        best = int(np.argmax(literal_sharpes(inside)))
        rank = rankdata(literal_sharpes(outside))[best] / (returns.shape[1] + 1)
        logits.append(math.log(rank / (1 - rank)))
    return np.array(logits)


def literal_sharpes(returns):
    spread = returns.std(axis=0, ddof=1)
    varies = np.ptp(returns, axis=0) > 0
    return np.where(varies, returns.mean(axis=0) / np.where(varies, spread, 1.0), 0.0)


@pytest.mark.parametrize(
    ("n_rows", "n_trials", "n_blocks"), [(47, 5, 6), (64, 2, 8), (30, 9, 4), (10, 3, 2)]
)
def test_equals_the_literal_reading(n_rows, n_trials, n_blocks):
    returns = np.random.default_rng(n_rows).normal(0.0005, 0.01, (n_rows, n_trials))
    found = probability_of_backtest_overfitting(returns, n_blocks)
    expected = literal_logits(returns, n_blocks)
    assert found.logits == pytest.approx(expected)
    assert found.pbo == np.mean(expected <= 0)
    assert (found.n_blocks, found.n_trials) == (n_blocks, n_trials)


def test_equal_and_flat_trials_tie():
    generator = np.random.default_rng(5)
    returns = generator.normal(0.0, 0.01, (80, 7))
    returns[:, 3] = returns[:, 1]
    returns[:, 6] = returns[:, 1]
    returns[:, 4] = 0.0
    returns[:40, 5] = 0.0
    found = probability_of_backtest_overfitting(returns, 8)
    assert found.logits == pytest.approx(literal_logits(returns, 8))


def test_full_size_has_all_splits():
    returns = np.random.default_rng(1).normal(size=(160, 4))
    assert probability_of_backtest_overfitting(returns).logits.shape == (12870,)


def test_a_real_edge_is_not_called_overfitted():
    returns = np.random.default_rng(2).normal(0.0, 0.01, (1000, 20))
    returns[:, 8] += 0.003
    assert probability_of_backtest_overfitting(returns).pbo < 0.01


def test_noise_is_called_overfitted_about_half_the_time():
    found = [
        probability_of_backtest_overfitting(
            np.random.default_rng(seed).normal(size=(400, 20)), 8
        ).pbo
        for seed in range(60)
    ]
    assert 0.4 < np.mean(found) < 0.65


@pytest.mark.parametrize("n_blocks", [0, 1, 7, -2, 26])
def test_impossible_blocks_are_refused(n_blocks):
    with pytest.raises(InvalidSetting, match="n_blocks"):
        probability_of_backtest_overfitting(np.ones((100, 3)), n_blocks)


@pytest.mark.parametrize("shape", [(15, 5), (100, 1), (0, 5)])
def test_too_little_is_refused(shape):
    with pytest.raises(NotEnoughData, match="rows"):
        probability_of_backtest_overfitting(np.ones(shape))


def test_unknown_returns_are_refused():
    returns = np.ones((32, 2))
    returns[3, 1] = math.nan
    with pytest.raises(InputError, match=r"first at \(3, 1\)"):
        probability_of_backtest_overfitting(returns)
