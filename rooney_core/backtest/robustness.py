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


class WalkForward(NamedTuple):
    """`annual_sharpe` of the out-of-sample days of all folds, concatenated; NaN without a fold.

    `share_positive`: share of folds whose own Sharpe is above 0; NaN without a fold.
    """

    annual_sharpe: float
    share_positive: float
    n_folds: int

    @property
    def holds(self) -> bool:
        """True when at least 70 % of the folds made money."""
        return self.share_positive >= MIN_SHARE_POSITIVE


def walk_forward(returns: FloatArray, sessions: npt.NDArray[np.int32]) -> WalkForward:
    """Anchored walk-forward over calendar years, refitted before each.

    `returns`: f8[n_configurations, n_sessions], daily; `sessions`: days since 1970-01-01. In every
    year with at least 504 sessions before it and 63 in it, the configuration with the best Sharpe
    on all sessions before is traded; ties go to the first. The result describes the variant and
    its way of choosing, not one configuration, so all rows of a variant share it. The gap is one
    session boundary: trades end within their session.
    """
    years = sessions.astype("datetime64[D]").astype("datetime64[Y]")
    folds = [_fold(returns, years == year, years < year) for year in np.unique(years)]
    tested = [fold for fold in folds if len(fold)]
    if not tested:
        return WalkForward(math.nan, math.nan, 0)
    positive = [annual_sharpe(fold) > 0.0 for fold in tested]
    return WalkForward(
        annual_sharpe(np.concatenate(tested)), sum(positive) / len(positive), len(tested)
    )


def _fold(
    returns: FloatArray, tested: npt.NDArray[np.bool_], before: npt.NDArray[np.bool_]
) -> FloatArray:
    if before.sum() < MIN_TRAIN_SESSIONS or tested.sum() < MIN_TEST_SESSIONS:
        return np.empty(0)
    past = np.array([annual_sharpe(row) for row in returns[:, before]])
    chosen = int(np.argmax(np.where(np.isnan(past), -np.inf, past)))
    unseen: FloatArray = returns[chosen, tested]
    return unseen


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
