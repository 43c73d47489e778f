"""From which probability on is a trade worth taking? Chosen on the validation window alone.

Belongs here: the grid, its scores and the choice. Does not belong here: train rows (the model knows
them by heart) and test rows (nobody chooses by them).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from rooney_core.errors import InputError
from rooney_core.modeling.rows import FloatArray, SampleRows, TradingCalendar
from rooney_core.modeling.settings import TuningSettings
from rooney_core.validation.sharpe import DAYS_PER_YEAR, annual_sharpe

FALLBACK_THRESHOLD: Final = 0.5
"""Used when no threshold can be judged: the probability at which winning is as likely as losing."""

TIE: Final = 0.05
"""Annual Sharpes that differ by less are a tie: two years measure one to about +-0.7."""

NEIGHBOURS: Final = 2
"""Steps to each side that make up a threshold's neighbourhood."""

THRESHOLDS_SCHEMA: Final[dict[str, pl.DataType]] = {
    "threshold": pl.Float64(),
    "n_trades": pl.Int64(),
    "annual_sharpe": pl.Float64(),
    "sharpe_per_day": pl.Float64(),
    "n_obs": pl.Int64(),
}
"""One row per scored threshold, ascending; Sharpes NaN where undefined; n_obs: sessions."""


@dataclass(frozen=True, eq=False)
class ThresholdChoice:
    """The threshold, why it, and the table of all that were scored (for the trial ledger)."""

    threshold: float
    reason: str
    table: pl.DataFrame


def choose_threshold(
    probability: FloatArray,
    rows: SampleRows,
    calendar: TradingCalendar,
    settings: TuningSettings,
) -> ThresholdChoice:
    """The threshold with the best annual Sharpe of daily returns on the validation `rows`.

    `probability` f8[n] of the rows; a trade is taken at probability >= threshold. Only thresholds
    with `min_validation_trades` trades or more are judged. Among ties (`TIE`) the flattest
    neighbourhood wins, then the lower threshold, which trades more. When none can be judged:
    `FALLBACK_THRESHOLD`, with the reason.

    Raises InputError for a probability that is NaN, or not one per row.
    """
    if len(probability) != len(rows) or np.isnan(probability).any():
        raise InputError(
            f"{len(probability)} probabilities arrived for {len(rows)} rows, "
            f"{int(np.isnan(probability).sum())} of them NaN; one number per row is needed."
        )
    grid = settings.thresholds
    taken = probability[np.newaxis, :] >= grid[:, np.newaxis]
    n_trades = taken.sum(axis=1)
    sharpes = np.array([annual_sharpe(calendar.daily_returns(mask)) for mask in taken])
    table = pl.DataFrame(
        {
            "threshold": grid,
            "n_trades": n_trades,
            "annual_sharpe": sharpes,
            "sharpe_per_day": sharpes / math.sqrt(DAYS_PER_YEAR),
            "n_obs": np.full(len(grid), calendar.n_sessions),
        },
        schema=THRESHOLDS_SCHEMA,
    )
    judged = (n_trades >= settings.min_validation_trades) & np.isfinite(sharpes)
    if not judged.any():
        reason = (
            f"no threshold from {grid[0]:g} to {grid[-1]:g} takes {settings.min_validation_trades} "
            f"of the {len(rows)} validation trades; {FALLBACK_THRESHOLD} without a choice"
        )
        return ThresholdChoice(FALLBACK_THRESHOLD, reason, table)
    chosen = _flattest_best(np.where(judged, sharpes, math.nan))
    reason = (
        f"best of {int(judged.sum())} thresholds on {len(rows)} validation trades: annual Sharpe "
        f"{sharpes[chosen]:.2f} with {int(n_trades[chosen])} trades"
    )
    return ThresholdChoice(float(grid[chosen]), reason, table)


def _flattest_best(sharpes: FloatArray) -> int:
    """Position of the choice; NaN marks thresholds that are not judged."""
    ties = np.flatnonzero(sharpes >= np.nanmax(sharpes) - TIE)
    return int(ties[int(np.argmin([_steepness(sharpes, int(one)) for one in ties]))])


def _steepness(sharpes: FloatArray, position: int) -> float:
    """Mean distance of the neighbours' Sharpe from this one's.

    A neighbour that is not judged counts as 0: nobody knows that it earns anything. Beyond the ends
    of the grid there are no neighbours.
    """
    around = sharpes[max(0, position - NEIGHBOURS) : position + NEIGHBOURS + 1]
    distances = np.abs(np.nan_to_num(around, nan=0.0) - sharpes[position])
    return float(distances.sum()) / max(1, len(around) - 1)
