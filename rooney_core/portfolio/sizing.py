"""How many contracts of each member: as many as the target volatility and the margin allow.

Belongs here: integer sizes. Does not belong here: which symbols are members (`greedy`), what they
earned (`simulation`).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rooney_core.errors import InputError
from rooney_core.validation.samples import FloatArray

IntArray = npt.NDArray[np.int64]
# A size of 1.999999999999 is 2 whose product was rounded.
ROUNDING = 1e-9


def integer_sizes(
    covariance_usd: FloatArray,
    margins_usd: FloatArray,
    *,
    target_volatility_usd: float,
    margin_limit_usd: float,
    n_open: int,
) -> IntArray:
    """Contracts i8[n] >= 0 of each member, members in order of priority.

    `covariance_usd` f8[n, n]: annual, of one contract's daily results. Sizes are inverse to each
    member's own volatility (equal risk), as large as the members' joint volatility stays at or
    below `target_volatility_usd`, rounded down; what rounding left over goes, a contract each, to
    members in order of priority. The `n_open` largest margins that can be held at one time stay at
    or below `margin_limit_usd`. 0: one contract would be too much.

    Raises InputError for a variance or margin that is not above 0.
    """
    variances = np.diag(covariance_usd)
    if not (np.all(variances > 0.0) and np.all(margins_usd > 0.0)):
        raise InputError(
            f"Variances {variances.tolist()} and margins {margins_usd.tolist()} arrived; each must "
            "be above 0."
        )
    if len(variances) == 0:
        return np.zeros(0, np.int64)
    equal_risk = 1.0 / np.sqrt(variances)
    ideal = equal_risk * target_volatility_usd / volatility(covariance_usd, equal_risk)
    sizes = np.floor(ideal + ROUNDING).astype(np.int64)
    while margin_at_once(sizes, margins_usd, n_open) > margin_limit_usd:
        sizes[np.argmax(sizes * margins_usd)] -= 1
    for member in range(len(sizes)):
        more = sizes.copy()
        more[member] += 1
        if (
            more[member] < ideal[member] + 1.0
            and volatility(covariance_usd, more) <= target_volatility_usd * (1.0 + ROUNDING)
            and margin_at_once(more, margins_usd, n_open) <= margin_limit_usd
        ):
            sizes = more
    return sizes


def volatility(covariance_usd: FloatArray, sizes: FloatArray | IntArray) -> float:
    """Joint volatility, USD a year, of so many contracts each."""
    return math.sqrt(max(float(sizes @ covariance_usd @ sizes), 0.0))


def margin_at_once(sizes: IntArray, margins_usd: FloatArray, n_open: int) -> float:
    """The most margin that `n_open` positions can ask for at one time, USD."""
    return float(np.sort(sizes * margins_usd)[::-1][:n_open].sum())
