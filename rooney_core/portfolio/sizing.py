"""How many contracts of each member: as many as the target volatility and the margin allow.

Belongs here: integer sizes. Does not belong here: which symbols are members (`greedy`), what they
earned (`simulation`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

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
    member's own volatility (equal risk), as large as the joint volatility, and each member's own,
    stay at or below `target_volatility_usd`, rounded down; what rounding left over goes, a contract
    each, to members in order of priority. The `n_open` largest margins that can be held at one time
    stay at or below `margin_limit_usd`. 0: one contract would be too much.

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
    # With few places open a hedge may be missing: nobody alone is larger than all may be together.
    joint = max(volatility(covariance_usd, equal_risk), 1.0)
    ideal = equal_risk * target_volatility_usd / joint
    sizes = np.floor(ideal + ROUNDING).astype(np.int64)

    def is_calm(some: IntArray) -> bool:
        return volatility(covariance_usd, some) <= target_volatility_usd * (1.0 + ROUNDING)

    def is_affordable(some: IntArray) -> bool:
        return margin_at_once(some, margins_usd, n_open) <= margin_limit_usd

    while not is_affordable(sizes):
        sizes[np.argmax(sizes * margins_usd)] -= 1
    # A hedge that was rounded down, or had to go for its margin, leaves more risk than before.
    while not is_calm(sizes):
        sizes[np.argmax(np.where(sizes > 0, covariance_usd @ sizes, -np.inf))] -= 1

    def fits(some: IntArray) -> bool:
        return bool(np.all(some < ideal + 1.0)) and is_calm(some) and is_affordable(some)

    # Again from the first: one that hedges another makes room for it.
    while (larger := next((one for one in _one_more(sizes) if fits(one)), None)) is not None:
        sizes = larger
    return sizes


def _one_more(sizes: IntArray) -> Iterator[IntArray]:
    """The sizes with a contract more of each member, in order of priority."""
    for member in range(len(sizes)):
        more = sizes.copy()
        more[member] += 1
        yield more


def volatility(covariance_usd: FloatArray, sizes: FloatArray | IntArray) -> float:
    """Joint volatility, USD a year, of so many contracts each."""
    return math.sqrt(max(float(sizes @ covariance_usd @ sizes), 0.0))


def margin_at_once(sizes: IntArray, margins_usd: FloatArray, n_open: int) -> float:
    """The most margin that `n_open` positions can ask for at one time, USD."""
    return float(np.sort(sizes * margins_usd)[::-1][:n_open].sum())
