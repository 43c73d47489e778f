"""Charts for check results as SVG text: small, fast to write, readable in light and dark mode.

Belongs here: drawing numbers that somebody has already aggregated. Does not belong here: computing
them, or pictures of thousands of points (`figures.py` draws those, as PNG).

A check writes its chart on every run, so a chart costs well under a millisecond and a few kB. The
background is explicit: the page behind it may be light or dark. No script, no font, no link.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 34, 40
MOST_POINTS = 600
"""Points that a line may have: more than one a pixel shows nothing more."""
_PAPER, _INK, _FAINT, _MARK, _ALARM = "#ffffff", "#1f2933", "#d5dbe1", "#2b6cb0", "#c53030"


@dataclass(frozen=True)
class Chart:
    """One series with its axes.

    `x`: numbers (years, hours), or names for bars. `y`: numbers of the same length; NaN and
    infinite ones are left out. `limit` is drawn as a dashed line, and what is on its wrong side in
    the colour of alarm: above it, or below it with `limit_is_least`.
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

    def to_svg(self) -> str:
        """The document. An empty series says so in words."""
        points = self._points()
        if not points:
            return _document(self.title, _text(WIDTH / 2, HEIGHT / 2, "nothing to show", "middle"))
        low, high = self._y_span([y for _, y in points])
        plane = _Plane(*self._x_span([x for x, _ in points]), low, high)
        parts = [
            *plane.y_axis(self.y_label),
            *self._x_axis(plane),
            *self._marks(plane, points),
            *self._limit_line(plane),
        ]
        return _document(self.title, "".join(parts))

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
        low, high = min(values), max(values)
        edge = 0.5 if self.kind == "bars" else (high - low) * 0.02 or 0.5
        return low - edge, high + edge

    def _y_span(self, values: list[float]) -> tuple[float, float]:
        known = [*values, *([] if self.limit is None else [self.limit])]
        low, high = min(known), max(known)
        if self.kind == "bars" and not (self.limit_is_least and low > high / 2 > 0):
            low, high = min(low, 0.0), max(high, 0.0)
        room = (high - low) * 0.06 or abs(high) * 0.06 or 1.0
        return (low if low == 0 else low - room), high + room

    def _marks(self, plane: _Plane, points: list[tuple[float, float]]) -> list[str]:
        if self.kind == "line" and len(points) > 1:
            path = " ".join(f"{plane.x(x):.1f},{plane.y(y):.1f}" for x, y in points)
            return [f'<polyline points="{path}" fill="none" stroke="{_MARK}" stroke-width="1.5"/>']
        if self.kind != "bars":
            return [
                f'<circle cx="{plane.x(x):.1f}" cy="{plane.y(y):.1f}" r="2.5" '
                f'fill="{self._colour(y)}"/>'
                for x, y in points
            ]
        return [self._bar(plane, x, y) for x, y in points]

    def _bar(self, plane: _Plane, x: float, y: float) -> str:
        left, right = plane.x(x - 0.4), plane.x(x + 0.4)
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
        return _ALARM if wrong else _MARK

    def _limit_line(self, plane: _Plane) -> list[str]:
        if self.limit is None:
            return []
        at = plane.y(self.limit)
        words = f"{'at least' if self.limit_is_least else 'at most'} {_number(self.limit)}"
        return [
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" '
            f'stroke="{_ALARM}" stroke-dasharray="5 4"/>',
            _text(WIDTH - RIGHT, 20, words, "end", _ALARM),
        ]

    def _x_axis(self, plane: _Plane) -> list[str]:
        if isinstance(self.x[0], str):
            labels = [(float(at), str(name)) for at, name in enumerate(self.x)]
        else:
            ticks = _ticks(plane.left, plane.right, 8, whole=self.x_is_whole)
            labels = [(at, f"{at:g}") for at in ticks]
        floor = HEIGHT - BOTTOM
        named = [_text(plane.x(at), floor + 15, label, "middle") for at, label in labels]
        return [
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor}" y2="{floor}" stroke="{_INK}"/>',
            *named,
            _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, self.x_label, "middle"),
        ]


@dataclass(frozen=True)
class _Plane:
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
        for at in _ticks(self.low, self.high, 4):
            y = self.y(at)
            parts.append(
                f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                f'stroke="{_FAINT}"/>'
            )
            parts.append(_text(LEFT - 6, y + 4, _number(at), "end"))
        middle = (TOP + HEIGHT - BOTTOM) / 2
        turned = _text(12, middle, label, "middle", extra=f' transform="rotate(-90 12 {middle})"')
        return [*parts, turned]


def _ticks(low: float, high: float, about: int, *, whole: bool = False) -> list[float]:
    """Round values between low and high, a step of 1, 2 or 5 times a power of ten apart."""
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(one for one in (1, 2, 5, 10) if one * power >= raw * 0.999)
    if whole:
        step = max(1.0, round(step))
    first = math.ceil(low / step)
    return [round(at * step, 12) for at in range(first, math.floor(high / step) + 1)]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _text(
    x: float, y: float, words: str, anchor: str, colour: str = _INK, *, extra: str = ""
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}"{extra}>'
        f"{escape(words)}</text>"
    )


def _document(title: str, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{_PAPER}"/>'
        f'<text x="{LEFT}" y="20" font-size="13" font-weight="bold" fill="{_INK}">'
        f"{escape(title)}</text>{body}</svg>"
    )
