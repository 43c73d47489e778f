"""Shares of universes, with the interval that so few of them allow.

Belongs here: counting. Does not belong here: what is counted, or which share is too large.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

from scipy.special import betaincinv

from rooney_core.errors import InvalidSetting

CONFIDENCE: Final = 0.95


class Rate(NamedTuple):
    """A share of `n`, and the ends of its two-sided interval; NaN, 0 and 1 where n is 0."""

    share: float
    low: float
    high: float


def rate_of(n_hits: int, n: int, confidence: float = CONFIDENCE) -> Rate:
    """`n_hits` of `n` as a share, with the exact binomial interval.

    Clopper & Pearson 1934, Biometrika 26, 404: it covers the truth at least as often as
    `confidence` says, whatever the truth is. Each side misses with half of the rest.

    Raises InvalidSetting for counts or a confidence that cannot be.
    """
    if not 0 <= n_hits <= n or not 0.0 < confidence < 1.0:
        raise InvalidSetting(
            f"{n_hits} of {n} at confidence {confidence} arrived; 0 <= hits <= n and a confidence "
            "between 0 and 1 are needed."
        )
    if n == 0:
        return Rate(math.nan, 0.0, 1.0)
    tail = (1.0 - confidence) / 2.0
    low = betaincinv(n_hits, n - n_hits + 1, tail) if n_hits else 0.0
    high = betaincinv(n_hits + 1, n - n_hits, 1.0 - tail) if n_hits < n else 1.0
    return Rate(n_hits / n, float(low), float(high))
