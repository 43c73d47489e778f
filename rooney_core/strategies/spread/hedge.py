"""How far a price is from what another one explains: a rolling regression's last residual.

Belongs here: the regression and its score. Does not belong here: whose prices they are.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from rooney_core.indicators.arrays import FloatArray

LEAST_KNOWN: Final = 0.8
"""Share of a window's sessions that both markets must have had."""

_ROUNDING: Final = 1e-18


@njit(cache=True)
def hedged_score(ours: FloatArray, theirs: FloatArray, n: int) -> FloatArray:
    """Last residual of ours = a + b theirs over the last n values, in standard deviations.

    Dimensionless; the deviation is the residuals' own (ddof 2). Least squares on levels: a constant
    added to either (an adjustment) changes nothing, as everything is measured from the window's
    last value. Pairs with a NaN are left out. NaN for the first n - 1 values, where the last pair
    or more than a fifth of the window is unknown, where theirs does not move, and where nothing is
    left unexplained.
    """
    score = np.full(len(ours), np.nan)
    for last in range(n - 1, len(ours)):
        if np.isnan(ours[last]) or np.isnan(theirs[last]):
            continue
        count, mean_x, mean_y = 0, 0.0, 0.0
        for at in range(last - n + 1, last + 1):
            x, y = theirs[at] - theirs[last], ours[at] - ours[last]
            if not np.isnan(x) and not np.isnan(y):
                count += 1
                mean_x += x
                mean_y += y
        if count < LEAST_KNOWN * n or count < 3:
            continue
        mean_x /= count
        mean_y /= count
        xx, xy, yy = 0.0, 0.0, 0.0
        for at in range(last - n + 1, last + 1):
            x, y = theirs[at] - theirs[last] - mean_x, ours[at] - ours[last] - mean_y
            if not np.isnan(x) and not np.isnan(y):
                xx += x * x
                xy += x * y
                yy += y * y
        if xx == 0.0:
            continue
        slope = xy / xx
        squares = 0.0
        for at in range(last - n + 1, last + 1):
            x, y = theirs[at] - theirs[last] - mean_x, ours[at] - ours[last] - mean_y
            if not np.isnan(x) and not np.isnan(y):
                squares += (y - slope * x) ** 2
        if squares > _ROUNDING * yy:
            # The last pair is the origin, so its residual is what the means leave.
            score[last] = (slope * mean_x - mean_y) / np.sqrt(squares / (count - 2))
    return score
