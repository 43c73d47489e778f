"""A training set as the arrays that models and scores read.

Belongs here: selecting rows and columns of a training set, and what its trades earned day by day.
Does not belong here: building the set (`rooney_core.labeling`), fitting, or statistics of returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import InputError

FloatArray = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_NEEDED = (
    "symbol",
    "split",
    "label_start",
    "label_end",
    "held_sessions",
    "held_return",
    "meta_label",
    "uniqueness_weight",
)


@dataclass(frozen=True, eq=False)
class SampleRows:
    """Samples in ascending label_start.

    `features` f8[n, k], NaN = unknown; `label` i8[n] in {0, 1}; `weight` f8[n] > 0; spans as
    Datetime series (UTC); `held_sessions` (List of Date) and `held_return` (List of f8): what each
    trade earned in each session that it was held, over its value at entry.
    """

    features: FloatArray
    label: npt.NDArray[np.int64]
    weight: FloatArray
    label_start: pl.Series
    label_end: pl.Series
    held_sessions: pl.Series
    held_return: pl.Series

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: npt.NDArray[np.int64]) -> SampleRows:
        """These rows only, in the order given."""
        return SampleRows(
            self.features[rows],
            self.label[rows],
            self.weight[rows],
            self.label_start[rows],
            self.label_end[rows],
            self.held_sessions[rows],
            self.held_return[rows],
        )


@dataclass(frozen=True, eq=False)
class TradingCalendar:
    """Sessions of a window, ascending and unique, and what each trade earned in which of them.

    One entry per trade and session held: `trade` i8[m], row number, ascending; `position` i8[m] in
    `sessions`; `amount` f8[m], return of that session. `first_position` i8[n]: of each trade's
    first session.
    """

    n_sessions: int
    sessions: pl.Series
    trade: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    amount: FloatArray
    first_position: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: SampleRows, sessions: pl.Series | None) -> TradingCalendar:
        """Sessions of one window, together with every session in which a trade was held.

        `sessions`: all sessions of the window as a Date series; None takes Monday to Friday from
        the first session held to the last, which counts holidays as flat days.
        """
        held = _held(rows)
        days = _weekdays(held["session"]) if sessions is None else sessions.rename("session")
        known = pl.concat([days.cast(pl.Date), held["session"]]).unique().sort()
        position = known.search_sorted(held["session"], side="left").to_numpy().astype(np.int64)
        trade = held["trade"].to_numpy()
        _, first = np.unique(trade, return_index=True)
        return cls(len(known), known, trade, position, held["amount"].to_numpy(), position[first])

    def daily_returns(self, taken: Mask | None = None) -> FloatArray:
        """Returns of the taken trades (bool[n]; None takes all), marked to market each session,
        f8[n_sessions]; 0 on flat days.
        """
        chosen = slice(None) if taken is None else taken[self.trade]
        return np.bincount(
            self.position[chosen], weights=self.amount[chosen], minlength=self.n_sessions
        ).astype(np.float64)


def sample_rows(frame: pl.DataFrame, feature_names: Sequence[str]) -> SampleRows:
    """All rows of a training_set frame as arrays, sorted by label_start.

    Raises InputError for a missing column, a missing label or weight, a label other than 0, 1, or a
    feature that is infinite or beyond float32, which scikit-learn's forest compares in.
    """
    missing = [name for name in (*_NEEDED, *feature_names) if name not in frame.columns]
    if missing:
        raise InputError(
            f"The training set has no column {', '.join(missing)}; it has "
            f"{', '.join(frame.columns)}. Materialize training_set with this version."
        )
    rows = frame.sort("label_start", maintain_order=True)
    label = rows["meta_label"].cast(pl.Int64)
    if label.null_count() or not label.is_in([0, 1]).all():
        raise InputError("meta_label must be 0 or 1 in every row.")
    weight = rows["uniqueness_weight"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    if not np.all(weight > 0):
        raise InputError("uniqueness_weight must be above 0 in every row.")
    features = feature_matrix(rows, feature_names)
    beyond = np.flatnonzero(np.any(np.abs(features) > np.finfo(np.float32).max, axis=0))
    if len(beyond):
        named = ", ".join(feature_names[one] for one in beyond.tolist())
        raise InputError(f"Infinite or beyond float32: {named}; an unknown feature is null.")
    return SampleRows(
        features=features,
        label=label.to_numpy(),
        weight=weight,
        label_start=rows["label_start"],
        label_end=rows["label_end"],
        held_sessions=rows["held_sessions"],
        held_return=rows["held_return"],
    )


def feature_matrix(frame: pl.DataFrame, feature_names: Sequence[str]) -> FloatArray:
    """Feature columns of a frame in the given order, f8[n, k], C order; null becomes NaN."""
    columns = [frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in feature_names]
    if not columns:
        return np.empty((frame.height, 0))
    return np.ascontiguousarray(np.column_stack(columns))


def _held(rows: SampleRows) -> pl.DataFrame:
    """One row (trade, session, amount) per trade and session that it was held, in order."""
    sessions = rows.held_sessions.cast(pl.List(pl.Date))
    amounts = rows.held_return.cast(pl.List(pl.Float64))
    n_held = sessions.list.len().fill_null(0)
    if not ((n_held > 0) & (n_held == amounts.list.len().fill_null(0))).all():
        raise InputError(
            "A trade has no held_sessions, or not as many held_return; both hold one entry per "
            "session from entry to exit. Materialize training_set with this version."
        )
    trade = np.repeat(np.arange(len(rows), dtype=np.int64), n_held.to_numpy())
    held = pl.DataFrame(
        {"trade": trade, "session": sessions.explode(), "amount": amounts.explode()}
    )
    if held["session"].null_count() or not held["amount"].fill_null(np.nan).is_finite().all():
        raise InputError("held_sessions or held_return of a trade holds something unknown.")
    return held


def _weekdays(held: pl.Series) -> pl.Series:
    if len(held) == 0:
        return pl.Series("session", [], dtype=pl.Date)
    days = pl.select(pl.date_range(pl.lit(held.min()), pl.lit(held.max()))).to_series()
    return days.filter(days.dt.weekday() <= 5).rename("session")
