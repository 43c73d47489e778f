"""The value that was known at a moment: joins of other markets' series to the ends of our bars.

Belongs here: the two compiled loops that every cross-symbol feature is made with. Does not belong
here: what a series is of (`references.py`, `hourly.py`, `pair.py`), or how old it may be.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.market.adjustment import DIGITS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_UNITS: Final = 10.0**DIGITS


@njit(cache=True)
def fill_as_of(
    moment_us: Integers, known_at_us: Integers, values: Floats, max_age_us: int, out: Floats
) -> None:
    """Write into out f8[n] the latest of `values` f8[m] with known_at_us <= each moment.

    NaN where there is none, or where it became known more than `max_age_us` before the moment.
    `known_at_us` i8[m] never falls; of equal times the later value counts. Moments in rising order
    are the fastest, any order is right.
    """
    last, before = -1, np.iinfo(np.int64).min
    for row in range(len(moment_us)):
        moment = moment_us[row]
        if row == 0 or moment < before:
            last = np.searchsorted(known_at_us, moment, side="right") - 1
        while last + 1 < len(known_at_us) and known_at_us[last + 1] <= moment:
            last += 1
        before = moment
        is_known = last >= 0 and moment - known_at_us[last] <= max_age_us
        out[row] = values[last] if is_known else math.nan


@njit(cache=True)
def trailing_z_scores(close: Floats, adjustment: Floats, n: int) -> Floats:
    """z-score (ddof 1) of each adjusted close among the last `n`, itself included, f8[m].

    Adjusted close = close + adjustment. NaN for the first n - 1, and where all n are equal. Summed
    afresh, oldest first, over differences from the latest close to `DIGITS` decimals: neither the
    length of the history nor a later roll, which moves every adjustment, changes a bit.
    """
    scores = np.full(len(close), math.nan)
    for end in range(n, len(close) + 1):
        scores[end - 1] = z_score(close, adjustment, end - n, end)
    return scores


@njit(cache=True)
def z_score(close: Floats, adjustment: Floats, first: int, end: int) -> float:
    """z-score (ddof 1) of adjusted close end - 1 among [first, end), as `trailing_z_scores`."""
    last, n = end - 1, end - first
    total = 0.0
    for i in range(first, last):
        total += _away(close, adjustment, i, last)
    mean = total / n
    squares = 0.0
    for i in range(first, end):
        squares += (_away(close, adjustment, i, last) - mean) ** 2
    return -mean / math.sqrt(squares / (n - 1)) if squares > 0.0 else math.nan


@njit(cache=True)
def _away(close: Floats, adjustment: Floats, i: int, last: int) -> float:
    """Adjusted close i less adjusted close `last`, without the dust of their sums."""
    away = (close[i] - close[last]) + (adjustment[i] - adjustment[last])
    return np.rint(away * _UNITS) / _UNITS  # type: ignore[no-any-return]
