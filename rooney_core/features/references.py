"""What other markets said yesterday: daily closes of other symbols, from when they were known.

Belongs here: the closes with their time of knowledge, and the one feature made of them. Does not
belong here: which symbols these are (`feeds.py`).

A feature's lookback counts its own closes here, not the bars of the symbol that it informs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import BarsRejected
from rooney_core.features.as_of import fill_as_of, trailing_z_scores
from rooney_core.features.declarations import Feature

REFERENCE_CLOSES: Final = 20
"""Known closes, the latest included, behind a z-score."""

MAX_AGE_US: Final = 10 * 86_400 * 1_000_000
"""A latest close that became known longer ago than 10 calendar days says nothing about today."""


@dataclass(frozen=True, eq=False)
class ReferenceCloses:
    """Adjusted daily closes of one other symbol, oldest first.

    `known_at_us`: microseconds since 1970 UTC from which the close may be used, inclusive, i8[m],
    never falling. `close`: quote units, f8[m]. m may be 0: a symbol that never arrived.

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

    @cached_property
    def z_scores(self) -> npt.NDArray[np.float64]:
        """z-score (ddof 1) of each close among the last `REFERENCE_CLOSES`, f8[m]; NaN unknown."""
        moves = np.zeros(len(self.close))
        scores: npt.NDArray[np.float64] = trailing_z_scores(self.close, moves, REFERENCE_CLOSES)
        return scores

    def fill(self, bar_end_us: npt.NDArray[np.int64], out: npt.NDArray[np.float64]) -> None:
        """Write the z-score of the latest close known at each bar end into out f8[n].

        NaN with fewer than `REFERENCE_CLOSES` known ones, when all of these are equal, or when the
        latest is older than `MAX_AGE_US`.
        """
        fill_as_of(bar_end_us, self.known_at_us, self.z_scores, MAX_AGE_US, out)


NEVER_ARRIVED: Final = ReferenceCloses(np.empty(0, np.int64), np.empty(0))
"""A symbol without closes: its feature is unknown everywhere."""


def daily_feature(symbol: str) -> Feature:
    """The column of another symbol's daily closes."""
    return Feature(
        name=f"{symbol.lower()}_daily_z_score",
        inputs=("daily",),
        lookback=REFERENCE_CLOSES,
        meaning=f"standard deviations (ddof 1) of {symbol}'s latest daily close above the mean of "
        f"the last {REFERENCE_CLOSES}, of those whose session was over; adjusted",
        null_means=f"fewer than {REFERENCE_CLOSES} closes known, all of them equal, or the latest "
        "known since more than 10 days",
    )
