"""Charts of a release's evidence, as SVG documents, from its rows.

Belongs here: which numbers a chart shows. Does not belong here: how axes are drawn (`graph.svg`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rooney_assets.graph.svg import (
    ALARM,
    INK,
    MARK,
    RIGHT,
    WIDTH,
    Chart,
    Lines,
    Plane,
    document,
    text,
)
from rooney_assets.graph.svg_rows import RowBars

BANDS: Final = (("p05", "p95", 0.18), ("p25", "p75", 0.36))
"""Lower and upper quantile of a shaded band, and how dark it is."""

Series = Mapping[str, Sequence[float]]


def fan(symbol: str, series: Series) -> str:
    """Equity over the sessions of the scenarios: 90 % and 50 % of them shaded, and the median.

    `series`: session_number and p05, p25, p50, p75, p95, in USD.
    """
    title = f"{symbol}: scenario fan, one contract"
    x = series.get("session_number", ())
    if len(x) < 2:
        return Chart(title, (), (), "", "").to_svg()
    low, high = min(series["p05"]), max(series["p95"])
    room = (high - low) * 0.06 or 1.0
    plane = Plane(x[0], x[-1], low - room, high + room)
    frame = Chart(title, [x[0], x[-1]], (), "session of the scenario", "")
    parts = [*plane.y_axis("equity, USD"), *frame.x_axis(plane)]
    for lower, upper, dark in BANDS:
        parts.append(_band(plane, x, series[lower], series[upper], dark))
    parts.append(_line(plane, x, series["p50"], MARK, 'stroke-width="1.5"'))
    start = [series["p50"][0]] * 2
    parts.append(_line(plane, [x[0], x[-1]], start, ALARM, 'stroke-dasharray="5 4"'))
    words = "shaded: 90 % and 50 % of scenarios; line: median"
    parts.append(text(WIDTH - RIGHT, 20, words, "end", INK))
    return document(title, "".join(parts))


def kinds(symbol: str, profits: Mapping[str, float]) -> str:
    """Median profit of each kind of scenario."""
    return RowBars(
        f"{symbol}: median net profit by kind of scenario",
        list(profits),
        list(profits.values()),
        "USD, one contract, over the scenario",
    ).to_svg()


def paper(series: Series) -> str:
    """Profit of paper trading session by session, beside buy and hold."""
    title = "Paper trading: profit so far"
    sessions = max((len(one) for one in series.values()), default=0)
    if sessions < 2:
        return Chart(title, (), (), "", "").to_svg()
    x = [float(number) for number in range(1, sessions + 1)]
    return Lines(title, x, series, "session", "USD").to_svg()


def _band(
    plane: Plane, x: Sequence[float], low: Sequence[float], high: Sequence[float], dark: float
) -> str:
    there = [f"{plane.x(at):.1f},{plane.y(value):.1f}" for at, value in zip(x, high, strict=True)]
    back = [f"{plane.x(at):.1f},{plane.y(value):.1f}" for at, value in zip(x, low, strict=True)]
    points = " ".join([*there, *reversed(back)])
    return f'<polygon points="{points}" fill="{MARK}" fill-opacity="{dark}"/>'


def _line(plane: Plane, x: Sequence[float], y: Sequence[float], colour: str, more: str) -> str:
    path = " ".join(
        f"{plane.x(at):.1f},{plane.y(value):.1f}" for at, value in zip(x, y, strict=True)
    )
    return f'<polyline points="{path}" fill="none" stroke="{colour}" {more}/>'
