"""Resampling against arch's answers and against what the definitions promise."""

import json
from pathlib import Path

import numpy as np
import pytest

from rooney_core.errors import InputError, InvalidSetting, NotEnoughData
from rooney_core.validation.metrics import max_drawdown
from rooney_core.validation.resampling import (
    monte_carlo_trades,
    optimal_block_length,
    stationary_bootstrap,
    stationary_bootstrap_indices,
)

# Made by make_block_lengths.py, beside it.
ANSWERS = json.loads((Path(__file__).parent / "answers" / "block_lengths.json").read_text())


def autoregressive(seed, n_obs, coefficient):
    shocks = np.random.default_rng(seed).standard_normal(n_obs)
    x = shocks.copy()
    for t in range(1, n_obs):
        x[t] = coefficient * x[t - 1] + shocks[t]
    return x


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: str(answer["n_obs"]))
def test_block_length_agrees_with_arch(answer):
    series = autoregressive(answer["seed"], answer["n_obs"], answer["coefficient"])
    assert optimal_block_length(series) == pytest.approx(answer["stationary"], rel=1e-9)


def test_block_length_edges():
    assert optimal_block_length(np.zeros(50)) == 1.0
    assert optimal_block_length(np.arange(10.0)) > 0.0
    with pytest.raises(NotEnoughData, match="9 returns"):
        optimal_block_length(np.arange(9.0))
    with pytest.raises(InputError):
        optimal_block_length([np.nan] * 20)


def test_bootstrap_is_seeded_and_draws_only_what_was_there():
    returns = np.random.default_rng(0).normal(size=50)
    one = stationary_bootstrap(returns, 20, 5.0, seed=3)
    assert one.shape == (20, 50)
    assert np.array_equal(one, stationary_bootstrap(returns, 20, 5.0, seed=3))
    assert not np.array_equal(one, stationary_bootstrap(returns, 20, 5.0, seed=4))
    assert np.isin(one, returns).all()


def test_bootstrap_blocks_have_the_mean_length_and_wrap():
    n_obs, mean_length = 400, 8.0
    rows = stationary_bootstrap_indices(n_obs, 500, mean_length, seed=1)
    continues = np.diff(rows, axis=1) % n_obs == 1
    # A new block falls on the next row by chance once in n_obs.
    expected = (1 - 1 / mean_length) + 1 / mean_length / n_obs
    assert continues.mean() == pytest.approx(expected, abs=0.003)
    assert ((np.diff(rows, axis=1) == 1 - n_obs) & continues).any()
    # Every row is equally likely: the mark of stationarity.
    counts = np.bincount(rows.ravel(), minlength=n_obs)
    assert counts.min() > 0.7 * counts.mean()
    assert counts.max() < 1.3 * counts.mean()


@pytest.mark.parametrize("mean_length", [1.0, 0.4])
def test_bootstrap_of_single_days_has_no_blocks(mean_length):
    rows = stationary_bootstrap_indices(300, 200, mean_length, seed=2)
    assert np.mean(np.diff(rows, axis=1) == 1) < 0.006


def test_long_blocks_keep_the_dependence():
    series = autoregressive(9, 2000, 0.8)
    resampled = stationary_bootstrap(series, 50, 100.0, seed=5)
    lag_one = [np.corrcoef(row[1:], row[:-1])[0, 1] for row in resampled]
    assert np.mean(lag_one) == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize(("n_resamples", "length"), [(0, 5.0), (5, 0.0), (5, np.nan)])
def test_impossible_bootstraps_are_refused(n_resamples, length):
    with pytest.raises(InvalidSetting):
        stationary_bootstrap(np.ones(5), n_resamples, length, seed=0)


def test_nothing_cannot_be_resampled():
    with pytest.raises(NotEnoughData):
        stationary_bootstrap([], 5, 2.0, seed=0)
    with pytest.raises(NotEnoughData):
        monte_carlo_trades([], 5, seed=0, starting_equity_usd=1e5)


@pytest.fixture
def trade_pnl():
    return np.random.default_rng(8).normal(40.0, 600.0, 120)


def test_shuffling_changes_the_path_but_never_the_total(trade_pnl):
    shuffled = monte_carlo_trades(trade_pnl, 300, 1, 100_000.0, replace=False)
    assert shuffled.final_equity_usd == pytest.approx(100_000.0 + trade_pnl.sum())
    assert np.unique(shuffled.max_drawdown).size > 200


def test_drawing_varies_the_total_as_the_central_limit_says(trade_pnl):
    drawn = monte_carlo_trades(trade_pnl, 4000, 1, 100_000.0)
    spread = trade_pnl.std() * np.sqrt(len(trade_pnl))
    assert drawn.final_equity_usd.mean() == pytest.approx(
        100_000.0 + trade_pnl.sum(), abs=4 * spread / np.sqrt(4000)
    )
    assert drawn.final_equity_usd.std() == pytest.approx(spread, rel=0.05)
    low, middle, high = drawn.equity_bands_usd
    assert (low <= middle).all()
    assert (middle <= high).all()
    assert low[0] == high[0] == 100_000.0


def test_one_trade_has_one_history():
    one = monte_carlo_trades([-2_500.0], 3, 0, 10_000.0)
    assert one.final_equity_usd.tolist() == [7_500.0] * 3
    assert one.max_drawdown == pytest.approx(max_drawdown([-0.25]))
    assert one.probability_of_ruin == 0.0
    assert one.probability_of_drawdown(-0.25) == 1.0
    assert one.probability_of_drawdown(-0.26) == 0.0


def test_ruin_counts_even_if_the_history_recovers():
    # Two orders of the same two trades: one of them goes through less than nothing.
    found = monte_carlo_trades([-150.0, 200.0], 2000, 4, 100.0, replace=False)
    assert found.probability_of_ruin == pytest.approx(0.5, abs=0.05)
    assert found.max_drawdown.min() == -1.0
    assert found.final_equity_usd == pytest.approx(150.0)


@pytest.mark.parametrize("equity", [0.0, -1.0, np.nan, np.inf])
def test_impossible_starting_equity_is_refused(equity):
    with pytest.raises(InvalidSetting, match="starting_equity_usd"):
        monte_carlo_trades([1.0], 5, 0, equity)
