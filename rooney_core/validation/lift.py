"""Did the filter earn anything, or only trade less? The Sharpe with it against the one without.

Belongs here: the difference of two Sharpes on the same days, and how sure it is. Does not belong
here: which trades a filter takes, or what a lift must be (gates).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from rooney_core.errors import InputError
from rooney_core.validation.resampling import (
    MIN_OBS_BLOCK_LENGTH,
    optimal_block_length,
    stationary_bootstrap_indices,
)
from rooney_core.validation.samples import FloatArray, finite_vector
from rooney_core.validation.sharpe import DAYS_PER_YEAR, annual_sharpe

N_RESAMPLES: Final = 2000
LIFT_SEED: Final = 20100104
TAILS: Final = (0.05, 0.95)
"""What is left out of a 90 % interval, below and above."""

MIN_DEFINED: Final = 0.9
"""Share of the resampled histories in which both Sharpes must be defined; below, no interval."""

ROUNDING: Final = 1e-9
"""Sharpes closer than this are equal: the same days at another size differ by as little."""

_AT_ONCE: Final = 250


@dataclass(frozen=True)
class SharpeLift:
    """Filtered minus unfiltered annual Sharpe, with a 90 % interval; NaN where undefined.

    `block_length`: mean length of the resampled blocks, days. `share_below`: of the resampled
    histories with both Sharpes, those in which the filtered one is the lower.
    """

    sharpe: float
    low: float
    high: float
    block_length: float
    share_below: float = math.nan


def sharpe_lift(
    filtered: npt.ArrayLike,
    unfiltered: npt.ArrayLike,
    n_resamples: int = N_RESAMPLES,
    seed: int = LIFT_SEED,
) -> SharpeLift:
    """Compare daily returns f8[n] with and without a filter, day by day the same sessions.

    The interval is the 5 % and 95 % quantile of the lift over paired resamples: the stationary
    bootstrap of days (Politis & Romano 1994), the same days for both series, so that what they
    share cancels. Blocks have the longer of the two series' Politis-White lengths, one day at the
    least. A resample in which one of the two never varies has no lift and is left out; with fewer
    than 90 % left the interval is NaN, and so is everything where one series never varies.

    Raises:
        InputError: NaN or infinite returns, or series of different lengths.
        InvalidSetting: n_resamples below 1.
    """
    with_it, without = finite_vector(filtered, "filtered"), finite_vector(unfiltered, "unfiltered")
    if len(with_it) != len(without):
        raise InputError(
            f"{len(with_it)} filtered and {len(without)} unfiltered returns arrived; one of each "
            "for the same sessions is needed, flat days as 0."
        )
    lift = annual_sharpe(with_it) - annual_sharpe(without)
    if math.isnan(lift) or len(with_it) < MIN_OBS_BLOCK_LENGTH:
        return SharpeLift(lift, math.nan, math.nan, math.nan)
    block = max(1.0, optimal_block_length(with_it), optimal_block_length(without))
    rows = stationary_bootstrap_indices(len(with_it), n_resamples, block, seed)
    lifts = np.concatenate(
        [
            _annual_sharpes(with_it[some]) - _annual_sharpes(without[some])
            for some in np.array_split(rows, math.ceil(n_resamples / _AT_ONCE))
        ]
    )
    defined = lifts[np.isfinite(lifts)]
    if len(defined) < MIN_DEFINED * n_resamples:
        return SharpeLift(lift, math.nan, math.nan, block)
    low, high = np.quantile(defined, TAILS)
    share_below = float(np.mean(defined < -ROUNDING))
    return SharpeLift(lift, float(low), float(high), block, share_below)


def _annual_sharpes(histories: FloatArray) -> FloatArray:
    """Of each row of f8[n_histories, n_days]; NaN for one that never varies."""
    varies = np.ptp(histories, axis=1) > 0.0
    spread = np.where(varies, histories.std(axis=1, ddof=1), np.nan)
    sharpes: FloatArray = histories.mean(axis=1) / spread * math.sqrt(DAYS_PER_YEAR)
    return sharpes
