"""How one-sided recent moves were: Wilder's oscillators.

Belongs here: ratios of gains to losses and of up to down movement. Does not belong here: averages
of price (`trend`), sizes of moves (`volatility`). All values at bar t are functions of bars up to
and including t, and remember everything since their seed (Wilder's smoothing).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.indicators.arrays import FloatArray, checked, checked_period, first_known


def relative_strength_index(close: npt.ArrayLike, n: int) -> FloatArray:
    """Wilder's RSI in [0, 100], seeded as in TA-Lib.

    The seed at index n is the mean gain and mean loss of the first n changes. Prices that never
    moved are 50, neither strong nor weak (TA-Lib says 0). NaN before index n (leading NaN of close
    skipped), and for ever after a NaN inside. Source: Wilder (1978).
    """
    (closes,) = checked(close=close)
    strengths: FloatArray = _relative_strength(closes, checked_period(n), first_known(closes))
    return strengths


def average_directional_index(
    high: npt.ArrayLike, low: npt.ArrayLike, close: npt.ArrayLike, n: int
) -> FloatArray:
    """Wilder's ADX in [0, 100], seeded as in TA-Lib.

    Movements are summed over bars 1..n-1, then smoothed by Wilder; the seed at index
    2 n - 1 is the mean of the first n directional indices. A bar without direction adds nothing to
    the seed and repeats the previous value later, as in TA-Lib. NaN before index 2 n - 1 (leading
    NaN of the inputs skipped), and for ever after a NaN inside; n >= 2. Source: Wilder (1978).
    """
    highs, lows, closes = checked(high=high, low=low, close=close)
    first = first_known(highs, lows, closes)
    adx: FloatArray = _directional_index(highs, lows, closes, checked_period(n, at_least=2), first)
    return adx


@njit(cache=True)
def _relative_strength(close: FloatArray, n: int, first: int) -> FloatArray:
    strengths = np.full(len(close), np.nan)
    gain, loss = 0.0, 0.0
    for index in range(first + 1, len(close)):
        change = close[index] - close[index - 1]
        if np.isnan(change):
            break
        rise = change if change > 0.0 else 0.0
        fall = -change if change < 0.0 else 0.0
        if index - first <= n:
            gain += rise / n
            loss += fall / n
        else:
            gain = (gain * (n - 1) + rise) / n
            loss = (loss * (n - 1) + fall) / n
        if index - first >= n:
            strengths[index] = 50.0 if gain + loss == 0.0 else 100.0 * gain / (gain + loss)
    return strengths


@njit(cache=True)
def _directional_index(
    high: FloatArray, low: FloatArray, close: FloatArray, n: int, first: int
) -> FloatArray:
    adx = np.full(len(close), np.nan)
    plus, minus = 0.0, 0.0
    mean, total = np.nan, 0.0
    for index in range(first + 1, len(close)):
        up = high[index] - high[index - 1]
        down = low[index - 1] - low[index]
        plus_move = up if up > down and up > 0.0 else 0.0
        minus_move = down if down > up and down > 0.0 else 0.0
        if np.isnan(up + down + close[index]):
            break
        seen = index - first
        if seen >= n:
            plus -= plus / n
            minus -= minus / n
        plus += plus_move
        minus += minus_move
        if seen < n:
            continue
        # +DI and -DI share a divisor, the smoothed true range, which cancels in their ratio.
        known = plus + minus != 0.0
        index_now = 100.0 * abs(plus - minus) / (plus + minus) if known else 0.0
        if seen < 2 * n:
            total += index_now
            mean = total / n
        elif known:
            mean = (mean * (n - 1) + index_now) / n
        if seen >= 2 * n - 1:
            adx[index] = mean
    return adx
