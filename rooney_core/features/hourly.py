"""What other markets said in the last hours: their closes, each known from the end of its bar.

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

HOURLY_CLOSES: Final = 24
"""Known closes, the latest included, behind a z-score: about one session."""

HOUR_US: Final = 3_600 * 1_000_000
MAX_AGE_US: Final = 4 * HOUR_US
"""A latest close of more than 4 hours ago is of a market that is closed, or of a feed that is late;
the daily pause of the exchanges is 1 hour."""


@dataclass(frozen=True, eq=False)
class HourlyCloses:
    """Hourly closes of one other symbol, oldest first, arrays of one length m, which may be 0.

    `known_at_us`: microseconds since 1970 UTC from which the close may be used, inclusive, i8[m],
    never falling. `close`: raw, quote units. Adjusted close = close + adjustment.

    Raises BarsRejected for arrays of different lengths, falling times, or a value that is NaN or
    infinite.
    """

    known_at_us: npt.NDArray[np.int64]
    close: npt.NDArray[np.float64]
    adjustment: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        shapes = {one.shape for one in (self.known_at_us, self.close, self.adjustment)}
        if len(shapes) > 1 or self.known_at_us.ndim != 1:
            raise BarsRejected(
                f"Hourly times, closes and adjustments of shapes {sorted(shapes)} arrived; one of "
                "each per hour is needed."
            )
        if np.any(np.diff(self.known_at_us) < 0):
            raise BarsRejected("Hourly closes are out of order; sort them by bar_start.")
        if not (np.isfinite(self.close).all() and np.isfinite(self.adjustment).all()):
            raise BarsRejected(
                "An hourly close or adjustment is NaN or infinite; drop that hour, a missing one "
                "is fine."
            )

    @classmethod
    def from_bars(cls, frame: pl.DataFrame) -> HourlyCloses:
        """The last close of each clock hour of a continuous_bars frame, hourly or finer.

        Known from the end of the hour that the bar starts in, and not before the bar's own end.
        """
        hours = hourly_rows(frame)
        return cls(
            known_at_us=np.array(hours["known_at"].dt.timestamp("us"), dtype=np.int64),
            close=np.array(hours["close"], dtype=np.float64),
            adjustment=np.array(hours["adjustment"], dtype=np.float64),
        )

    @cached_property
    def z_scores(self) -> npt.NDArray[np.float64]:
        """z-score (ddof 1) of each adjusted close among the last `HOURLY_CLOSES`, f8[m]."""
        scores: npt.NDArray[np.float64] = trailing_z_scores(
            self.close, self.adjustment, HOURLY_CLOSES
        )
        return scores

    def fill(self, bar_end_us: npt.NDArray[np.int64], out: npt.NDArray[np.float64]) -> None:
        """Write the z-score of the latest close known at each bar end into out f8[n].

        NaN with fewer than `HOURLY_CLOSES` known ones, when all of these are equal, or when the
        latest is older than `MAX_AGE_US`.
        """
        fill_as_of(bar_end_us, self.known_at_us, self.z_scores, MAX_AGE_US, out)


NO_HOURS: Final = HourlyCloses(np.empty(0, np.int64), np.empty(0), np.empty(0))
"""A symbol without hourly closes: its feature is unknown everywhere."""


def hourly_rows(frame: pl.DataFrame) -> pl.DataFrame:
    """The last bar of each clock hour of a continuous_bars frame, and `known_at`, oldest first."""
    hour = pl.col("bar_start").dt.truncate("1h")
    known_at = pl.max_horizontal("bar_end", hour + pl.duration(hours=1)).alias("known_at")
    return frame.with_columns(known_at).filter((hour != hour.shift(-1)).fill_null(True))


def hourly_feature(symbol: str) -> Feature:
    """The column of another symbol's hourly closes."""
    return Feature(
        name=f"{symbol.lower()}_hourly_z_score",
        inputs=("hourly",),
        lookback=HOURLY_CLOSES,
        meaning=f"standard deviations (ddof 1) of {symbol}'s latest hourly close above the mean of "
        f"the last {HOURLY_CLOSES}, of those whose bar had ended; adjusted",
        null_means=f"fewer than {HOURLY_CLOSES} closes known, all of them equal, or the latest "
        f"known since more than {MAX_AGE_US // HOUR_US} hours",
    )
