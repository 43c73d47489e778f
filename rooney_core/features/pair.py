"""What the partner did: its internal bar strength beside one's own.

Belongs here: the partner's hours and sessions with their time of knowledge, and the features made
of them. Does not belong here: who is whose partner (the instrument's page), or a spread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import BarsRejected
from rooney_core.features import hourly, references
from rooney_core.features.as_of import fill_as_of
from rooney_core.features.declarations import Feature
from rooney_core.features.hourly import hourly_rows
from rooney_core.indicators import internal_bar_strength

_NO_HOUR: Final = (
    "no partner, none of its bars known, or the latest ended more than "
    f"{hourly.MAX_AGE_US // hourly.HOUR_US} hours ago"
)
PAIR_FEATURES: Final = (
    Feature(
        name="pair_ibs",
        inputs=("partner",),
        lookback=1,
        meaning="ibs of the partner's latest hour that ended by this bar's end",
        null_means=_NO_HOUR,
    ),
    Feature(
        name="pair_ibs_difference",
        inputs=("high", "low", "close", "partner"),
        lookback=1,
        meaning="own ibs minus pair_ibs, in [-1, 1]",
        null_means=_NO_HOUR,
    ),
    Feature(
        name="pair_session_ibs",
        inputs=("partner",),
        lookback=1,
        meaning="ibs of the partner's latest session that closed by this bar's end",
        null_means="no partner, none of its sessions known, or the latest closed more than 10 days "
        "ago",
    ),
)
"""Columns of the pair, in order."""


_NOTHING: Final = (np.empty(0, np.int64), np.empty(0))


@dataclass(frozen=True, eq=False)
class PartnerIbs:
    """Internal bar strength of the partner's hours and sessions, oldest first; both may be empty.

    `..._known_at_us`: microseconds since 1970 UTC from which the value may be used, inclusive, i8,
    never falling. `..._ibs`: (close - low) / (high - low) in [0, 1], 0.5 without range, f8.

    Raises BarsRejected for arrays of different lengths, falling times, or a value outside [0, 1].
    """

    hour_known_at_us: npt.NDArray[np.int64]
    hour_ibs: npt.NDArray[np.float64]
    session_known_at_us: npt.NDArray[np.int64]
    session_ibs: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        _require_sound("hours", self.hour_known_at_us, self.hour_ibs)
        _require_sound("sessions", self.session_known_at_us, self.session_ibs)

    @classmethod
    def from_bars(
        cls, continuous_bars: pl.DataFrame | None, session_bars: pl.DataFrame | None
    ) -> PartnerIbs:
        """Of the partner's tables; an hour is known from its end, a session from session_close.

        One that is None is unknown.
        """
        hours = sessions = _NOTHING
        if continuous_bars is not None:
            hours = _strengths(hourly_rows(continuous_bars), "known_at")
        if session_bars is not None:
            sessions = _strengths(session_bars, "session_close")
        return cls(*hours, *sessions)

    def fill(
        self,
        bar_end_us: npt.NDArray[np.int64],
        own_ibs: npt.NDArray[np.float64],
        out: npt.NDArray[np.float64],
    ) -> None:
        """Write PAIR_FEATURES into out f8[n, 3]; `own_ibs` f8[n] of the bars that end there."""
        column = np.empty(len(bar_end_us))
        fill_as_of(bar_end_us, self.hour_known_at_us, self.hour_ibs, hourly.MAX_AGE_US, column)
        out[:, 0] = column
        out[:, 1] = own_ibs - column
        max_age_us = references.MAX_AGE_US
        fill_as_of(bar_end_us, self.session_known_at_us, self.session_ibs, max_age_us, column)
        out[:, 2] = column


def _strengths(
    bars: pl.DataFrame, known_at: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    prices = (np.array(bars[name], dtype=np.float64) for name in ("high", "low", "close"))
    return np.array(bars[known_at].dt.timestamp("us"), dtype=np.int64), internal_bar_strength(
        *prices
    )


def _require_sound(
    what: str, known_at_us: npt.NDArray[np.int64], ibs: npt.NDArray[np.float64]
) -> None:
    if known_at_us.ndim != 1 or known_at_us.shape != ibs.shape:
        raise BarsRejected(
            f"The partner's {what} arrived with {known_at_us.shape} times and {ibs.shape} values; "
            "one time per value is needed."
        )
    if np.any(np.diff(known_at_us) < 0):
        raise BarsRejected(f"The partner's {what} are out of order; sort them by time.")
    if not ((ibs >= 0.0) & (ibs <= 1.0)).all():
        raise BarsRejected(
            f"The partner's {what} have an internal bar strength outside [0, 1]; its bars need "
            "low <= close <= high."
        )


NO_PARTNER: Final = PartnerIbs(*_NOTHING, *_NOTHING)
"""Nobody to compare with: the pair's features are unknown."""
