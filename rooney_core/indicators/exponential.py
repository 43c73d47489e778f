"""Compiled steps of the exponential averages, and their loops.

Belongs here: `*_step(state, new values, periods) -> value`, the loop of it over a whole history,
and over every window of `memory` bars. Does not belong here: checking arguments and saying what a
number means (`trend`, `bounded`), or Wilder's averages (`wilder`).

A fresh state is an array of zeros of the size named below. Batch and live values are the same
step's. Windows advance side by side, each from its own seed, by the same arithmetic in the same
order: so they have the same bits, and the processor works on several at once.

Loops live in the file of what they call: numba's cache looks at a function's own file only, and
would miss what changed elsewhere.

Leading NaN are skipped, a later NaN spoils the state for ever.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from rooney_core.indicators.arrays import FloatArray

LANES: Final = 256
"""Windows that advance side by side: their means stay in the processor's nearest cache."""
MEAN_STATE: Final = 2
"""Values seen, mean (their sum before the seed)."""
MACD_STATE: Final = 1 + 3 * MEAN_STATE
"""Closes seen, then the fast, slow and signal averages."""


@njit(cache=True, error_model="numpy")
def _towards(mean: float, value: float, n: int) -> float:
    return mean + 2.0 / (n + 1.0) * (value - mean)


@njit(cache=True, error_model="numpy")
def exponential_mean_step(state: FloatArray, value: float, n: int) -> float:
    """TA-Lib's EMA."""
    if state[0] == 0.0 and np.isnan(value):
        return np.nan
    state[0] += 1.0
    if state[0] > n:
        state[1] = _towards(state[1], value, n)
        return float(state[1])
    state[1] += value
    if state[0] < n:
        return np.nan
    state[1] /= n
    return float(state[1])


@njit(cache=True, error_model="numpy")
def macd_step(
    state: FloatArray, close: float, fast: int, slow: int, signal: int
) -> tuple[float, float, float]:
    """(line, signal, histogram) as TA-Lib's MACD: both averages start at the slow one's seed."""
    if state[0] == 0.0 and np.isnan(close):
        return np.nan, np.nan, np.nan
    state[0] += 1.0
    quick = np.nan
    if state[0] > slow - fast:
        quick = exponential_mean_step(state[1:3], close, fast)
    line = quick - exponential_mean_step(state[3:5], close, slow)
    average = exponential_mean_step(state[5:7], line, signal)
    if np.isnan(average):
        return np.nan, np.nan, np.nan
    return line, average, line - average


@njit(cache=True, error_model="numpy")
def exponential_means(values: FloatArray, n: int) -> FloatArray:
    """`exponential_mean_step` over a whole history."""
    means, state = np.empty(len(values)), np.zeros(MEAN_STATE)
    for index in range(len(values)):
        means[index] = exponential_mean_step(state, values[index], n)
    return means


@njit(cache=True, error_model="numpy")
def macd_lines(close: FloatArray, fast: int, slow: int, signal: int) -> FloatArray:
    """`macd_step` over a whole history: rows line, signal, histogram."""
    rows, state = np.empty((3, len(close))), np.zeros(MACD_STATE)
    for index in range(len(close)):
        rows[0, index], rows[1, index], rows[2, index] = macd_step(
            state, close[index], fast, slow, signal
        )
    return rows


@njit(cache=True, error_model="numpy")
def _advance_exponential(lanes: FloatArray, values: FloatArray, n: int, size: int) -> None:
    """`exponential_mean_step` of `size` values from a fresh state: lane i begins at values[i]."""
    lanes[:] = 0.0
    for offset in range(n):
        for lane in range(len(lanes)):
            lanes[lane] += values[lane + offset]
    for lane in range(len(lanes)):
        lanes[lane] /= n
    for offset in range(n, size):
        for lane in range(len(lanes)):
            lanes[lane] = _towards(lanes[lane], values[lane + offset], n)


@njit(cache=True, error_model="numpy")
def windowed_exponential_means(values: FloatArray, n: int, memory: int) -> FloatArray:
    """`exponential_mean_step` from a fresh state over every window of `memory` values."""
    means = np.full(len(values), np.nan)
    for first in range(0, len(values) - memory + 1, LANES):
        ends = means[first + memory - 1 : first + memory - 1 + LANES]
        _advance_exponential(ends, values[first:], n, memory)
    return means


@njit(cache=True, error_model="numpy")
def _advance_macd(
    lanes: FloatArray, values: FloatArray, periods: tuple[int, int, int], size: int
) -> None:
    """`macd_step` of `size` values from a fresh state, side by side.

    Rows of `lanes`: the fast, the slow and the signal average; all its columns are used.
    """
    fast, slow, signal = periods
    quick, steady, average = lanes[0], lanes[1], lanes[2]
    _advance_exponential(quick, values[slow - fast :], fast, fast)
    _advance_exponential(steady, values, slow, slow)
    average[:] = 0.0
    for offset in range(slow - 1, size):
        entering = values[offset:]
        if offset >= slow:
            for lane in range(len(quick)):
                quick[lane] = _towards(quick[lane], entering[lane], fast)
                steady[lane] = _towards(steady[lane], entering[lane], slow)
        if offset < slow - 1 + signal:
            for lane in range(len(quick)):
                average[lane] += quick[lane] - steady[lane]
        else:
            for lane in range(len(quick)):
                average[lane] = _towards(average[lane], quick[lane] - steady[lane], signal)
        if offset == slow + signal - 2:
            for lane in range(len(quick)):
                average[lane] /= signal


@njit(cache=True, error_model="numpy")
def windowed_macd_lines(
    close: FloatArray, fast: int, slow: int, signal: int, memory: int
) -> FloatArray:
    """`macd_step` from a fresh state over every window of `memory` closes."""
    rows = np.full((3, len(close)), np.nan)
    for first in range(0, len(close) - memory + 1, LANES):
        last = first + memory - 1
        # Contiguous rows of the very number of windows: only then the inner loops vectorise.
        lanes = np.empty((3, min(LANES, len(close) - last)))
        _advance_macd(lanes, close[first:], (fast, slow, signal), memory)
        for lane in range(lanes.shape[1]):
            rows[0, last + lane] = lanes[0, lane] - lanes[1, lane]
            rows[1, last + lane] = lanes[2, lane]
            rows[2, last + lane] = rows[0, last + lane] - rows[1, last + lane]
    return rows
