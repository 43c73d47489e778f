"""What other markets said yesterday: daily closes of reference symbols, from when they were known.

Belongs here: the closes with their time of knowledge, and the one feature made of them. Does not
belong here: which symbols are references (`universe.yaml`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from rooney_core.errors import BarsRejected

REFERENCE_CLOSES: Final = 20
"""Known closes, the latest included, behind a z-score."""

MAX_AGE_US: Final = 10 * 86_400 * 1_000_000
"""A latest close that became known longer ago than 10 calendar days says nothing about today."""


@dataclass(frozen=True, eq=False)
class ReferenceCloses:
    """Adjusted daily closes of one reference symbol, oldest first.

    `known_at_us`: microseconds since 1970 UTC from which the close may be used, inclusive, i8[m],
    never falling. `close`: quote units, f8[m]. m may be 0: a reference that never arrived.

    Raises BarsRejected for arrays of different lengths, falling times, or a close that is NaN or
    infinite.
    """

    known_at_us: npt.NDArray[np.int64]
    close: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.known_at_us.ndim != 1 or self.known_at_us.shape != self.close.shape:
            raise BarsRejected(
                f"Reference closes of shape {self.close.shape} with times of shape "
                f"{self.known_at_us.shape} arrived; one time per close is needed."
            )
        if np.any(np.diff(self.known_at_us) < 0):
            raise BarsRejected("Reference closes are out of order; sort them by session.")
        if not np.isfinite(self.close).all():
            raise BarsRejected(
                "A reference close is NaN or infinite; drop that session, a missing close is fine."
            )

    @classmethod
    def from_session_bars(cls, frame: pl.DataFrame) -> ReferenceCloses:
        """Closes of a session_bars frame: close + adjustment, known from session_close."""
        return cls(
            # Writable copies: numba compiles a second version for read-only arrays.
            known_at_us=np.array(frame["session_close"].dt.timestamp("us"), dtype=np.int64),
            close=np.array(frame["close"] + frame["adjustment"], dtype=np.float64),
        )


def reference_feature_name(symbol: str) -> str:
    """Column of a reference symbol."""
    return f"{symbol.lower()}_daily_z_score"


@njit(cache=True)
def fill_z_scores(
    bar_end_us: npt.NDArray[np.int64],
    known_at_us: npt.NDArray[np.int64],
    close: npt.NDArray[np.float64],
    out: npt.NDArray[np.float64],
) -> None:
    """Write into out f8[n] the z-score (ddof 1) of the latest close known at each bar_end.

    Among the last `REFERENCE_CLOSES` known ones. NaN with fewer, when all are equal, or when the
    latest is older than `MAX_AGE_US`. Computed on differences from the latest close, so the level
    to which the closes were adjusted does not matter.
    """
    for row in range(len(bar_end_us)):
        last = np.searchsorted(known_at_us, bar_end_us[row], side="right") - 1
        out[row] = math.nan
        if last + 1 < REFERENCE_CLOSES or bar_end_us[row] - known_at_us[last] > MAX_AGE_US:
            continue
        first = last - REFERENCE_CLOSES + 1
        total = 0.0
        for i in range(first, last + 1):
            total += close[i] - close[last]
        mean = total / REFERENCE_CLOSES
        squares = 0.0
        for i in range(first, last + 1):
            squares += (close[i] - close[last] - mean) ** 2
        if squares > 0.0:
            out[row] = -mean / math.sqrt(squares / (REFERENCE_CLOSES - 1))
