"""Features of the last n bars: strength, ranges, moves, averages, bands, volume, trend.

Belongs here: one compiled function per family, each returning its columns in the order of
`declarations.py`. Does not belong here: sessions and the clock (`own_symbol_sessions.py`), or how
n values are summed (`own_symbol_sums.py`).

No sum runs from row to row: its rounding would depend on where the history begins.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from rooney_core.features.own_symbol_columns import ATR_BARS, Floats, Integers, gap, inlined
from rooney_core.features.own_symbol_sums import (
    cubes,
    fill_offsets,
    highest,
    lowest,
    rank,
    squares,
    total,
)

RANK_BARS: Final = 100
UNIT_BARS: Final = 50
SHORT_BARS, LONG_BARS = 23, 115
"""Hourly bars of an ordinary session, and of five."""
BAND_BARS: Final = 20
BAND_DEVIATIONS: Final = 2.0
LONGEST_AVERAGE: Final = 200
DUST: Final = 1e-9
"""Share by which equal sums of ticks may differ, as their order and a roll's gap round them."""
HOUR_SAMPLES: Final = 5
HOUR_BARS: Final = 170
"""Bars that surely hold the same hour of five earlier days: up to 24 bars a day, and two short days
among them that lack the hour."""


@inlined
def mean_range(t: int, spread: Floats) -> float:
    """The unit of distances: mean high - low of `UNIT_BARS` bars; NaN where that is 0."""
    if t + 1 < UNIT_BARS:
        return math.nan
    unit = total(spread, t, UNIT_BARS) / UNIT_BARS
    return unit if unit != 0.0 else math.nan


@inlined
def scale(t: int, close: Floats) -> float:
    """What changes are divided by: |raw close|, NaN where it is 0."""
    price = abs(close[t])
    return price if price != 0.0 else math.nan


@inlined
def strengths(t: int, ibs: Floats) -> tuple[float, ...]:
    """The family ibs: now, means, rank."""
    return (
        ibs[t],
        total(ibs, t, 5) / 5 if t + 1 >= 5 else math.nan,
        total(ibs, t, SHORT_BARS) / SHORT_BARS if t + 1 >= SHORT_BARS else math.nan,
        rank(ibs, t, RANK_BARS, 0.0) if t + 1 >= RANK_BARS else math.nan,
    )


@inlined
def ranges(t: int, spread: Floats, atr: Floats, unit: float, price: float) -> tuple[float, ...]:
    """The family of ranges: average true range and rank, this bar's range and rank."""
    long_enough = t + 1 >= RANK_BARS
    # A rank reads the first average of its window, and that one reads back further.
    atr_ranks = t + 1 >= RANK_BARS + ATR_BARS
    return (
        atr[t] / price,
        rank(atr, t, RANK_BARS, DUST * atr[t]) if atr_ranks else math.nan,
        spread[t] / unit,
        rank(spread, t, RANK_BARS, 0.0) if long_enough else math.nan,
    )


@inlined
def strength_index(t: int, n: int, change: Floats) -> float:
    """Cutler's RSI: 100 x rises / (rises + falls) of n changes; 50 when nothing moved."""
    if t < n:
        return math.nan
    rises, falls = 0.0, 0.0
    for i in range(np.uint64(t - n + 1), np.uint64(t + 1)):
        rises += max(change[i], 0.0)
        falls -= min(change[i], 0.0)
    if rises + falls == 0.0:
        return 50.0
    return 100.0 * rises / (rises + falls)


@inlined
def volumes(t: int, volume: Floats, hour_before: Integers) -> tuple[float, ...]:
    """The family of volume: z-score of 20 bars, ratio to the same hour of earlier days."""
    return _volume_z(t, BAND_BARS, volume), _volume_to_hour(t, volume, hour_before)


@inlined
def _volume_z(t: int, n: int, volume: Floats) -> float:
    if t + 1 < n:
        return math.nan
    mean = total(volume, t, n) / n
    deviation = math.sqrt(squares(volume, t, n, mean) / (n - 1))
    return (volume[t] - mean) / deviation if deviation != 0.0 else math.nan


@inlined
def _volume_to_hour(t: int, volume: Floats, hour_before: Integers) -> float:
    sizes, at = 0.0, t
    for _ in range(HOUR_SAMPLES):
        at = hour_before[at]
        if at < 0 or at <= t - HOUR_BARS:
            return math.nan
        sizes += volume[at]
    return volume[t] / (sizes / HOUR_SAMPLES) if sizes != 0.0 else math.nan


@inlined
def moved(t: int, n: int, close: Floats, adjustment: Floats, price: float) -> float:
    """Change of the adjusted close over n bars / price."""
    if t < n:
        return math.nan
    before = close[t - n] + gap(adjustment, t - n, t)
    return float(close[t] - before) / price


@inlined
def averages(
    t: int,
    steady: int,
    close: Floats,
    adjustment: Floats,
    unit: float,
    price: float,
    offsets: Floats,
) -> tuple[float, ...]:
    """The family of averages: distance to three, place in the Bollinger band and its width.

    `offsets` f8[LONGEST_AVERAGE] is scratch: adjusted closes relative to the current close.
    """
    n = min(t + 1, LONGEST_AVERAGE)
    fill_offsets(close, adjustment, t, n, steady, offsets)
    place, width = _band(offsets, n, price)
    return (
        (0.0 - total(offsets, n - 1, 20) / 20) / unit if n >= 20 else math.nan,
        (0.0 - total(offsets, n - 1, 50) / 50) / unit if n >= 50 else math.nan,
        (0.0 - total(offsets, n - 1, 200) / 200) / unit if n >= 200 else math.nan,
        place,
        width,
    )


@inlined
def _band(offsets: Floats, n: int, price: float) -> tuple[float, float]:
    if n < BAND_BARS:
        return math.nan, math.nan
    mean = total(offsets, n - 1, BAND_BARS) / BAND_BARS
    deviation = math.sqrt(squares(offsets, n - 1, BAND_BARS, mean) / BAND_BARS)
    half = BAND_DEVIATIONS * deviation
    place = (half - mean) / (2 * half) if half != 0.0 else math.nan
    return place, 2 * half / price


@inlined
def extremes(
    t: int,
    steady: int,
    high: Floats,
    low: Floats,
    close: Floats,
    adjustment: Floats,
    unit: float,
) -> tuple[float, float]:
    """Distance of the close below the highest high and above the lowest low of `LONG_BARS`."""
    if t + 1 < LONG_BARS:
        return math.nan, math.nan
    above = highest(high, adjustment, t, LONG_BARS, steady) - close[t]
    below = close[t] - lowest(low, adjustment, t, LONG_BARS, steady)
    return above / unit, below / unit


@inlined
def deviations(t: int, change: Floats, price: float) -> tuple[float, ...]:
    """The family of realised volatility: short, long, their ratio, and the skewness of the long."""
    if t < SHORT_BARS:
        return math.nan, math.nan, math.nan, math.nan
    mean = total(change, t, SHORT_BARS) / SHORT_BARS
    short = math.sqrt(squares(change, t, SHORT_BARS, mean) / (SHORT_BARS - 1))
    if t < LONG_BARS:
        return short / price, math.nan, math.nan, math.nan
    mean = total(change, t, LONG_BARS) / LONG_BARS
    variation = squares(change, t, LONG_BARS, mean)
    if variation == 0.0:
        return short / price, 0.0 / price, math.nan, math.nan
    long, spread = math.sqrt(variation / (LONG_BARS - 1)), math.sqrt(variation / LONG_BARS)
    # Divided one after the other: the cube of a small deviation could vanish.
    skewness = cubes(change, t, LONG_BARS, mean) / LONG_BARS / spread / spread / spread
    return short / price, long / price, short / long, skewness


@inlined
def efficiency(t: int, n: int, change: Floats) -> float:
    """Kaufman's efficiency ratio of n changes: |their sum| over the sum of their sizes."""
    if t < n:
        return math.nan
    net, path = 0.0, 0.0
    for i in range(np.uint64(t - n + 1), np.uint64(t + 1)):
        net += change[i]
        path += abs(change[i])
    return abs(net) / path if path != 0.0 else math.nan
