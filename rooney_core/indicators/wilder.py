"""Compiled steps of Wilder's indicators, and their loops.

Belongs here: `*_step(state, new values, periods) -> value`, the loop of it over a whole history,
and over every window of `memory` bars. Does not belong here: checking arguments and saying what a
number means (`momentum`, `volatility`, `bounded`), or other averages (`exponential`).

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
STRENGTH_STATE: Final = 4
"""Closes seen, previous close, gain, loss."""
TRUE_RANGE_STATE: Final = 2
"""Whether a bar came, its close."""
AVERAGE_RANGE_STATE: Final = TRUE_RANGE_STATE + MEAN_STATE
DIRECTION_STATE: Final = 9
"""Bars seen, previous high, low and close, plus, minus, true range, sum and mean of the index."""


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
def _moves(up: float, down: float) -> tuple[float, float]:
    return (up if up > down and up > 0.0 else 0.0), (down if down > up and down > 0.0 else 0.0)


@njit(cache=True, error_model="numpy")
def _one_sidedness(plus: float, minus: float) -> float:
    # +DI and -DI share a divisor, the smoothed true range, which cancels in their ratio.
    return 100.0 * abs(plus - minus) / (plus + minus) if plus + minus != 0.0 else 0.0


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
    plus_move, minus_move = _moves(up, down)
    state[4] += plus_move
    state[5] += minus_move
    state[6] += max(high - low, max(abs(high - before), abs(low - before)))
    if np.isnan(up + down + close):
        state[4], state[5], state[6], state[8] = np.nan, np.nan, np.nan, np.nan
    if seen < n:
        return np.nan, np.nan, np.nan
    plus, minus, spread = state[4], state[5], state[6]
    index_now = _one_sidedness(plus, minus)
    if seen < 2 * n:
        state[7] += index_now
        state[8] = state[7] / n
    elif plus + minus != 0.0:
        state[8] = _wilder(state[8], index_now, n)
    adx = state[8] if seen >= 2 * n - 1 else np.nan
    if spread == 0.0:
        return adx, 0.0, 0.0
    return adx, 100.0 * plus / spread, 100.0 * minus / spread


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
def windowed_relative_strengths(close: FloatArray, n: int, memory: int) -> FloatArray:
    """`relative_strength_step` from a fresh state over every window of `memory` closes."""
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
    return strengths


@njit(cache=True, error_model="numpy")
def windowed_average_ranges(
    high: FloatArray, low: FloatArray, close: FloatArray, n: int, memory: int
) -> FloatArray:
    """`average_range_step` from a fresh state over every window of `memory` bars."""
    means, ranges = np.full(len(close), np.nan), true_ranges(high, low, close)
    for first in range(0, len(close) - memory + 1, LANES):
        ends = means[first + memory - 1 : first + memory - 1 + LANES]
        _advance_wilder(ends, ranges[first + 1 :], n, memory - 1)
    return means


@njit(cache=True, error_model="numpy")
def _add_move(sums: FloatArray, moves: FloatArray, n: int, smoothed: bool) -> None:
    if smoothed:
        for lane in range(len(sums)):
            sums[lane] = sums[lane] - sums[lane] / n + moves[lane]
    else:
        for lane in range(len(sums)):
            sums[lane] += moves[lane]


@njit(cache=True, error_model="numpy")
def _advance_directions(
    lanes: FloatArray, moves: FloatArray, first: int, n: int, size: int
) -> None:
    """`direction_step` of `size` bars from a fresh state, side by side: lane i begins at first + i.

    Rows of `moves`: plus, minus, true range; of `lanes`: their sums, then the index's mean.
    """
    lanes[:] = 0.0
    plus, minus, mean = lanes[0], lanes[1], lanes[3]
    for seen in range(1, size):
        for row in range(3):
            _add_move(lanes[row], moves[row][first + seen :], n, seen >= n)
        if n <= seen < 2 * n:
            for lane in range(len(mean)):
                mean[lane] += _one_sidedness(plus[lane], minus[lane])
        elif seen >= 2 * n:
            for lane in range(len(mean)):
                new = _wilder(mean[lane], _one_sidedness(plus[lane], minus[lane]), n)
                mean[lane] = new if plus[lane] + minus[lane] != 0.0 else mean[lane]
        if seen == 2 * n - 1:
            for lane in range(len(mean)):
                mean[lane] /= n


@njit(cache=True, error_model="numpy")
def windowed_directions(
    high: FloatArray, low: FloatArray, close: FloatArray, n: int, memory: int
) -> FloatArray:
    """`direction_step` from a fresh state over every window of `memory` bars."""
    moves = np.empty((3, len(close)))
    moves[2] = true_ranges(high, low, close)
    for index in range(1, len(close)):
        moves[0, index], moves[1, index] = _moves(
            high[index] - high[index - 1], low[index - 1] - low[index]
        )
    rows = np.full((3, len(close)), np.nan)
    for first in range(0, len(close) - memory + 1, LANES):
        last = first + memory - 1
        # Contiguous rows of the very number of windows: only then the inner loops vectorise.
        lanes = np.empty((4, min(LANES, len(close) - last)))
        _advance_directions(lanes, moves, first, n, memory)
        for lane in range(lanes.shape[1]):
            spread = lanes[2, lane]
            rows[0, last + lane] = lanes[3, lane]
            rows[1, last + lane] = 100.0 * lanes[0, lane] / spread if spread != 0.0 else 0.0
            rows[2, last + lane] = 100.0 * lanes[1, lane] / spread if spread != 0.0 else 0.0
    return rows
