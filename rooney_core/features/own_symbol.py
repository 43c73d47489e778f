"""The arithmetic of the own-symbol features: one compiled row function, for batch and live.

Belongs here: one function per feature and the row that lists them in declaration order. Does not
belong here: names and meanings (`declarations.py`), validation (`compute.py`).

Every value is summed afresh over the bars that end at t, oldest first. No running sum: its rounding
would depend on where the history begins, and a live window would differ in the last bits.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@njit(cache=True)
def fill_rows(
    indices: Integers,
    bar_end_us: Integers,
    session_open_us: Integers,
    session_close_us: Integers,
    session: npt.NDArray[np.int32],
    high: Floats,
    low: Floats,
    close: Floats,
    adjustment: Floats,
    volume: Floats,
    out: Floats,
) -> None:
    """Write the own-symbol features of bars `indices` into out f8[len(indices), >= 12].

    Indices must lie inside the arrays: nothing is checked here.
    """
    for row in range(len(indices)):
        t = indices[row]
        out[row, 0] = _ibs(t, high, low, close)
        out[row, 1] = _ibs_mean(t, 5, high, low, close)
        out[row, 2] = _range_percentile(t, 100, high, low)
        out[row, 3] = _relative_strength(t, 14, close, adjustment)
        out[row, 4] = _volume_z(t, 20, volume)
        out[row, 5] = _return(t, 1, close, adjustment)
        out[row, 6] = _return(t, 5, close, adjustment)
        out[row, 7] = _return(t, 23, close, adjustment)
        out[row, 8] = _distance_to_mean(t, 50, high, low, close, adjustment)
        out[row, 9] = _volatility(t, 23, close, adjustment)
        out[row, 10] = _progress(bar_end_us[t], session_open_us[t], session_close_us[t])
        out[row, 11] = (session[t] + 3) % 7  # 1970-01-01 was a Thursday


@njit(cache=True)
def _ibs(t: int, high: Floats, low: Floats, close: Floats) -> float:
    spread = high[t] - low[t]
    if spread == 0.0:
        return 0.5
    return float((close[t] - low[t]) / spread)


@njit(cache=True)
def _ibs_mean(t: int, n: int, high: Floats, low: Floats, close: Floats) -> float:
    if t + 1 < n:
        return math.nan
    total = 0.0
    for i in range(t - n + 1, t + 1):
        total += _ibs(i, high, low, close)
    return total / n


@njit(cache=True)
def _range_percentile(t: int, n: int, high: Floats, low: Floats) -> float:
    if t + 1 < n:
        return math.nan
    current = high[t] - low[t]
    below = 0.0
    for i in range(t - n + 1, t + 1):
        spread = high[i] - low[i]
        if spread < current:
            below += 1.0
        elif spread == current:
            below += 0.5
    return below / n


@njit(cache=True)
def _change(i: int, close: Floats, adjustment: Floats) -> float:
    """Change of the adjusted close from bar i - 1 to bar i; exact where the contract stays."""
    return float(close[i] - (close[i - 1] + (adjustment[i - 1] - adjustment[i])))


@njit(cache=True)
def _relative_strength(t: int, n: int, close: Floats, adjustment: Floats) -> float:
    if t < n:
        return math.nan
    rises = 0.0
    falls = 0.0
    for i in range(t - n + 1, t + 1):
        change = _change(i, close, adjustment)
        if change > 0.0:
            rises += change
        else:
            falls -= change
    if rises + falls == 0.0:
        return 50.0
    return 100.0 * rises / (rises + falls)


@njit(cache=True)
def _volume_z(t: int, n: int, volume: Floats) -> float:
    if t + 1 < n:
        return math.nan
    total = 0.0
    for i in range(t - n + 1, t + 1):
        total += volume[i]
    mean = total / n
    squares = 0.0
    for i in range(t - n + 1, t + 1):
        squares += (volume[i] - mean) ** 2
    if squares == 0.0:
        return math.nan
    return float((volume[t] - mean) / math.sqrt(squares / (n - 1)))


@njit(cache=True)
def _return(t: int, n: int, close: Floats, adjustment: Floats) -> float:
    if t < n or close[t] == 0.0:
        return math.nan
    before = close[t - n] + (adjustment[t - n] - adjustment[t])
    return float((close[t] - before) / abs(close[t]))


@njit(cache=True)
def _distance_to_mean(
    t: int, n: int, high: Floats, low: Floats, close: Floats, adjustment: Floats
) -> float:
    if t + 1 < n:
        return math.nan
    total = 0.0
    ranges = 0.0
    for i in range(t - n + 1, t + 1):
        total += close[i] + (adjustment[i] - adjustment[t])
        ranges += high[i] - low[i]
    if ranges == 0.0:
        return math.nan
    return float((close[t] - total / n) / (ranges / n))


@njit(cache=True)
def _volatility(t: int, n: int, close: Floats, adjustment: Floats) -> float:
    if t < n or close[t] == 0.0:
        return math.nan
    total = 0.0
    for i in range(t - n + 1, t + 1):
        total += _change(i, close, adjustment)
    mean = total / n
    squares = 0.0
    for i in range(t - n + 1, t + 1):
        squares += (_change(i, close, adjustment) - mean) ** 2
    return float(math.sqrt(squares / (n - 1)) / abs(close[t]))


@njit(cache=True)
def _progress(bar_end_us: int, open_us: int, close_us: int) -> float:
    if close_us <= open_us:
        return math.nan
    return float((bar_end_us - open_us) / (close_us - open_us))
