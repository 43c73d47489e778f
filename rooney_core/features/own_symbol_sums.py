"""Sums, powers and ranks of the last n values: the loops behind the own-symbol features.

Belongs here: order and speed of a sum. Does not belong here: what is summed
(`own_symbol_windows.py`).

Each sum starts afresh at its oldest value, in four lanes: the order depends on n alone, so that a
short window of bars gives the bits of the whole history, and the lanes do not wait for each other.
Indices are unsigned, which spares compiled code the question whether they count from the end; and
no loop cuts a slice, whose reference would be counted in every row.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from rooney_core.features.own_symbol_columns import Floats, gap, inlined

_ONE: Final = np.uint64(1)
_TWO: Final = np.uint64(2)
_THREE: Final = np.uint64(3)
_FOUR: Final = np.uint64(4)


@inlined
def total(values: Floats, t: int, n: int) -> float:
    """Sum of the n values that end at t."""
    first, end = np.uint64(t - n + 1), np.uint64(t + 1)
    rest = np.uint64(t + 1 - n % 4)
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for i in range(first, rest, _FOUR):
        a += values[i]
        b += values[i + _ONE]
        c += values[i + _TWO]
        d += values[i + _THREE]
    for i in range(rest, end):
        a += values[i]
    return (a + b) + (c + d)


@inlined
def squares(values: Floats, t: int, n: int, mean: float) -> float:
    """Sum of the squares of the n values that end at t, less `mean`."""
    first, end = np.uint64(t - n + 1), np.uint64(t + 1)
    rest = np.uint64(t + 1 - n % 4)
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for i in range(first, rest, _FOUR):
        a += (values[i] - mean) * (values[i] - mean)
        b += (values[i + _ONE] - mean) * (values[i + _ONE] - mean)
        c += (values[i + _TWO] - mean) * (values[i + _TWO] - mean)
        d += (values[i + _THREE] - mean) * (values[i + _THREE] - mean)
    for i in range(rest, end):
        a += (values[i] - mean) * (values[i] - mean)
    return (a + b) + (c + d)


@inlined
def cubes(values: Floats, t: int, n: int, mean: float) -> float:
    """Sum of the cubes of the n values that end at t, less `mean`."""
    first, end = np.uint64(t - n + 1), np.uint64(t + 1)
    rest = np.uint64(t + 1 - n % 4)
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for i in range(first, rest, _FOUR):
        one, two = values[i] - mean, values[i + _ONE] - mean
        three, four = values[i + _TWO] - mean, values[i + _THREE] - mean
        a += one * one * one
        b += two * two * two
        c += three * three * three
        d += four * four * four
    for i in range(rest, end):
        one = values[i] - mean
        a += one * one * one
    return (a + b) + (c + d)


@inlined
def rank(values: Floats, t: int, n: int, slack: float) -> float:
    """Share of the n values that end at t which lie below the last one; ties count half.

    Values within `slack` of the last one are ties.
    """
    low, high = values[t] - slack, values[t] + slack
    below, not_above = 0, 0
    for i in range(np.uint64(t - n + 1), np.uint64(t + 1)):
        below += values[i] < low
        not_above += values[i] <= high
    return 0.5 * (below + not_above) / n


@inlined
def highest(prices: Floats, adjustment: Floats, t: int, n: int, steady: int) -> float:
    """Largest of the n prices that end at t, in terms of bar t's contract.

    From bar `steady` on adjustments are that of bar t.
    """
    largest, calm = prices[t], max(t - n + 1, steady)
    for k in range(t - n + 1, calm):
        before = prices[k] + gap(adjustment, k, t)
        largest = before if before > largest else largest
    other = largest
    first, rest = np.uint64(calm), np.uint64(t + 1 - (t + 1 - calm) % 2)
    for i in range(first, rest, _TWO):
        a, b = prices[i], prices[i + _ONE]
        largest = a if a > largest else largest
        other = b if b > other else other
    return float(largest if largest > other else other)


@inlined
def lowest(prices: Floats, adjustment: Floats, t: int, n: int, steady: int) -> float:
    """Smallest of the n prices that end at t, in terms of bar t's contract.

    From bar `steady` on adjustments are that of bar t.
    """
    smallest, calm = prices[t], max(t - n + 1, steady)
    for k in range(t - n + 1, calm):
        before = prices[k] + gap(adjustment, k, t)
        smallest = before if before < smallest else smallest
    other = smallest
    first, rest = np.uint64(calm), np.uint64(t + 1 - (t + 1 - calm) % 2)
    for i in range(first, rest, _TWO):
        a, b = prices[i], prices[i + _ONE]
        smallest = a if a < smallest else smallest
        other = b if b < other else other
    return float(smallest if smallest < other else other)


@inlined
def fill_offsets(
    close: Floats, adjustment: Floats, t: int, n: int, steady: int, out: Floats
) -> None:
    """Write the n adjusted closes that end at t, less the close of t, into out f8[>= n].

    From bar `steady` on adjustments are that of bar t.
    """
    price, begin = close[t], t - n + 1
    n_moved = max(0, steady - begin)
    for k in range(n_moved):
        out[k] = (close[begin + k] + gap(adjustment, begin + k, t)) - price
    first = np.uint64(begin)
    for j in range(np.uint64(n_moved), np.uint64(n)):
        out[j] = close[first + j] - price
