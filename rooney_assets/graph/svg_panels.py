"""Many small pictures in one SVG document: heat maps and bars, a panel each.

Belongs here: drawing numbers that somebody has already aggregated. Does not belong here: computing
them. One document of fifty panels is read at a glance; fifty documents are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rooney_assets.graph.svg import ALARM, FAINT, INK, MARK, document, text

WIDTH, HEIGHT = 156, 126
"""Of a panel, its words included."""
_LEFT, _TOP, _BOTTOM, _RIGHT = 6, 28, 24, 6
_ACROSS, _DOWN = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
_HEAD, _FOOT = 30, 20
_UNKNOWN = "#a0aec0"


@dataclass(frozen=True)
class Panel:
    """A title, a line of words below it, and marks drawn by `heat` or `bars`."""

    title: str
    words: str
    marks: str


def panels(title: str, items: Sequence[Panel], columns: int, legend: str) -> str:
    """The document, row by row, with a legend at the foot."""
    rows = max(1, math.ceil(len(items) / columns))
    width, height = columns * WIDTH, _HEAD + rows * HEIGHT + _FOOT
    parts = []
    for at, item in enumerate(items):
        across, down = at % columns * WIDTH, _HEAD + at // columns * HEIGHT
        head = text(_LEFT, 12, item.title, "start", extra=' font-size="10" font-weight="bold"')
        said = text(_LEFT, 23, item.words, "start", extra=' font-size="9"')
        parts.append(f'<g transform="translate({across} {down})">{head}{said}{item.marks}</g>')
    parts.append(text(_LEFT, height - 6, legend, "start"))
    return document(title, "".join(parts), width, height)


def heat(
    values: Sequence[Sequence[float]],
    most: float,
    marked: tuple[int, int],
    axes: tuple[str, str],
) -> str:
    """Cells, values[row][column], the first row below; blue above 0, red below, white at 0.

    Colours are full at `most`. `marked` (row, column) is framed; `axes`: words of y and of x.
    """
    wide, high = _ACROSS / len(values[0]), _DOWN / len(values)
    parts = []
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            frame = f' stroke="{INK}" stroke-width="2"' if (row, column) == marked else ""
            parts.append(
                f'<rect x="{_LEFT + column * wide:.1f}" '
                f'y="{_TOP + (len(values) - 1 - row) * high:.1f}" width="{wide - 1:.1f}" '
                f'height="{high - 1:.1f}" fill="{_colour(value, most)}"{frame}/>'
            )
    small = ' font-size="8"'
    parts.append(text(_LEFT, HEIGHT - 14, f"→ {axes[1]}", "start", extra=small))
    if len(values) > 1:
        parts.append(text(_LEFT, HEIGHT - 4, f"↑ {axes[0]}", "start", extra=small))
    return "".join(parts)


def bars(names: Sequence[str], values: Sequence[float], most: float) -> str:
    """A bar per value, cut at +-`most`, in the colour of alarm below 0; an unknown one is left out.

    The first and the last name stand below.
    """
    middle = _TOP + _DOWN / 2
    parts = [
        f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{middle}" y2="{middle}" stroke="{FAINT}"/>'
    ]
    wide = _ACROSS / max(1, len(values))
    for at, value in enumerate(values):
        if not math.isfinite(value):
            continue
        high = min(abs(value), most) / most * _DOWN / 2
        parts.append(
            f'<rect x="{_LEFT + at * wide:.1f}" y="{middle - (high if value > 0 else 0):.1f}" '
            f'width="{wide - 1:.1f}" height="{high:.1f}" fill="{MARK if value > 0 else ALARM}"/>'
        )
    if names:
        small = ' font-size="8"'
        parts.append(text(_LEFT, HEIGHT - 14, names[0], "start", extra=small))
        parts.append(text(WIDTH - _RIGHT, HEIGHT - 14, names[-1], "end", extra=small))
    return "".join(parts)


def _colour(value: float, most: float) -> str:
    if not math.isfinite(value):
        return _UNKNOWN
    share = min(1.0, abs(value) / most)
    full = (0x2B, 0x6C, 0xB0) if value > 0 else (0xC5, 0x30, 0x30)
    return "#" + "".join(f"{round(255 + (one - 255) * share):02x}" for one in full)
