"""The row that every gate answers with.

Belongs here: one comparison of a number with its limit. Does not belong here: any gate's limits.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class GateRow:
    """One comparison of a gate: `value` against `threshold`, by the relation `reason` states.

    `gate` names the gate and `code` what was compared. A yes or no is 1.0 or 0.0 against 1. A NaN
    value fails. `reason` is plain words with the numbers, whether it passed or not.
    """

    gate: str
    code: StrEnum
    value: float
    threshold: float
    passed: bool
    reason: str
