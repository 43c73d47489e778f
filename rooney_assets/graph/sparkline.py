"""A column as one line of text, for the places where looking beats reading."""

from __future__ import annotations

from itertools import pairwise

import polars as pl

LEVELS = "▁▂▃▄▅▆▇█"


def sparkline(values: pl.Series, width: int = 60) -> str:
    """At most `width` characters, the mean of each equal part of the column; nulls are left out.

    An empty or constant column gives an empty or flat line.
    """
    known = values.drop_nulls().cast(pl.Float64).drop_nans()
    if known.is_empty():
        return ""
    parts = min(width, len(known))
    edges = [len(known) * part // parts for part in range(parts + 1)]
    means = [float(known[low:high].mean()) for low, high in pairwise(edges)]
    low, span = min(means), max(means) - min(means)
    if span == 0:
        return LEVELS[0] * parts
    return "".join(LEVELS[int((mean - low) / span * (len(LEVELS) - 1))] for mean in means)
