"""Compiled steps of the indicators that remember everything since their seed, and their loops.

Belongs here: `*_step(state, new values, periods) -> value`, the loop of it over a whole history,
and the loop of it over every window of `memory` bars. Does not belong here: checking arguments and
saying what a number means (`trend`, `momentum`, `volatility`, `bounded`).

A fresh state is an array of zeros of the size named beside its step. Batch, windowed and live
values are the same step's, so they have the same bits. Loops live in the file of their steps:
numba's cache looks at a function's own file only, and would miss a step that changed elsewhere.

Leading NaN are skipped, a later NaN spoils the state for ever.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from rooney_core.indicators.arrays import FloatArray

LANES: Final = 256
"""Windows that advance side by side, so that the processor works on several at once."""
MEAN_STATE: Final = 2
"""Values seen, mean (their sum before the seed)."""
STRENGTH_STATE: Final = 4
"""Closes seen, previous close, gain, loss."""
TRUE_RANGE_STATE: Final = 2
"""Bars seen, previous close."""
AVERAGE_RANGE_STATE: Final = TRUE_RANGE_STATE + MEAN_STATE
DIRECTION_STATE: Final = 9
"""Bars seen, previous high, low and close, plus, minus, true range, sum and mean of the index."""
MACD_STATE: Final = 1 + 3 * MEAN_STATE
"""Closes seen, then the fast, slow and signal averages."""


@njit(cache=True, error_model="numpy")
def _towards(mean: float, value: float, n: int) -> float:
    return mean + 2.0 / (n + 1.0) * (value - mean)


@njit(cache=True, error_model="numpy")
def _wilder(mean: float, value: float, n: int) -> float:
    return (mean * (n - 1) + value) / n


@njit(cache=True, error_model="numpy")
def _strength(gain: float, loss: float) -> float:
    moved = gain + loss
    return 50.0 if moved == 0.0 else 100.0 * gain / moved


@njit(cache=True, error_model="numpy")
def _rise_and_fall(change: float) -> tuple[float, float]:
    if np.isnan(change):
        return np.nan, np.nan
    return max(change, 0.0), max(-change, 0.0)


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
def wilder_mean_step(state: FloatArray, value: float, n: int) -> float:
    """Wilder's average: (previous (n - 1) + value) / n from a plain mean of the first n."""
    if state[0] == 0.0 and np.isnan(value):
        return np.nan
    state[0] += 1.0
    if state[0] > n:
        state[1] = _wilder(state[1], value, n)
        return float(state[1])
    state[1] += value
    if state[0] < n:
        return np.nan
    state[1] /= n
    return float(state[1])


@njit(cache=True, error_model="numpy")
def relative_strength_step(state: FloatArray, close: float, n: int) -> float:
    """Wilder's RSI as in TA-Lib."""
    seen, change = state[0], close - state[1]
    if seen == 0.0 and np.isnan(close):
        return np.nan
    state[0] = seen + 1.0
    state[1] = close
    if seen == 0.0:
        return np.nan
    rise, fall = _rise_and_fall(change)
    if seen <= n:
        state[2] += rise / n
        state[3] += fall / n
    else:
        state[2] = _wilder(state[2], rise, n)
        state[3] = _wilder(state[3], fall, n)
    if seen < n:
        return np.nan
    return float(_strength(state[2], state[3]))


@njit(cache=True, error_model="numpy")
def true_range_step(state: FloatArray, high: float, low: float, close: float) -> float:
    """max(high - low, |high - previous close|, |low - previous close|)."""
    previous = float(state[1]) if state[0] > 0.0 else np.nan
    state[0] = 1.0
    state[1] = close
    if np.isnan(high) or np.isnan(low) or np.isnan(previous):
        return np.nan
    return max(high - low, max(abs(high - previous), abs(low - previous)))


@njit(cache=True, error_model="numpy")
def average_range_step(state: FloatArray, high: float, low: float, close: float, n: int) -> float:
    """Wilder's ATR as in TA-Lib."""
    spread = true_range_step(state[:2], high, low, close)
    return float(wilder_mean_step(state[2:], spread, n))


@njit(cache=True, error_model="numpy")
def direction_step(
    state: FloatArray, high: float, low: float, close: float, n: int
) -> tuple[float, float, float]:
    """(ADX, +DI, -DI) as in TA-Lib."""
    seen = state[0]
    if seen == 0.0 and np.isnan(high + low + close):
        return np.nan, np.nan, np.nan
    up, down, before = high - state[1], state[2] - low, state[3]
    state[0], state[1], state[2], state[3] = seen + 1.0, high, low, close
    if seen == 0.0:
        return np.nan, np.nan, np.nan
    if seen >= n:
        state[4] -= state[4] / n
        state[5] -= state[5] / n
        state[6] -= state[6] / n
    state[4] += up if up > down and up > 0.0 else 0.0
    state[5] += down if down > up and down > 0.0 else 0.0
    state[6] += max(high - low, max(abs(high - before), abs(low - before)))
    if np.isnan(up + down + close):
        state[4], state[5], state[6], state[8] = np.nan, np.nan, np.nan, np.nan
    if seen < n:
        return np.nan, np.nan, np.nan
    plus, minus, spread = state[4], state[5], state[6]
    # +DI and -DI share a divisor, the smoothed true range, which cancels in their ratio.
    known = plus + minus != 0.0
    index_now = 100.0 * abs(plus - minus) / (plus + minus) if known else 0.0
    if seen < 2 * n:
        state[7] += index_now
        state[8] = state[7] / n
    elif known:
        state[8] = _wilder(state[8], index_now, n)
    adx = state[8] if seen >= 2 * n - 1 else np.nan
    if spread == 0.0:
        return adx, 0.0, 0.0
    return adx, 100.0 * plus / spread, 100.0 * minus / spread


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
def relative_strengths(close: FloatArray, n: int) -> FloatArray:
    """`relative_strength_step` over a whole history."""
    strengths, state = np.empty(len(close)), np.zeros(STRENGTH_STATE)
    for index in range(len(close)):
        strengths[index] = relative_strength_step(state, close[index], n)
    return strengths


@njit(cache=True, error_model="numpy")
def true_ranges(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    """`true_range_step` over a whole history."""
    ranges, state = np.empty(len(close)), np.zeros(TRUE_RANGE_STATE)
    for index in range(len(close)):
        ranges[index] = true_range_step(state, high[index], low[index], close[index])
    return ranges


@njit(cache=True, error_model="numpy")
def average_ranges(high: FloatArray, low: FloatArray, close: FloatArray, n: int) -> FloatArray:
    """`average_range_step` over a whole history."""
    means, state = np.empty(len(close)), np.zeros(AVERAGE_RANGE_STATE)
    for index in range(len(close)):
        means[index] = average_range_step(state, high[index], low[index], close[index], n)
    return means


@njit(cache=True, error_model="numpy")
def directions(high: FloatArray, low: FloatArray, close: FloatArray, n: int) -> FloatArray:
    """`direction_step` over a whole history: rows ADX, +DI, -DI."""
    rows, state = np.empty((3, len(close))), np.zeros(DIRECTION_STATE)
    for index in range(len(close)):
        rows[0, index], rows[1, index], rows[2, index] = direction_step(
            state, high[index], low[index], close[index], n
        )
    return rows


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
def _hold_unknown(sums: FloatArray, memory: int) -> FloatArray:
    """Whether the window of `memory` values that ends at each is cut or holds a NaN."""
    holds, run = np.empty(len(sums), np.bool_), 0
    for index in range(len(sums)):
        run = 0 if np.isnan(sums[index]) else run + 1
        holds[index] = run < memory
    return holds


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
def _advance_wilder(lanes: FloatArray, values: FloatArray, n: int, size: int) -> None:
    """`wilder_mean_step` of `size` values from a fresh state: lane i begins at values[i]."""
    lanes[:] = 0.0
    for offset in range(n):
        for lane in range(len(lanes)):
            lanes[lane] += values[lane + offset]
    for lane in range(len(lanes)):
        lanes[lane] /= n
    for offset in range(n, size):
        for lane in range(len(lanes)):
            lanes[lane] = _wilder(lanes[lane], values[lane + offset], n)


@njit(cache=True, error_model="numpy")
def _advance_shares(lanes: FloatArray, values: FloatArray, n: int, size: int) -> None:
    """One side of `relative_strength_step`, whose seed adds n-ths, of `size` changes."""
    lanes[:] = 0.0
    for offset in range(n):
        for lane in range(len(lanes)):
            lanes[lane] += values[lane + offset] / n
    for offset in range(n, size):
        for lane in range(len(lanes)):
            lanes[lane] = _wilder(lanes[lane], values[lane + offset], n)


@njit(cache=True, error_model="numpy")
def windowed_exponential_means(values: FloatArray, n: int, memory: int) -> FloatArray:
    """`exponential_mean_step` from a fresh state over every window of `memory` known values."""
    means = np.full(len(values), np.nan)
    for first in range(0, len(values) - memory + 1, LANES):
        ends = means[first + memory - 1 : first + memory - 1 + LANES]
        _advance_exponential(ends, values[first:], n, memory)
    means[_hold_unknown(values, memory)] = np.nan
    return means


@njit(cache=True, error_model="numpy")
def windowed_relative_strengths(close: FloatArray, n: int, memory: int) -> FloatArray:
    """`relative_strength_step` from a fresh state over every window of `memory` known closes."""
    rises, falls = np.empty(len(close)), np.empty(len(close))
    for index in range(1, len(close)):
        rises[index], falls[index] = _rise_and_fall(close[index] - close[index - 1])
    strengths = np.full(len(close), np.nan)
    gains, losses = np.empty(LANES), np.empty(LANES)
    for first in range(0, len(close) - memory + 1, LANES):
        ends = strengths[first + memory - 1 : first + memory - 1 + LANES]
        _advance_shares(gains[: len(ends)], rises[first + 1 :], n, memory - 1)
        _advance_shares(losses[: len(ends)], falls[first + 1 :], n, memory - 1)
        for lane in range(len(ends)):
            ends[lane] = _strength(gains[lane], losses[lane])
    strengths[_hold_unknown(close, memory)] = np.nan
    return strengths


@njit(cache=True, error_model="numpy")
def windowed_average_ranges(
    high: FloatArray, low: FloatArray, close: FloatArray, n: int, memory: int
) -> FloatArray:
    """`average_range_step` from a fresh state over every window of `memory` known bars."""
    means, ranges = np.full(len(close), np.nan), true_ranges(high, low, close)
    for first in range(0, len(close) - memory + 1, LANES):
        ends = means[first + memory - 1 : first + memory - 1 + LANES]
        _advance_wilder(ends, ranges[first + 1 :], n, memory - 1)
    means[_hold_unknown(high + low + close, memory)] = np.nan
    return means


@njit(cache=True, error_model="numpy")
def windowed_directions(
    high: FloatArray, low: FloatArray, close: FloatArray, n: int, memory: int
) -> FloatArray:
    """`direction_step` from a fresh state over every window of `memory` known bars."""
    rows = np.full((3, len(close)), np.nan)
    unknown = _hold_unknown(high + low + close, memory)
    for last in range(memory - 1, len(close)):
        if unknown[last]:
            continue
        state = np.zeros(DIRECTION_STATE)
        for index in range(last - memory + 1, last + 1):
            rows[0, last], rows[1, last], rows[2, last] = direction_step(
                state, high[index], low[index], close[index], n
            )
    return rows


@njit(cache=True, error_model="numpy")
def windowed_macd_lines(
    close: FloatArray, fast: int, slow: int, signal: int, memory: int
) -> FloatArray:
    """`macd_step` from a fresh state over every window of `memory` known closes."""
    rows, unknown = np.full((3, len(close)), np.nan), _hold_unknown(close, memory)
    for last in range(memory - 1, len(close)):
        if unknown[last]:
            continue
        state = np.zeros(MACD_STATE)
        for index in range(last - memory + 1, last + 1):
            rows[0, last], rows[1, last], rows[2, last] = macd_step(
                state, close[index], fast, slow, signal
            )
    return rows
