"""Purged splits on indices, against pairwise comparison of spans; AUC would not show a leak."""

import math
from datetime import UTC, date, datetime, timedelta
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rooney_core.errors import InputError, InvalidSetting, NotEnoughData
from rooney_core.validation.purged_cv import CombinatorialPurgedCV, three_way_split
from rooney_core.validation.windows import SPLITS, Splits


@st.composite
def labelled_samples(draw):
    n_samples = draw(st.integers(8, 40))
    starts = np.sort(draw(st.lists(st.integers(0, 60), min_size=n_samples, max_size=n_samples)))
    spans = draw(st.lists(st.integers(0, 15), min_size=n_samples, max_size=n_samples))
    return np.asarray(starts, dtype=np.int64), starts + np.asarray(spans, dtype=np.int64)


def contiguous_blocks(folds):
    blocks = [[folds[0]]]
    for fold in folds[1:]:
        if fold == blocks[-1][-1] + 1:
            blocks[-1].append(fold)
        else:
            blocks.append([fold])
    return blocks


def literal_split(start, end, folds_of_split, n_folds, embargo):
    """Each train candidate against each block, in the words of the specification."""
    parts = [list(part) for part in np.array_split(np.arange(len(start)), n_folds)]
    test = [i for fold in folds_of_split for i in parts[fold]]
    train = []
    for i in range(len(start)):
        keep = i not in test
        for block in contiguous_blocks(list(folds_of_split)):
            members = [j for fold in block for j in parts[fold]]
            first = min(start[j] for j in members)
            last = max(end[j] for j in members)
            overlaps = start[i] <= last and end[i] >= first
            embargoed = last < start[i] <= last + embargo
            keep = keep and not overlaps and not embargoed
        if keep:
            train.append(i)
    return train, sorted(test)


@settings(max_examples=150, deadline=None)
@given(
    samples=labelled_samples(),
    n_folds=st.integers(2, 7),
    n_test_folds=st.integers(1, 6),
    embargo=st.integers(0, 10),
)
def test_splits_equal_the_literal_reading(samples, n_folds, n_test_folds, embargo):
    n_test_folds = min(n_test_folds, n_folds - 1)
    start, end = samples
    cv = CombinatorialPurgedCV(n_folds, n_test_folds, embargo)
    splits = list(cv.split(start, end))
    expected = list(combinations(range(n_folds), n_test_folds))
    assert len(splits) == len(expected) == cv.n_splits
    for (train, test), folds in zip(splits, expected, strict=True):
        literal_train, literal_test = literal_split(start, end, folds, n_folds, embargo)
        assert train.tolist() == literal_train
        assert test.tolist() == literal_test


@settings(max_examples=60, deadline=None)
@given(samples=labelled_samples(), embargo=st.integers(0, 10))
def test_no_train_span_touches_a_test_span(samples, embargo):
    start, end = samples
    for train, test in CombinatorialPurgedCV(6, 2, embargo).split(start, end):
        assert not set(train) & set(test)
        touching = (start[train][:, None] <= end[test]) & (end[train][:, None] >= start[test])
        assert not touching.any()


@settings(max_examples=40, deadline=None)
@given(n_folds=st.integers(2, 9), n_test_folds=st.integers(1, 8))
def test_every_path_predicts_every_fold_once(n_folds, n_test_folds):
    n_test_folds = min(n_test_folds, n_folds - 1)
    cv = CombinatorialPurgedCV(n_folds, n_test_folds, 0)
    assert cv.n_paths == math.comb(n_folds, n_test_folds) * n_test_folds // n_folds
    folds, paths = cv.test_folds(), cv.path_ids()
    assert folds.shape == paths.shape == (cv.n_splits, n_test_folds)
    for path in range(cv.n_paths):
        assert sorted(folds[paths == path].tolist()) == list(range(n_folds))


def test_paths_of_the_book():
    # Advances in Financial Machine Learning, figures 12.1 and 12.2: N = 6, k = 2, five paths;
    # the j-th appearance of a group, read along the splits, belongs to path j
    cv = CombinatorialPurgedCV(6, 2, timedelta(0))
    assert (cv.n_splits, cv.n_paths) == (15, 5)
    paths = {tuple(f): tuple(p + 1) for f, p in zip(cv.test_folds(), cv.path_ids(), strict=True)}
    assert [paths[0, other][0] for other in range(1, 6)] == [1, 2, 3, 4, 5]
    assert paths[0, 1] == (1, 1)
    assert paths[0, 2] == (2, 1)
    assert paths[1, 2] == (2, 2)
    assert paths[4, 5] == (5, 5)


def test_fold_ids_are_the_tested_rows():
    start = np.arange(23)
    cv = CombinatorialPurgedCV(5, 2, 0)
    fold_ids = cv.fold_ids(23)
    for (_, test), folds in zip(cv.split(start, start), cv.test_folds(), strict=True):
        assert test.tolist() == np.flatnonzero(np.isin(fold_ids, folds)).tolist()


HOURLY = np.datetime64("2015-01-05T15:00", "us") + np.arange(40) * np.timedelta64(6, "h")


def test_one_long_label_is_purged_where_row_counting_would_keep_it():
    end = HOURLY + np.timedelta64(1, "h")
    end[2] = HOURLY[25]  # exits inside fold 2, far from its own row
    (train, _) = next(
        pair
        for pair, folds in zip(
            CombinatorialPurgedCV(4, 1, 0).split(HOURLY, end), [0, 1, 2, 3], strict=True
        )
        if folds == 2
    )
    assert 2 not in train
    assert {0, 1, 3, 19, 30, 39} <= set(train.tolist())


@pytest.mark.parametrize(
    "embargo", [timedelta(days=1), np.timedelta64(1, "D"), np.timedelta64(24, "h")]
)
def test_embargo_is_time_and_closed_at_its_end(embargo):
    end = HOURLY.copy()
    train, test = next(CombinatorialPurgedCV(4, 1, embargo).split(HOURLY, end))
    assert test.tolist() == list(range(10))
    # Last test end is row 9; a day is four rows, the fourth starts exactly at its end.
    assert train.tolist() == list(range(14, 40))


@pytest.mark.parametrize("embargo", [0, timedelta(0), np.timedelta64(0, "ns")])
def test_zero_embargo_leaves_the_purge(embargo):
    end = np.append(HOURLY[1:], HOURLY[-1:])  # each label ends where the next one starts
    train, _ = next(CombinatorialPurgedCV(4, 1, embargo).split(HOURLY, end))
    assert train.tolist() == list(range(11, 40))


def test_polars_and_numpy_spans_give_the_same_splits():
    end = HOURLY + np.timedelta64(8, "h")
    cv = CombinatorialPurgedCV(5, 2, timedelta(hours=7))
    frame = pl.DataFrame({"start": HOURLY, "end": end}).with_columns(
        pl.all().dt.replace_time_zone("UTC")
    )
    by_numpy = [train.tolist() for train, _ in cv.split(HOURLY, end)]
    by_polars = [train.tolist() for train, _ in cv.split(frame["start"], frame["end"])]
    by_integers = [
        train.tolist()
        for train, _ in CombinatorialPurgedCV(5, 2, 7 * 3600 * 10**6).split(
            HOURLY.astype(np.int64), end.astype(np.int64)
        )
    ]
    assert by_numpy == by_polars == by_integers


@pytest.mark.parametrize(("n_folds", "n_test_folds"), [(1, 1), (5, 0), (5, 5), (0, 0)])
def test_impossible_folds_are_refused(n_folds, n_test_folds):
    with pytest.raises(InvalidSetting, match="n_folds"):
        CombinatorialPurgedCV(n_folds, n_test_folds, 0)


@pytest.mark.parametrize("embargo", [-1, timedelta(days=-1), np.timedelta64(-1, "D")])
def test_a_negative_embargo_is_refused(embargo):
    with pytest.raises(InvalidSetting, match="negative"):
        CombinatorialPurgedCV(5, 2, embargo)


def test_an_embargo_of_the_wrong_kind_is_refused():
    with pytest.raises(InvalidSetting, match="timedelta"):
        list(CombinatorialPurgedCV(5, 2, 3).split(HOURLY, HOURLY))
    with pytest.raises(InvalidSetting, match="integer"):
        list(CombinatorialPurgedCV(5, 2, timedelta(days=1)).split(np.arange(9), np.arange(9)))


def test_spans_that_are_none_are_refused():
    cv = CombinatorialPurgedCV(3, 1, 0)
    with pytest.raises(InputError, match="ascending"):
        cv.split(np.array([3, 1, 2]), np.array([4, 4, 4]))
    with pytest.raises(InputError, match="first at row 1"):
        cv.split(np.array([1, 2, 3]), np.array([1, 1, 3]))
    with pytest.raises(InputError, match="one start"):
        cv.split(np.arange(3), np.arange(4))
    with pytest.raises(InputError, match="missing"):
        cv.split(np.append(HOURLY[:3], np.datetime64("NaT")), HOURLY[:4])
    with pytest.raises(InputError, match="float64"):
        cv.split(np.arange(3.0), np.arange(3.0))
    with pytest.raises(NotEnoughData):
        cv.split(np.arange(2), np.arange(2))


def at(text):
    return np.datetime64(text, "us")


SPANS = [
    ("2018-12-31T20:00", "2018-12-31T23:59:59.999999", "train"),
    ("2018-12-31T20:00", "2019-01-01T00:00", "dropped"),  # midnight is the next day
    ("2019-01-01T00:00", "2019-01-01T01:00", "dropped"),  # embargo
    ("2019-01-04T00:00", "2019-01-04T01:00", "dropped"),  # gap of exactly three days
    ("2019-01-04T00:00:00.000001", "2019-01-04T01:00", "validation"),
    ("2020-12-31T22:00", "2020-12-31T23:00", "validation"),
    ("2020-12-31T22:00", "2021-01-04T15:00", "dropped"),
    ("2018-12-01T00:00", "2022-01-04T15:00", "dropped"),  # spans both
    ("2021-01-03T23:00", "2021-01-10T00:00", "dropped"),
    ("2021-01-04T15:00", "2021-01-04T18:00", "test"),
]


def test_three_windows_case_by_case():
    start = np.array([at(s) for s, _, _ in SPANS])
    end = np.array([at(e) for _, e, _ in SPANS])
    found = three_way_split(start, end, SPLITS.train_end, SPLITS.validation_end, SPLITS.embargo)
    assert found.tolist() == [window for _, _, window in SPANS]


def test_three_windows_without_embargo_start_at_midnight():
    start = np.array([at("2019-01-01T00:00"), at("2021-01-01T00:00")])
    found = three_way_split(start, start, date(2018, 12, 31), date(2020, 12, 31), 0)
    assert found.tolist() == ["validation", "test"]


def test_boundary_forms_agree():
    start = np.array([at("2018-12-30T12:00"), at("2019-01-09T12:00"), at("2021-01-09T12:00")])
    last = datetime(2018, 12, 31, 23, 59, 59, 999999)
    forms = [
        date(2018, 12, 31),
        np.datetime64("2018-12-31"),
        last,
        last.replace(tzinfo=UTC),
        np.datetime64(last, "us"),
    ]
    for form in forms:
        found = three_way_split(start, start, form, date(2020, 12, 31), timedelta(days=3))
        assert found.tolist() == ["train", "validation", "test"]


@settings(max_examples=100, deadline=None)
@given(
    samples=labelled_samples(),
    train_end=st.integers(0, 30),
    length=st.integers(1, 30),
    embargo=st.integers(0, 8),
)
def test_windows_never_meet(samples, train_end, length, embargo):
    start, end = samples
    validation_end = train_end + length
    window = three_way_split(start, end, train_end, validation_end, embargo)
    for s, e, w in zip(start, end, window, strict=True):
        allowed = {
            "train": e <= train_end,
            "validation": s > train_end + embargo and e <= validation_end,
            "test": s > validation_end + embargo,
        }
        assert [name for name, is_in in allowed.items() if is_in] == ([w] if w in allowed else [])


def test_no_samples_fall_into_no_window():
    nothing = np.array([], dtype="datetime64[us]")
    found = three_way_split(nothing, nothing, date(2018, 1, 1), date(2019, 1, 1), timedelta(days=1))
    assert found.tolist() == []


def test_boundaries_out_of_order_or_of_the_wrong_kind_are_refused():
    with pytest.raises(InvalidSetting, match="in order"):
        three_way_split(HOURLY, HOURLY, date(2020, 1, 1), date(2020, 1, 1), 0)
    with pytest.raises(InvalidSetting, match="need a date"):
        three_way_split(HOURLY, HOURLY, 5, 9, 0)
    with pytest.raises(InvalidSetting, match="need an integer"):
        three_way_split(np.arange(4), np.arange(4), date(2020, 1, 1), date(2021, 1, 1), 0)


def test_splits_are_frozen_in_order_and_known():
    assert (SPLITS.train_end, SPLITS.validation_end) == (date(2018, 12, 31), date(2020, 12, 31))
    assert SPLITS.embargo == timedelta(days=3)
    assert (SPLITS.validation_start, SPLITS.test_start) == (date(2019, 1, 1), date(2021, 1, 1))
    with pytest.raises(ValueError, match="frozen"):
        SPLITS.embargo_days = 0
    with pytest.raises(ValueError, match="not before"):
        Splits(train_end=date(2021, 1, 1))
    with pytest.raises(ValueError, match="Extra"):
        Splits(test_end=date(2025, 1, 1))
