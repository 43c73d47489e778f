"""The forest of the search: bins by hand, splits by brute force, the order of scikit-learn's."""

import numpy as np
import pytest
from drawn_trades import NAMES, training_set
from scipy.stats import spearmanr
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss

from rooney_core.modeling.ensemble import Hyperparameters, fit_ensemble, rows_drawn_per_tree
from rooney_core.modeling.folds import Folds
from rooney_core.modeling.histogram_forest import (
    MAX_BINS,
    ForestShape,
    bin_codes,
    bin_edges,
    forest_probability,
)
from rooney_core.modeling.path_scores import PathScores, TakenTrades
from rooney_core.modeling.rows import TradingCalendar, sample_rows
from rooney_core.modeling.settings import TuningSettings

SHAPE = ForestShape(n_trees=100, max_depth=5, leaf_rows=10, n_features=3, n_drawn=300)


def drawn(seed: int, n: int = 600, unknown: float = 0.1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 5))
    features[rng.random(features.shape) < unknown] = np.nan
    return features


def labels(features: np.ndarray, seed: int) -> np.ndarray:
    """Mostly 1 where f0 is unknown or f1 is high."""
    noise = np.random.default_rng(seed).random(len(features)) < 0.2
    return ((np.isnan(features[:, 0]) | (features[:, 1] > 0.5)) ^ noise).astype(np.int64)


def said(
    features: np.ndarray, label: np.ndarray, asked: np.ndarray, shape: ForestShape, seed: int = 1
) -> np.ndarray:
    edges = bin_edges(features)
    weight = np.ones(len(label))
    codes, asked_codes = bin_codes(features, edges), bin_codes(asked, edges)
    return forest_probability(codes, label, weight, asked_codes, shape, seed)


def test_few_values_have_a_bin_each_and_edges_lie_midway() -> None:
    column = np.array([3.0, 1.0, np.nan, 1.0, 7.0])[:, np.newaxis]
    (edges,) = bin_edges(column)
    assert edges.tolist() == [2.0, 5.0]
    assert bin_codes(column, [edges]).tolist() == [[2, 1, 0, 1, 3]]
    # An edge itself belongs below; what training never saw falls to the nearest bin.
    fresh = np.array([2.0, 2.1, -9.0, 99.0])[:, np.newaxis]
    assert bin_codes(fresh, [edges]).tolist() == [[1, 2, 1, 3]]


def test_many_values_fall_into_bins_of_about_equal_size() -> None:
    column = np.random.default_rng(1).standard_cauchy(6300)[:, np.newaxis]
    edges = bin_edges(column)
    counts = np.bincount(bin_codes(column, edges)[0])
    assert len(edges[0]) == MAX_BINS - 1
    assert counts[0] == 0
    assert np.abs(counts[1:] - 100).max() <= 1


def test_mass_on_one_value_leaves_fewer_bins_and_no_empty_one() -> None:
    rng = np.random.default_rng(2)
    column = np.where(rng.random(3000) < 0.7, 0.0, rng.normal(size=3000))[:, np.newaxis]
    counts = np.bincount(bin_codes(column, bin_edges(column))[0])[1:]
    assert counts.min() > 0
    assert len(counts) <= MAX_BINS


@pytest.mark.parametrize("value", [np.nan, 3.0])
def test_a_column_that_never_varies_has_one_bin(value: float) -> None:
    column = np.full((10, 1), value)
    assert bin_edges(column)[0].tolist() == []
    assert set(bin_codes(column, bin_edges(column))[0]) == {0 if np.isnan(value) else 1}


def test_one_split_is_the_best_of_all_by_brute_force() -> None:
    """Rows so many that every tree draws each of them about as often: the best cut is the same."""
    rng = np.random.default_rng(3)
    x = rng.integers(0, 12, 4000).astype(float)
    label = (rng.random(4000) < np.where(x > 7, 0.8, np.where(x > 3, 0.45, 0.35))).astype(np.int64)
    shape = ForestShape(n_trees=1, max_depth=1, leaf_rows=1, n_features=1, n_drawn=400_000)
    answer = said(x[:, np.newaxis], label, np.arange(12.0)[:, np.newaxis], shape)

    def impurity(cut: float) -> float:
        sides = (label[x <= cut], label[x > cut])
        return sum(len(side) * side.mean() * (1 - side.mean()) for side in sides)

    cut = min(range(11), key=impurity)
    expected = [label[x <= cut].mean()] * (cut + 1) + [label[x > cut].mean()] * (11 - cut)
    np.testing.assert_allclose(answer, expected, atol=0.01)


def test_unknown_goes_where_it_splits_better() -> None:
    features = drawn(1, unknown=0.3)
    label = np.isnan(features[:, 0]).astype(np.int64)
    fresh = drawn(2, unknown=0.3)
    # A tree that is not shown column 0 at a node may end in a mixed leaf.
    answer = said(features, label, fresh, SHAPE)
    is_unknown = np.isnan(fresh[:, 0])
    assert answer[is_unknown].min() > 0.7 > 0.3 > answer[~is_unknown].max()


def test_leaves_hold_as_many_rows_as_asked_for() -> None:
    features, label = drawn(1, n=200), np.arange(200) % 2
    shape = ForestShape(n_trees=20, max_depth=8, leaf_rows=101, n_features=5, n_drawn=200)
    assert np.ptp(said(features, label, drawn(2), shape)) == 0.0


@pytest.mark.parametrize("label", [0, 1])
def test_one_label_only_is_said_of_everything(label: int) -> None:
    features = drawn(1)
    assert set(said(features, np.full(len(features), label), drawn(2), SHAPE)) == {float(label)}


def test_features_that_never_vary_say_the_share_of_what_was_drawn() -> None:
    constant = np.full((400, 5), 2.0)
    answer = said(constant, np.arange(400) % 4 == 0, drawn(2), SHAPE)
    assert np.ptp(answer) == 0.0
    assert answer[0] == pytest.approx(0.25, abs=0.02)


def test_heavy_rows_are_drawn_more_often() -> None:
    constant, label = np.ones((400, 1)), (np.arange(400) % 2).astype(np.int64)
    weight = np.where(label == 1, 3.0, 1.0)
    codes = bin_codes(constant, bin_edges(constant))
    answer = forest_probability(codes, label, weight, codes, SHAPE, 1)
    assert answer[0] == pytest.approx(0.75, abs=0.02)


def test_the_same_seed_grows_the_same_forest() -> None:
    features = drawn(1)
    label, fresh = labels(features, 2), drawn(3)
    first, again, other = (said(features, label, fresh, SHAPE, seed) for seed in (5, 5, 6))
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert np.corrcoef(first, other)[0, 1] > 0.9


def test_it_says_what_scikit_learn_says_as_nearly_as_scikit_learn_itself() -> None:
    """Two forests of different seeds differ; these two differ no more than two of one kind."""
    features, fresh = drawn(1, n=1500), drawn(3, n=3000)
    label = labels(features, 2)

    def by_sklearn(seed: int) -> np.ndarray:
        forest = RandomForestClassifier(
            100,
            max_depth=5,
            min_samples_leaf=10,
            max_features=3,
            max_samples=300,
            random_state=seed,
        )
        return forest.fit(features, label).predict_proba(fresh)[:, 1]

    ours, theirs, again = said(features, label, fresh, SHAPE), by_sklearn(1), by_sklearn(2)
    assert np.corrcoef(ours, theirs)[0, 1] > np.corrcoef(theirs, again)[0, 1] - 0.02
    assert ours.mean() == pytest.approx(theirs.mean(), abs=0.01)
    assert ours.std() == pytest.approx(theirs.std(), rel=0.1)
    true = labels(fresh, 4)
    assert log_loss(true, ours) == pytest.approx(log_loss(true, theirs), abs=0.01)


def forests(seed: int, n: int) -> list[Hyperparameters]:
    """Random forests of the search space; the booster has no say."""
    rng = np.random.default_rng(seed)
    return [
        Hyperparameters(
            forest_depth=int(rng.integers(2, 8)),
            forest_leaf_trades=int(np.exp(rng.uniform(np.log(10), np.log(81)))),
            forest_feature_share=float(rng.uniform(0.2, 0.8)),
            boosting_rounds=1,
            boosting_leaves=2,
            boosting_leaf_trades=10,
            boosting_learning_rate=0.1,
            boosting_l2=0.0,
            forest_weight=1.0,
        )
        for _ in range(n)
    ]


def test_both_forests_put_configurations_in_the_same_order() -> None:
    """The reason why one may search for what the other will trade.

    By likelihood, which is sharp, the order is the same. By the search's score, which is noisy, the
    two agree as well as scikit-learn's forest agrees with itself at another seed.
    """
    settings = TuningSettings(n_folds=4, n_search_trees=30)
    by_likelihood, by_score, itself = [], [], []
    for seed in (1, 2):
        table = training_set(seed, edge=0.4)
        rows = sample_rows(table, NAMES)
        folds = Folds.of(rows, NAMES, settings)
        scores = PathScores(TradingCalendar.of(rows, None), settings)
        found: dict[str, list[tuple[float, float]]] = {"ours": [], "theirs": [], "again": []}
        for one in forests(seed, 10):
            for kind, told in found.items():
                told.append(scored(folds, rows.label, scores, one, kind))
        ours, theirs, again = (np.array(found[kind]).T for kind in ("ours", "theirs", "again"))
        by_likelihood.append(spearmanr(ours[0], theirs[0])[0])
        by_score.append(spearmanr(ours[1], theirs[1])[0])
        itself.append(spearmanr(theirs[1], again[1])[0])
    assert min(by_likelihood) > 0.85
    assert np.mean(by_score) > max(0.4, np.mean(itself) - 0.2)


def scored(
    folds: Folds, label: np.ndarray, scores: PathScores, forest: Hyperparameters, kind: str
) -> tuple[float, float]:
    """(mean out-of-fold log likelihood, the search's score) of a forest of one kind."""
    n_trees, paths, taken = 30, np.empty((folds.n_paths, folds.n_rows)), TakenTrades(folds)
    for fold in folds.splits:
        if kind == "ours":
            answer = fold.probability(forest, n_trees, fold.number)
        else:
            seed = fold.number + (1000 if kind == "again" else 0)
            fitted = fit_ensemble(fold.train, NAMES, forest, n_trees=n_trees, seed=seed)
            answer = fitted.probability(fold.asked)
        paths[fold.path, fold.test] = answer
        taken.add(fold, answer >= scores.threshold_of(fold))
    return -log_loss(label, paths.mean(axis=0)), scores.score(scores.summary(taken.paths))


def test_rows_drawn_follow_what_the_rows_weigh() -> None:
    rows = sample_rows(training_set(1, n=300), NAMES)
    assert rows_drawn_per_tree(rows) == int(0.5 * rows.weight.sum())
