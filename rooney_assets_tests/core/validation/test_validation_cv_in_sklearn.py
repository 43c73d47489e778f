"""The splitter in scikit-learn's hands, its splits by another library, Sharpes of whole paths."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, check_cv, cross_val_score

from rooney_core.errors import InputError
from rooney_core.validation.purged_cv import CombinatorialPurgedCV
from rooney_core.validation.sharpe import annual_sharpe

# Made by make_cpcv_splits.py, beside it.
ANSWERS = json.loads((Path(__file__).parent / "answers" / "cpcv_splits.json").read_text())
N = 240
START = np.datetime64("2015-01-05T15:00", "us") + np.arange(N) * np.timedelta64(6, "h")
END = START + np.random.default_rng(3).integers(0, 40, N) * np.timedelta64(1, "h")
CV = CombinatorialPurgedCV(5, 2, timedelta(days=1))


@pytest.fixture(scope="module")
def samples() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(N, 3))
    return x, (x[:, 0] + rng.normal(size=N) > 0).astype(int)


def by_hand(x, y):
    """Fold by fold, with the splits of the contract's own call."""
    scores = []
    for train, test in CV.split(START, END):
        model = LogisticRegression().fit(x[train], y[train])
        scores.append(roc_auc_score(y[test], model.predict_proba(x[test])[:, 1]))
    return scores


@pytest.mark.parametrize("how", ["bound", "groups", "groups as a frame"])
def test_cross_val_score_uses_the_very_splits(samples, how) -> None:
    x, y = samples
    asked = {"cv": CV.bound_to(START, END)}
    if how == "groups":
        asked = {"cv": CV, "groups": np.column_stack((START, END))}
    elif how == "groups as a frame":
        asked = {"cv": CV, "groups": pl.DataFrame({"start": START, "end": END})}
    scores = cross_val_score(LogisticRegression(), x, y, scoring="roc_auc", **asked)
    assert scores.tolist() == by_hand(x, y)
    assert len(scores) == CV.n_splits == 10


def test_a_grid_search_takes_it_too(samples) -> None:
    x, y = samples
    bound = check_cv(CV.bound_to(START, END), y, classifier=True)
    search = GridSearchCV(LogisticRegression(), {"C": [0.1, 10.0]}, scoring="roc_auc", cv=bound)
    search.fit(x, y)
    assert search.n_splits_ == bound.get_n_splits(x, y) == CV.get_n_splits() == 10
    assert [search.cv_results_[f"split{i}_test_score"].shape for i in range(10)] == [(2,)] * 10


def test_a_bound_splitter_splits_again_and_keeps_its_splits() -> None:
    bound = CV.bound_to(START, END)
    first = list(bound.split(np.zeros((N, 1))))
    first[0][0][:] = -1
    again = [(train.tolist(), test.tolist()) for train, test in bound.split(range(N))]
    assert again == [(train.tolist(), test.tolist()) for train, test in CV.split(START, END)]


def test_rows_that_are_not_those_of_the_spans_are_refused(samples) -> None:
    with pytest.raises(InputError, match=r"239 rows.*240 spans"):
        CV.bound_to(START, END).split(samples[0][1:])
    with pytest.raises(InputError, match="bound_to"):
        CV.split(samples[0], None)
    with pytest.raises(InputError, match=r"shape \(240, 3\)"):
        CV.split(samples[0], samples[1], groups=samples[0])
    with pytest.raises(InputError, match="ascending"):
        CV.bound_to(START[::-1], END[::-1])


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: f"{one['n_folds']}-{one['embargo']}")
def test_splits_and_paths_agree_with_skfolio(answer) -> None:
    cv = CombinatorialPurgedCV(answer["n_folds"], answer["n_test_folds"], answer["embargo"])
    start = np.arange(answer["n_rows"])
    splits = cv.split(start, start + answer["length"])
    found = [{"train": train.tolist(), "test": test.tolist()} for train, test in splits]
    assert cv.n_paths == answer["n_paths"]
    assert cv.path_ids().tolist() == answer["path_ids"]
    assert found == answer["splits"]


@settings(max_examples=60, deadline=None)
@given(
    n_folds=st.integers(2, 7),
    n_test_folds=st.integers(1, 6),
    n_samples=st.integers(7, 60),
)
def test_a_path_takes_each_row_from_the_split_that_is_its_turn(
    n_folds, n_test_folds, n_samples
) -> None:
    """By the book's words: along the splits, the j-th time that a fold is tested is of path j."""
    n_test_folds = min(n_test_folds, n_folds - 1)
    cv = CombinatorialPurgedCV(n_folds, n_test_folds, 0)
    start = np.arange(n_samples)
    tests = [test for _, test in cv.split(start, start)]
    paths = cv.assemble_paths([100.0 * number + test for number, test in enumerate(tests)])
    assert paths.shape == (cv.n_paths, n_samples)
    for row in range(n_samples):
        turns = [100.0 * number + row for number, test in enumerate(tests) if row in test]
        assert paths[:, row].tolist() == turns


def test_sharpes_are_of_paths_and_not_of_splits() -> None:
    """Each path holds every day once; a split holds a third of them."""
    rng = np.random.default_rng(4)
    cv = CombinatorialPurgedCV(6, 2, 0)
    days = np.arange(600)
    returns = rng.normal(0.0004, 0.01, 600)
    taken = [rng.random(len(test)) < 0.5 for _, test in cv.split(days, days)]
    paths = cv.assemble_paths(taken) * returns
    sharpes = [annual_sharpe(one) for one in paths]
    folds = np.array_split(days, 6)
    appearances = {fold: [] for fold in range(6)}
    for (_, test), mask in zip(cv.split(days, days), taken, strict=True):
        for fold in range(6):
            if folds[fold][0] in test:
                appearances[fold].append(mask[np.isin(test, folds[fold])])
    for path in range(cv.n_paths):
        whole = np.concatenate([appearances[fold][path] for fold in range(6)]) * returns
        assert sharpes[path] == pytest.approx(whole.mean() / whole.std(ddof=1) * 252**0.5)
    assert len(sharpes) == 5


def test_predictions_of_other_splits_are_refused() -> None:
    cv = CombinatorialPurgedCV(4, 2, 0)
    tests = [test for _, test in cv.split(np.arange(10), np.arange(10))]
    with pytest.raises(InputError, match="6 are needed"):
        cv.assemble_paths(tests[:-1])
    with pytest.raises(InputError, match="as each split has test rows"):
        cv.assemble_paths([*tests[:-2], tests[-1], tests[-2][:-1]])
