"""Pictures of a search: where its best parameters stand, how they fared year by year, and the luck.

Belongs here: aggregating tables of the factory for a picture. Does not belong here: drawing
(`svg`, `svg_panels`), or a number that the tables do not imply.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_assets.factory_tables import returns_matrix, search_trials
from rooney_assets.graph.svg import Chart, Lines
from rooney_assets.graph.svg_panels import Panel, bars, heat, panels
from rooney_core.backtest.robustness import neighbours_keep_sharpe
from rooney_core.strategies import VARIANTS, Variant
from rooney_core.validation.sharpe import DAYS_PER_YEAR

TOP = 5
COLUMNS = 6
SATURATED = 2.0
"""The annual Sharpe from which on colours and bars are full."""
BIN = 0.1
POINTS = 400
Floats = npt.NDArray[np.float64]


def factory_pictures(
    results: pl.DataFrame, returns: pl.DataFrame, folds: pl.DataFrame
) -> Mapping[str, str]:
    """SVG documents by name; the variants of `results` in the order of their best Sharpe."""
    best = best_of_each(results)
    return {
        "parameter maps": parameter_maps(results, best),
        "equity of the top five": equity_of(best.head(TOP), returns),
        "walk-forward by year": walk_forward_bars(best, folds),
        "luck: every configuration's Sharpe": sharpe_distribution(results),
    }


def best_of_each(results: pl.DataFrame) -> pl.DataFrame:
    """The best configuration of each variant, best first, an undefined Sharpe last."""
    sharpe = pl.col("annual_sharpe").fill_nan(None)
    ordered = results.sort(sharpe, descending=True, nulls_last=True, maintain_order=True)
    return ordered.unique("variant", keep="first", maintain_order=True)


def parameter_maps(results: pl.DataFrame, best: pl.DataFrame) -> str:
    """A heat map per variant around its best configuration, over its two most influential axes."""
    by_variant = {str(name): part for (name,), part in results.group_by("variant")}
    items = [_map(VARIANTS[name], by_variant[name]) for name in best["variant"]]
    legend = (
        f"Annual Sharpe: blue above 0, red below, full at {SATURATED:g} or the map's own extreme, "
        "grey without a trade. Framed: the best; other parameters as in it. Plateau: its "
        "neighbours keep 70 % of it."
    )
    return panels("Parameters: plateau or needle", items, COLUMNS, legend)


def _map(variant: Variant, part: pl.DataFrame) -> Panel:
    sharpes = part["annual_sharpe"].to_numpy().reshape(variant.grid_shape)
    if np.isnan(sharpes).all():
        return Panel(variant.name, "no trade", "")
    best = np.unravel_index(int(np.nanargmax(sharpes)), sharpes.shape)
    down, across = influential_axes(sharpes)
    kept = tuple(slice(None) if axis in (down, across) else at for axis, at in enumerate(best))
    cells, marked = sharpes[kept], (int(best[down]), int(best[across]))
    if down == across:
        cells, marked = cells[None, :], (0, int(best[across]))
    elif down > across:
        cells = cells.T
    robust = neighbours_keep_sharpe(sharpes.ravel(), variant.grid_shape).reshape(sharpes.shape)
    words = f"{sharpes[best]:.2f}, {'plateau' if robust[best] else 'needle'}"
    names = [_axis(name, values) for name, values in variant.axes.items()]
    full = max(SATURATED, float(np.nanmax(np.abs(cells))))
    drawn = heat(cells.tolist(), full, marked, (names[down], names[across]))
    return Panel(variant.name, words, drawn)


def _axis(name: str, values: Sequence[float]) -> str:
    """The parameter and what of it was tried."""
    return f"{name} {values[0]:g} to {values[-1]:g}"


def influential_axes(sharpes: Floats) -> tuple[int, int]:
    """The two axes along which the mean Sharpe varies most, the stronger one second (across).

    A grid of one axis gives it twice. An undefined Sharpe counts as 0.
    """
    known = np.nan_to_num(sharpes)
    spans = [
        float(np.ptp(known.mean(axis=tuple(other for other in range(known.ndim) if other != axis))))
        for axis in range(known.ndim)
    ]
    ordered = sorted(range(known.ndim), key=lambda axis: -spans[axis])
    return (ordered[1] if len(ordered) > 1 else ordered[0]), ordered[0]


def equity_of(best: pl.DataFrame, returns: pl.DataFrame) -> str:
    """Daily returns of these configurations, summed: what one contract earned of its notional."""
    matrix = returns_matrix(returns)
    days = returns["session"]
    years = (days.dt.year() + (days.dt.ordinal_day() - 1) / 366).to_numpy()
    step = max(1, math.ceil(len(years) / POINTS))
    # The end is on the line, the days before it in equal steps.
    shown = np.arange(len(years) - 1, -1, -step)[::-1]
    series = {
        f"{row['variant']}, Sharpe {_told(row['annual_sharpe'])}": (
            100.0 * np.cumsum(matrix[:, row["trial"] - 1], dtype=np.float64)[shown]
        ).tolist()
        for row in best.iter_rows(named=True)
    }
    title = "Equity of the top five, train window, after costs"
    return Lines(title, years[shown].tolist(), series, "year", "sum of daily returns, %").to_svg()


def walk_forward_bars(best: pl.DataFrame, folds: pl.DataFrame) -> str:
    """A panel per variant: the Sharpe of each year, with what was chosen before it."""
    by_variant = {str(name): part for (name,), part in folds.group_by("variant")}
    items = []
    for row in best.iter_rows(named=True):
        part = by_variant.get(row["variant"], folds.clear()).sort("year")
        years = [str(year) for year in part["year"]]
        drawn = bars(years, part["annual_sharpe"].fill_null(math.nan).to_list(), SATURATED)
        words = f"out of sample {_told(row['walk_forward_sharpe'])}, in sample "
        items.append(Panel(row["variant"], f"{words}{_told(row['annual_sharpe'])}", drawn))
    legend = (
        f"A bar per year: annual Sharpe of the configuration that all years before chose; cut at "
        f"{SATURATED:g}. Variants by their best Sharpe in sample."
    )
    return panels("Walk-forward: would the choice have held?", items, COLUMNS, legend)


def sharpe_distribution(results: pl.DataFrame) -> str:
    """How many configurations have which Sharpe, beside what worthless ones would show by luck."""
    sharpes = results["annual_sharpe"].drop_nans().drop_nulls()
    places, counts = np.unique(np.floor(sharpes.to_numpy() / BIN), return_counts=True)
    searched = search_trials(results)
    hurdle = searched.annual_hurdle
    spread = math.sqrt(searched.variance * DAYS_PER_YEAR)
    marks = [(hurdle, f"best of {results.height:,} worthless ones: {hurdle:.2f}")]
    if len(sharpes):
        marks.append((float(sharpes.max()), f"best found: {sharpes.max():.2f}"))  # type: ignore[arg-type, str-bytes-safe]
    return Chart(
        "Every configuration's Sharpe, train window, after costs; line: were all worthless",
        [(place + 0.5) * BIN for place in places.tolist()],
        counts.tolist(),
        "annual Sharpe",
        "configurations",
        x_is_whole=False,
        marks=[one for one in marks if math.isfinite(one[0])],
        bar_width=BIN * 0.9,
        curve=_worthless(len(sharpes), spread),
    ).to_svg()


def _worthless(n_trials: int, spread: float) -> list[tuple[float, float]]:
    """How many of so many worthless configurations fall in a bin, point by point: a normal curve.

    `spread`: of their annual Sharpes, around 0. Empty where it is not known.
    """
    if not spread > 0.0:
        return []
    normal = NormalDist(0.0, spread)
    places = np.linspace(-3.5 * spread, 3.5 * spread, 141).tolist()
    return [(at, n_trials * BIN * normal.pdf(at)) for at in places]


def _told(value: float | None) -> str:
    return "none" if value is None or not math.isfinite(value) else f"{value:.2f}"
