"""Are these values still of the distribution that those came from?

Belongs here: distances and tests between two samples. Does not belong here: which samples, or how
much is too much (`report`), or outcomes beside what was promised (`rooney_core.gates.promises`).

Values that follow each other resemble each other: a quarter of any year differs from all years by
more than luck allows independent values. So a distance is judged beside the distances that blocks
of the reference have from the whole of it (`block_distances`), and not by a test alone.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import kolmogorov

from rooney_core.errors import InputError
from rooney_core.validation.samples import FloatArray

N_BINS: Final = 10
_EMPTY_BIN: Final = 0.5
"""Of a value, in a bin without any: a logarithm needs something, and half a value is unbiased
enough (Agresti 2002, section 3.1)."""


def population_stability_index(
    reference: npt.ArrayLike, recent: npt.ArrayLike, n_bins: int = N_BINS
) -> float:
    """Sum of (q - p) ln(q / p) over bins, p of `reference`, q of `recent`; >= 0.

    f8[n] and f8[m] in any order. Bins are between quantiles of the known reference values, ties
    in one bin; NaN (unknown) is a bin of its own, so a feature that goes missing drifts. NaN for an
    empty sample. Siddiqi, Credit Risk Scorecards (2006); below 0.1 is read as stable, above 0.25 as
    moved, for hundreds of values. Raises InputError for an infinite value or fewer than 2 bins.
    """
    before, now = _vector(reference), _vector(recent)
    if n_bins < 2:
        raise InputError(f"{n_bins} bins arrived; at least 2 are needed to see a difference.")
    if not len(before) or not len(now):
        return math.nan
    edges = _edges(before, n_bins)
    return _distance(_counts(before, edges), _counts(now, edges))


def block_distances(
    reference: npt.ArrayLike, block: npt.ArrayLike, n_bins: int = N_BINS
) -> FloatArray:
    """The index of each block of the reference against the whole of it, f8[number of blocks].

    `block`: i8[n], which block each reference value is in; ascending numbers, any gaps. What these
    came to is what blocks of that length come to while nothing drifts.
    """
    before, blocks = _vector(reference), np.asarray(block)
    if blocks.shape != before.shape:
        raise InputError(f"{len(blocks)} block numbers arrived for {len(before)} values.")
    edges = _edges(before, n_bins)
    whole = _counts(before, edges)
    found = [_distance(whole, _counts(before[blocks == one], edges)) for one in np.unique(blocks)]
    return np.array(found, dtype=np.float64)


def two_sample_p(reference: npt.ArrayLike, recent: npt.ArrayLike) -> float:
    """p value of the two-sided Kolmogorov-Smirnov test on known values; NaN without any.

    Of the limiting distribution (Smirnov 1939), which errs towards larger p in small samples. For
    independent values: too small for values that resemble their neighbours.
    """
    before, now = (np.sort(one[~np.isnan(one)]) for one in (_vector(reference), _vector(recent)))
    if not len(before) or not len(now):
        return math.nan
    every = np.concatenate((before, now))
    below = np.searchsorted(before, every, side="right") / len(before)
    apart = np.abs(below - np.searchsorted(now, every, side="right") / len(now)).max()
    effective = len(before) * len(now) / (len(before) + len(now))
    return float(kolmogorov(math.sqrt(effective) * apart))


def false_discovery_adjusted(p_values: npt.ArrayLike) -> FloatArray:
    """Benjamini-Hochberg (1995) adjusted p values, f8[n] in the order given.

    NaN stays NaN, and is no test that counts. Below a level in it: among the features so named, no
    larger share than that level is named by luck.
    """
    values = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    stepped = values[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted = np.full(len(values), np.nan)
    adjusted[order] = np.minimum(np.minimum.accumulate(stepped[::-1])[::-1], 1.0)
    return adjusted


def _vector(values: npt.ArrayLike) -> FloatArray:
    vector = np.asarray(values, dtype=np.float64)
    if vector.ndim != 1 or np.isinf(vector).any():
        raise InputError("One row of finite values is needed, with NaN for what is unknown.")
    return vector


def _edges(reference: FloatArray, n_bins: int) -> FloatArray:
    known = reference[~np.isnan(reference)]
    if not len(known):
        return np.empty(0)
    inner = np.linspace(0, 1, n_bins + 1)[1:-1]
    return np.unique(np.quantile(known, inner))


def _counts(values: FloatArray, edges: FloatArray) -> FloatArray:
    """Values per bin, unknown ones last; a value on an edge is in the bin below it."""
    known = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(edges, known, side="left"), minlength=len(edges) + 1)
    return np.append(counts, len(values) - len(known)).astype(np.float64)


def _distance(before: FloatArray, now: FloatArray) -> float:
    """Of two rows of counts; a bin that both leave empty says nothing."""
    used = (before > 0) | (now > 0)
    p = np.maximum(before[used], _EMPTY_BIN) / before.sum()
    q = np.maximum(now[used], _EMPTY_BIN) / now.sum()
    return float(np.sum((q - p) * np.log(q / p)))
