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

from rooney_core.errors import InvalidSetting
from rooney_core.indicators import wilder, windows
from rooney_core.indicators.arrays import FloatArray, checked, checked_period
from rooney_core.indicators.trend import exponential_moving_average, simple_moving_average


def true_range(high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike) -> FloatArray:
    """max(high - low, |high - previous close|, |low - previous close|), in price units.

    NaN at the first bar, which has no previous close, and where an input is NaN (Wilder 1978).
    """
    highs, lows, closes = checked(high=high, low=low, close=close)
    ranges: FloatArray = wilder.true_ranges(highs, lows, closes)
    return ranges


def average_true_range(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, n: int
) -> FloatArray:
    """Wilder's average of the true range, in price units; seeded as in TA-Lib.

    The seed at index n is the mean of true ranges 1..n; then (previous (n - 1) + range) / n.
    NaN before index n (leading NaN of the inputs skipped), and for ever after a NaN inside.
    """
    highs, lows, closes = checked(high=high, low=low, close=close)
    means: FloatArray = wilder.average_ranges(highs, lows, closes, checked_period(n))
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
    middle, deviation = windows.moments(closes, checked_period(n), 0)
    return middle + k * deviation, middle, middle - k * deviation


def keltner_channel(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, n: int, k: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(upper, middle, lower): exponential average of n closes, plus and minus k times Wilder's ATR.

    Both of period n. Unit of close; NaN until both are known: before index n (leading NaN of the
    inputs skipped), and for ever after a NaN inside. Source: Raschke's form of Keltner (1960).
    """
    middle = exponential_moving_average(close, n)
    width = k * average_true_range(high, low, close, n)
    middle[np.isnan(width)] = np.nan
    return middle + width, middle, middle - width


def rolling_std(x: npt.ArrayLike, n: int) -> FloatArray:
    """Population standard deviation (ddof 0) of the last n values, as TA-Lib's STDDEV; unit of x.

    Exactly 0 where they are equal. NaN for the first n - 1 values and wherever the window holds a
    NaN.
    """
    (values,) = checked(x=x)
    deviations: FloatArray = windows.moments(values, checked_period(n), 0)[1]
    return deviations


def rolling_zscore(x: npt.ArrayLike, n: int, ddof: int = 1) -> FloatArray:
    """(x - mean) / standard deviation of the last n values, the current one included.

    Dimensionless. The deviation is the sample one (ddof 1), as everywhere in Rooney's statistics
    and in polars' `rolling_std`; ddof 0 measures in Bollinger's deviations. NaN for the first
    n - 1 values, where the window holds a NaN, and where its deviation is 0. n > ddof.
    """
    (values,) = checked(x=x)
    if ddof not in (0, 1):
        raise InvalidSetting(f"ddof={ddof!r} arrived; 0 (population) and 1 (sample) are allowed.")
    mean, deviation = windows.moments(values, checked_period(n, at_least=2), ddof)
    deviation[deviation == 0.0] = np.nan
    score: FloatArray = (values - mean) / deviation
    return score
