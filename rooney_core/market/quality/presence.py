"""Is every bar there that the calendar expects, and is the newest one fresh?

Belongs here: comparing what is there with what was scheduled. Does not belong here: the schedule
(`calendar.py`), or the wall clock, which comes in as an argument.
"""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rooney_core.market.calendar import UTC_MICROSECONDS
from rooney_core.market.quality.measured import ROWS_KEPT, Measured


def missing_bars(bar_start: pl.Series, expected: pl.DataFrame) -> Measured:
    """Expected bars that are not there.

    `bar_start`: sorted, repeats allowed. `expected`: columns session and bar_start, sorted, as
    `calendar.expected_bar_starts` gives them. Numbers: expected, missing, share, longest gap
    (bars). Rows: the gaps, longest first: missing_from, missing_to (start of the first and the
    last missing bar), bars. Points: x = year, y = share missing.
    """
    wanted = expected["bar_start"].dt.timestamp("us").to_numpy()
    absent = ~_contains(bar_start.dt.timestamp("us").to_numpy(), wanted)
    gaps = _runs(absent)
    gaps = gaps[np.argsort(gaps[:, 0] - gaps[:, 1], kind="stable")]
    kept = gaps[:ROWS_KEPT]
    rows = pl.DataFrame(
        {
            "missing_from": pl.Series(wanted[kept[:, 0]], dtype=pl.Int64).cast(UTC_MICROSECONDS),
            "missing_to": pl.Series(wanted[kept[:, 1] - 1], dtype=pl.Int64).cast(UTC_MICROSECONDS),
            "bars": kept[:, 1] - kept[:, 0],
        }
    )
    n_missing = int(absent.sum())
    numbers = {
        "expected": len(wanted),
        "missing": n_missing,
        "share": n_missing / max(1, len(wanted)),
        "longest gap": int(rows["bars"].max() or 0),  # type: ignore[arg-type]
    }
    points = (
        pl.DataFrame({"x": expected["session"].dt.year(), "y": absent})
        .group_by("x")
        .agg(pl.col("y").mean())
        .sort("x")
    )
    return Measured(numbers, rows, points)


def missing_sessions(sessions: pl.Series, planned: pl.Series) -> Measured:
    """Scheduled sessions (`planned`, dates) without a single bar among `sessions`.

    Numbers: scheduled, missing, share, longest gap (sessions in a row). Rows: session. Points:
    x = year, y = missing sessions.
    """
    absent = ~planned.is_in(sessions.unique().implode())
    rows = planned.filter(absent).alias("session").to_frame()
    longest = _runs(absent.to_numpy())
    numbers = {
        "scheduled": len(planned),
        "missing": rows.height,
        "share": rows.height / max(1, len(planned)),
        "longest gap": int((longest[:, 1] - longest[:, 0]).max(initial=0)),
    }
    points = (
        pl.DataFrame({"x": planned.dt.year(), "y": absent})
        .group_by("x")
        .agg(pl.col("y").sum().cast(pl.Float64))
        .sort("x")
    )
    return Measured(numbers, rows.head(ROWS_KEPT), points)


def staleness(last_bar_end: datetime, ended_since: pl.DataFrame, now: datetime) -> Measured:
    """How far behind `now` the bars end.

    `ended_since`: columns session and session_close of the scheduled sessions after the last bar's
    own, up to now; those that have ended by now are missed. Numbers: age in hours, sessions missed,
    last bar end. Rows: the missed sessions, oldest first.
    """
    missed = ended_since.filter(
        (pl.col("session_close") <= now) & (pl.col("session_close") > last_bar_end)
    )
    numbers: dict[str, int | float | str] = {
        "age, hours": round((now - last_bar_end).total_seconds() / 3600, 1),
        "sessions missed": missed.height,
        "last bar ends": last_bar_end.strftime("%Y-%m-%d %H:%M UTC"),
    }
    return Measured(numbers, missed.select("session", "session_close").head(ROWS_KEPT))


def first_and_last(sessions: pl.Series) -> tuple[date, date]:
    """The span of a column of sessions that has at least one."""
    return sessions.min(), sessions.max()  # type: ignore[return-value]


def _contains(sorted_values: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of `wanted` are among the sorted values; memory of one mask, for millions of bars."""
    if not len(sorted_values):
        return np.zeros(len(wanted), dtype=np.bool_)
    place = np.searchsorted(sorted_values, wanted)
    place[place == len(sorted_values)] = 0
    found: NDArray[np.bool_] = sorted_values[place] == wanted
    return found


def _runs(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """[first, past the last) of every run of True, one row each."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return edges.reshape(-1, 2)
