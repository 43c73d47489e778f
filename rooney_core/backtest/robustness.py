"""Would the choice have held? Walk-forward by year, and the grid around the best.

Belongs here: what a search says about its own fragility. Does not belong here: the search
(`sweep`), or limits of the ranking (`ranking`).
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rooney_core.backtest.days import FloatArray
from rooney_core.validation.sharpe import annual_sharpe

MIN_TRAIN_SESSIONS: Final = 2 * 252
MIN_TEST_SESSIONS: Final = 63
MIN_SHARE_POSITIVE: Final = 0.7
MIN_SHARE_KEPT: Final = 0.7
ROUNDING_SHARE: Final = 1e-12


class Fold(NamedTuple):
    """One year: which configuration was chosen before it, and what its Sharpe was in it."""

    year: int
    configuration: int
    annual_sharpe: float


class WalkForward(NamedTuple):
    """`annual_sharpe` of the out-of-sample days of all folds, concatenated; NaN without a fold.

    `share_positive`: share of folds whose own Sharpe is above 0; NaN without a fold.
    """

    annual_sharpe: float
    share_positive: float
    n_folds: int
    folds: tuple[Fold, ...] = ()

    @property
    def holds(self) -> bool:
        """True when at least 70 % of the folds made money."""
        return self.share_positive >= MIN_SHARE_POSITIVE


def walk_forward(returns: FloatArray, sessions: npt.NDArray[np.int32]) -> WalkForward:
    """Anchored walk-forward over calendar years, refitted before each.

    `returns`: f8[n_configurations, n_sessions], daily; `sessions`: days since 1970-01-01. In every
    year with at least 504 sessions before it and 63 in it, the configuration with the best Sharpe
    on all sessions before is traded; ties go to the first. The result describes the variant and
    its way of choosing, not one configuration, so all rows of a variant share it.

    What is chosen by is a session's return, and that ends with the session: trades are booked when
    they end within it, or marked to market at its close. So no label of the past reaches into the
    year that follows, whatever positions do, and the boundary between two sessions is gap enough.
    """
    years = sessions.astype("datetime64[D]").astype("datetime64[Y]")
    firsts = np.flatnonzero(np.diff(years, prepend=years[0] - 1).astype(np.int64))
    counts = np.diff(firsts, append=len(sessions))
    sums = np.add.reduceat(returns, firsts, axis=1)
    squares = np.add.reduceat(np.square(returns), firsts, axis=1)
    chosen = [
        (_best(sums[:, :year], squares[:, :year], counts[:year].sum()), year)
        for year in range(1, len(firsts))
        if firsts[year] >= MIN_TRAIN_SESSIONS and counts[year] >= MIN_TEST_SESSIONS
    ]
    tested = [returns[best, firsts[year] : firsts[year] + counts[year]] for best, year in chosen]
    if not tested:
        return WalkForward(math.nan, math.nan, 0, ())
    by_fold = tuple(
        Fold(int(str(years[firsts[year]])), best, annual_sharpe(fold))
        for (best, year), fold in zip(chosen, tested, strict=True)
    )
    share = sum(one.annual_sharpe > 0.0 for one in by_fold) / len(by_fold)
    return WalkForward(annual_sharpe(np.concatenate(tested)), share, len(by_fold), by_fold)


def _best(sums: FloatArray, squares: FloatArray, n_sessions: int) -> int:
    """The configuration with the best Sharpe over the years whose sums these are."""
    means = sums.sum(axis=1) / n_sessions
    mean_squares = squares.sum(axis=1) / n_sessions
    variances = mean_squares - np.square(means)
    # Below this share a variance is rounding: the returns did not vary, and have no Sharpe.
    varies = variances > ROUNDING_SHARE * mean_squares
    sharpes = np.where(varies, means / np.sqrt(np.where(varies, variances, 1.0)), -np.inf)
    return int(np.argmax(sharpes))


def neighbours_keep_sharpe(
    sharpes: FloatArray, grid_shape: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    """For each configuration: do its neighbours, on average, keep 70 % of its positive Sharpe?

    `sharpes`: f8[n_configurations] in the grid's C order. Neighbours differ by one place on one
    axis. An undefined Sharpe keeps nothing; a configuration without neighbours has no witness and
    is not robust.
    """
    known = np.where(np.isnan(sharpes), 0.0, sharpes).reshape(grid_shape)
    total, count = np.zeros(grid_shape), np.zeros(grid_shape)
    for axis in range(len(grid_shape)):
        moved = np.moveaxis(known, axis, 0)
        sums, counts = np.moveaxis(total, axis, 0), np.moveaxis(count, axis, 0)
        sums[1:] += moved[:-1]
        sums[:-1] += moved[1:]
        counts[1:] += 1
        counts[:-1] += 1
    kept = total >= MIN_SHARE_KEPT * known * count
    result: npt.NDArray[np.bool_] = (kept & (known > 0.0) & (count > 0)).ravel()
    return result
