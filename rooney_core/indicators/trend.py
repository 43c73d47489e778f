"""Where prices are heading: moving averages and what is built of them.

Belongs here: smoothed levels and their differences. Does not belong here: oscillators of gains
and losses (`momentum`), ranges (`volatility`). All values at bar t are functions of bars up to and
including t.

The simple average is summed afresh in every window, oldest value first, so its value depends on
the last n bars only, to the bit. The exponential ones remember everything since their seed: two
histories of different length agree only approximately. A rule uses their `bounded` forms.
"""

from __future__ import annotations

import numpy.typing as npt

from rooney_core.errors import InvalidSetting
from rooney_core.indicators import exponential, windows
from rooney_core.indicators.arrays import FloatArray, checked, checked_period


def simple_moving_average(x: npt.ArrayLike, n: int) -> FloatArray:
    """Mean of the last n values, the current one included.

    Same shape and unit as x; NaN for the first n - 1 values and wherever the window holds a NaN.
    """
    (values,) = checked(x=x)
    means: FloatArray = windows.means(values, checked_period(n))
    return means


def rolling_median(x: npt.ArrayLike, n: int) -> FloatArray:
    """Median of the last n values, the current one included; unit of x.

    Of an even number the mean of the middle two. NaN for the first n - 1 values and wherever the
    window holds a NaN.
    """
    (values,) = checked(x=x)
    medians: FloatArray = windows.medians(values, checked_period(n))
    return medians


def exponential_moving_average(x: npt.ArrayLike, n: int) -> FloatArray:
    """Exponential average with weight 2 / (n + 1), seeded with the mean of the first n values.

    As TA-Lib's EMA. Same shape and unit as x; NaN before the seed at index n - 1 (leading NaN of
    x are skipped first), and for ever after a NaN inside.
    """
    (values,) = checked(x=x)
    means: FloatArray = exponential.exponential_means(values, checked_period(n))
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
    line, average, histogram = exponential.macd_lines(closes, fast, slow, signal)
    return line, average, histogram
