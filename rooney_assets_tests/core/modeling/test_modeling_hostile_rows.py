"""A stored model that `to_row` did not write is refused before anything walks or loads it."""

import numpy as np
import polars as pl
import pytest
from drawn_trades import NAMES, training_set
from forged_rows import signed, stored_forest, with_forest, with_text

from rooney_core.errors import InputError, ReleaseRejected
from rooney_core.modeling import META_MODEL_SCHEMA, MetaModel
from rooney_core.modeling.rows import feature_matrix
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.training import TrainedModel, train_meta_model

QUICK = TuningSettings(n_random_trials=1, n_bayesian_trials=0, n_search_trees=3, n_trees=8)


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    return train_meta_model(training_set(1, edge=0.5), NAMES, QUICK)


@pytest.fixture(scope="module")
def row(trained: TrainedModel) -> pl.DataFrame:
    return trained.model.to_row("SIM_T")


def test_a_stored_model_predicts_the_same_bits(trained, row, tmp_path) -> None:
    row.write_parquet(tmp_path / "model.parquet")
    again = MetaModel.from_row(pl.read_parquet(tmp_path / "model.parquet"))
    asked = feature_matrix(training_set(2), NAMES)
    assert again.probability(asked).tobytes() == trained.model.probability(asked).tobytes()
    assert again.to_row("SIM_T").equals(row)


def test_other_columns_do_not_matter(row) -> None:
    assert MetaModel.from_row(row.with_columns(pl.lit(1).alias("more"))).features == NAMES


def test_a_single_row_predicts_as_the_batch(trained) -> None:
    asked = feature_matrix(training_set(2, n=50), NAMES)
    single = [float(trained.model.probability(asked[i : i + 1])[0]) for i in range(50)]
    assert single == trained.model.probability(asked).tolist()


def test_a_changed_value_does_not_fit_its_version(row) -> None:
    with pytest.raises(ReleaseRejected, match="not the version of its content"):
        MetaModel.from_row(row.with_columns(pl.lit(0.41).alias("threshold")))


@pytest.mark.parametrize("n", [0, 2])
def test_one_row_is_a_model(row, n) -> None:
    with pytest.raises(ReleaseRejected, match="exactly one"):
        MetaModel.from_row(pl.concat([row] * 2).head(n))


@pytest.mark.parametrize("column", META_MODEL_SCHEMA)
def test_every_column_is_needed_typed_and_filled(row, column) -> None:
    with pytest.raises(ReleaseRejected, match=f"{column} is missing"):
        MetaModel.from_row(row.drop(column))
    with pytest.raises(ReleaseRejected, match=f"{column} has type"):
        MetaModel.from_row(row.with_columns(pl.lit(b"x").alias(column)))
    null = pl.lit(None, META_MODEL_SCHEMA[column]).alias(column)
    with pytest.raises(ReleaseRejected, match=f"{column} is null"):
        MetaModel.from_row(row.with_columns(null))


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("threshold", 1.5, "threshold 1.5 is outside"),
        ("threshold", float("nan"), "threshold nan is outside"),
        ("n_trials", 0, "n_trials 0"),
        ("cpcv_sharpe_mean", float("inf"), "not finite"),
        ("forest_weight", -0.01, "forest_weight -0.01 is outside"),
        ("forest_weight", float("nan"), "forest_weight nan is outside"),
        ("windows", "four_way", "none of three_way, two_way"),
        ("calibration_slope", -1.0, "calibration of slope -1.0"),
        ("calibration_slope", float("inf"), "calibration of slope inf"),
        ("calibration_intercept", float("nan"), "intercept nan"),
        ("hyperparameters", "{", "not JSON"),
        ("hyperparameters", "[1]", "not a JSON object"),
        ("features", [], "none, or not unique"),
        ("features", ["f0", "f0", "f2", "f3", "f4", "f5"], "not unique"),
        ("features", ["f0", None, "f2", "f3", "f4", "f5"], "not of a-z"),
        ("features", ["f0", "f1\nx=", "f2", "f3", "f4", "f5"], "not of a-z"),
        ("features", ["f0", "f1"], "outside 0 to 1|header"),
        ("lightgbm_text", "", "does not end with"),
        ("lightgbm_text", "tree\n\n\nend of trees\n", "must hold exactly"),
    ],
)
def test_impossible_facts_are_refused(row, column, value, what) -> None:
    with pytest.raises(ReleaseRejected, match=what):
        MetaModel.from_row(signed(row, **{column: value}))


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        ("left", 0, "does not come after"),  # a cycle
        ("left", -7, "does not come after"),
        ("right", 100_000, "does not come after"),  # outside memory
        ("right", -1, "half a leaf"),
        ("feature", 6, "outside 0 to 5"),
        ("feature", -2, "outside 0 to 5"),
        ("threshold", float("nan"), "threshold is NaN"),
        ("value", 1.01, r"outside \[0, 1\]"),
        ("value", float("nan"), r"outside \[0, 1\]"),
        ("value", None, "has a null"),
        ("tree_offset", 1, "from 0 to"),
    ],
)
def test_a_first_node_that_is_not_one_is_refused(row, field, value, what) -> None:
    values = stored_forest(row)[field]
    with pytest.raises(ReleaseRejected, match=what):
        MetaModel.from_row(with_forest(row, **{field: [value, *values[1:]]}))


@pytest.mark.parametrize(
    ("offsets", "what"),
    [
        (lambda old: old[:-1], "from 0 to"),
        (lambda old: [old[0], old[2], old[1], *old[3:]], "must rise"),
        (lambda old: [*old[:-1], old[-1] + 1], "from 0 to"),
        (lambda old: [0, 1, *old[1:]], "does not come after"),
        (lambda old: [], "from 0 to"),
    ],
)
def test_trees_that_do_not_tile_the_nodes_are_refused(row, offsets, what) -> None:
    forged = with_forest(row, tree_offset=offsets(stored_forest(row)["tree_offset"]))
    with pytest.raises(ReleaseRejected, match=what):
        MetaModel.from_row(forged)


def test_forest_lists_of_other_lengths_or_none_are_refused(row) -> None:
    with pytest.raises(ReleaseRejected, match="different lengths"):
        MetaModel.from_row(with_forest(row, value=stored_forest(row)["value"][:-1]))
    with pytest.raises(ReleaseRejected, match="null"):
        MetaModel.from_row(with_forest(row, value=None))
    nothing: dict[str, list] = {name: [] for name in stored_forest(row)}
    with pytest.raises(ReleaseRejected, match="0 nodes"):
        MetaModel.from_row(with_forest(row, **nothing))


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("tree\nversion=v4", "tree\nversion=v9", "version"),
        ("version=v4\n", "", "exactly the lines"),
        ("num_class=1", "num_class=9", "num_class"),
        ("objective=binary sigmoid:1", "objective=regression", "objective"),
        ("max_feature_idx=5", "max_feature_idx=6", "max_feature_idx"),
        ("feature_names=f0 f1", "feature_names=f1 f0", "feature_names"),
        ("feature_infos=[", "feature_infos=x[", "feature_infos"),
        ("tree_sizes=", "tree_sizes=99999999 ", "tree 0|does not begin|tree_sizes"),
        ("tree_sizes=", "tree_sizes=-1 ", "positive size"),
        ("num_cat=0", "num_cat=1", "plain numeric"),
        ("is_linear=0", "is_linear=1", "plain numeric"),
        ("left_child=", "left_child=9", "left_child|lengths"),
        ("split_feature=", "split_feature=7 ", "parts|begin"),
        ("decision_type=", "decision_type=1", "not numeric|lengths"),
        ("leaf_value=", "leaf_value=nan ", "leaf_value"),
        ("shrinkage=", "shrinkage=x", "shrinkage"),
        ("Tree=1\n", "Tree=2\n", "tree 1 does not begin"),
    ],
)
def test_boosting_text_that_lightgbm_would_not_write_is_refused(row, old, new, what) -> None:
    with pytest.raises(ReleaseRejected, match=what):
        MetaModel.from_row(with_text(row, old, new))


def test_boosting_text_cut_anywhere_is_refused(row) -> None:
    text = row["lightgbm_text"][0]
    for length in range(0, len(text), max(1, len(text) // 97)):
        with pytest.raises(ReleaseRejected):
            MetaModel.from_row(signed(row, lightgbm_text=text[:length]))


def test_boosting_children_that_loop_are_refused(row) -> None:
    lines = row["lightgbm_text"][0].split("\n")
    place = next(i for i, line in enumerate(lines) if line.startswith("left_child="))
    children = lines[place].removeprefix("left_child=").split(" ")
    lines[place] = "left_child=" + " ".join(["0" if len(children[0]) == 1 else "00", *children[1:]])
    with pytest.raises(ReleaseRejected, match="split 0: left_child is no later"):
        MetaModel.from_row(signed(row, lightgbm_text="\n".join(lines)))


@pytest.mark.parametrize("shape", [(3, 5), (6,), (1, 1, 6)])
def test_features_of_another_shape_are_refused(trained, shape) -> None:
    with pytest.raises(InputError, match=r"\(n, 6\) is needed"):
        trained.model.probability(np.zeros(shape))


def test_an_infinite_feature_is_refused(trained) -> None:
    asked = feature_matrix(training_set(2, n=50), NAMES)
    asked[7, 2] = float("inf")
    with pytest.raises(InputError, match="infinite"):
        trained.model.probability(asked)


def test_no_trades_no_probabilities(trained) -> None:
    assert trained.model.probability(np.empty((0, 6))).shape == (0,)
