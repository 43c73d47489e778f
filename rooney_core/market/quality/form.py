"""Is this a frame of bars at all: columns and types, possible prices, order.

Belongs here: what can be seen row by row, counted. Does not belong here: refusing the frame
(`bars.validate_bars` does, where bars are read), or what only many rows together can show.
"""

from __future__ import annotations

from functools import reduce
from operator import or_

import polars as pl

from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.quality.measured import ROWS_KEPT, Measured

_PRICES = ("open", "high", "low", "close")


def wrong_columns(frame: pl.DataFrame) -> Measured:
    """Columns of `BARS_SCHEMA` that are missing, have another type, or hold nulls.

    Numbers: wrong columns, bars. Rows: column, expected, arrived, nulls.
    """
    rows = []
    for name, expected in BARS_SCHEMA.items():
        arrived = frame.schema.get(name)
        nulls = frame[name].null_count() if arrived is not None else 0
        if arrived != expected or nulls:
            rows.append((name, str(expected), str(arrived or "missing"), nulls))
    columns = {
        "column": pl.String,
        "expected": pl.String,
        "arrived": pl.String,
        "nulls": pl.Int64,
    }
    numbers = {"wrong columns": len(rows), "bars": frame.height}
    return Measured(numbers, pl.DataFrame(rows, schema=columns, orient="row"))


def impossible_prices(frame: pl.DataFrame) -> Measured:
    """Bars that no market can have traded, by fault; a bar may have several.

    Numbers: bars, impossible bars, and the count of each fault (not finite, high below low, open
    or close outside [low, high], negative volume, no length). Points: x = fault's name, y = bars.
    """
    low, high = pl.col("low"), pl.col("high")
    faults = {
        "not finite": ~pl.all_horizontal(pl.col(*_PRICES).is_finite()),
        "high below low": high < low,
        "open or close outside": ~pl.all_horizontal(pl.col("open", "close").is_between(low, high)),
        "negative volume": pl.col("volume") < 0,
        "no length": pl.col("bar_end") <= pl.col("bar_start"),
    }
    counts = frame.select(**{name: fault.sum() for name, fault in faults.items()}).row(0)
    found = dict(zip(faults, (int(count or 0) for count in counts), strict=True))
    any_fault = reduce(or_, (fault.fill_null(True) for fault in faults.values()))
    rows = frame.filter(any_fault) if sum(found.values()) else frame.clear()
    numbers = {"bars": frame.height, "impossible bars": rows.height, **found}
    points = pl.DataFrame({"x": list(found), "y": [float(n) for n in found.values()]})
    return Measured(numbers, rows.head(ROWS_KEPT), points)


def unordered_rows(frame: pl.DataFrame) -> Measured:
    """Rows that repeat a (bar_start, contract), and rows that stand before an earlier one.

    Numbers: bars, duplicates (rows whose key an earlier row has), out of order. Points: x = year,
    y = such rows; rows are the offending ones, in the order of the frame.
    """
    start, contract = pl.col("bar_start"), pl.col("contract")
    same_time = start == start.shift()
    falls = (start < start.shift()) | (same_time & (contract < contract.shift()))
    repeats = same_time & (contract == contract.shift())
    faulty = frame.filter((falls | repeats).fill_null(False))
    n_falls = int(frame.select(falls.sum()).item() or 0)
    if n_falls:
        # Only an unordered frame can hide a duplicate away from its twin.
        duplicates = frame.height - frame.select("bar_start", "contract").n_unique()
    else:
        duplicates = faulty.height
    by_year = frame.group_by(x=start.dt.year()).agg(pl.len()).drop("len")
    counted = faulty.group_by(x=start.dt.year()).agg(y=pl.len().cast(pl.Float64))
    points = by_year.join(counted, on="x", how="left").fill_null(0.0).sort("x")
    numbers = {"bars": frame.height, "duplicates": duplicates, "out of order": n_falls}
    return Measured(numbers, faulty.head(ROWS_KEPT), points)
