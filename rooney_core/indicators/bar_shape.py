"""Where a bar closed inside a range: its own, or that of the last bars.

Belongs here: positions of a close or an extreme within highs and lows. Does not belong here:
how large the range is (`volatility`), or what to do about it (`rooney_core.strategies`).
All values at bar t are functions of bars up to and including t.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.indicators.arrays import FloatArray, checked, checked_period


def internal_bar_strength(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike
) -> FloatArray:
    """IBS = (close - low) / (high - low), in [0, 1] for a consistent bar.

    Shape of the inputs; a bar without range (high = low) is 0.5, neither weak nor strong; NaN
    where an input is NaN. Source: Pagonidis, "The IBS Effect" (2013).
    """
    highs, lows, closes = checked(high=high, low=low, close=close)
    spread = highs - lows
    flat = spread == 0.0
    ibs: FloatArray = (closes - lows) / np.where(flat, 1.0, spread)
    ibs[flat] = np.where(np.isnan(closes[flat]), np.nan, 0.5)
    return ibs


def williams_percent_r(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, n: int
) -> FloatArray:
    """Williams %R over the last n bars, the current one included, in [-100, 0].

    -100 (highest high - close) / (highest high - lowest low); 0 is a close on the high. A window
    without range is -50, in the middle (TA-Lib says 0). NaN for the first n - 1 bars and wherever
    the window holds a NaN.
    """
    highs, lows, closes = checked(high=high, low=low, close=close)
    upper, lower = _extremes(highs, lows, checked_period(n))
    spread = upper - lower
    flat = spread == 0.0
    percent_r: FloatArray = -100.0 * (upper - closes) / np.where(flat, 1.0, spread)
    percent_r[flat] = np.where(np.isnan(closes[flat]), np.nan, -50.0)
    return percent_r


def donchian_channel(
    high: npt.ArrayLike, low: npt.ArrayLike, n: int
) -> tuple[FloatArray, FloatArray]:
    """(upper, lower): highest high and lowest low of the last n bars, the CURRENT bar included.

    As TA-Lib's MAX and MIN. A breakout rule compares today's close with the channel of the bar
    before. NaN for the first n - 1 bars and wherever the window holds a NaN.
    """
    highs, lows = checked(high=high, low=low)
    upper, lower = _extremes(highs, lows, checked_period(n))
    return upper, lower


@njit(cache=True)
def _extremes(high: FloatArray, low: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    upper = np.full(len(high), np.nan)
    lower = np.full(len(high), np.nan)
    for last in range(n - 1, len(high)):
        highest, lowest = -np.inf, np.inf
        for index in range(last - n + 1, last + 1):
            if np.isnan(high[index]) or np.isnan(low[index]):
                highest, lowest = np.nan, np.nan
                break
            highest = max(highest, high[index])
            lowest = min(lowest, low[index])
        upper[last] = highest
        lower[last] = lowest
    return upper, lower
