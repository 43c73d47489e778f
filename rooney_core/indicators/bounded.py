"""Wilder's and exponential indicators with a bounded memory: what rules may use of them.

Belongs here: the same recursions, run from a fresh state over the last `memory` bars. Does not
belong here: the recursions (`wilder`, `exponential`), or a rule.

The value at bar i is that of the indicator's own seed and steps over the bars (i - memory, i]. So
it is a function of these bars only: a live window of `memory` bars, fed to the incremental form of
the indicator (`rooney_core.indicators.incremental`), ends at the same bits as the whole history.
NaN for the first `memory` - 1 bars and wherever the window holds a NaN.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from rooney_core.errors import InvalidSetting
from rooney_core.indicators import exponential, wilder
from rooney_core.indicators.arrays import FloatArray, checked, checked_period

MEMORY_PER_PERIOD: Final = 10
"""Bars remembered per bar of the period, for values that are smoothed once."""
MEMORY_PER_PERIOD_TWICE: Final = 13
"""The same for the directional index, whose smoothed value is smoothed again."""
SHORTEST_MEMORY: Final = 50


def memory_of(n: int, *, smoothings: int = 1) -> int:
    """Bars to remember of a Wilder recursion of period n, so that what is forgotten is nothing.

    What lies further back has less than 1e-4 of the weight in the endless recursion: (1 - 1/n)^10n
    < 4.6e-5 for a value smoothed once, about 14 exp(-13) = 3.2e-5 for one that is smoothed twice
    (`smoothings=2`: ADX). An exponential average of period n forgets twice as fast as Wilder's.
    """
    if smoothings not in (1, 2):
        raise InvalidSetting(f"smoothings={smoothings!r} arrived; 1 and 2 are allowed.")
    per_period = MEMORY_PER_PERIOD if smoothings == 1 else MEMORY_PER_PERIOD_TWICE
    return max(SHORTEST_MEMORY, per_period * checked_period(n))


def bounded_exponential_moving_average(x: npt.ArrayLike, n: int, memory: int) -> FloatArray:
    """`exponential_moving_average` of the last `memory` values; memory >= n. Unit of x."""
    (values,) = checked(x=x)
    memory = _checked_memory(memory, checked_period(n))
    means = exponential.windowed_exponential_means(values, n, memory)
    return _where_known(means, values, memory)


def bounded_relative_strength_index(close: npt.ArrayLike, n: int, memory: int) -> FloatArray:
    """`relative_strength_index` of the last `memory` closes, in [0, 100]; memory > n."""
    (closes,) = checked(close=close)
    memory = _checked_memory(memory, checked_period(n) + 1)
    strengths = wilder.windowed_relative_strengths(closes, n, memory)
    return _where_known(strengths, closes, memory)


def bounded_average_true_range(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, n: int, memory: int
) -> FloatArray:
    """`average_true_range` of the last `memory` bars, in price units; memory > n.

    The first bar of the window gives its close only: `memory` - 1 true ranges are averaged.
    """
    highs, lows, closes = checked(high=high, low=low, close=close)
    memory = _checked_memory(memory, checked_period(n) + 1)
    means = wilder.windowed_average_ranges(highs, lows, closes, n, memory)
    return _where_known(means, highs + lows + closes, memory)


def bounded_keltner_channel(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, n: int, k: float, memory: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """`keltner_channel` (upper, middle, lower) of the last `memory` bars, unit of close.

    memory > n.
    """
    width = k * bounded_average_true_range(high, low, close, n, memory)
    middle = bounded_exponential_moving_average(close, n, memory)
    middle[np.isnan(width)] = np.nan
    return middle + width, middle, middle - width


def bounded_average_directional_index(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, n: int, memory: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(ADX, +DI, -DI) of the last `memory` bars, each in [0, 100]; memory >= 2 n, n >= 2.

    ADX smooths twice: `memory_of(n, smoothings=2)` bars are its natural memory.
    """
    highs, lows, closes = checked(high=high, low=low, close=close)
    memory = _checked_memory(memory, 2 * checked_period(n, at_least=2))
    rows = wilder.windowed_directions(highs, lows, closes, n, memory)
    adx, plus, minus = _where_known(rows, highs + lows + closes, memory)
    return adx, plus, minus


def bounded_macd(
    close: npt.ArrayLike, fast: int, slow: int, signal: int, memory: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(macd, signal, histogram) of the last `memory` closes, unit of close.

    fast < slow, memory >= slow + signal - 1; `memory_of(slow)` is plenty while signal <= slow.
    """
    (closes,) = checked(close=close)
    fast, slow = checked_period(fast, name="fast"), checked_period(slow, name="slow")
    signal = checked_period(signal, name="signal")
    if fast >= slow:
        raise InvalidSetting(f"fast={fast} and slow={slow} arrived; fast < slow is allowed.")
    memory = _checked_memory(memory, slow + signal - 1)
    rows = exponential.windowed_macd_lines(closes, fast, slow, signal, memory)
    line, average, histogram = _where_known(rows, closes, memory)
    return line, average, histogram


def _checked_memory(memory: int, at_least: int) -> int:
    return checked_period(memory, at_least=at_least, name="memory")


def _where_known(outputs: FloatArray, sums: FloatArray, memory: int) -> FloatArray:
    """The outputs, last axis bars, NaN where the window holds a bar whose sum is NaN."""
    bars = np.arange(len(sums))
    last_unknown = np.maximum.accumulate(np.where(np.isnan(sums), bars, -1))
    outputs[..., bars - last_unknown < memory] = np.nan
    return outputs
