"""Where a bar closed inside a range: its own, or that of the last bars.

Belongs here: positions of a close or an extreme within highs and lows. Does not belong here:
how large the range is (`volatility`), or what to do about it (`rooney_core.strategies`).
All values at bar t are functions of bars up to and including t.
"""

from __future__ import annotations

import numpy.typing as npt

from rooney_core.indicators import windows
from rooney_core.indicators.arrays import FloatArray, checked, checked_period


def internal_bar_strength(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike
) -> FloatArray:
    """IBS = (close - low) / (high - low), in [0, 1] for a consistent bar.

    Shape of the inputs; a bar without range (high = low) is 0.5, neither weak nor strong; NaN
    where an input is NaN. Source: Pagonidis, "The IBS Effect" (2013).
    """
    highs, lows, closes = checked(high=high, low=low, close=close)
    ibs: FloatArray = windows.strengths(highs, lows, closes)
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
    percent_r: FloatArray = windows.percent_rs(highs, lows, closes, checked_period(n))
    return percent_r


def donchian_channel(
    high: npt.ArrayLike, low: npt.ArrayLike, n: int
) -> tuple[FloatArray, FloatArray]:
    """(upper, lower): highest high and lowest low of the last n bars, the CURRENT bar included.

    As TA-Lib's MAX and MIN. A breakout rule compares today's close with the channel of the bar
    before. NaN for the first n - 1 bars and wherever the window holds a NaN.
    """
    highs, lows = checked(high=high, low=low)
    upper, lower = windows.channels(highs, lows, checked_period(n))
    return upper, lower


def rolling_max(x: npt.ArrayLike, n: int) -> FloatArray:
    """Largest of the last n values, the current one included; as TA-Lib's MAX.

    NaN for the first n - 1 values and wherever the window holds a NaN.
    """
    (values,) = checked(x=x)
    highest: FloatArray = windows.highest_of(values, checked_period(n))
    return highest


def rolling_min(x: npt.ArrayLike, n: int) -> FloatArray:
    """Smallest of the last n values, the current one included; as TA-Lib's MIN.

    NaN for the first n - 1 values and wherever the window holds a NaN.
    """
    (values,) = checked(x=x)
    lowest: FloatArray = -windows.highest_of(-values, checked_period(n))
    return lowest
