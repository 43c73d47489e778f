"""Did as many trades win as a model had promised?

Belongs here: counting wins beside probabilities. Does not belong here: whose trades these are, or
how much is too far (`rooney_core.gates.drift`). `model_evaluation` counts with it, so a change here
is another code that judges, and costs a look.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import InputError

RECENT_SESSIONS: Final = 126
"""Newest sessions of the test window, half a year, whose calibration an evaluation publishes."""

CALIBRATION_SCHEMA: Final[dict[str, Any]] = {
    "calibration_first_session": pl.Date(),
    "calibration_last_session": pl.Date(),
    "calibration_trades": pl.Int64(),
    "promised_win_rate": pl.Float64(),
    "recent_win_rate": pl.Float64(),
    "calibration_z": pl.Float64(),
}


@dataclass(frozen=True)
class Calibration:
    """CALIBRATION_SCHEMA of some trades: the days they are of, both inclusive, how many, and what
    was promised and won of them, fractions. z as of `calibration_z()`; None is not known."""

    calibration_first_session: date | None = None
    calibration_last_session: date | None = None
    calibration_trades: int = 0
    promised_win_rate: float | None = None
    recent_win_rate: float | None = None
    calibration_z: float | None = None

    @classmethod
    def of(
        cls,
        probability: npt.ArrayLike,
        won: npt.ArrayLike,
        first: date | None,
        last: date | None,
    ) -> Calibration:
        """Of the trades of `first` to `last`. Raises InputError as `calibration_z()` does."""
        promised, outcome = (np.asarray(one, dtype=np.float64) for one in (probability, won))
        z = calibration_z(promised, outcome)
        if not len(promised):
            return cls(first, last)
        known = None if math.isnan(z) else z
        rates = float(promised.mean()), float(outcome.mean())
        return cls(first, last, len(promised), *rates, known)

    @property
    def row(self) -> dict[str, Any]:
        """By column of CALIBRATION_SCHEMA."""
        return asdict(self)


def calibration_z(probability: npt.ArrayLike, outcome: npt.ArrayLike) -> float:
    """How many standard errors the wins are above what the probabilities promised.

    sum(y - p) / sqrt(sum p (1 - p)): calibration in the large (Cox 1958), standard normal for many
    independent outcomes. p f8[n] in [0, 1], y f8[n] in {0, 1}. Negative: fewer wins than promised.
    NaN for no outcomes, or where nothing was left to chance. Raises InputError for other values.
    """
    p, y = np.asarray(probability, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
    if p.shape != y.shape or p.ndim != 1:
        raise InputError(f"{p.size} probabilities and {y.size} outcomes arrived; one each.")
    if np.isnan(p).any() or (p < 0).any() or (p > 1).any() or not np.isin(y, (0.0, 1.0)).all():
        raise InputError("Probabilities lie in [0, 1] and outcomes are 0 or 1; others arrived.")
    variance = float(np.sum(p * (1 - p)))
    return float(np.sum(y - p)) / math.sqrt(variance) if variance > 0 else math.nan
