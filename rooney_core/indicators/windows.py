"""Compiled steps of the indicators of the last n values, and their loops over a whole history.

Belongs here: `*_step(state, new value, n) -> value`, functions of the last n values to the bit.
Does not belong here: checking arguments and saying what a number means (`trend`, `bar_shape`,
`momentum`, `volatility`), or a recursion without end (`wilder`, `exponential`).

A fresh state is an array of zeros: `state[:HEADER]` counts, then rings of the last n values. Sums
run afresh over the window, oldest first, so no rounding drifts; extremes, ranks and medians compare
without rounding, whatever the order. NaN until n values came and wherever the window holds a NaN.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from rooney_core.indicators.arrays import FloatArray

HEADER: Final = 4
"""Known values in a row, next place in the ring, and two numbers that are a step's own."""
LANES: Final = 512
"""Windows summed side by side: each oldest first, all in the processor's nearest cache."""


@njit(cache=True, error_model="numpy")
def push(state: FloatArray, value: float, n: int) -> int:
    """Put the value into the ring of n; the place of the oldest one, or -1 where one is unknown."""
    place = int(state[1])
    state[HEADER + place] = value
    state[1] = float(place + 1 if place + 1 < n else 0)
    state[0] = 0.0 if np.isnan(value) else state[0] + 1.0
    return int(state[1]) if state[0] >= n else -1


@njit(cache=True, error_model="numpy")
def mean_step(state: FloatArray, value: float, n: int) -> float:
    """Mean of the last n values; state of HEADER + n."""
    oldest = push(state, value, n)
    if oldest < 0:
        return np.nan
    total = 0.0
    for place in range(HEADER + oldest, HEADER + n):
        total += state[place]
    for place in range(HEADER, HEADER + oldest):
        total += state[place]
    return float(total / n)


@njit(cache=True, error_model="numpy")
def moments_step(state: FloatArray, value: float, n: int, ddof: int) -> tuple[float, float]:
    """(mean, standard deviation) of the last n values; state of HEADER + n."""
    repeats = state[2] + 1.0 if value == state[3] and state[0] > 0.0 else 1.0
    state[2], state[3] = repeats, value
    mean = mean_step(state, value, n)
    if np.isnan(mean):
        return np.nan, np.nan
    # Equal values must deviate by exactly 0, also where their mean is not representable.
    if repeats >= n:
        return mean, 0.0
    squares, oldest = 0.0, int(state[1])
    for place in range(HEADER + oldest, HEADER + n):
        squares += (state[place] - mean) * (state[place] - mean)
    for place in range(HEADER, HEADER + oldest):
        squares += (state[place] - mean) * (state[place] - mean)
    return mean, np.sqrt(squares / (n - ddof))


@njit(cache=True, error_model="numpy")
def highest_step(state: FloatArray, value: float, n: int) -> float:
    """Largest of the last n values; state of HEADER + 2 n.

    A queue of the values that no later one has reached yet, and of the times of their coming.
    """
    if np.isnan(value):
        state[:HEADER] = 0.0
        return np.nan
    time = state[0] + 1.0
    head, length = int(state[1]), int(state[2])
    if length > 0 and state[HEADER + n + head] <= time - n:
        head = head + 1 if head + 1 < n else 0
        length -= 1
    while length > 0:
        last = head + length - 1
        last = last if last < n else last - n
        if state[HEADER + last] > value:
            break
        length -= 1
    place = head + length
    place = place if place < n else place - n
    state[HEADER + place] = value
    state[HEADER + n + place] = time
    state[0], state[1], state[2] = time, float(head), float(length + 1)
    return float(state[HEADER + head]) if time >= n else np.nan


@njit(cache=True, error_model="numpy")
def channel_step(state: FloatArray, high: float, low: float, n: int) -> tuple[float, float]:
    """(highest high, lowest low) of the last n bars; state of 2 (HEADER + 2 n)."""
    unknown = np.isnan(high) or np.isnan(low)
    half = HEADER + 2 * n
    upper = highest_step(state[:half], np.nan if unknown else high, n)
    lower = -highest_step(state[half:], np.nan if unknown else -low, n)
    return upper, lower


@njit(cache=True, error_model="numpy")
def percent_r_step(state: FloatArray, high: float, low: float, close: float, n: int) -> float:
    """Williams %R of the last n bars; state of 2 (HEADER + 2 n)."""
    upper, lower = channel_step(state, high, low, n)
    if np.isnan(upper) or np.isnan(close):
        return np.nan
    spread = upper - lower
    return -50.0 if spread == 0.0 else -100.0 * (upper - close) / spread


@njit(cache=True, error_model="numpy")
def rank_step(state: FloatArray, value: float, n: int) -> float:
    """Share of the n values before this one that are below it; state of HEADER + n."""
    full = state[0] >= n
    below = 0
    for place in range(HEADER, HEADER + n):
        below += state[place] < value
    push(state, value, n)
    return below / n if full and not np.isnan(value) else np.nan


@njit(cache=True, error_model="numpy")
def lag_step(state: FloatArray, value: float, n: int) -> float:
    """The value n before this one, NaN where one since is unknown; state of HEADER + n + 1."""
    oldest = push(state, value, n + 1)
    return np.nan if oldest < 0 else float(state[HEADER + oldest])


@njit(cache=True, error_model="numpy")
def median_step(state: FloatArray, value: float, n: int) -> float:
    """Median of the last n values; state of HEADER + 2 n, the second n of them in order."""
    if np.isnan(value):
        state[:HEADER] = 0.0
        return np.nan
    ordered = state[HEADER + n :]
    length = int(min(state[0], float(n)))
    if length == n:
        leaving = state[HEADER + int(state[1])]
        place = np.searchsorted(ordered[:length], leaving)
        for index in range(place, length - 1):
            ordered[index] = ordered[index + 1]
        length -= 1
    place = np.searchsorted(ordered[:length], value)
    for index in range(length, place, -1):
        ordered[index] = ordered[index - 1]
    ordered[place] = value
    if push(state, value, n) < 0:
        return np.nan
    middle = ordered[n // 2]
    return float(middle if n % 2 else (ordered[n // 2 - 1] + middle) / 2.0)


@njit(cache=True, error_model="numpy")
def streak_step(state: FloatArray, close: float, longest: int) -> float:
    """Closes in a row that rose (+) or fell (-), at most `longest`; state of HEADER."""
    seen, change, run = state[0], close - state[1], state[2]
    state[0], state[1], state[2] = 1.0, close, 0.0
    if seen == 0.0 or np.isnan(change):
        return np.nan
    if change > 0.0:
        state[2] = min(max(run, 0.0) + 1.0, float(longest))
    elif change < 0.0:
        state[2] = max(min(run, 0.0) - 1.0, -float(longest))
    return float(state[2])


@njit(cache=True, error_model="numpy")
def strength_step(high: float, low: float, close: float) -> float:
    """Internal bar strength of one bar; no state."""
    spread = high - low
    if spread == 0.0 and not np.isnan(close):
        return 0.5
    return (close - low) / (spread if spread != 0.0 else np.nan)


@njit(cache=True, error_model="numpy")
def rate_step(state: FloatArray, value: float, n: int) -> float:
    """Percent by which the value exceeds the one n before; state of HEADER + n + 1."""
    past = lag_step(state, value, n)
    return np.nan if past == 0.0 else (value / past - 1.0) * 100.0


@njit(cache=True, error_model="numpy")
def windowed_sums(values: FloatArray, n: int) -> FloatArray:
    """Sum of every n neighbours, oldest first; one per window."""
    sums = np.zeros(max(len(values) - n + 1, 0))
    for first in range(0, len(sums), LANES):
        size = min(LANES, len(sums) - first)
        lanes = sums[first : first + size]
        for offset in range(n):
            entering = values[first + offset : first + offset + size]
            for lane in range(size):
                lanes[lane] += entering[lane]
    return sums


@njit(cache=True, error_model="numpy")
def means(values: FloatArray, n: int) -> FloatArray:
    """`mean_step` over a whole history: the same additions, many windows side by side."""
    result = np.full(len(values), np.nan)
    if len(values) >= n:
        result[n - 1 :] = windowed_sums(values, n) / n
    return result


@njit(cache=True, error_model="numpy")
def moments(values: FloatArray, n: int, ddof: int) -> FloatArray:
    """`moments_step` over a whole history: rows mean, deviation; many windows side by side."""
    rows = np.full((2, len(values)), np.nan)
    if len(values) < n:
        return rows
    centres = windowed_sums(values, n) / n
    squares = np.zeros(len(centres))
    for first in range(0, len(centres), LANES):
        size = min(LANES, len(centres) - first)
        lanes, middle = squares[first : first + size], centres[first : first + size]
        for offset in range(n):
            entering = values[first + offset : first + offset + size]
            for lane in range(size):
                lanes[lane] += (entering[lane] - middle[lane]) * (entering[lane] - middle[lane])
    rows[0, n - 1 :] = centres
    rows[1, n - 1 :] = np.sqrt(squares / (n - ddof))
    repeats = 0
    for index in range(len(values)):
        repeats = repeats + 1 if index > 0 and values[index] == values[index - 1] else 1
        if repeats >= n and not np.isnan(values[index]):
            rows[1, index] = 0.0
    return rows


@njit(cache=True, error_model="numpy")
def highest_of(values: FloatArray, n: int) -> FloatArray:
    """`highest_step` over a whole history."""
    result, state = np.empty(len(values)), np.zeros(HEADER + 2 * n)
    for index in range(len(values)):
        result[index] = highest_step(state, values[index], n)
    return result


@njit(cache=True, error_model="numpy")
def channels(high: FloatArray, low: FloatArray, n: int) -> FloatArray:
    """`channel_step` over a whole history: rows upper, lower."""
    rows, state = np.empty((2, len(high))), np.zeros(2 * (HEADER + 2 * n))
    for index in range(len(high)):
        rows[0, index], rows[1, index] = channel_step(state, high[index], low[index], n)
    return rows


@njit(cache=True, error_model="numpy")
def percent_rs(high: FloatArray, low: FloatArray, close: FloatArray, n: int) -> FloatArray:
    """`percent_r_step` over a whole history."""
    result, state = np.empty(len(close)), np.zeros(2 * (HEADER + 2 * n))
    for index in range(len(close)):
        result[index] = percent_r_step(state, high[index], low[index], close[index], n)
    return result


@njit(cache=True, error_model="numpy")
def ranks(values: FloatArray, n: int) -> FloatArray:
    """`rank_step` over a whole history."""
    result, state = np.empty(len(values)), np.zeros(HEADER + n)
    for index in range(len(values)):
        result[index] = rank_step(state, values[index], n)
    return result


@njit(cache=True, error_model="numpy")
def lags(values: FloatArray, n: int) -> FloatArray:
    """`lag_step` over a whole history."""
    result, state = np.empty(len(values)), np.zeros(HEADER + n + 1)
    for index in range(len(values)):
        result[index] = lag_step(state, values[index], n)
    return result


@njit(cache=True, error_model="numpy")
def rates(values: FloatArray, n: int) -> FloatArray:
    """`rate_step` over a whole history."""
    result, state = np.empty(len(values)), np.zeros(HEADER + n + 1)
    for index in range(len(values)):
        result[index] = rate_step(state, values[index], n)
    return result


@njit(cache=True, error_model="numpy")
def strengths(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    """`strength_step` of every bar."""
    result = np.empty(len(close))
    for index in range(len(close)):
        result[index] = strength_step(high[index], low[index], close[index])
    return result


@njit(cache=True, error_model="numpy")
def medians(values: FloatArray, n: int) -> FloatArray:
    """`median_step` over a whole history."""
    result, state = np.empty(len(values)), np.zeros(HEADER + 2 * n)
    for index in range(len(values)):
        result[index] = median_step(state, values[index], n)
    return result


@njit(cache=True, error_model="numpy")
def streaks(close: FloatArray, longest: int) -> FloatArray:
    """`streak_step` over a whole history."""
    result, state = np.empty(len(close)), np.zeros(HEADER)
    for index in range(len(close)):
        result[index] = streak_step(state, close[index], longest)
    return result
