"""Figures of a trained model, as SVG documents.

Belongs here: which numbers of a portrait a figure shows. Does not belong here: computing them
(`portrait`), or how a chart is drawn (`graph.svg`, `graph.svg_rows`).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import polars as pl

from rooney_assets.graph.svg import (
    ALARM,
    COLOURS,
    FAINT,
    HEIGHT,
    INK,
    LEFT,
    MARK,
    RIGHT,
    TOP,
    WIDTH,
    Chart,
    Plane,
    document,
    stacked,
    text,
)
from rooney_assets.graph.svg_rows import RowBars, Swarm
from rooney_assets.model_report.portrait import Portrait

MOST_FEATURES: Final = 25
"""Rows of a figure; a table has the others."""

MOST_BINS: Final = 30
Z_90: Final = 1.6449
"""Two-sided 90 % of the normal distribution."""


def figures_of(portrait: Portrait) -> dict[str, str]:
    """SVG documents by the name of their file, without its ending."""
    return {
        "importance": importance(portrait),
        "reliability": reliability(portrait),
        "threshold": threshold(portrait),
        "path_sharpes": path_sharpes(portrait),
        "contributions": contributions(portrait),
        "tuning": tuning(portrait),
        "coverage": coverage(portrait),
    }


def importance(portrait: Portrait) -> str:
    """Rise of the log loss when a feature is shuffled, with its spread."""
    best = portrait.weights.sort("importance", descending=True, nulls_last=True)
    shown = best.head(MOST_FEATURES)
    return RowBars(
        f"Importance on {portrait.judged_on} trades{_of(shown, best)}",
        shown["feature"].to_list(),
        shown["importance"].to_list(),
        "rise of the log loss when shuffled, nats a trade; whisker: sd of the shuffles",
        shown["importance_sd"].to_list(),
    ).to_svg()


def contributions(portrait: Portrait) -> str:
    """What each feature added to the probability of each trade."""
    shown = portrait.weights.head(MOST_FEATURES)
    columns = [portrait.model.features.index(name) for name in shown["feature"]]
    return Swarm(
        f"Contributions, {len(portrait.explained)} {portrait.judged_on} trades"
        f"{_of(shown, portrait.weights)}",
        shown["feature"].to_list(),
        [portrait.contributions[:, one].tolist() for one in columns],
        [_ranks(portrait.explained[:, one]) for one in columns],
        "change of the probability before calibration",
        "value: blue low, red high, grey unknown",
    ).to_svg()


def reliability(portrait: Portrait) -> str:
    """Stated probability against the share of wins; upright: 90 % intervals (Wilson, 1927)."""
    title = f"Reliability on {'out-of-fold' if portrait.is_two_way else 'validation'} trades"
    curve = portrait.model.reliability
    if curve.is_empty():
        return Chart(title, (), (), "", "").to_svg()
    said, won, n = (curve[name].to_numpy() for name in ("mean_probability", "win_share", "n"))
    low, high = _wilson(won, n)
    left, right = float(curve["low"].min()), float(curve["high"].max())  # type: ignore[arg-type]
    room = (right - left) * 0.05 or 0.05
    plane = Plane(
        left - room,
        right + room,
        min(float(low.min()), left) - 0.02,
        max(float(high.max()), right) + 0.02,
    )
    frame = Chart(title, [left, right], (), "stated probability", "", x_is_whole=False)
    parts = [
        *plane.y_axis("share of wins"),
        *frame.x_axis(plane),
        _line(plane, left, left, right, right, ALARM, ' stroke-dasharray="5 4"'),
    ]
    for x, y, bottom, top in zip(said, won, low, high, strict=True):
        parts.append(_line(plane, x, bottom, x, top, MARK))
        parts.append(_dot(plane, x, y, 3.5))
    words = f"{n.min()} to {n.max()} trades a point; dashed: calibrated"
    parts.append(text(WIDTH - RIGHT, 20, words, "end"))
    return document(title, "".join(parts))


def threshold(portrait: Portrait) -> str:
    """Sharpe and trades over the grid of thresholds."""
    table, chosen = portrait.thresholds, portrait.model.threshold
    where = "out-of-fold" if portrait.is_two_way else "validation"
    charts = [
        Chart(
            title=title,
            x=table["threshold"].to_list(),
            y=table[column].to_list(),
            x_label="threshold of the probability",
            y_label=label,
            kind="line",
            x_is_whole=False,
            marks=[(chosen, f"{chosen:g}")],
        ).to_svg()
        for title, column, label in (
            (f"Threshold: Sharpe of the {where} trades taken", "annual_sharpe", "annual Sharpe"),
            (f"Threshold: {where} trades taken", "n_trades", "trades"),
        )
    ]
    return stacked(charts)


def path_sharpes(portrait: Portrait) -> str:
    """Where the chosen set's paths lie among those of every set that was scored."""
    # A set that was given up has no whole paths.
    scored = portrait.trials.filter(pl.col("score").is_finite())
    every = scored["path_sharpes"].explode().drop_nulls().to_numpy()
    every = every[np.isfinite(every)]
    own = portrait.path_sharpes
    title = f"Path Sharpes of {scored.height} sets"
    if not len(every):
        return Chart(title, (), (), "", "").to_svg()
    counts, edges = np.histogram(every, min(MOST_BINS, max(5, round(len(every) ** 0.5) * 2)))
    middles = (edges[:-1] + edges[1:]) / 2
    wide = float(edges[1] - edges[0])
    frame = Chart(title, middles.tolist(), (), "annual Sharpe of a path", "", x_is_whole=False)
    plane = Plane(float(edges[0]) - wide, float(edges[-1]) + wide, 0.0, counts.max() * 1.2)
    parts = [*plane.y_axis("paths"), *frame.x_axis(plane)]
    for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True):
        x, y = plane.x(float(left)), plane.y(float(count))
        parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0.5, plane.x(float(right)) - x - 1):.1f}" '
            f'height="{plane.y(0) - y:.1f}" fill="{FAINT}"/>'
        )
    parts += [_line(plane, one, 0.0, one, plane.high * 0.9, MARK) for one in own]
    if own:
        mean = float(np.mean(own))
        parts.append(_line(plane, mean, 0.0, mean, plane.high, ALARM, ' stroke-dasharray="5 4"'))
        words = f"chosen set: {len(own)} paths, mean {mean:.2f}"
        parts.append(text(WIDTH - RIGHT, 20, words, "end", ALARM))
    return document(title, "".join(parts))


def tuning(portrait: Portrait) -> str:
    """Score trial by trial, and the best so far; a trial that was given up stands at the foot."""
    score = portrait.trials["score"].cast(pl.Float64).fill_null(math.nan).to_numpy()
    known = np.isfinite(score)
    title = "Tuning: score by trial"
    if not known.any():
        return Chart(title, (), (), "", "").to_svg()
    low, high = float(score[known].min()), float(score[known].max())
    room = (high - low) * 0.08 or 1.0
    plane = Plane(-1.0, float(len(score)), low - 2 * room, high + room)
    frame = Chart(title, [0.0, float(len(score))], (), "trial", "")
    parts = [*plane.y_axis("mean - penalty x sd"), *frame.x_axis(plane)]
    parts += [_dot(plane, float(at), float(score[at]), 2.0) for at in np.flatnonzero(known)]
    foot = plane.low + room * 0.5
    parts += [_cross(plane, float(at), foot) for at in np.flatnonzero(~known)]
    best = np.fmax.accumulate(np.where(known, score, -np.inf))
    at = np.flatnonzero(np.isfinite(best))
    path = " ".join(f"{plane.x(float(x)):.1f},{plane.y(float(best[x])):.1f}" for x in at)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{COLOURS[1]}"/>')
    words = "line: best so far" + ("" if known.all() else f"; x: {int((~known).sum())} given up")
    parts += [*_phases(portrait.trials, plane), text(WIDTH - RIGHT, 20, words, "end")]
    return document(title, "".join(parts))


def coverage(portrait: Portrait) -> str:
    """Share of train trades that do not know a feature, where there are any."""
    train = portrait.coverage.filter(pl.col("split") == "train")
    thin = train.filter(pl.col("coverage") < 1.0).sort("coverage", maintain_order=True)
    shown = thin.head(MOST_FEATURES)
    always = train.height - thin.height
    return RowBars(
        f"Unknown in train; {always} of {train.height} features are always known",
        shown["feature"].to_list(),
        (1.0 - shown["coverage"]).to_list(),
        "share of train trades in which the feature is null",
    ).to_svg()


def _of(shown: pl.DataFrame, every: pl.DataFrame) -> str:
    if shown.height == every.height:
        return ""
    return f", {shown.height} of {every.height} features"


def _ranks(values: np.ndarray) -> list[float]:
    """Place among the known values, 0 lowest to 1 highest, the same for equal ones; else NaN."""
    known = np.isfinite(values)
    ordered = np.sort(values[known])
    places = (
        np.searchsorted(ordered, values, side="left")
        + np.searchsorted(ordered, values, side="right")
    ) / (2.0 * max(1, len(ordered)))
    return [float(one) for one in np.where(known, places, math.nan)]


def _wilson(share: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """90 % interval of a share of n."""
    spread = Z_90**2 / n
    middle = (share + spread / 2) / (1 + spread)
    half = Z_90 * np.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    return middle - half, middle + half


def _phases(trials: pl.DataFrame, plane: Plane) -> list[str]:
    """An upright line where the search went from random sets to learned ones."""
    if "phase" not in trials.columns or trials["phase"].n_unique() < 2:
        return []
    first = int(trials["phase"].ne(trials["phase"][0]).arg_max() or 0)
    x = plane.x(first - 0.5)
    return [
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - 40}" stroke="{INK}" '
        'stroke-dasharray="2 3"/>',
        text(x + 4, TOP + 10, str(trials["phase"][first]), "start"),
        text(max(x - 4, LEFT + 40), TOP + 10, str(trials["phase"][0]), "end"),
    ]


def _line(
    plane: Plane, x1: float, y1: float, x2: float, y2: float, colour: str, extra: str = ""
) -> str:
    return (
        f'<line x1="{plane.x(x1):.1f}" y1="{plane.y(y1):.1f}" x2="{plane.x(x2):.1f}" '
        f'y2="{plane.y(y2):.1f}" stroke="{colour}"{extra}/>'
    )


def _dot(plane: Plane, x: float, y: float, radius: float) -> str:
    return f'<circle cx="{plane.x(x):.1f}" cy="{plane.y(y):.1f}" r="{radius:g}" fill="{MARK}"/>'


def _cross(plane: Plane, x: float, y: float) -> str:
    return text(plane.x(x), plane.y(y) + 3, "x", "middle", ALARM, extra=' font-size="8"')
