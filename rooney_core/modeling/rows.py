"""A training set as the arrays that models and scores read.

Belongs here: selecting rows and columns of a training set, and booking trades on days. Does not
belong here: building the set (`rooney_core.labeling`), fitting, or statistics of the returns.
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
    "exit_session",
    "return",
    "meta_label",
    "uniqueness_weight",
)


@dataclass(frozen=True, eq=False)
class SampleRows:
    """Samples in ascending label_start.

    `features` f8[n, k], NaN = unknown; `label` i8[n] in {0, 1}; `weight` f8[n] > 0; spans as
    Datetime series (UTC); `trade_return` f8[n]; `exit_session` Date series.
    """

    features: FloatArray
    label: npt.NDArray[np.int64]
    weight: FloatArray
    label_start: pl.Series
    label_end: pl.Series
    trade_return: FloatArray
    exit_session: pl.Series

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
            self.trade_return[rows],
            self.exit_session[rows],
        )


@dataclass(frozen=True, eq=False)
class TradingCalendar:
    """Sessions of a window, ascending and unique, and the position of each trade's exit in them."""

    n_sessions: int
    exit_position: npt.NDArray[np.int64]
    sessions: pl.Series

    @classmethod
    def of(cls, exit_session: pl.Series, sessions: pl.Series | None) -> TradingCalendar:
        """Sessions of one window, together with every exit's own session.

        `sessions`: all sessions of the window as a Date series; None takes Monday to Friday from
        the first exit to the last, which counts holidays as flat days.
        """
        exits = exit_session.rename("session")
        days = _weekdays(exits) if sessions is None else sessions.rename("session")
        known = pl.concat([days.cast(pl.Date), exits.cast(pl.Date)]).unique().sort()
        position = known.search_sorted(exits, side="left").to_numpy().astype(np.int64)
        return cls(len(known), position, known)

    def daily_sums(self, amount: FloatArray, taken: Mask | None = None) -> FloatArray:
        """Amounts of the taken trades per session of their exit, f8[n_sessions]; 0 on flat days."""
        chosen = np.ones(len(amount), dtype=np.bool_) if taken is None else taken
        return np.bincount(
            self.exit_position[chosen], weights=amount[chosen], minlength=self.n_sessions
        ).astype(np.float64)


def sample_rows(frame: pl.DataFrame, feature_names: Sequence[str]) -> SampleRows:
    """All rows of a training_set frame as arrays, sorted by label_start.

    Raises InputError for a missing column, a missing label or weight, or a label other than 0, 1.
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
    return SampleRows(
        features=feature_matrix(rows, feature_names),
        label=label.to_numpy(),
        weight=weight,
        label_start=rows["label_start"],
        label_end=rows["label_end"],
        trade_return=rows["return"].cast(pl.Float64).to_numpy(),
        exit_session=rows["exit_session"],
    )


def feature_matrix(frame: pl.DataFrame, feature_names: Sequence[str]) -> FloatArray:
    """Feature columns of a frame in the given order, f8[n, k], C order; null becomes NaN."""
    columns = [frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in feature_names]
    if not columns:
        return np.empty((frame.height, 0))
    return np.ascontiguousarray(np.column_stack(columns))


def _weekdays(exits: pl.Series) -> pl.Series:
    if len(exits) == 0:
        return pl.Series("session", [], dtype=pl.Date)
    days = pl.select(pl.date_range(pl.lit(exits.min()), pl.lit(exits.max()))).to_series()
    return days.filter(days.dt.weekday() <= 5).rename("session")
