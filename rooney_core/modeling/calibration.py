"""Does a probability of 60 % win six times in ten? Platt's calibration, and the curve of it.

Belongs here: the map from the blend's probability to a calibrated one, its fit, and the reliability
curve. Does not belong here: which rows it is fitted on (`training.py`: out-of-fold rows of the
train window, never validation rows), or the threshold.

Platt (1999), "Probabilistic outputs for support vector machines", on the logit of the probability;
targets and Newton's method as in Lin, Lin & Weng (2007), "A note on Platt's probabilistic outputs
for support vector machines", Machine Learning 68.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import InputError

FloatArray = npt.NDArray[np.float64]
LabelArray = npt.NDArray[np.int64] | FloatArray

MIN_CALIBRATION_ROWS: Final = 50
"""Fewer rows say less about two parameters than the model itself does."""

LOGIT_EDGE: Final = 1e-6
"""Probabilities nearer to 0 or 1 are taken for this near: a logit is finite."""

MAX_NEWTON_STEPS: Final = 100
MAX_HALVINGS: Final = 40
GRADIENT_TOLERANCE: Final = 1e-10
"""Per row of mean weight 1; the loss is convex, so that the place is the same from any start."""

RELIABILITY_SCHEMA: Final[dict[str, pl.DataType]] = {
    "low": pl.Float64(),
    "high": pl.Float64(),
    "n": pl.Int64(),
    "mean_probability": pl.Float64(),
    "win_share": pl.Float64(),
}
"""One row per bin that holds a row, ascending: `low` exclusive (inclusive in the first bin), `high`
inclusive; `n` rows of mean probability `mean_probability`, of which `win_share` had label 1."""


@dataclass(frozen=True)
class Calibration:
    """calibrated = sigmoid(slope * logit(p) + intercept); slope >= 0, so that order never turns."""

    slope: float
    intercept: float

    IDENTITY: ClassVar[Calibration]
    """Changes nothing, not one bit."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and math.isfinite(self.intercept) and self.slope >= 0):
            raise InputError(
                f"Calibration of slope {self.slope} and intercept {self.intercept} arrived; finite "
                "numbers are needed, the slope at least 0. Fit it again."
            )

    def apply(self, probability: FloatArray) -> FloatArray:
        """Calibrated probabilities, f8[n] in [0, 1], never decreasing in `probability` f8[n]."""
        if self == Calibration.IDENTITY:
            return probability
        return _sigmoid(self.slope * _logit(probability) + self.intercept)


Calibration.IDENTITY = Calibration(1.0, 0.0)


def fit_calibration(probability: FloatArray, label: LabelArray, weight: FloatArray) -> Calibration:
    """Platt's slope and intercept of out-of-fold `probability` f8[n] for `label` in {0, 1}.

    `weight` f8[n] > 0; only its proportions count. The maximum of the weighted likelihood of
    Platt's smoothed targets, over slope >= 0: where outcomes contradict the order of the
    probabilities the slope is 0, and every trade has the base rate. `Calibration.IDENTITY` for
    fewer than `MIN_CALIBRATION_ROWS` rows, one label only, or probabilities that are all the same.

    Raises InputError for lengths that differ, a probability outside [0, 1], a label other than 0
    and 1, or a weight that is not above 0.
    """
    _check(probability, label, weight)
    if len(probability) < MIN_CALIBRATION_ROWS or np.ptp(label) == 0:
        return Calibration.IDENTITY
    logit = _logit(probability)
    if np.ptp(logit) == 0.0:
        return Calibration.IDENTITY
    share = weight * (len(weight) / weight.sum())
    wins = float(share[label == 1].sum())
    losses = float(share[label == 0].sum())
    target = np.where(label == 1, (wins + 1.0) / (wins + 2.0), 1.0 / (losses + 2.0))
    slope, intercept = _newton(logit, target, share)
    if slope <= 0.0:
        base = float(np.average(target, weights=share))
        return Calibration(0.0, math.log(base / (1.0 - base)))
    return Calibration(slope, intercept)


def reliability_curve(probability: FloatArray, label: LabelArray, n_bins: int = 10) -> pl.DataFrame:
    """Stated against observed: RELIABILITY_SCHEMA over `n_bins` bins of about as many rows each.

    Edges are the quantiles of `probability` f8[n]; equal edges merge their bins, so that there may
    be fewer. No rows give no bins. Raises InputError as `fit_calibration`, and for n_bins < 1.
    """
    _check(probability, label, np.ones(len(probability)))
    if n_bins < 1:
        raise InputError(f"n_bins={n_bins} arrived; 1 or more bins are needed.")
    if len(probability) == 0:
        return pl.DataFrame(schema=RELIABILITY_SCHEMA)
    edges = np.unique(np.quantile(probability, np.linspace(0.0, 1.0, n_bins + 1)))
    edges = np.repeat(edges, 2) if len(edges) == 1 else edges
    position = np.searchsorted(edges[1:-1], probability, side="left")
    binned = pl.DataFrame({"position": position, "probability": probability, "label": label})
    rows = binned.group_by("position").agg(
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("probability").mean().alias("mean_probability"),
        pl.col("label").cast(pl.Float64).mean().alias("win_share"),
    )
    rows = rows.sort("position")
    filled = rows["position"].to_numpy()
    low, high = pl.Series("low", edges[filled]), pl.Series("high", edges[filled + 1])
    return rows.with_columns(low, high).select(tuple(RELIABILITY_SCHEMA))


def _check(probability: FloatArray, label: LabelArray, weight: FloatArray) -> None:
    if not len(probability) == len(label) == len(weight):
        raise InputError(
            f"{len(probability)} probabilities, {len(label)} labels and {len(weight)} weights "
            "arrived; one of each per row is needed."
        )
    if not np.all((probability >= 0.0) & (probability <= 1.0)):
        raise InputError("A probability is NaN or outside [0, 1].")
    if not np.all((label == 0) | (label == 1)):
        raise InputError("A label is neither 0 nor 1.")
    if not np.all((weight > 0.0) & np.isfinite(weight)):
        raise InputError("A weight is not a finite number above 0.")


def _newton(logit: FloatArray, target: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Slope and intercept of least weighted cross entropy; Newton's steps, halved until they help.

    The logits are standardized inside: the steps then do not depend on their scale.
    """
    center, scale = float(logit.mean()), float(logit.std())
    design = np.column_stack(((logit - center) / scale, np.ones(len(logit))))
    place = np.zeros(2)
    loss = _cross_entropy(design @ place, target, weight)
    for _ in range(MAX_NEWTON_STEPS):
        stated = _sigmoid(design @ place)
        gradient = design.T @ (weight * (stated - target))
        if np.abs(gradient).max() <= GRADIENT_TOLERANCE * len(logit):
            break
        curvature = (design * (weight * stated * (1.0 - stated))[:, np.newaxis]).T @ design
        step = np.linalg.solve(curvature, gradient).astype(np.float64)
        place, better = _step(design, target, weight, place, step, loss)
        if not better < loss:
            break
        loss = better
    slope = float(place[0]) / scale
    return slope, float(place[1]) - slope * center


def _step(
    design: FloatArray,
    target: FloatArray,
    weight: FloatArray,
    place: FloatArray,
    step: FloatArray,
    loss: float,
) -> tuple[FloatArray, float]:
    """The first of the full, half, quarter ... step that lowers the loss, and the loss there."""
    for halving in range(MAX_HALVINGS):
        tried = place - step * 0.5**halving
        reached = _cross_entropy(design @ tried, target, weight)
        if reached < loss:
            return tried, reached
    return place, loss


def _cross_entropy(margin: FloatArray, target: FloatArray, weight: FloatArray) -> float:
    """-sum w (t log s + (1 - t) log(1 - s)) with s = sigmoid(margin), without overflow."""
    return float(np.sum(weight * (np.logaddexp(0.0, margin) - target * margin)))


def _logit(probability: FloatArray) -> FloatArray:
    inside = np.clip(probability, LOGIT_EDGE, 1.0 - LOGIT_EDGE)
    logit: FloatArray = np.log(inside / (1.0 - inside))
    return logit


def _sigmoid(margin: FloatArray) -> FloatArray:
    """1 / (1 + exp(-margin)) without overflow."""
    small = np.exp(-np.abs(margin))
    sigmoid: FloatArray = np.where(margin >= 0.0, 1.0, small) / (1.0 + small)
    return sigmoid
