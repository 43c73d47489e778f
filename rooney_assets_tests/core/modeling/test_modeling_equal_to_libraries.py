"""The stored model says what scikit-learn and LightGBM say, unknown features included."""

import lightgbm
import numpy as np
import pytest
from drawn_trades import NAMES, training_set
from sklearn.ensemble import RandomForestClassifier

from rooney_core.modeling.boosting_text import trees_only
from rooney_core.modeling.ensemble import Hyperparameters, fit_ensemble, rows_drawn_per_tree
from rooney_core.modeling.forest import ForestArrays
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.rows import sample_rows


def drawn(seed: int, n: int, unknown: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(n, 5))
    features[rng.random(features.shape) < unknown] = np.nan
    return features


def labels(features: np.ndarray, seed: int) -> np.ndarray:
    """Label 1 where f0 is unknown or f1 is high, mostly: NaN itself has to be split on."""
    noise = np.random.default_rng(seed).random(len(features)) < 0.2
    return ((np.isnan(features[:, 0]) | (features[:, 1] > 0.5)) ^ noise).astype(np.int64)


@pytest.mark.parametrize("unknown", [0.0, 0.2])
def test_forest_equals_scikit_learn(unknown: float) -> None:
    features = drawn(1, 800, unknown)
    forest = RandomForestClassifier(40, max_depth=7, random_state=1, max_samples=0.5)
    forest.fit(features, labels(features, 2))
    asked = np.vstack((drawn(4, 2000, 0.3), features.astype(np.float32), np.full((1, 5), np.nan)))
    arrays = ForestArrays.from_sklearn(forest)
    np.testing.assert_allclose(
        arrays.probability(asked), forest.predict_proba(asked)[:, 1], rtol=0, atol=1e-12
    )


def test_forest_compares_as_float32() -> None:
    features = drawn(5, 500, 0.0)
    forest = RandomForestClassifier(10, max_depth=6, random_state=1)
    forest.fit(features, labels(features, 2))
    arrays = ForestArrays.from_sklearn(forest)
    # A hair above and below every threshold: float64 would go the other way.
    asked = np.repeat(arrays.threshold[arrays.feature >= 0], 5).reshape(-1, 5)
    asked = np.vstack((np.nextafter(asked, np.inf), np.nextafter(asked, -np.inf), asked))
    np.testing.assert_array_equal(arrays.probability(asked), forest.predict_proba(asked)[:, 1])


def test_forest_survives_storage() -> None:
    features = drawn(1, 300, 0.2)
    forest = RandomForestClassifier(5, random_state=1).fit(features, labels(features, 2))
    arrays = ForestArrays.from_sklearn(forest)
    again = ForestArrays.from_lists(arrays.to_lists(), n_features=5)
    assert again.probability(features).tobytes() == arrays.probability(features).tobytes()
    assert again.n_trees == 5


@pytest.mark.parametrize("label", [0, 1])
def test_forest_of_one_label_says_that_label(label: int) -> None:
    features = drawn(1, 50, 0.1)
    forest = RandomForestClassifier(3, random_state=1).fit(features, np.full(50, label))
    assert set(ForestArrays.from_sklearn(forest).probability(features)) == {float(label)}


def test_ensemble_is_the_mean_of_both_libraries() -> None:
    rows = sample_rows(training_set(1, edge=0.5), NAMES)
    chosen = Hyperparameters(
        forest_depth=4,
        forest_leaf_trades=15,
        forest_feature_share=0.5,
        boosting_rounds=25,
        boosting_leaves=6,
        boosting_leaf_trades=15,
        boosting_learning_rate=0.08,
        boosting_l2=1.0,
    )
    ensemble = fit_ensemble(rows, NAMES, chosen, n_trees=30, seed=9)
    forest = RandomForestClassifier(
        30,
        max_depth=4,
        min_samples_leaf=15,
        max_features=0.5,
        max_samples=rows_drawn_per_tree(rows),
        random_state=9,
    ).fit(rows.features, rows.label, rows.weight)
    booster = lightgbm.Booster(model_str=ensemble.boosting_text)
    expected = (forest.predict_proba(rows.features)[:, 1] + booster.predict(rows.features)) / 2
    np.testing.assert_allclose(ensemble.probability(rows.features), expected, rtol=0, atol=1e-12)
    assert booster.num_trees() == 25
    assert np.corrcoef(expected, rows.label)[0, 1] > 0.3


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_a_stored_model_is_the_weighted_mean_of_both_libraries(weight: float) -> None:
    features, names = drawn(1, 900, 0.2), ("a", "b", "c", "d", "e")
    label = labels(features, 2)
    forest = RandomForestClassifier(60, max_depth=7, random_state=1).fit(features, label)
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1}
    data = lightgbm.Dataset(features, label, feature_name=list(names), params=settings)
    booster = lightgbm.train(settings, data, 60)
    row = MetaModel(
        features=names,
        threshold=0.5,
        threshold_reason="set by hand",
        lightgbm_text=trees_only(booster.model_to_string()),
        forest=ForestArrays.from_sklearn(forest),
        hyperparameters="{}",
        n_trials=1,
        cpcv_sharpe_mean=0.0,
        forest_weight=weight,
    ).to_row("SIM_T")
    stored, asked = MetaModel.from_row(row), drawn(4, 500, 0.3)
    expected = weight * forest.predict_proba(asked)[:, 1] + (1 - weight) * booster.predict(asked)
    single = np.concatenate([stored.probability(asked[i : i + 1]) for i in range(len(asked))])
    np.testing.assert_allclose(single, expected, rtol=0, atol=1e-12)
