"""The power curve of the gates: how often an edge of which true Sharpe is promoted.

Belongs here: drawing rates that somebody has counted. Does not belong here: counting them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rooney_assets.graph.svg import (
    ALARM,
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
    text,
)

_WHISKER = 4
_ROOM = 0.3
"""Of a Sharpe ratio, to both sides of the curve."""


class Point(NamedTuple):
    """A strength: its true annual Sharpe, the share promoted, and the ends of the interval."""

    true_sharpe: float
    share: float
    low: float
    high: float
    n: int


def power_picture(
    points: Sequence[Point], most_of_null: float, least_of_strong: float, strong_from: float
) -> str:
    """SVG: share of universes promoted against the true annual Sharpe, with intervals.

    The limits are dashed: of the null at most `most_of_null`, from `strong_from` on at least
    `least_of_strong`. Points on the wrong side of theirs have the colour of alarm.
    """
    title = "Promoted, by the true Sharpe of what is planted (95 % intervals)"
    known = sorted(points)
    right = max(strong_from, *(one.true_sharpe for one in known)) + _ROOM
    plane = Plane(min(0.0, known[0].true_sharpe) - _ROOM, right, -0.02, 1.05)
    frame = Chart(title, [0.0], (), "true annual Sharpe", "share promoted", x_is_whole=False)
    path = " ".join(f"{plane.x(one.true_sharpe):.1f},{plane.y(one.share):.1f}" for one in known)
    parts = [
        *plane.y_axis("share promoted"),
        *frame.x_axis(plane),
        _limit(plane, plane.left, 0.0, most_of_null),
        _limit(plane, strong_from, right, least_of_strong),
        f'<polyline points="{path}" fill="none" stroke="{INK}" stroke-width="1.5"/>',
    ]
    for one in known:
        wrong = (one.true_sharpe >= strong_from and one.share <= least_of_strong) or (
            one.true_sharpe == 0.0 and one.share >= most_of_null
        )
        parts.append(_mark(plane, one, ALARM if wrong else MARK))
    return document(title, "".join(parts))


def _mark(plane: Plane, one: Point, colour: str) -> str:
    x, low, high = plane.x(one.true_sharpe), plane.y(one.low), plane.y(one.high)
    line = f'stroke="{colour}" stroke-width="1.5"'
    ends = "".join(
        f'<line x1="{x - _WHISKER:.1f}" x2="{x + _WHISKER:.1f}" y1="{y:.1f}" y2="{y:.1f}" {line}/>'
        for y in (low, high)
    )
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}" {line}/>{ends}'
        f'<circle cx="{x:.1f}" cy="{plane.y(one.share):.1f}" r="3.5" fill="{colour}"/>'
        + text(min(x + 6, WIDTH - RIGHT - 34), max(high - 4, TOP + 8), f"n {one.n}", "start")
    )


def _limit(plane: Plane, first: float, last: float, at: float) -> str:
    y = min(plane.y(at), HEIGHT)
    return (
        f'<line x1="{max(plane.x(first), LEFT):.1f}" x2="{plane.x(last):.1f}" y1="{y:.1f}" '
        f'y2="{y:.1f}" stroke="{ALARM}" stroke-dasharray="5 4"/>'
    )
