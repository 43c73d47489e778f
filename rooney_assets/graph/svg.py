"""Charts of assets and check results as SVG text: small, fast, readable in light and dark mode.

Belongs here: drawing numbers that somebody has already aggregated. Does not belong here: computing
them, or pictures of thousands of points (`figures.py` draws those, as PNG).

A check writes its chart on every run, so a chart costs well under a millisecond and a few kB. The
background is explicit: the page behind it may be light or dark. No script, no font, no link.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 34, 40
MOST_POINTS = 600
"""Points that a line may have: more than one a pixel shows nothing more."""
PAPER, INK, FAINT, MARK, ALARM = "#ffffff", "#1f2933", "#d5dbe1", "#2b6cb0", "#c53030"
COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#6b46c1", "#b83280")


@dataclass(frozen=True)
class Chart:
    """One series with its axes.

    `x`: numbers (years, hours), or names for bars. `y`: numbers of the same length; NaN and
    infinite ones are left out. `limit` is drawn as a dashed line, and what is on its wrong side in
    the colour of alarm: above it, or below it with `limit_is_least`. `marks`: upright lines at an
    x, each with its words. `bar_width`: in units of x. `curve`: points of a line to compare with.
    """

    title: str
    x: Sequence[float] | Sequence[str]
    y: Sequence[float]
    x_label: str
    y_label: str
    kind: Literal["bars", "line", "points"] = "bars"
    limit: float | None = None
    limit_is_least: bool = False
    x_is_whole: bool = True
    marks: Sequence[tuple[float, str]] = ()
    bar_width: float = 0.8
    curve: Sequence[tuple[float, float]] = ()

    def to_svg(self) -> str:
        """The document. An empty series says so in words."""
        points = self._points()
        if not points:
            return document(self.title, text(WIDTH / 2, HEIGHT / 2, "nothing to show", "middle"))
        low, high = self._y_span([y for _, y in (*points, *self.curve)])
        plane = Plane(*self._x_span([x for x, _ in (*points, *self.curve)]), low, high)
        parts = [
            *plane.y_axis(self.y_label),
            *self.x_axis(plane),
            *self._marks(plane, points),
            *self._compared(plane),
            *self._limit_line(plane),
            *self._upright_lines(plane),
        ]
        return document(self.title, "".join(parts))

    def _points(self) -> list[tuple[float, float]]:
        named = bool(self.x) and isinstance(self.x[0], str)
        places = range(len(self.x)) if named else (float(one) for one in self.x)
        found = [(float(x), float(y)) for x, y in zip(places, self.y, strict=True) if _is_number(y)]
        step = max(1, math.ceil(len(found) / MOST_POINTS))
        # Of each stretch the most extreme point stays: it is what a check is about.
        return [
            max(found[at : at + step], key=lambda one: abs(one[1]))
            for at in range(0, len(found), step)
        ]

    def _x_span(self, values: list[float]) -> tuple[float, float]:
        known = [*values, *(at for at, _ in self.marks)]
        low, high = min(known), max(known)
        edge = self.bar_width * 0.625 if self.kind == "bars" else (high - low) * 0.02 or 0.5
        return low - edge, high + edge

    def _y_span(self, values: list[float]) -> tuple[float, float]:
        known = [*values, *([] if self.limit is None else [self.limit])]
        low, high = min(known), max(known)
        if self.kind == "bars" and not (self.limit_is_least and low > high / 2 > 0):
            low, high = min(low, 0.0), max(high, 0.0)
        room = (high - low) * 0.06 or abs(high) * 0.06 or 1.0
        return (low if low == 0 else low - room), high + room

    def _marks(self, plane: Plane, points: list[tuple[float, float]]) -> list[str]:
        if self.kind == "line" and len(points) > 1:
            path = " ".join(f"{plane.x(x):.1f},{plane.y(y):.1f}" for x, y in points)
            return [f'<polyline points="{path}" fill="none" stroke="{MARK}" stroke-width="1.5"/>']
        if self.kind != "bars":
            return [
                f'<circle cx="{plane.x(x):.1f}" cy="{plane.y(y):.1f}" r="2.5" '
                f'fill="{self._colour(y)}"/>'
                for x, y in points
            ]
        return [self._bar(plane, x, y) for x, y in points]

    def _compared(self, plane: Plane) -> list[str]:
        if not self.curve:
            return []
        path = " ".join(f"{plane.x(x):.1f},{plane.y(y):.1f}" for x, y in self.curve)
        return [f'<polyline points="{path}" fill="none" stroke="{INK}" stroke-width="1.5"/>']

    def _bar(self, plane: Plane, x: float, y: float) -> str:
        left, right = plane.x(x - self.bar_width / 2), plane.x(x + self.bar_width / 2)
        floor = plane.y(min(max(0.0, plane.low), plane.high))
        top, bottom = sorted((plane.y(y), floor))
        return (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(0.5, right - left):.1f}" '
            f'height="{max(0.0, bottom - top):.1f}" fill="{self._colour(y)}"/>'
        )

    def _colour(self, y: float) -> str:
        wrong = self.limit is not None and (
            y < self.limit if self.limit_is_least else y > self.limit
        )
        return ALARM if wrong else MARK

    def _limit_line(self, plane: Plane) -> list[str]:
        if self.limit is None:
            return []
        at = plane.y(self.limit)
        words = f"{'at least' if self.limit_is_least else 'at most'} {number(self.limit)}"
        return [
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" '
            f'stroke="{ALARM}" stroke-dasharray="5 4"/>',
            text(WIDTH - RIGHT, 20, words, "end", ALARM),
        ]

    def _upright_lines(self, plane: Plane) -> list[str]:
        lines, words_beside = [], []
        # A halo: bars and other lines pass behind the words.
        halo = f' stroke="{PAPER}" stroke-width="3" paint-order="stroke"'
        for line, (at, words) in enumerate(self.marks):
            x, y = plane.x(at), TOP + 10 + 13 * line
            anchor, aside = ("end", -4) if x > WIDTH / 2 else ("start", 4)
            lines.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" '
                f'stroke="{ALARM}" stroke-dasharray="5 4"/>'
            )
            words_beside.append(text(x + aside, y, words, anchor, ALARM, extra=halo))
        return lines + words_beside

    def x_axis(self, plane: Plane) -> list[str]:
        """The line below, its values, and what they are."""
        if isinstance(self.x[0], str):
            labels = [(float(at), str(name)) for at, name in enumerate(self.x)]
        else:
            places = ticks(plane.left, plane.right, 8, whole=self.x_is_whole)
            labels = [(at, f"{at:g}") for at in places]
        floor = HEIGHT - BOTTOM
        named = [text(plane.x(at), floor + 15, label, "middle") for at, label in labels]
        return [
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}" stroke="{INK}"/>',
            *named,
            text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, self.x_label, "middle"),
        ]


@dataclass(frozen=True)
class Lines:
    """Several series over one axis of numbers, each in its colour, named at its side.

    `series`: name to numbers of the length of `x`, at most as many as there are COLOURS.
    """

    title: str
    x: Sequence[float]
    series: Mapping[str, Sequence[float]]
    x_label: str
    y_label: str

    def to_svg(self) -> str:
        """The document. No series says so in words."""
        values = [value for one in self.series.values() for value in one]
        if not values:
            return document(self.title, text(WIDTH / 2, HEIGHT / 2, "nothing to show", "middle"))
        low, high = min(values), max(values)
        room = (high - low) * 0.06 or 1.0
        plane = Plane(self.x[0], self.x[-1] + 1e-9, low - room, high + room)
        frame = Chart(self.title, self.x, (), self.x_label, self.y_label, "line")
        parts = [*plane.y_axis(self.y_label), *frame.x_axis(plane)]
        for at, (colour, (name, numbers)) in enumerate(
            zip(COLOURS, self.series.items(), strict=False)
        ):
            points = zip(self.x, numbers, strict=True)
            path = " ".join(f"{plane.x(x):.1f},{plane.y(y):.1f}" for x, y in points)
            parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
            parts.append(text(LEFT + 8, TOP + 10 + 13 * at, name, "start", colour))
        return document(self.title, "".join(parts))


@dataclass(frozen=True)
class Plane:
    """From values to pixels."""

    left: float
    right: float
    low: float
    high: float

    def x(self, value: float) -> float:
        """Pixels from the left."""
        return LEFT + (value - self.left) / (self.right - self.left) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Pixels from the top."""
        return TOP + (self.high - value) / (self.high - self.low) * (HEIGHT - TOP - BOTTOM)

    def y_axis(self, label: str) -> list[str]:
        """Lines across, their values, and what they measure."""
        parts = []
        for at in ticks(self.low, self.high, 4):
            y = self.y(at)
            parts.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                f'stroke="{FAINT}"/>'
            )
            parts.append(text(LEFT - 6, y + 4, number(at), "end"))
        middle = (TOP + HEIGHT - BOTTOM) / 2
        turned = text(12, middle, label, "middle", extra=f' transform="rotate(-90 12 {middle})"')
        return [*parts, turned]


def ticks(low: float, high: float, about: int, *, whole: bool = False) -> list[float]:
    """Round values between low and high, a step of 1, 2 or 5 times a power of ten apart."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(one for one in (1, 2, 5, 10) if one * power >= raw * 0.999)
    if whole:
        step = max(1.0, round(step))
    first = math.ceil(low / step)
    return [round(at * step, 12) for at in range(first, math.floor(high / step) + 1)]


def number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def text(x: float, y: float, words: str, anchor: str, colour: str = INK, *, extra: str = "") -> str:
    """Words at a place; `anchor` start, middle or end."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{extra}>'
        f"{escape(words)}</text>"
    )


def document(title: str, body: str, width: int = WIDTH, height: int = HEIGHT) -> str:
    """A whole SVG document of this body, with its title at the upper left."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">'
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>'
        f'<text x="{LEFT}" y="20" font-size="13" font-weight="bold" fill="{INK}">'
        f"{escape(title)}</text>{body}</svg>"
    )


def stacked(documents: Sequence[str]) -> str:
    """Documents of the usual size one below the other, as one."""
    parts = [
        f'<g transform="translate(0 {HEIGHT * at})">{one}</g>' for at, one in enumerate(documents)
    ]
    height = HEIGHT * len(documents)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
        f'viewBox="0 0 {WIDTH} {height}">{"".join(parts)}</svg>'
    )
