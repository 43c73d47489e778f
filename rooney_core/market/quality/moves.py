"""Do the prices move as traded prices do: no isolated spikes, no dead stretches, on the tick grid?

Belongs here: what the sequence of prices shows. Does not belong here: a single bar's consistency
(`form.py`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from rooney_core.market.quality.limits import QualityLimits
from rooney_core.market.quality.measured import ROWS_KEPT, Measured

_NORMAL = 1.4826
"""Median absolute deviation to standard deviation, for a normal distribution."""
_PRICES = ("open", "high", "low", "close")
_SHOWN = ("bar_start", "contract", *_PRICES)
_KINDS = ("spike", "wick", "move")
_AT_ONCE = 500_000
_REVERTS = 0.3
"""A move that is undone up to this share of itself by the next bar has reverted at once."""
_LONGEST_PAUSE = 24.0
"""Bar lengths up to which a pause widens the scale; a weekend's news is not a week's."""


def spikes(bars: pl.DataFrame, tick_size: float, limits: QualityLimits) -> Measured:
    """Moves of adjusted prices, net of rolls, beyond the limits in robust deviations.

    `bars`: continuous_bars. The scale is 1.4826 times the median absolute one-bar change of the
    bar's own calendar month, at least one tick, times the square root of the bar lengths since the
    bar before (at most 24), so that a weekend's move is measured against a weekend. Three kinds:
    a `spike` is a close that the next bar takes back to 70 % or more (its way back is no move), a
    `wick` a high or low that neither this bar's body nor the closes and opens beside it come near,
    and a `move` any other change of the close, which markets do make.
    Numbers: bars, count and largest z-score of each kind. Rows, largest of each kind first:
    bar_start, contract, open, high, low, close, change, z_score, kind. Points: x = year, y = the
    largest z-score of spike or move.
    """
    parts = [_outliers(bars, part, tick_size, limits) for part in _by_months(bars)]
    rows, years = pl.concat(one.rows for one in parts), pl.concat(one.points for one in parts)
    numbers: dict[str, int | float | str] = {"bars": bars.height}
    for kind in _KINDS:
        largest = f"largest {kind}, z-score"
        numbers[f"{kind}s"] = rows.filter(pl.col("kind") == kind).height
        numbers[largest] = max(float(one.numbers[largest]) for one in parts)
    order = pl.col("kind").replace_strict(_KINDS, range(len(_KINDS)), return_dtype=pl.Int8)
    rows = rows.sort(order, -pl.col("z_score"))
    points = years.group_by("x").agg(pl.col("y").max()).sort("x")
    return Measured(numbers, rows.head(ROWS_KEPT), points)


def _by_months(bars: pl.DataFrame) -> list[tuple[int, int]]:
    """[first, past the last) rows of whole months, some `_AT_ONCE` bars together.

    What is computed for a bar is several times the bar: millions at once would fill the memory.
    """
    starts = np.flatnonzero(bars.select(_month().diff()).to_series().fill_null(1).to_numpy() != 0)
    cuts = [0]
    for start in starts:
        if start - cuts[-1] >= _AT_ONCE:
            cuts.append(int(start))
    return list(zip(cuts, [*cuts[1:], bars.height], strict=True))


def _outliers(
    bars: pl.DataFrame, part: tuple[int, int], tick_size: float, limits: QualityLimits
) -> Measured:
    """All rows of a part beyond the limits, by kind, and the largest of each kind and year."""
    # The bars beside the part are needed to see what its first and last bar come from and go to.
    before, after = min(1, part[0]), min(1, bars.height - part[1])
    length = part[1] - part[0]
    moves = _scored(bars.slice(part[0] - before, before + length + after), tick_size)
    undone = (pl.col("change") + pl.col("after")).abs() <= _REVERTS * pl.col("change").abs()
    out, back = pl.col("out"), pl.col("back")
    was_out = (out & (pl.col("z_score") > limits.spike_z_score)).shift()
    moves = moves.with_columns(out=undone.fill_null(False))
    moves = moves.with_columns(back=was_out.fill_null(False)).slice(before, length)
    kinds = (
        (out & ~back, "z_score", limits.spike_z_score),
        (pl.lit(True), "z_wick", limits.wick_z_score),
        (~out & ~back, "z_score", limits.move_z_score),
    )
    numbers, found = {}, []
    for kind, (which, score, limit) in zip(_KINDS, kinds, strict=True):
        largest = moves.select(pl.col(score).filter(which).max()).item()
        numbers[f"largest {kind}, z-score"] = float(largest or 0.0)
        beyond = moves.filter(which & (pl.col(score) > limit))
        found.append(beyond.select(*_SHOWN, "change", z_score=score, kind=pl.lit(kind)))
    by_year = moves.group_by(x=pl.col("session").dt.year())
    return Measured(
        numbers, pl.concat(found), by_year.agg(y=pl.col("z_score").max().fill_null(0.0))
    )


def _scored(bars: pl.DataFrame, tick_size: float) -> pl.DataFrame:
    """Each bar's change and how far its close and its wicks stick out, in robust deviations."""
    adjusted = pl.col("close") + pl.col("adjustment")
    length = (pl.col("bar_end") - pl.col("bar_start")).dt.total_seconds().cast(pl.Float64)
    since = (pl.col("bar_end") - pl.col("bar_end").shift()).dt.total_seconds() / length
    shift = pl.col("adjustment").shift() - pl.col("adjustment")
    beside = (
        *("open", "close"),
        pl.col("close").shift() + shift,
        pl.col("open").shift(-1) - shift.shift(-1),
    )
    above = pl.col("high") - pl.max_horizontal(*beside)
    below = pl.min_horizontal(*beside) - pl.col("low")
    usual = pl.col("change").abs().median().over(_month())
    return (
        bars.lazy()
        .select(
            *_SHOWN,
            "session",
            change=adjusted.diff(),
            pause=since.clip(1.0, _LONGEST_PAUSE).sqrt(),
            wick=pl.max_horizontal(above, below),
        )
        .with_columns(scale=_NORMAL * usual.clip(lower_bound=tick_size))
        .with_columns(
            z_score=pl.col("change").abs() / (pl.col("scale") * pl.col("pause")),
            z_wick=pl.col("wick") / pl.col("scale"),
            after=pl.col("change").shift(-1),
        )
        .collect()
    )


def long_runs(bars: pl.DataFrame, limits: QualityLimits) -> Measured:
    """Stretches of `flat_bars` bars or more without movement, or `silent_bars` without volume.

    `bars`: continuous_bars. A flat bar has high = low = the close before. Numbers: bars, flat
    bars, zero-volume bars, longest flat run, longest zero-volume run, runs. Rows: first (start of
    its first bar), last, bars, kind (flat or zero volume), longest first. Points: x = year, y =
    longest run that begins in it, of either kind that is limited.
    """
    flat = (pl.col("high") == pl.col("low")) & (pl.col("close") == pl.col("close").shift())
    marks = bars.select("bar_start", flat=flat.fill_null(False), silent=pl.col("volume") == 0)
    stretches = {
        "flat": (_stretches(marks, "flat", "flat"), limits.flat_bars),
        "zero volume": (_stretches(marks, "silent", "zero volume"), limits.silent_bars),
    }
    judged = [(one, least) for one, least in stretches.values() if least is not None]
    rows = pl.concat(one.filter(pl.col("bars") >= least) for one, least in judged)
    every = pl.concat(one for one, _ in judged)
    years = marks.select(x=pl.col("bar_start").dt.year()).unique()
    longest = every.group_by(x=pl.col("first").dt.year()).agg(y=pl.col("bars").max())
    points = years.join(longest, on="x", how="left").fill_null(0).sort("x")
    numbers = {
        "bars": bars.height,
        "flat bars": int(marks["flat"].sum()),
        "zero-volume bars": int(marks["silent"].sum()),
        "longest flat run": _longest(stretches["flat"][0]),
        "longest zero-volume run": _longest(stretches["zero volume"][0]),
        "runs": rows.height,
    }
    rows = rows.sort("bars", "first", descending=[True, False])
    return Measured(numbers, rows.head(ROWS_KEPT), points)


def prices_off_grid(bars: pl.DataFrame, tick_size: float, tolerance: float) -> Measured:
    """Prices that are no multiple of the tick, to `tolerance` (a fraction of a tick).

    Numbers: prices, off the grid, share on the grid. Rows: the bars that have such a price.
    Points: x = year, y = share of prices on the grid.
    """
    off = np.zeros(bars.height, dtype=np.int8)
    for name in _PRICES:
        ticks = bars[name].to_numpy() / tick_size
        off += np.abs(ticks - np.rint(ticks)) > tolerance
    n_off = int(off.sum(dtype=np.int64))
    prices = max(1, len(_PRICES) * bars.height)
    rows = bars.filter(pl.Series(off > 0)) if n_off else bars.clear()
    points = (
        pl.DataFrame({"x": bars["session"].dt.year(), "off": off})
        .group_by("x")
        .agg(y=1 - pl.col("off").mean() / len(_PRICES))
        .sort("x")
    )
    shown = rows.select("bar_start", "contract", *_PRICES).head(ROWS_KEPT)
    numbers = {
        "prices": len(_PRICES) * bars.height,
        "off the grid": n_off,
        "share on the grid": 1 - n_off / prices,
        "tick": tick_size,
    }
    return Measured(numbers, shown, points)


def _month() -> pl.Expr:
    return pl.col("session").dt.year().cast(pl.Int32) * 12 + pl.col("session").dt.month()


def _stretches(marked: pl.DataFrame, column: str, kind: str) -> pl.DataFrame:
    """Every run of marked bars: first, last, bars, kind."""
    edges = np.diff(np.concatenate(([0], marked[column].to_numpy().astype(np.int8), [0])))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    starts = marked["bar_start"]
    return pl.DataFrame(
        {
            "first": starts.gather(first),
            "last": starts.gather(last),
            "bars": pl.Series(last - first + 1, dtype=pl.Int64),
            "kind": pl.repeat(kind, len(first), eager=True, dtype=pl.String),
        }
    )


def _longest(stretches: pl.DataFrame) -> int:
    return int(stretches["bars"].max() or 0)  # type: ignore[arg-type]
