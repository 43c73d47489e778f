"""Where prices are heading: moving averages and what is built of them.

Belongs here: smoothed levels and their differences. Does not belong here: oscillators of gains
and losses (`momentum`), ranges (`volatility`). All values at bar t are functions of bars up to and
including t.

The simple average is summed afresh in every window, oldest value first, so its value depends on
the last n bars only, to the bit. The exponential ones remember everything since their seed: two
histories of different length agree only approximately.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.errors import InvalidSetting
from rooney_core.indicators.arrays import FloatArray, checked, checked_period, first_known


def simple_moving_average(x: npt.ArrayLike, n: int) -> FloatArray:
    """Mean of the last n values, the current one included.

    Same shape and unit as x; NaN for the first n - 1 values and wherever the window holds a NaN.
    """
    (values,) = checked(x=x)
    means: FloatArray = _windowed_mean(values, checked_period(n))
    return means


def exponential_moving_average(x: npt.ArrayLike, n: int) -> FloatArray:
    """Exponential average with weight 2 / (n + 1), seeded with the mean of the first n values.

    As TA-Lib's EMA. Same shape and unit as x; NaN before the seed at index n - 1 (leading NaN of
    x are skipped first), and for ever after a NaN inside.
    """
    (values,) = checked(x=x)
    means: FloatArray = _exponential_mean(values, checked_period(n), first_known(values))
    return means


def macd(
    close: npt.ArrayLike, fast: int = 12, slow: int = 26, signal: int = 9
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(macd, signal, histogram): fast minus slow exponential average, its average, the difference.

    As TA-Lib's MACD: both averages start at index slow - 1, the fast one seeded with the mean of
    the `fast` values ending there, and all three outputs are NaN before index slow + signal - 2.
    Unit of close. Raises InvalidSetting unless fast < slow.
    """
    (closes,) = checked(close=close)
    fast, slow = checked_period(fast, name="fast"), checked_period(slow, name="slow")
    signal = checked_period(signal, name="signal")
    if fast >= slow:
        raise InvalidSetting(f"fast={fast} and slow={slow} arrived; fast < slow is allowed.")
    first = first_known(closes)
    line = _exponential_mean(closes, fast, first + slow - fast) - _exponential_mean(
        closes, slow, first
    )
    average = _exponential_mean(line, signal, first + slow - 1)
    line[: first + slow + signal - 2] = np.nan
    return line, average, line - average


@njit(cache=True)
def _windowed_mean(values: FloatArray, n: int) -> FloatArray:
    means = np.full(len(values), np.nan)
    n_windows = len(values) - n + 1
    if n_windows < 1:
        return means
    # All windows advance together: each still sums oldest first, and the inner loop vectorises.
    totals = np.zeros(n_windows)
    for offset in range(n):
        for window in range(n_windows):
            totals[window] += values[window + offset]
    means[n - 1 :] = totals / n
    return means


@njit(cache=True)
def _exponential_mean(values: FloatArray, n: int, first: int) -> FloatArray:
    means = np.full(len(values), np.nan)
    if first + n > len(values):
        return means
    mean = 0.0
    for index in range(first, first + n):
        mean += values[index]
    mean /= n
    means[first + n - 1] = mean
    weight = 2.0 / (n + 1.0)
    for index in range(first + n, len(values)):
        mean += weight * (values[index] - mean)
        means[index] = mean
    return means
