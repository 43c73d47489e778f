"""What was earned beyond holding the market: the intercept of one return series on another.

Belongs here: alpha and beta of paired daily returns, and how sure they are. Does not belong here:
what an alpha must be (gates), or the Sharpe ratio (sharpe.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from rooney_core.errors import InputError, InvalidSetting
from rooney_core.validation.resampling import (
    MIN_OBS_BLOCK_LENGTH,
    optimal_block_length,
    stationary_bootstrap_indices,
)
from rooney_core.validation.samples import FloatArray, finite_vector
from rooney_core.validation.sharpe import DAYS_PER_YEAR

N_RESAMPLES: Final = 2000
ALPHA_SEED: Final = 20100104


@dataclass(frozen=True)
class Alpha:
    """`annual` alpha, a fraction of the capital a year, with a two-sided interval; NaN: undefined.

    `beta`: what the series moved for 1 of the benchmark. `block_length`: mean length of the
    resampled blocks, days.
    """

    annual: float
    low: float
    high: float
    beta: float
    block_length: float


def alpha_against(
    daily_returns: npt.ArrayLike,
    benchmark_returns: npt.ArrayLike,
    confidence: float,
    n_resamples: int = N_RESAMPLES,
    seed: int = ALPHA_SEED,
) -> Alpha:
    """Intercept x 252 and slope of the least-squares line of f8[n] returns on a benchmark's.

    Jensen 1968, with no return on cash. Both series are of the same days, flat days included. The
    interval is the (1 - confidence) / 2 quantile on either side over paired resamples: the
    stationary bootstrap of days (Politis & Romano 1994) with the longer of the two Politis-White
    lengths, one day at the least and for fewer than 10 days. A benchmark that never varies explains
    nothing: beta is 0. Fewer than two days leave everything NaN.

    Raises:
        InputError: NaN or infinite returns, or series of different lengths.
        InvalidSetting: a confidence outside (0, 1), or n_resamples below 1.
    """
    own, market = finite_vector(daily_returns, "returns"), finite_vector(benchmark_returns, "bench")
    if len(own) != len(market):
        raise InputError(
            f"{len(own)} returns and {len(market)} of the benchmark arrived; one of each for the "
            "same sessions is needed, flat days as 0."
        )
    if not 0.0 < confidence < 1.0:
        raise InvalidSetting(f"confidence={confidence} arrived; between 0 and 1 is allowed.")
    if len(own) < 2:
        return Alpha(*[math.nan] * 5)
    block = 1.0
    if len(own) >= MIN_OBS_BLOCK_LENGTH:
        block = max(1.0, optimal_block_length(own), optimal_block_length(market))
    rows = stationary_bootstrap_indices(len(own), n_resamples, block, seed)
    intercepts, _ = _lines(own[rows], market[rows])
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(intercepts, (tail, 1.0 - tail)) * DAYS_PER_YEAR
    (intercept,), (beta,) = _lines(own[np.newaxis], market[np.newaxis])
    return Alpha(float(intercept) * DAYS_PER_YEAR, float(low), float(high), float(beta), block)


def _lines(own: FloatArray, market: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Intercepts and slopes f8[n_histories] of the rows of two f8[n_histories, n_days]."""
    own_mean, market_mean = own.mean(axis=1), market.mean(axis=1)
    deviation = market - market_mean[:, np.newaxis]
    covariance = np.sum(deviation * (own - own_mean[:, np.newaxis]), axis=1)
    varies = np.ptp(market, axis=1) > 0.0
    square = np.sum(deviation**2, axis=1)
    slope = np.divide(covariance, square, out=np.zeros(len(own)), where=varies & (square > 0.0))
    return own_mean - slope * market_mean, slope
