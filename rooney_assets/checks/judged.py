"""From a measurement to an outcome: numbers and limits as facts, offending rows, a chart.

Belongs here: the one way in which checks of bars are told. Does not belong here: any limit.
"""

from __future__ import annotations

from typing import Any, Literal

import polars as pl

from rooney_assets.graph.declaration import Outcome
from rooney_assets.graph.svg import Chart
from rooney_core.market.quality import Measured

_DATES = ("session", "roll_session")


def judge(
    measured: Measured,
    passed: bool,
    title: str,
    y_label: str,
    *,
    x_label: str = "year",
    kind: Literal["bars", "line", "points"] = "bars",
    limit: float | None = None,
    limit_is_least: bool = False,
    **more: Any,
) -> Outcome:
    """An outcome whose chart shows `measured.points`; `more` joins the facts (`_` as a space).

    `limit` is drawn in the chart only: state it in `more` too, where the numbers need it.
    """
    facts = {**measured.numbers, **{name.replace("_", " "): one for name, one in more.items()}}
    picture = chart(
        measured.points,
        title,
        y_label,
        x_label=x_label,
        kind=kind,
        limit=limit,
        limit_is_least=limit_is_least,
    )
    return Outcome(passed, facts, measured.rows, picture)


def chart(
    points: pl.DataFrame,
    title: str,
    y_label: str,
    *,
    x_label: str = "year",
    kind: Literal["bars", "line", "points"] = "bars",
    limit: float | None = None,
    limit_is_least: bool = False,
    x_is_whole: bool = True,
) -> str:
    """A frame with the columns x and y as SVG; one without them as an empty chart."""
    x, y = (points[name].to_list() if name in points.columns else [] for name in ("x", "y"))
    drawn = Chart(title, x, y, x_label, y_label, kind, limit, limit_is_least, x_is_whole)
    return drawn.to_svg()


def not_looked_at(why: str, table: pl.DataFrame | None = None) -> Outcome:
    """A check that does not concern this table; it passes, and says why.

    What was there is counted and drawn by year all the same: rows with a date `session`, or
    `roll_session`.
    """
    facts: dict[str, Any] = {"not looked at": why}
    if table is None:
        return Outcome(True, facts)
    dated = next((name for name in _DATES if name in table.columns), None)
    points = pl.DataFrame()
    if dated is not None:
        by_year = table.group_by(x=pl.col(dated).dt.year())
        points = by_year.agg(y=pl.len().cast(pl.Float64)).drop_nulls().sort("x")
    picture = chart(points, f"Not looked at: {why}", "rows")
    return Outcome(True, {**facts, "rows": table.height}, picture=picture)
