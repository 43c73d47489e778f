"""Rows made to execute, hang or exhaust whoever loads them: they do nothing and are named."""

import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import polars as pl
import pytest
from drawn_boosters import NAMES, drawn
from forged_rows import signed, small_row, stored_forest, with_forest, with_text, with_tree

from rooney_core.errors import ReleaseRejected
from rooney_core.lineage import Stamp, table_from_bytes, table_to_bytes
from rooney_core.modeling import META_MODEL_SCHEMA, MetaModel
from rooney_core.modeling.boosting_text import MAX_CHARACTERS, MAX_TREES, parse_boosting_text

FEW_BYTES = 40_000_000
"""Python's and numpy's memory while a row is judged; the texts below have up to 6 million."""

CODE = "__import__('os').system('touch /tmp/owned')"
# What the interpreter announces before it runs, finds or reads anything.
EXECUTING = ("exec", "compile", "import", "open", "os.", "subprocess.", "pickle.", "ctypes.")

announced: list[str] = []
listening = False


def listen(event: str, _: object) -> None:
    if listening and event.startswith(EXECUTING):
        announced.append(event)


sys.addaudithook(listen)


@contextmanager
def nothing_runs() -> Iterator[None]:
    """Fails when anything between was executed, imported or opened."""
    global listening
    announced.clear()
    listening = True
    try:
        yield
    finally:
        listening = False
    assert announced == []


def as_file(row: pl.DataFrame) -> pl.DataFrame:
    """Through the bytes of the lake: a forger can stamp them as well."""
    return table_from_bytes(bytes(table_to_bytes(row, Stamp.of(row))), "forged.parquet")[0]


def refuse(row: pl.DataFrame, what: str) -> None:
    """Load it as the trader would: a clear word, nothing executed, little memory."""
    arrived = as_file(row)
    tracemalloc.start()
    try:
        with nothing_runs(), pytest.raises(ReleaseRejected, match=what) as refused:
            MetaModel.from_row(arrived)
        assert tracemalloc.get_traced_memory()[1] < FEW_BYTES
    finally:
        tracemalloc.stop()
    assert len(str(refused.value)) < 1_000


def test_the_listener_hears_what_runs() -> None:
    with pytest.raises(AssertionError), nothing_runs():
        eval("1 + 1")  # noqa: S307
    with pytest.raises(AssertionError), nothing_runs():
        import this  # noqa: F401


def test_a_sound_row_loads_and_nothing_runs() -> None:
    row = small_row()
    with nothing_runs():
        MetaModel.from_row(row)


@pytest.mark.parametrize("column", ["threshold_reason", "symbol"])
def test_code_in_words_stays_words(column: str) -> None:
    forged = as_file(signed(small_row(), **{column: CODE}))
    with nothing_runs():
        model = MetaModel.from_row(forged)
    assert model.threshold_reason in (CODE, "set by hand")


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("lightgbm_text", CODE, "does not end with"),
        ("lightgbm_text", f"tree\n{CODE}\n\nend of trees\n", "must hold exactly"),
        ("lightgbm_text", "\x80\x04\x95" + CODE, "plain ASCII"),
        ("features", [CODE, *NAMES[1:]], "not of a-z"),
        ("hyperparameters", CODE, "not JSON"),
        ("hyperparameters", f'"{CODE}"', "not a JSON object"),
    ],
)
def test_code_where_a_model_belongs_is_refused(column: str, value: object, what: str) -> None:
    refuse(signed(small_row(), **{column: value}), what)


@pytest.mark.parametrize(
    "key", ["leaf_value", "threshold", "num_leaves", "left_child", "shrinkage"]
)
def test_code_where_a_number_belongs_is_refused(key: str) -> None:
    refuse(with_tree(small_row(), f"\n{key}=", f"\n{key}={CODE} "), key)


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("hyperparameters", "[" * 9_000, "not JSON"),
        ("hyperparameters", '{"a": ' * 1_400 + "1" + "}" * 1_400, "not JSON"),
        ("hyperparameters", '{"a": ' + "9" * 9_000 + "}", "not JSON"),
        ("hyperparameters", "{" + " " * 20_000_000 + "}", "at most 10000"),
        ("threshold_reason", "x" * 20_000_000, "at most 2000"),
        ("symbol", "x" * 20_000_000, "at most 2000"),
        ("windows", "x" * 20_000_000, "at most 2000"),
        ("features", ["a"] * 3_000_000, "at most 1000"),
        ("features", ["a" * 20_000_000, *NAMES[1:]], "at most 80000"),
        ("features", ["a" * 81, *NAMES[1:]], "not of a-z"),
        ("lightgbm_text", "9" * (MAX_CHARACTERS + 1), f"at most {MAX_CHARACTERS}"),
        ("lightgbm_text", "\n" * MAX_CHARACTERS, "more lines"),
        ("lightgbm_text", "tree\n" + "9" * 5_500_000 + "\n\nend of trees\n", "exactly the lines"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "",
)
def test_huge_values_are_refused_before_they_are_copied(column, value, what) -> None:
    refuse(signed(small_row(), **{column: value}), what)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("tree_sizes=", "tree_sizes=" + "1 " * 2_500_000, f"1 to {MAX_TREES} are allowed"),
        ("tree_sizes=", "tree_sizes=" + "9" * 5_000_000, "tree_sizes holds something other"),
        ("tree_sizes=", "tree_sizes=999999999 ", "tree 0 must hold"),
        ("feature_infos=[", "feature_infos=" + "[" * 5_000_000, "feature_infos"),
        ("feature_infos=", "feature_infos=" + " " * 5_000_000, "feature_infos"),
        ("feature_names=", "feature_names=" + "a " * 2_500_000, "feature_names"),
        ("max_feature_idx=", "max_feature_idx=999999999", "max_feature_idx"),
    ],
)
def test_gigantic_counts_in_the_header_are_refused(old, new, what) -> None:
    refuse(with_text(small_row(), old, new), what)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("num_leaves=5", "num_leaves=999999999", "999999999 leaves; 1 to 64"),
        ("num_leaves=5", "num_leaves=9999999999", "num_leaves holds something other"),
        ("num_leaves=5", "num_leaves=65", "65 leaves; 1 to 64"),
        ("num_leaves=5", "num_leaves=6", "4 parts; 5 are needed"),
        ("num_leaves=5", "num_leaves=0", "0 leaves; 1 to 64"),
        ("num_leaves=5", "num_leaves=-5", "-5 leaves; 1 to 64"),
        ("num_leaves=5", "num_leaves=" + "9" * 5_000_000, "num_leaves holds something other"),
        ("leaf_value=", "leaf_value=" + "0 " * 2_500_000, "2500005 parts; 5 are needed"),
        ("leaf_value=", "leaf_value=" + "1" * 5_000_000, "leaf_value holds something other"),
        ("leaf_value=", "leaf_value= ", "6 parts; 5 are needed"),
        ("split_gain=", "split_gain=" + "-" * 5_000_000, "split_gain holds something other"),
        ("shrinkage=1", "shrinkage=" + "1 " * 2_500_000, "2500001 parts; 1 are needed"),
        ("leaf_count=", "leaf_count=-", "tree 0 split 1: .* without rows"),
        ("internal_count=", "internal_count=1", "tree 0 split 0: internal_count is not the sum"),
        ("internal_value=", "internal_value=0x", "internal_value holds something other"),
    ],
)
def test_gigantic_and_impossible_counts_in_a_tree_are_refused(old, new, what) -> None:
    refuse(with_tree(small_row(), old, new), what)


@pytest.mark.parametrize("value", ["1e7", "-1e300", "1e999", "-inf", "nan"])
def test_a_leaf_that_no_training_makes_is_refused(value: str) -> None:
    text = small_row()["lightgbm_text"][0]
    line = next(one for one in text.splitlines() if one.startswith("leaf_value="))
    first = line.removeprefix("leaf_value=").split(" ")[0]
    refuse(
        with_tree(small_row(), f"leaf_value={first} ", f"leaf_value={value} "),
        "leaf_value is not within",
    )


def test_two_parents_of_one_leaf_are_refused() -> None:
    text = small_row()["lightgbm_text"][0]
    line = next(one for one in text.splitlines() if one.startswith("left_child="))
    leaves = [part for part in line.removeprefix("left_child=").split(" ") if part.startswith("-")]
    other = "-2" if leaves[0] != "-2" else "-1"
    refuse(with_tree(small_row(), line, line.replace(leaves[0], other, 1)), "two parents")


def test_a_forest_of_many_nodes_is_refused_before_it_is_copied() -> None:
    many = {name: values[:1] * 2_000_000 for name, values in stored_forest(small_row()).items()}
    refuse(with_forest(small_row(), **many), "at most 1000001")


def test_a_forest_as_deep_as_allowed_is_walked_to_its_end() -> None:
    """One chain of a million nodes: no recursion, no cycle, an answer."""
    n = 999_999
    inner = np.arange(n) % 2 == 0
    inner[-1] = False
    place = np.arange(n)
    lists = {
        "feature": np.where(inner, 0, -1),
        "threshold": np.where(inner, -1.0, 0.0),
        "left": np.where(inner, place + 1, -1),
        "right": np.where(inner, place + 2, -1),
        "missing_left": np.zeros(n, dtype=bool),
        "value": np.linspace(0.0, 1.0, n),
        "tree_offset": np.array([0, n]),
    }
    row = with_forest(small_row(), **{name: values.tolist() for name, values in lists.items()})
    model = MetaModel.from_row(as_file(signed(row, forest_weight=1.0)))
    asked = np.zeros((1, len(NAMES)))
    assert model.uncalibrated(asked)[0] == 1.0
    assert model.contributions(asked)[0].sum() == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    "bins",
    [
        [None],
        [{"low": 0.1, "high": None, "n": 3, "mean_probability": 0.2, "win_share": 0.2}],
        [{"low": 0.1, "high": 0.2, "n": 0, "mean_probability": 0.2, "win_share": 0.2}],
        [{"low": 0.1, "high": 0.2, "n": 3, "mean_probability": 0.2, "win_share": 1.2}],
        [{"low": 0.1, "high": 0.2, "n": 3, "mean_probability": float("nan"), "win_share": 0.2}],
        [{"low": 0.1, "high": 0.2, "n": 3, "mean_probability": 0.2, "win_share": 0.2}] * 1_001,
    ],
)
def test_an_impossible_reliability_curve_is_refused(bins: list) -> None:
    refuse(signed(small_row(), reliability=bins), "reliability")


def test_columns_of_other_types_are_refused_unread() -> None:
    for column in META_MODEL_SCHEMA:
        for value in (b"\x80\x04", 1.5, [1], "text", {"a": 1}, None):
            forged = small_row().with_columns(pl.Series(column, [value]))
            if forged.schema[column] == META_MODEL_SCHEMA[column]:
                continue
            with nothing_runs(), pytest.raises(ReleaseRejected, match=f"column {column} has type"):
                MetaModel.from_row(forged)
    objects = small_row().with_columns(pl.Series("symbol", [object()], dtype=pl.Object))
    with nothing_runs(), pytest.raises(ReleaseRejected, match="column symbol has type Object"):
        MetaModel.from_row(objects)


def test_any_changed_character_of_the_text_is_refused_or_harmless() -> None:
    """A forger may rewrite numbers; whatever is accepted is walked to a probability."""
    rng, text, asked = np.random.default_rng(4), small_row()["lightgbm_text"][0], drawn(3, 20)
    alphabet = "0123456789-+.eE \n=infanTre"
    n_accepted = 0
    for _ in range(1_500):
        place, letter = int(rng.integers(len(text))), alphabet[rng.integers(len(alphabet))]
        try:
            booster = parse_boosting_text(text[:place] + letter + text[place + 1 :], NAMES)
        except ReleaseRejected:
            continue
        said = booster.probability(asked)
        n_accepted += 1
        assert np.all((said >= 0) & (said <= 1))
    assert n_accepted > 100
