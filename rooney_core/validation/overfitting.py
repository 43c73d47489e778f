"""Does the best of many backtests stay good out of sample, or was it only the luckiest?

Belongs here: the probability of backtest overfitting of a whole search. Does not belong here: the
deflation of one Sharpe (sharpe.py), splits for fitting models (purged_cv.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.errors import InvalidSetting, NotEnoughData
from rooney_core.validation.samples import FloatArray, finite_matrix

# C(24, 12) = 2.7 million splits; beyond that a typing error would run for hours.
MAX_BLOCKS = 24
# Below this share of the mean square a variance is rounding: the returns did not vary.
ROUNDING_SHARE = 1e-12


@dataclass(frozen=True)
class OverfittingEstimate:
    """`pbo` in [0, 1] and the `logits` f8[C(n_blocks, n_blocks / 2)] that it is the share of.

    A logit <= 0 says: the best in sample was in the worse half out of sample.
    """

    pbo: float
    logits: FloatArray
    n_blocks: int
    n_trials: int


def probability_of_backtest_overfitting(
    trial_returns: npt.ArrayLike, n_blocks: int = 16
) -> OverfittingEstimate:
    """PBO by combinatorially symmetric cross-validation on f8[T, N] returns per period.

    One column per trial, ALL trials of the search, on one time axis, oldest row first, never
    demeaned. Bailey, Borwein, Lopez de Prado & Zhu 2017: T rows in `n_blocks` equal contiguous
    blocks (T mod n_blocks rows dropped from the start), every half of the blocks in sample, its
    complement out of sample, lexicographic order. Per split: n* = trial with the best Sharpe in
    sample (the first of equals); w = its rank out of sample / (N + 1), 1 = worst, ties averaged;
    logit = ln(w / (1 - w)). A trial that is flat in a half has Sharpe 0 there (or, constant but
    not 0, infinite with its sign).

    One PBO is noisy (sd about 0.2 for small matrices): report the logits, never gate on it alone.

    Raises:
        InputError: not a matrix of finite numbers.
        InvalidSetting: n_blocks odd, below 2 or above MAX_BLOCKS.
        NotEnoughData: fewer than 2 trials, no row per block, or fewer than 2 rows per half.
    """
    returns = finite_matrix(trial_returns, "trial_returns")
    _require_splittable(returns.shape, n_blocks)
    block_sums, block_squares = _block_sums(returns, n_blocks)
    halves = np.array(list(combinations(range(n_blocks), n_blocks // 2)), dtype=np.int64)
    n_rows_half = (len(returns) // n_blocks) * (n_blocks // 2)
    relative_ranks = _relative_ranks(block_sums, block_squares, halves, n_rows_half)
    logits = np.log(relative_ranks / (1.0 - relative_ranks))
    return OverfittingEstimate(
        pbo=float(np.mean(logits <= 0.0)),
        logits=logits,
        n_blocks=n_blocks,
        n_trials=returns.shape[1],
    )


def _require_splittable(shape: tuple[int, ...], n_blocks: int) -> None:
    n_rows, n_trials = shape
    if n_blocks % 2 or not 2 <= n_blocks <= MAX_BLOCKS:
        raise InvalidSetting(
            f"n_blocks={n_blocks} arrived; an even number from 2 to {MAX_BLOCKS} is allowed."
        )
    n_rows_needed = max(n_blocks, 4)
    if n_trials < 2 or n_rows < n_rows_needed:
        raise NotEnoughData(
            f"{n_rows} rows of {n_trials} trials arrived; at least {n_rows_needed} rows (for "
            f"{n_blocks} blocks) and 2 trials are needed. Pass every trial of the search."
        )


def _block_sums(returns: FloatArray, n_blocks: int) -> tuple[FloatArray, FloatArray]:
    """Sums and sums of squares f8[n_blocks, n_trials]: all that any half's Sharpe needs."""
    n_rows, n_trials = returns.shape
    used = returns[n_rows % n_blocks :]
    blocks = used.reshape(n_blocks, n_rows // n_blocks, n_trials)
    return blocks.sum(axis=1), np.square(blocks).sum(axis=1)


@njit(cache=True, error_model="numpy")
def _half_sharpes(
    sums: FloatArray,
    squares: FloatArray,
    blocks: npt.NDArray[np.int64],
    n_rows: int,
    totals: FloatArray,
    sharpes: FloatArray,
) -> None:
    """Sharpe (ddof 1) of every trial over the given blocks.

    Trials side by side in plain loops of one order: the processor takes several at a time, and
    equal trials get bit-equal Sharpes and tie as they should.
    """
    n_trials = len(sharpes)
    totals[:] = 0.0
    sharpes[:] = 0.0
    for block in blocks:
        for trial in range(n_trials):
            totals[trial] += sums[block, trial]
            sharpes[trial] += squares[block, trial]
    for trial in range(n_trials):
        total, total_squares = totals[trial], sharpes[trial]
        mean = total / n_rows
        spread = total_squares - total * mean
        varies = spread > ROUNDING_SHARE * total_squares
        constant = 0.0 if total == 0.0 else math.copysign(math.inf, total)
        # Both branches are reckoned, so that none is taken.
        sharpe = mean / math.sqrt(abs(spread) / (n_rows - 1))
        sharpes[trial] = sharpe if varies else constant


@njit(cache=True)
def _relative_ranks(
    sums: FloatArray, squares: FloatArray, halves: npt.NDArray[np.int64], n_rows: int
) -> FloatArray:
    """w of every split. In lexicographic order the complement of half i is half n - 1 - i."""
    n_trials, n_halves = sums.shape[1], len(halves)
    ranks = np.empty(n_halves)
    in_sample, out_of_sample = np.empty(n_trials), np.empty(n_trials)
    totals = np.empty(n_trials)
    for i in range(n_halves // 2):
        j = n_halves - 1 - i
        _half_sharpes(sums, squares, halves[i], n_rows, totals, in_sample)
        _half_sharpes(sums, squares, halves[j], n_rows, totals, out_of_sample)
        ranks[i] = _rank_of(out_of_sample, np.argmax(in_sample)) / (n_trials + 1)
        ranks[j] = _rank_of(in_sample, np.argmax(out_of_sample)) / (n_trials + 1)
    return ranks


@njit(cache=True)
def _rank_of(values: FloatArray, chosen: int) -> float:
    """Rank of one value, 1 = lowest, ties averaged."""
    own = values[chosen]
    n_below = 0
    n_equal = 0
    for value in values:
        n_below += value < own
        n_equal += value == own
    return n_below + (n_equal + 1) / 2.0
