"""Contributions: against every subset of features, LightGBM's own, and a walk by hand."""

import itertools
import math
from dataclasses import replace

import lightgbm
import numpy as np
import pytest
from drawn_boosters import MISSING, NAMES, boosted, drawn, parsed
from sklearn.ensemble import RandomForestClassifier

from rooney_core.errors import InputError
from rooney_core.modeling.boosting_text import trees_only
from rooney_core.modeling.contributions import BoostingPaths, forest_contributions
from rooney_core.modeling.forest import ForestArrays
from rooney_core.modeling.meta_model import MetaModel

EXACT = {"rtol": 0, "atol": 1e-12}


def goes_left(node: dict, row: np.ndarray) -> bool:
    """LightGBM's dumped node asked of a row without zeros; `unknown is its own` models only."""
    x = row[node["split_feature"]]
    return bool(node["default_left"]) if math.isnan(x) else x <= node["threshold"]


def expected_value(node: dict, row: np.ndarray, known: set[int]) -> float:
    """The tree's mean where only `known` features of the row are: others go both ways by rows."""
    if "leaf_value" in node:
        return node["leaf_value"]
    children = (node["left_child"], node["right_child"])
    if node["split_feature"] in known:
        return expected_value(children[0 if goes_left(node, row) else 1], row, known)
    rows = [child.get("internal_count", child.get("leaf_count")) for child in children]
    values = [expected_value(child, row, known) for child in children]
    return sum(n * value for n, value in zip(rows, values, strict=True)) / sum(rows)


def shapley_by_subsets(booster: lightgbm.Booster, row: np.ndarray) -> list[float]:
    """The definition: every feature's mean gain over all subsets of the others, then the base."""
    trees = [one["tree_structure"] for one in booster.dump_model()["tree_info"]]

    def worth(known: set[int]) -> float:
        return sum(expected_value(tree, row, known) for tree in trees)

    n = len(row)
    values = []
    for own in range(n):
        others = [one for one in range(n) if one != own]
        value = 0.0
        for size in range(n):
            weight = math.factorial(size) * math.factorial(n - 1 - size) / math.factorial(n)
            for subset in itertools.combinations(others, size):
                value += weight * (worth({*subset, own}) - worth(set(subset)))
        values.append(value)
    return [*values, worth(set())]


def test_the_booster_equals_the_definition_over_all_subsets() -> None:
    booster = boosted(2, num_leaves=9, rounds=4)
    asked = np.random.default_rng(3).normal(size=(6, 5))
    asked[0, 0] = asked[1, 2] = np.nan
    asked[2] = np.nan
    ours = BoostingPaths.of(parsed(booster)).margin_contributions(asked)
    for row, arrived in zip(asked, ours, strict=True):
        np.testing.assert_allclose(arrived, shapley_by_subsets(booster, row), **EXACT)


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("leaves", [2, 7, 64])
def test_the_booster_equals_lightgbms_pred_contrib(missing: str, leaves: int) -> None:
    booster = boosted(1, n=3000, num_leaves=leaves, **MISSING[missing])
    paths, asked = BoostingPaths.of(parsed(booster)), drawn(5, 300)
    margin = paths.margin_contributions(asked)
    # Theirs divides products by factors near 0 and loses digits; sums below are exact in ours.
    np.testing.assert_allclose(
        margin, booster.predict(asked, pred_contrib=True), rtol=0, atol=1e-10
    )
    np.testing.assert_allclose(margin.sum(axis=1), paths.boosting.margin(asked), **EXACT)


def test_in_probability_signs_and_shares_stay_those_of_the_log_odds() -> None:
    paths, asked = BoostingPaths.of(parsed(boosted(1, num_leaves=7))), drawn(5, 300)
    margin, parts = paths.margin_contributions(asked), paths.contributions(asked)
    np.testing.assert_allclose(parts.sum(axis=1), paths.boosting.probability(asked), **EXACT)
    np.testing.assert_allclose(parts[:, -1], 1 / (1 + np.exp(-margin[:, -1])), **EXACT)
    ratio = parts[:, :-1].sum(axis=1, keepdims=True) / margin[:, :-1].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(parts[:, :-1], ratio * margin[:, :-1], rtol=1e-9, atol=1e-12)
    assert np.all(ratio > 0)


def test_a_row_like_the_average_has_the_slope_of_the_curve_there() -> None:
    """Contributions that cancel: the chord has no length, and the sum is still the probability."""
    arrays = parsed(boosted(1, num_leaves=2, rounds=1))
    paths = BoostingPaths.of(replace(arrays, leaf_value=np.full(2, 0.5)))
    parts = paths.contributions(drawn(5, 20))
    np.testing.assert_allclose(parts[:, :-1], 0.0, **EXACT)
    np.testing.assert_allclose(parts[:, -1], 1 / (1 + math.exp(-0.5)), **EXACT)


def paths_by_hand(forest: RandomForestClassifier, row: np.ndarray) -> np.ndarray:
    """scikit-learn's own decision path of each tree; each step's change goes to its feature."""
    parts = np.zeros(len(row) + 1)
    for one in forest.estimators_:
        tree = one.tree_
        path = one.decision_path(row[np.newaxis, :].astype(np.float32)).indices
        share = tree.value[:, 0, 1]
        parts[-1] += share[0]
        for above, below in itertools.pairwise(path):
            parts[tree.feature[above]] += share[below] - share[above]
    return parts / len(forest.estimators_)


def fitted_forest() -> RandomForestClassifier:
    features = drawn(1, 900)
    label = (np.nan_to_num(features[:, 0]) + np.nan_to_num(features[:, 1]) > 0.3).astype(int)
    return RandomForestClassifier(20, max_depth=6, random_state=1).fit(features, label)


def test_the_forest_equals_its_paths_by_hand() -> None:
    forest, asked = fitted_forest(), drawn(8, 60)
    arrays = ForestArrays.from_sklearn(forest)
    parts = forest_contributions(arrays, asked)
    expected = np.array([paths_by_hand(forest, row) for row in asked])
    np.testing.assert_allclose(parts, expected, **EXACT)
    np.testing.assert_allclose(parts.sum(axis=1), forest.predict_proba(asked)[:, 1], **EXACT)


def model(forest_weight: float) -> MetaModel:
    return MetaModel(
        features=NAMES,
        threshold=0.5,
        threshold_reason="set by hand",
        lightgbm_text=trees_only(boosted(1, num_leaves=7).model_to_string()),
        forest=ForestArrays.from_sklearn(fitted_forest()),
        hyperparameters="{}",
        n_trials=1,
        cpcv_sharpe_mean=0.0,
        forest_weight=forest_weight,
    )


@pytest.mark.parametrize("weight", [0.0, 0.25, 0.5, 1.0])
def test_a_models_rows_sum_to_its_probability(weight: float) -> None:
    blended, asked = model(weight), drawn(5, 200)
    parts = blended.contributions(asked)
    assert parts.shape == (200, len(NAMES) + 1)
    np.testing.assert_allclose(parts.sum(axis=1), blended.uncalibrated(asked), **EXACT)
    halves = (
        forest_contributions(blended.forest, asked),
        BoostingPaths.of(blended.boosting).contributions(asked),
    )
    np.testing.assert_allclose(parts, weight * halves[0] + (1 - weight) * halves[1], **EXACT)


def test_one_row_as_live_asks_gives_the_bits_of_the_batch() -> None:
    asked, stored = drawn(5, 100), MetaModel.from_row(model(0.25).to_row("SIM_T"))
    batch = model(0.25).contributions(asked)
    single = np.vstack([stored.contributions(asked[i : i + 1]) for i in range(100)])
    assert single.tobytes() == batch.tobytes()


def test_a_feature_that_no_tree_reads_moves_nothing() -> None:
    features = drawn(1, 900)
    features[:, 3] = 1.0
    label = (np.nan_to_num(features[:, 0]) > 0).astype(int)
    settings = {"objective": "binary", "verbosity": -1, "num_threads": 1}
    data = lightgbm.Dataset(features, label, feature_name=list(NAMES), params=settings)
    booster = lightgbm.train(settings, data, 10)
    parts = BoostingPaths.of(parsed(booster)).contributions(drawn(2, 50))
    assert not parts[:, 3].any()
    assert np.abs(parts[:, 0]).max() > 0.1


def test_no_rows_have_no_contributions_and_wrong_ones_are_refused() -> None:
    assert model(0.5).contributions(np.empty((0, 5))).shape == (0, 6)
    with pytest.raises(InputError, match=r"\(n, 5\) is needed"):
        model(0.5).contributions(np.zeros((2, 4)))
