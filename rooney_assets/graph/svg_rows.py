"""Charts with a row per name, for names too long or too many to stand below an axis.

Belongs here: drawing numbers that somebody has already aggregated, as bars or as swarms of points.
Does not belong here: computing them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rooney_assets.graph.svg import ALARM, FAINT, INK, MARK, WIDTH, document, number, text, ticks

LEFT, RIGHT, TOP, BOTTOM = 196, 16, 34, 40
LONGEST_NAME: Final = 30
BAR_ROW, SWARM_ROW = 17, 24
"""Pixels from one row to the next."""
DOT: Final = 3.2
"""Width of a swarm's point, and the pixels of x in which points are stacked."""
MOST_STACKED: Final = 3
"""Points above the middle of a row, and below; more lie on each other."""
SHADES: Final = ("#2b6cb0", "#7f9cc4", "#a39fb0", "#cf8a78", "#c53030")
"""From a low value to a high one."""
UNKNOWN: Final = "#a0aec0"


@dataclass(frozen=True)
class RowBars:
    """A bar from 0 per name, the first name on top; below 0 in the colour of alarm.

    `errors`: half of a whisker on each bar, in the same unit; none where it is NaN or not given.
    Values that are not finite leave their row empty.
    """

    title: str
    names: Sequence[str]
    values: Sequence[float]
    x_label: str
    errors: Sequence[float] | None = None

    def to_svg(self) -> str:
        """The document, as high as there are rows. No names say so in words."""
        errors = self.errors or [math.nan] * len(self.names)
        known = [
            (value, error if math.isfinite(error) else 0.0)
            for value, error in zip(self.values, errors, strict=True)
            if math.isfinite(value)
        ]
        if not known:
            return _nothing(self.title)
        low = min(0.0, *(value - error for value, error in known))
        high = max(0.0, *(value + error for value, error in known))
        frame = Rows.around(self.names, BAR_ROW, low, high)
        parts = frame.axes(self.x_label)
        for at, (value, error) in enumerate(zip(self.values, errors, strict=True)):
            if math.isfinite(value):
                parts.append(_bar(frame, at, value))
            if math.isfinite(value) and math.isfinite(error):
                parts.append(_whisker(frame, at, value - error, value + error))
        return document(self.title, "".join(parts), WIDTH, frame.height)


@dataclass(frozen=True)
class Swarm:
    """Points per name along one axis, stacked where they are many, shaded by what lies behind them.

    `values[name][point]`: where it stands. `shades[name][point]` in [0, 1]: its colour from low to
    high, NaN for unknown. `legend` says what the colours are.
    """

    title: str
    names: Sequence[str]
    values: Sequence[Sequence[float]]
    shades: Sequence[Sequence[float]]
    x_label: str
    legend: str

    def to_svg(self) -> str:
        """The document, as high as there are rows. No points say so in words."""
        every = [value for row in self.values for value in row if math.isfinite(value)]
        if not every:
            return _nothing(self.title)
        frame = Rows.around(self.names, SWARM_ROW, min(0.0, *every), max(0.0, *every))
        parts = frame.axes(self.x_label)
        for at, (values, shades) in enumerate(zip(self.values, self.shades, strict=True)):
            parts.extend(_swarm(frame, at, values, shades))
        parts.append(text(WIDTH - RIGHT, TOP - 4, self.legend, "end"))
        return document(self.title, "".join(parts), WIDTH, frame.height)


@dataclass(frozen=True)
class Rows:
    """From values and row numbers to pixels."""

    names: Sequence[str]
    row: int
    low: float
    high: float

    @classmethod
    def around(cls, names: Sequence[str], row: int, low: float, high: float) -> Rows:
        """Rows for values from low to high, with some room at each end that is not 0."""
        room = (high - low) * 0.04 or 1.0
        return cls(names, row, low - room * (low < 0), high + room * (high > 0 or low == high))

    @property
    def height(self) -> int:
        """Of the whole picture, in pixels."""
        return TOP + self.row * len(self.names) + BOTTOM

    def x(self, value: float) -> float:
        """Pixels from the left."""
        return LEFT + (value - self.low) / (self.high - self.low) * (WIDTH - LEFT - RIGHT)

    def y(self, at: int) -> float:
        """Pixels from the top to the middle of a row."""
        return TOP + self.row * (at + 0.5)

    def axes(self, x_label: str) -> list[str]:
        """Upright lines with their values, the line of 0, and the names."""
        floor = self.height - BOTTOM
        parts = []
        for at in ticks(self.low, self.high, 5):
            x = self.x(at)
            colour = INK if at == 0 else FAINT
            parts.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{floor}" stroke="{colour}"/>'
            )
            parts.append(text(x, floor + 15, number(at), "middle"))
        parts += [
            text(LEFT - 8, self.y(at) + 4, _short(name), "end")
            for at, name in enumerate(self.names)
        ]
        return [*parts, text((LEFT + WIDTH - RIGHT) / 2, self.height - 8, x_label, "middle")]


def _nothing(title: str) -> str:
    return document(title, text(WIDTH / 2, TOP + 16, "nothing to show", "middle"), height=TOP + 40)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _bar(frame: Rows, at: int, value: float) -> str:
    left, right = sorted((frame.x(0.0), frame.x(value)))
    return (
        f'<rect x="{left:.1f}" y="{frame.y(at) - frame.row * 0.35:.1f}" '
        f'width="{right - left:.1f}" height="{frame.row * 0.7:.1f}" '
        f'fill="{ALARM if value < 0 else MARK}"/>'
    )


def _whisker(frame: Rows, at: int, low: float, high: float) -> str:
    return (
        f'<line x1="{frame.x(low):.1f}" x2="{frame.x(high):.1f}" y1="{frame.y(at):.1f}" '
        f'y2="{frame.y(at):.1f}" stroke="{INK}"/>'
    )


def _swarm(frame: Rows, at: int, values: Sequence[float], shades: Sequence[float]) -> list[str]:
    """One path per colour: a point is a line of no length with a round end, a dozen bytes."""
    stacked: dict[int, int] = {}
    paths: dict[str, list[str]] = {}
    for value, shade in zip(values, shades, strict=True):
        if not math.isfinite(value):
            continue
        x = frame.x(value)
        place = stacked[round(x / DOT)] = stacked.get(round(x / DOT), -1) + 1
        # 0, 1 up, 1 down, 2 up, 2 down, ...
        steps = min((place + 1) // 2, MOST_STACKED) * (1 if place % 2 else -1)
        y = frame.y(at) - steps * DOT
        paths.setdefault(_shade(shade), []).append(f"M{x:.1f} {y:.1f}h0")
    return [
        f'<path d="{"".join(points)}" stroke="{colour}" stroke-width="{DOT}" '
        'stroke-linecap="round" fill="none"/>'
        for colour, points in paths.items()
    ]


def _shade(value: float) -> str:
    if not math.isfinite(value):
        return UNKNOWN
    return SHADES[min(int(value * len(SHADES)), len(SHADES) - 1)]
