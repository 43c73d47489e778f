"""Which samples may train a model that is judged on others, when labels take time to resolve?

Belongs here: splits that know label spans: combinatorial purged cross-validation and the three
windows. Does not belong here: fitting, scoring, or the dates of the windows (windows.py).

A sample spans the closed interval [label_start, label_end], label_end the true exit. Spans are
numpy datetime64 arrays or polars series (UTC), or integers (bar numbers); datetimes are compared
in whole microseconds. NaT and null are refused.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import InputError, InvalidSetting, NotEnoughData

IndexArray = npt.NDArray[np.int64]
Embargo = timedelta | np.timedelta64 | int
Boundary = date | datetime | np.datetime64 | int

ONE_MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class CombinatorialPurgedCV:
    """Every choice of `n_test_folds` out of `n_folds` contiguous folds as the tested ones.

    Lopez de Prado, Advances in Financial Machine Learning (2018), chapters 7 and 12. Folds hold
    equal numbers of samples, the first n mod n_folds one more (`numpy.array_split`). Score the
    distribution of the paths' Sharpes, not of the splits', and run it in the train window only.

    `embargo` comes on top of the purge: a timedelta for datetime spans, an integer for integer
    spans, 0 for none with either.

    Raises:
        InvalidSetting: n_folds below 2, n_test_folds outside 1 .. n_folds - 1, a negative embargo.
    """

    n_folds: int
    n_test_folds: int
    embargo: Embargo

    def __post_init__(self) -> None:
        if self.n_folds < 2 or not 1 <= self.n_test_folds < self.n_folds:
            raise InvalidSetting(
                f"n_folds={self.n_folds}, n_test_folds={self.n_test_folds} arrived; "
                "n_folds >= 2 and 1 <= n_test_folds < n_folds are allowed."
            )
        _embargo_ticks(self.embargo, is_time=isinstance(self.embargo, timedelta | np.timedelta64))

    @property
    def n_splits(self) -> int:
        """C(n_folds, n_test_folds)."""
        return math.comb(self.n_folds, self.n_test_folds)

    @property
    def n_paths(self) -> int:
        """C(n_folds - 1, n_test_folds - 1): how often each fold is tested."""
        return math.comb(self.n_folds - 1, self.n_test_folds - 1)

    def test_folds(self) -> IndexArray:
        """Fold numbers tested in each split, i8[n_splits, n_test_folds], lexicographic order."""
        return np.array(list(combinations(range(self.n_folds), self.n_test_folds)), dtype=np.int64)

    def path_ids(self) -> IndexArray:
        """Path, from 0, to which each tested fold of each split belongs, shaped as `test_folds`.

        Path j takes the j-th appearance of each fold in the order of the splits, so each path
        predicts every sample once.
        """
        n_seen = np.zeros(self.n_folds, dtype=np.int64)
        paths = np.empty((self.n_splits, self.n_test_folds), dtype=np.int64)
        for split, folds in enumerate(self.test_folds()):
            paths[split] = n_seen[folds]
            n_seen[folds] += 1
        return paths

    def fold_ids(self, n_samples: int) -> IndexArray:
        """Fold number of each sample, i8[n_samples], ascending.

        Raises:
            NotEnoughData: fewer samples than folds.
        """
        if n_samples < self.n_folds:
            raise NotEnoughData(f"{n_samples} samples arrived for {self.n_folds} folds.")
        sizes = [len(part) for part in np.array_split(np.arange(n_samples), self.n_folds)]
        return np.repeat(np.arange(self.n_folds), sizes)

    def split(
        self,
        label_start: npt.ArrayLike | pl.Series,
        label_end: npt.ArrayLike | pl.Series | None,
        groups: npt.ArrayLike | pl.DataFrame | None = None,
    ) -> Iterator[tuple[IndexArray, IndexArray]]:
        """Yield (train, test) row numbers, ascending, one pair per row of `test_folds`.

        Neighbouring tested folds form one block. Per block a train sample is purged where its span
        touches [first start, last end] of the block, then embargoed where
        last end < start <= last end + embargo. Train may come out empty where labels are long.

        scikit-learn calls `split(X, y, groups)`: with `groups`, [n, 2] of (label_start, label_end),
        the spans are read from there, and the two others are not looked at. So
        `cross_val_score(model, X, y, groups=spans, cv=this)` works; `bound_to` needs no groups.

        Raises:
            InputError: spans missing, of different lengths, ending before they start, or not in
                ascending order of label_start.
            InvalidSetting: an embargo of the wrong kind for the spans.
            NotEnoughData: fewer samples than folds.
        """
        if groups is not None:
            label_start, label_end = _two_columns(groups)
        elif label_end is None:
            raise InputError(
                "split needs label_start and label_end. From scikit-learn, pass them as groups "
                "([n, 2]), or as cv=CombinatorialPurgedCV(...).bound_to(label_start, label_end)."
            )
        spans = _spans(label_start, label_end)
        if np.any(np.diff(spans.start) < 0):
            raise InputError(
                "label_start is not in ascending order, so folds would not be stretches of time; "
                "sort the samples by label_start first."
            )
        embargo = _embargo_ticks(self.embargo, spans.is_time)
        fold_ids = self.fold_ids(len(spans.start))
        return (self._one_split(spans, embargo, fold_ids, folds) for folds in self.test_folds())

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:  # noqa: N803
        """`n_splits`, by the name that scikit-learn asks for; the arguments are not looked at."""
        return self.n_splits

    def bound_to(
        self, label_start: npt.ArrayLike | pl.Series, label_end: npt.ArrayLike | pl.Series
    ) -> BoundPurgedCV:
        """A scikit-learn splitter of samples with these spans: `cross_val_score(..., cv=it)`.

        Raises what `split` raises, at once.
        """
        return BoundPurgedCV(self, tuple(self.split(label_start, label_end)))

    def assemble_paths(self, predictions: Iterable[npt.ArrayLike]) -> npt.NDArray[np.float64]:
        """The tested rows' values of every split, put on the paths: f8[n_paths, n_samples].

        `predictions`: one f8[n_test] per split, in the order of `split`, each in the order of its
        test rows. Every sample is on every path once: score each row of the result.

        Raises:
            InputError: a number of splits, or of values in a split, other than `split` gave.
        """
        values = [np.asarray(one, dtype=np.float64) for one in predictions]
        n_tested = sum(map(len, values))
        # Each sample is tested once per path.
        fold_ids = self.fold_ids(n_tested // self.n_paths)
        paths = np.full((self.n_paths, len(fold_ids)), np.nan)
        sizes = np.bincount(fold_ids, minlength=self.n_folds)[self.test_folds()].sum(axis=1)
        if n_tested % self.n_paths or [len(one) for one in values] != sizes.tolist():
            raise InputError(
                f"{len(values)} predictions of {[len(one) for one in values]} values arrived; "
                f"{self.n_splits} are needed, of as many values as each split has test rows."
            )
        for of_split, folds, on in zip(values, self.test_folds(), self.path_ids(), strict=True):
            tested = fold_ids[np.isin(fold_ids, folds)]
            for fold, path in zip(folds, on, strict=True):
                paths[path, fold_ids == fold] = of_split[tested == fold]
        return paths

    @staticmethod
    def _one_split(
        spans: _Spans, embargo: int, fold_ids: IndexArray, folds: IndexArray
    ) -> tuple[IndexArray, IndexArray]:
        is_test = np.isin(fold_ids, folds)
        is_train = ~is_test
        for block in np.split(folds, np.flatnonzero(np.diff(folds) > 1) + 1):
            in_block = np.isin(fold_ids, block)
            first, last = spans.start[in_block].min(), spans.end[in_block].max()
            # From the block's first start to the end of its embargo, in one comparison.
            is_train &= (spans.end < first) | (spans.start > last + embargo)
        return np.flatnonzero(is_train), np.flatnonzero(is_test)


@dataclass(frozen=True, eq=False)
class BoundPurgedCV:
    """The splits of samples whose spans are known: what scikit-learn takes as `cv`.

    `X` has one row per span, in the same order; `y` and `groups` are not looked at. One object
    serves every estimator that is scored on these samples.
    """

    cv: CombinatorialPurgedCV
    splits: tuple[tuple[IndexArray, IndexArray], ...]

    def get_n_splits(self, X: object = None, y: object = None, groups: object = None) -> int:  # noqa: N803
        """How many (train, test) pairs `split` yields."""
        return self.cv.n_splits

    def split(
        self,
        X: Sized,  # noqa: N803
        y: object = None,
        groups: object = None,
    ) -> Iterator[tuple[IndexArray, IndexArray]]:
        """Yield (train, test) row numbers of X, as `CombinatorialPurgedCV.split` does.

        Raises InputError where X has another number of rows than there are spans.
        """
        # Every sample is tested in some split.
        n_samples = 1 + max(int(test.max()) for _, test in self.splits)
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        if n_rows != n_samples:
            raise InputError(
                f"X has {n_rows} rows, and the splitter was bound to {n_samples} spans; bind it to "
                "the label spans of exactly these rows."
            )
        return ((train.copy(), test.copy()) for train, test in self.splits)


def three_way_split(
    label_start: npt.ArrayLike | pl.Series,
    label_end: npt.ArrayLike | pl.Series,
    train_end: Boundary,
    validation_end: Boundary,
    embargo: Embargo,
) -> npt.NDArray[np.str_]:
    """The window of each sample: "train", "validation", "test" or "dropped", as str[n].

    A boundary is inclusive: a date lasts until its end in UTC (midnight itself is the next day), a
    datetime or integer is the last instant of its window. A sample belongs to a window only with
    its whole closed span; one that spans a boundary is dropped, and so is one that starts within
    `embargo` after a boundary. With an embargo, the gap from the boundary (for a date, from the
    midnight that ends it) to the first kept start is longer than the embargo, in calendar time.
    Samples may come in any order; none at all gives an empty array.

    Raises:
        InputError: spans missing, of different lengths, or ending before they start.
        InvalidSetting: boundaries not in order, or of the wrong kind for the spans; so an embargo.
    """
    spans = _spans(label_start, label_end)
    gap = _embargo_ticks(embargo, spans.is_time)
    train_last, validation_first = _edges(train_end, gap, spans.is_time)
    validation_last, test_first = _edges(validation_end, gap, spans.is_time)
    if train_last >= validation_last:
        raise InvalidSetting(
            f"train_end={train_end} is not before validation_end={validation_end}; "
            "pass the boundaries in order."
        )
    in_train = spans.end <= train_last
    in_validation = (spans.start >= validation_first) & (spans.end <= validation_last)
    in_test = spans.start >= test_first
    return np.select(
        [in_train, in_validation, in_test], ["train", "validation", "test"], default="dropped"
    )


class _Spans(NamedTuple):
    start: IndexArray
    end: IndexArray
    is_time: bool


def _spans(label_start: npt.ArrayLike | pl.Series, label_end: npt.ArrayLike | pl.Series) -> _Spans:
    start, start_is_time = _ticks(label_start, "label_start")
    end, end_is_time = _ticks(label_end, "label_end")
    if start.shape != end.shape or (start_is_time != end_is_time and len(start)):
        raise InputError(
            f"label_start {start.shape} and label_end {end.shape} are not spans; pass one start "
            "and one end per sample, both datetimes or both integers."
        )
    backwards = np.flatnonzero(end < start)
    if len(backwards):
        raise InputError(
            f"{len(backwards)} samples end before they start, first at row {backwards[0]}; "
            "label_end is the true exit, never earlier than label_start."
        )
    return _Spans(start, end, start_is_time)


def _two_columns(
    groups: npt.ArrayLike | pl.DataFrame,
) -> tuple[npt.ArrayLike | pl.Series, npt.ArrayLike | pl.Series]:
    if isinstance(groups, pl.DataFrame) and groups.width == 2:
        return groups.to_series(0), groups.to_series(1)
    spans = np.asarray(groups)
    if spans.ndim != 2 or spans.shape[1] != 2:
        raise InputError(
            f"groups of shape {spans.shape} arrived; label spans [n, 2], start and end, are needed."
        )
    return spans[:, 0], spans[:, 1]


def _ticks(values: npt.ArrayLike | pl.Series, what: str) -> tuple[IndexArray, bool]:
    """Times as whole microseconds since 1970 in UTC, integers as they are; and which it was."""
    series = values if isinstance(values, pl.Series) else _as_series(values, what)
    if series.null_count():
        raise InputError(f"{what}: {series.null_count()} values are missing; none may be.")
    if series.dtype.is_integer():
        return series.cast(pl.Int64).to_numpy(), False
    if series.dtype == pl.Date or isinstance(series.dtype, pl.Datetime):
        return series.cast(pl.Datetime("us")).cast(pl.Int64).to_numpy(), True
    raise InputError(f"{what}: {series.dtype} arrived; datetimes in UTC or integers are allowed.")


def _as_series(values: npt.ArrayLike, what: str) -> pl.Series:
    array: npt.NDArray[Any] = np.asarray(values)
    if array.ndim != 1:
        raise InputError(f"{what}: one dimension is needed, shape {array.shape} arrived.")
    if array.dtype.kind == "M":
        return pl.Series(array.astype("datetime64[us]"))
    if array.dtype.kind in "iu" or len(array) == 0:
        return pl.Series(array.astype(np.int64))
    raise InputError(f"{what}: {array.dtype} arrived; datetime64 in UTC or integers are allowed.")


def _embargo_ticks(embargo: Embargo, is_time: bool) -> int:
    """The embargo in the spans' unit; 0 is allowed for both kinds."""
    if isinstance(embargo, np.timedelta64):
        duration = embargo.astype("timedelta64[us]").item()
    else:
        duration = embargo
    if isinstance(duration, timedelta) and (is_time or not duration):
        ticks = duration // ONE_MICROSECOND
    elif isinstance(duration, int | np.integer) and (not is_time or duration == 0):
        ticks = int(duration)
    else:
        needed = "a timedelta" if is_time else "an integer"
        raise InvalidSetting(f"embargo={embargo!r} arrived; these spans need {needed}, or 0.")
    if ticks < 0:
        raise InvalidSetting(f"embargo={embargo!r} arrived; it cannot be negative.")
    return ticks


def _edges(boundary: Boundary, embargo: int, is_time: bool) -> tuple[int, int]:
    """Last tick of the window that the boundary closes, first tick of the one after it."""
    if isinstance(boundary, np.datetime64):
        boundary = boundary.astype(
            "datetime64[D]" if np.datetime_data(boundary.dtype)[0] == "D" else "datetime64[us]"
        ).item()
    if isinstance(boundary, datetime) and is_time:
        in_utc = boundary if boundary.tzinfo else boundary.replace(tzinfo=UTC)
        last = (in_utc - EPOCH) // ONE_MICROSECOND
        return last, last + embargo + 1
    if isinstance(boundary, date) and is_time:
        midnight = datetime(boundary.year, boundary.month, boundary.day, tzinfo=UTC)
        closing = (midnight + timedelta(days=1) - EPOCH) // ONE_MICROSECOND
        return closing - 1, closing + embargo + 1 if embargo else closing
    if isinstance(boundary, int | np.integer) and not is_time:
        return int(boundary), int(boundary) + embargo + 1
    needed = "a date or datetime" if is_time else "an integer"
    raise InvalidSetting(f"Boundary {boundary!r} arrived; these spans need {needed}.")
