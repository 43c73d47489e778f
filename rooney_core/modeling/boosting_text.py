"""LightGBM's model text, read by ourselves: LightGBM's own parser trusts its input.

Belongs here: the subset of LightGBM's v4 text format that Rooney writes, its parser, and the
refusal of all else. Sizes are checked before anything is split or copied, indices and children
before anything is walked. Does not belong here: predicting (`boosting.py`) or training.

Format: `GBDT::SaveModelToString` and `Tree::ToString` of LightGBM 4.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rooney_core.errors import ReleaseRejected
from rooney_core.modeling.boosting import BoostingArrays

END: Final = "end of trees\n"
MAX_TREES: Final = 500
MAX_LEAVES: Final = 64
"""Of one tree; the search allows no more of either."""

MAX_CHARACTERS: Final = 6_000_000
"""Of the text: that many trees of that many leaves."""

MAX_LEAF_VALUE: Final = 1e6
"""Log odds; no loss of this model reaches a thousandth of it, and no sum of them overflows."""

_HEADER_KEYS: Final = (
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "feature_names",
    "feature_infos",
    "tree_sizes",
)
_TREE_KEYS: Final = (
    "num_leaves",
    "num_cat",
    "split_feature",
    "split_gain",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
    "leaf_weight",
    "leaf_count",
    "internal_value",
    "internal_weight",
    "internal_count",
    "is_linear",
    "shrinkage",
)
_UNREAD_PER_SPLIT: Final = ("split_gain", "internal_value", "internal_weight")
# Numeric splits only: bit 0 would be a categorical one, whose bitsets nobody checks here.
_DECISION_TYPES: Final = frozenset({0, 2, 4, 6, 8, 10})
_INFO: Final = re.compile(r"none|\[[^\s\[\]:]{1,40}:[^\s\[\]:]{1,40}\]")
# 17 digits are all that a float64 has, and 5 zeros may come before them.
_NUMBER: Final = r"-?(?:[0-9]{1,20}(?:\.[0-9]{0,25})?(?:[eE][+-]?[0-9]{1,3})?|inf|nan)"
_NUMBERS: Final = re.compile(rf"{_NUMBER}(?: {_NUMBER})*+")
_WHOLES: Final = re.compile(r"-?[0-9]{1,9}(?: -?[0-9]{1,9})*+")


def trees_only(text: str) -> str:
    """LightGBM's text without importances and parameters: what predicts, and nothing besides."""
    end = text.find(END)
    if end < 0:
        raise _rejected(f"the line {END.strip()!r} is missing")
    return text[: end + len(END)]


class _Tree(NamedTuple):
    feature: list[int]
    threshold: list[float]
    decision: list[int]
    left: list[int]
    right: list[int]
    internal_count: list[int]
    leaf_value: list[float]
    leaf_count: list[int]


def parse_boosting_text(text: str, features: Sequence[str]) -> BoostingArrays:
    """The booster in a text as `trees_only` gives of a binary model on exactly `features`.

    Raises ReleaseRejected, naming the place, for anything that LightGBM would not have written of
    such a model: nothing is guessed, and nothing is skipped.
    """
    if len(text) > MAX_CHARACTERS or not text.isascii():
        raise _rejected(f"more than {MAX_CHARACTERS} characters, or not plain ASCII")
    # Two empty lines and `Tree=` come on top of a tree's keys, an empty line of the header's.
    if text.count("\n") > (len(_TREE_KEYS) + 3) * MAX_TREES + len(_HEADER_KEYS) + 4:
        raise _rejected(f"it has more lines than {MAX_TREES} trees")
    if not text.endswith("\n\n" + END):
        raise _rejected(f"it does not end with {END.strip()!r}")
    header, separator, rest = text.partition("\n\n")
    if not separator:
        raise _rejected("it has no header")
    sizes = _tree_sizes(header, features)
    blocks = rest.removeprefix("\n")
    trees, start = [], 0
    for number, size in enumerate(sizes):
        trees.append(_tree(blocks[start : start + size], f"tree {number}", number))
        start += size
    if blocks[start:].strip("\n") != END.strip("\n"):
        raise _rejected("tree_sizes does not cover the trees")
    arrays = _arrays(trees)
    _check_splits(arrays, len(features))
    counts = list(chain.from_iterable(tree.internal_count for tree in trees))
    _check_counts(arrays, np.array(counts, dtype=np.int64))
    return arrays


def _arrays(trees: Sequence[_Tree]) -> BoostingArrays:
    joined = {
        name: list(chain.from_iterable(getattr(tree, name) for tree in trees))
        for name in _Tree._fields
    }
    n_splits = [len(tree.feature) for tree in trees]
    n_leaves = [len(tree.leaf_value) for tree in trees]
    return BoostingArrays(
        feature=np.array(joined["feature"], dtype=np.int32),
        threshold=np.array(joined["threshold"], dtype=np.float64),
        decision=np.array(joined["decision"], dtype=np.uint8),
        left=np.array(joined["left"], dtype=np.int32),
        right=np.array(joined["right"], dtype=np.int32),
        leaf_value=np.array(joined["leaf_value"], dtype=np.float64),
        leaf_count=np.array(joined["leaf_count"], dtype=np.int64),
        split_offset=np.cumsum([0, *n_splits], dtype=np.int64),
        leaf_offset=np.cumsum([0, *n_leaves], dtype=np.int64),
    )


def _tree_sizes(header: str, features: Sequence[str]) -> list[int]:
    """Characters of every tree, from a header that says what it must."""
    first, _, rest = header.partition("\n")
    if first != "tree":
        raise _rejected("it does not begin with 'tree'")
    values = _key_values(rest, _HEADER_KEYS, "header")
    wanted = {
        "version": "v4",
        "num_class": "1",
        "num_tree_per_iteration": "1",
        "label_index": "0",
        "max_feature_idx": str(len(features) - 1),
        "objective": "binary sigmoid:1",
        "feature_names": " ".join(features),
    }
    for key, value in wanted.items():
        if values[key] != value:
            raise _rejected(f"header {key} is {_short(values[key])}, {_short(value)} is needed")
    infos = values["feature_infos"]
    if infos.count(" ") + 1 != len(features) or not all(map(_INFO.fullmatch, infos.split(" "))):
        raise _rejected("feature_infos is malformed")
    n_trees = values["tree_sizes"].count(" ") + 1
    if n_trees > MAX_TREES:
        raise _rejected(f"{n_trees} trees; 1 to {MAX_TREES} are allowed")
    sizes = _wholes(values["tree_sizes"], n_trees, "tree_sizes")
    if min(sizes) < 1:
        raise _rejected("tree_sizes has a tree that is not of positive size")
    return sizes


def _tree(block: str, where: str, number: int) -> _Tree:
    first, _, rest = block.partition("\n")
    if first != f"Tree={number}":
        raise _rejected(f"{where} does not begin where tree_sizes says")
    values = _key_values(rest.rstrip("\n"), _TREE_KEYS, where)
    if values["num_cat"] != "0" or values["is_linear"] != "0":
        raise _rejected(f"{where} is not a plain numeric tree")
    (n_leaves,) = _wholes(values["num_leaves"], 1, f"{where} num_leaves")
    if not 1 <= n_leaves <= MAX_LEAVES:
        raise _rejected(f"{where} has {n_leaves} leaves; 1 to {MAX_LEAVES} are allowed")
    n_splits = n_leaves - 1
    tree = _Tree(
        feature=_wholes(values["split_feature"], n_splits, f"{where} split_feature"),
        threshold=_numbers(values["threshold"], n_splits, f"{where} threshold"),
        decision=_wholes(values["decision_type"], n_splits, f"{where} decision_type"),
        left=_wholes(values["left_child"], n_splits, f"{where} left_child"),
        right=_wholes(values["right_child"], n_splits, f"{where} right_child"),
        internal_count=_wholes(values["internal_count"], n_splits, f"{where} internal_count"),
        leaf_value=_numbers(values["leaf_value"], n_leaves, f"{where} leaf_value"),
        leaf_count=_leaf_counts(values["leaf_count"], n_leaves, where),
    )
    if not _DECISION_TYPES.issuperset(tree.decision):
        raise _rejected(f"{where} decision_type has a split that is not numeric")
    for key in _UNREAD_PER_SPLIT:
        _check_numbers(values[key], n_splits, f"{where} {key}")
    _check_numbers(values["shrinkage"], 1, f"{where} shrinkage")
    # A tree of one leaf has no statistics, except a count in some versions.
    n_weights = n_leaves if n_splits or values["leaf_weight"] else 0
    _check_numbers(values["leaf_weight"], n_weights, f"{where} leaf_weight")
    return tree


def _leaf_counts(text: str, n_leaves: int, where: str) -> list[int]:
    if n_leaves == 1 and not text:
        return [0]
    return _wholes(text, n_leaves, f"{where} leaf_count")


def _check_splits(trees: BoostingArrays, n_features: int) -> None:
    """Refuse arrays on which the compiled walk could leave memory, loop, or lie."""
    n_splits = np.diff(trees.split_offset)
    size = np.repeat(n_splits, n_splits)
    own = np.arange(len(trees.feature)) - np.repeat(trees.split_offset[:-1], n_splits)
    outside = (trees.feature < 0) | (trees.feature >= n_features)
    _refuse_first(trees, outside, f"split_feature is outside 0 to {n_features - 1}")
    # Infinite where a split tells known from unknown; NaN would decide nothing.
    _refuse_first(trees, np.isnan(trees.threshold), "threshold is NaN")
    for key, child in (("left_child", trees.left), ("right_child", trees.right)):
        # Leaves are ~0, ~1, ...; inner children come after their parent, so walks end.
        is_split, is_leaf = (own < child) & (child < size), (~size <= child) & (child < 0)
        _refuse_first(trees, ~(is_split | is_leaf), f"{key} is no later split and no leaf")
    children = np.concatenate(_children(trees))
    if np.bincount(children, minlength=1).max() > 1:
        raise _rejected("a split or a leaf has two parents")
    # NaN is in no interval, and infinite log odds would make a probability of certainty.
    if not np.all(np.abs(trees.leaf_value) <= MAX_LEAF_VALUE):
        raise _rejected(f"a leaf_value is not within +-{MAX_LEAF_VALUE:g}")


def _check_counts(trees: BoostingArrays, internal_count: npt.NDArray[np.int64]) -> None:
    """Every split has the rows of its two children, and no leaf is empty."""
    counts = np.concatenate((internal_count, trees.leaf_count))
    left, right = _children(trees)
    for one in (left, right):
        _refuse_first(trees, counts[one] < 1, "leaf_count or internal_count leaves it without rows")
    differs = counts[left] + counts[right] != internal_count
    _refuse_first(trees, differs, "internal_count is not the sum of its children's")


def _children(trees: BoostingArrays) -> list[npt.NDArray[np.int64]]:
    """Left and right child of every split, as places in all splits followed by all leaves."""
    n_splits = np.diff(trees.split_offset)
    first_split = np.repeat(trees.split_offset[:-1], n_splits)
    first_leaf = np.repeat(trees.leaf_offset[:-1], n_splits) + len(trees.feature)
    return [
        np.where(child >= 0, first_split + child, first_leaf + ~child)
        for child in (trees.left, trees.right)
    ]


def _refuse_first(trees: BoostingArrays, is_wrong: npt.NDArray[np.bool_], what: str) -> None:
    if is_wrong.any():
        place = int(np.argmax(is_wrong))
        tree = int(np.searchsorted(trees.split_offset, place, side="right")) - 1
        split = place - int(trees.split_offset[tree])
        raise _rejected(f"tree {tree} split {split}: {what}")


def _key_values(text: str, keys: Sequence[str], where: str) -> dict[str, str]:
    pairs = [line.partition("=") for line in text.split("\n", len(keys))]
    if tuple(key for key, _, _ in pairs) != tuple(keys):
        raise _rejected(f"{where} must hold exactly the lines {', '.join(keys)}, in this order")
    return {key: value for key, _, value in pairs}


def _wholes(text: str, n_expected: int, where: str) -> list[int]:
    _check_list(text, n_expected, _WHOLES, "whole numbers of 9 digits at most", where)
    return [int(part) for part in text.split()]


def _numbers(text: str, n_expected: int, where: str) -> list[float]:
    _check_numbers(text, n_expected, where)
    return [float(part) for part in text.split()]


def _check_numbers(text: str, n_expected: int, where: str) -> None:
    _check_list(text, n_expected, _NUMBERS, "numbers", where)


def _check_list(
    text: str, n_expected: int, pattern: re.Pattern[str], what: str, where: str
) -> None:
    """Refuse before anything is split: text of one line, single spaces between its parts."""
    n_arrived = text.count(" ") + 1 if text else 0
    if n_arrived != n_expected:
        raise _rejected(f"{where} has {n_arrived} parts; {n_expected} are needed")
    if n_expected and not pattern.fullmatch(text):
        raise _rejected(f"{where} holds something other than {what}: {_short(text)}")


def _short(text: str) -> str:
    """Enough of a text to recognise it, harmless to a terminal."""
    return repr(text if len(text) <= 60 else text[:60] + "...")


def _rejected(what: str) -> ReleaseRejected:
    return ReleaseRejected(f"The stored LightGBM text is not usable: {what}. Train it again.")
