"""The booster read from LightGBM's text and walked by ourselves says what LightGBM says."""

import subprocess
import sys

import lightgbm
import numpy as np
import pytest
from drawn_boosters import MISSING, NAMES, QUIET, boosted, drawn, parsed

from rooney_core.errors import ReleaseRejected
from rooney_core.modeling.boosting import ZERO_EDGE
from rooney_core.modeling.boosting_text import MAX_LEAVES, parse_boosting_text

# Decision types that LightGBM writes: bit 1 sends the unknown left, bits 2 and 3 say what it is.
TYPES = {
    "unknown is its own": {8, 10},
    "zero is unknown": {4, 6},
    "nothing is unknown": {2},
}


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("leaves", [2, 7, MAX_LEAVES])
def test_it_equals_lightgbm(missing: str, leaves: int) -> None:
    booster = boosted(1, n=3000, num_leaves=leaves, **MISSING[missing])
    arrays, asked = parsed(booster), np.vstack((drawn(7, 3000), np.full((1, 5), np.nan)))
    assert set(arrays.decision.tolist()) <= TYPES[missing]
    if leaves > 2:
        assert set(arrays.decision.tolist()) == TYPES[missing]
    for ours, theirs in (
        (arrays.margin(asked), booster.predict(asked, raw_score=True)),
        (arrays.probability(asked), booster.predict(asked)),
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", [0, 2, 4, 6, 8, 10])
def test_every_decision_type_on_every_threshold(kind: int) -> None:
    """One split, written by hand and read by LightGBM's own loader: all edges of its rule."""
    for threshold in ("0", "-0", "1.5", "-1.5", "inf", "1.0000000180025095e-35", "-1e-36"):
        text = one_split(kind, threshold)
        asked = np.array(
            [np.nan, 0.0, -0.0, 1.5, np.nextafter(1.5, 2), -1.5, 1e300, -1e300]
            + [sign * x for x in (ZERO_EDGE, 1e-36, 5e-324, 2e-35) for sign in (1, -1)]
        )[:, np.newaxis]
        library = lightgbm.Booster(model_str=text)
        ours = parse_boosting_text(text, ("a",)).margin(asked)
        np.testing.assert_array_equal(ours, library.predict(asked, raw_score=True))
        np.testing.assert_array_equal(
            parse_boosting_text(text, ("a",)).probability(asked), library.predict(asked)
        )


def one_split(kind: int, threshold: str) -> str:
    tree = (
        f"Tree=0\nnum_leaves=2\nnum_cat=0\nsplit_feature=0\nsplit_gain=1\nthreshold={threshold}\n"
        f"decision_type={kind}\nleft_child=-1\nright_child=-2\nleaf_value=-0.25 0.75\n"
        "leaf_weight=3 5\nleaf_count=3 5\ninternal_value=0\ninternal_weight=8\ninternal_count=8\n"
        "is_linear=0\nshrinkage=1\n\n\n"
    )
    header = (
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
        "max_feature_idx=0\nobjective=binary sigmoid:1\nfeature_names=a\nfeature_infos=[0:1]\n"
        f"tree_sizes={len(tree)}\n\n"
    )
    return header + tree + "end of trees\n"


@pytest.mark.parametrize("label", [0, 1])
def test_one_label_is_one_leaf_that_says_it(label: int) -> None:
    chosen = {"objective": "binary", **QUIET}
    data = lightgbm.Dataset(
        drawn(1, 60), np.full(60, label), feature_name=list(NAMES), params=chosen
    )
    booster = lightgbm.train(chosen, data, 3)
    np.testing.assert_allclose(
        parsed(booster).probability(drawn(2, 9)), booster.predict(drawn(2, 9)), rtol=0, atol=1e-12
    )


def test_numbers_survive_the_text() -> None:
    """17 digits: the thresholds and leaves are the library's own, bit for bit."""
    booster = boosted(4, num_leaves=9)
    dumped = booster.dump_model()["tree_info"]
    leaves: list[float] = []

    def collect(node: dict) -> None:
        if "leaf_value" in node:
            leaves.append(node["leaf_value"])
        else:
            collect(node["left_child"])
            collect(node["right_child"])

    for tree in dumped:
        collect(tree["tree_structure"])
    assert sorted(leaves) == sorted(parsed(booster).leaf_value.tolist())


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"linear_tree": True}, "exactly the lines|plain numeric"),
        ({"objective": "regression"}, "objective"),
        ({"objective": "cross_entropy"}, "objective"),
        ({"sigmoid": 2.0}, "objective"),
        ({"num_leaves": MAX_LEAVES + 1, "min_data_in_leaf": 1}, "65 leaves"),
        ({"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}, "exactly the lines"),
    ],
)
def test_a_booster_of_another_kind_is_refused(settings: dict, what: str) -> None:
    with pytest.raises(ReleaseRejected, match=what):
        parsed(boosted(1, n=3000, rounds=5, **settings))


def test_categories_are_refused() -> None:
    features = np.random.default_rng(1).integers(0, 9, size=(900, 5)).astype(float)
    label = np.isin(features[:, 0], (1, 4, 7)).astype(int)
    chosen = {"objective": "binary", "min_data_per_group": 5, **QUIET}
    data = lightgbm.Dataset(
        features, label, feature_name=list(NAMES), categorical_feature=[0], params=chosen
    )
    with pytest.raises(ReleaseRejected, match=r"plain numeric|feature_infos"):
        parsed(lightgbm.train(chosen, data, 3))


def test_asking_a_stored_model_imports_no_training_library() -> None:
    code = (
        "import sys, rooney_core.modeling, rooney_core.modeling.contributions\n"
        "heavy = {'lightgbm', 'sklearn', 'optuna'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
