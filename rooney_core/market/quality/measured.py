"""What a measurement answers.

Belongs here: the one shape of all answers. Does not belong here: any measurement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

ROWS_KEPT = 100
"""Offending rows that an answer carries; the numbers count all of them."""


@dataclass(frozen=True)
class Measured:
    """Numbers, offending rows (worst or oldest first, at most `ROWS_KEPT`), and points to plot.

    `points` has the columns x and y, and others where the measurement says so; it is aggregated,
    never one row per bar.
    """

    numbers: Mapping[str, int | float | str]
    rows: pl.DataFrame = field(default_factory=pl.DataFrame)
    points: pl.DataFrame = field(default_factory=pl.DataFrame)
