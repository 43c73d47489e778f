"""How far prices move: ranges, deviations, and distance measured in them.

Belongs here: sizes of moves and bands made of them. Does not belong here: direction (`trend`,
`momentum`). All values at bar t are functions of bars up to and including t.

`average_true_range` (Wilder) remembers everything since its seed; `mean_true_range`, the bands and
the z-score are computed afresh in every window, so their values depend on that window only, to
the bit. Strategies use only the latter kind: live sees a window, not the whole history.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.errors import InvalidSetting
from rooney_core.indicators.arrays import FloatArray, checked, checked_period, first_known
from rooney_core.indicators.trend import simple_moving_average


def true_range(high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike) -> FloatArray:
    """max(high - low, |high - previous close|, |low - previous close|), in price units.

    NaN at the first bar, which has no previous close, and where an input is NaN (Wilder 1978).
    """
    highs, lows, closes = checked(high=high, low=low, close=close)
    ranges = np.full(len(highs), np.nan)
    previous = closes[:-1]
    ranges[1:] = np.maximum(
        highs[1:] - lows[1:], np.maximum(abs(highs[1:] - previous), abs(lows[1:] - previous))
    )
    return ranges


def average_true_range(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, n: int
) -> FloatArray:
    """Wilder's average of the true range, in price units; seeded as in TA-Lib.

    The seed at index n is the mean of true ranges 1..n; then (previous (n - 1) + range) / n.
    NaN before index n (leading NaN of the inputs skipped), and for ever after a NaN inside.
    """
    ranges = true_range(high, low, close)
    means: FloatArray = _wilder_mean(ranges, checked_period(n), first_known(ranges))
    return means


def mean_true_range(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, n: int
) -> FloatArray:
    """Plain mean of the last n true ranges, in price units: a function of the last n + 1 bars only.

    NaN before index n and wherever the window holds a NaN.
    """
    return simple_moving_average(true_range(high, low, close), n)


def bollinger_bands(
    close: npt.ArrayLike, n: int, k: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(upper, middle, lower): mean of the last n closes, plus and minus k standard deviations.

    Population standard deviation (ddof 0), as TA-Lib's BBANDS and Bollinger (2001). Unit of
    close; NaN for the first n - 1 bars and wherever the window holds a NaN.
    """
    (closes,) = checked(close=close)
    middle, deviation = _windowed_moments(closes, checked_period(n), 0)
    return middle + k * deviation, middle, middle - k * deviation


def rolling_zscore(x: npt.ArrayLike, n: int, ddof: int = 1) -> FloatArray:
    """(x - mean) / standard deviation of the last n values, the current one included.

    Dimensionless. The deviation is the sample one (ddof 1), as everywhere in Rooney's statistics
    and in polars' `rolling_std`; ddof 0 measures in Bollinger's deviations. NaN for the first
    n - 1 values, where the window holds a NaN, and where its deviation is 0. n > ddof.
    """
    (values,) = checked(x=x)
    if ddof not in (0, 1):
        raise InvalidSetting(f"ddof={ddof!r} arrived; 0 (population) and 1 (sample) are allowed.")
    mean, deviation = _windowed_moments(values, checked_period(n, at_least=2), ddof)
    deviation[deviation == 0.0] = np.nan
    score: FloatArray = (values - mean) / deviation
    return score


@njit(cache=True)
def _windowed_moments(values: FloatArray, n: int, ddof: int) -> tuple[FloatArray, FloatArray]:
    means = np.full(len(values), np.nan)
    deviations = np.full(len(values), np.nan)
    for last in range(n - 1, len(values)):
        total = 0.0
        lowest, highest = np.inf, -np.inf
        for index in range(last - n + 1, last + 1):
            total += values[index]
            lowest = min(lowest, values[index])
            highest = max(highest, values[index])
        mean = total / n
        squares = 0.0
        for index in range(last - n + 1, last + 1):
            squares += (values[index] - mean) ** 2
        # Equal values must deviate by exactly 0, also where their mean is not representable.
        deviation = 0.0 if lowest == highest else np.sqrt(squares / (n - ddof))
        means[last] = mean
        deviations[last] = np.nan if np.isnan(total) else deviation
    return means, deviations


@njit(cache=True)
def _wilder_mean(values: FloatArray, n: int, first: int) -> FloatArray:
    means = np.full(len(values), np.nan)
    if first + n > len(values):
        return means
    mean = 0.0
    for index in range(first, first + n):
        mean += values[index]
    mean /= n
    means[first + n - 1] = mean
    for index in range(first + n, len(values)):
        mean = (mean * (n - 1) + values[index]) / n
        means[index] = mean
    return means
