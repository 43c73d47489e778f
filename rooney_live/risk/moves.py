"""How far prices move in a session, and how much of it together: inputs of heat and correlation.

Belongs here: pure statistics of session closes. Does not belong here: limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

SESSIONS = 60
"""How many of the newest sessions' changes are looked at."""
MIN_SESSIONS = 20
"""Fewer changes than these say nothing: NaN, or no entry."""
BAD_DAY_DEVIATIONS = 2.0
"""A bad day is so many standard deviations of a session's change."""

Closes = NDArray[np.float64]


def bad_day(closes: Closes) -> float:
    """Price units that a contract may lose in one session: 2 standard deviations (n - 1) of the
    changes between the last 61 session closes, oldest first; NaN with fewer than 20 changes.

    `closes` are of one continuous series, adjusted for rolls by differences.
    """
    changes = _changes(closes)
    if changes.size < MIN_SESSIONS:
        return float("nan")
    return float(BAD_DAY_DEVIATIONS * np.std(changes, ddof=1))


def correlations(
    sessions: Mapping[str, Sequence[int]], closes: Mapping[str, Closes]
) -> dict[tuple[str, str], float]:
    """Pearson's correlation of session changes, by pair of symbols in alphabetical order.

    `sessions`: label of each close (days since 1970), ascending. Only sessions that both symbols
    have are compared, the newest 61 of them. A pair with fewer than 20 common changes, or with a
    symbol that did not move, is left out.
    """
    found: dict[tuple[str, str], float] = {}
    for one, other in combinations(sorted(closes), 2):
        _, mine, theirs = np.intersect1d(
            np.asarray(sessions[one]), np.asarray(sessions[other]), return_indices=True
        )
        left, right = _changes(closes[one][mine]), _changes(closes[other][theirs])
        known = np.isfinite(left) & np.isfinite(right)
        left, right = left[known], right[known]
        if left.size < MIN_SESSIONS or left.std() == 0.0 or right.std() == 0.0:
            continue
        found[(one, other)] = float(np.corrcoef(left, right)[0, 1])
    return found


def _changes(closes: Closes) -> Closes:
    return np.diff(np.asarray(closes, dtype=np.float64)[-(SESSIONS + 1) :])
