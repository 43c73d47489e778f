"""Is this text a LightGBM model that is safe to load? LightGBM's own parser trusts its input.

Belongs here: the subset of LightGBM's v4 text format that Rooney writes, and the refusal of all
else: sizes, indices and children are checked before the library sees them, because it follows
offsets and child numbers of the text without asking. Does not belong here: training or predicting.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from rooney_core.errors import ReleaseRejected

END: Final = "end of trees\n"
MAX_CHARACTERS: Final = 20_000_000
MAX_TREES: Final = 5_000

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
_PER_SPLIT: Final = ("split_gain", "internal_value", "internal_weight", "internal_count")
_PER_LEAF: Final = ("leaf_weight", "leaf_count")
# Numeric splits only: bit 0 would be a categorical one, whose bitsets nobody checks here.
_DECISION_TYPES: Final = frozenset({0, 2, 4, 6, 8, 10})
_INFO: Final = re.compile(r"none|\[[^\s\[\]:]+:[^\s\[\]:]+\]")
_NUMBER: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|inf|nan)")
_WHOLE: Final = re.compile(r"-?[0-9]{1,9}")


def trees_only(text: str) -> str:
    """LightGBM's text without importances and parameters: what predicts, and nothing besides."""
    end = text.find(END)
    if end < 0:
        raise _rejected(f"the line {END.strip()!r} is missing")
    return text[: end + len(END)]


def check_boosting_text(text: str, features: Sequence[str]) -> None:
    """Return nothing for text as `trees_only` gives of a binary model on exactly `features`.

    Raises ReleaseRejected naming the place for anything else.
    """
    if len(text) > MAX_CHARACTERS or not text.isascii():
        raise _rejected(f"more than {MAX_CHARACTERS} characters, or not plain ASCII")
    if not text.endswith("\n\n" + END):
        raise _rejected(f"it does not end with {END.strip()!r}")
    header, separator, rest = text.partition("\n\n")
    if not separator:
        raise _rejected("it has no header")
    sizes = _check_header(header, features)
    trees = rest.removeprefix("\n")
    start = 0
    for number, size in enumerate(sizes):
        _check_tree(trees[start : start + size], number, len(features))
        start += size
    if trees[start:].strip("\n") != END.strip("\n"):
        raise _rejected("tree_sizes does not cover the trees")


def _check_header(header: str, features: Sequence[str]) -> list[int]:
    first, _, rest = header.partition("\n")
    if first != "tree":
        raise _rejected("it does not begin with 'tree'")
    values = _key_values(rest.split("\n"), _HEADER_KEYS, "header")
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
            raise _rejected(f"header {key}={values[key]!r}, {value!r} is needed")
    infos = values["feature_infos"].split(" ")
    if len(infos) != len(features) or not all(map(_INFO.fullmatch, infos)):
        raise _rejected("feature_infos is malformed")
    sizes = _whole_numbers(values["tree_sizes"], "tree_sizes")
    if not 1 <= len(sizes) <= MAX_TREES or min(sizes) < 1:
        raise _rejected(f"{len(sizes)} trees; 1 to {MAX_TREES} of positive size are allowed")
    return sizes


def _check_tree(block: str, number: int, n_features: int) -> None:
    where = f"tree {number}"
    first, _, rest = block.partition("\n")
    if first != f"Tree={number}":
        raise _rejected(f"{where} does not begin where tree_sizes says")
    values = _key_values(rest.rstrip("\n").split("\n"), _TREE_KEYS, where)
    n_leaves = _one_whole(values["num_leaves"], f"{where} num_leaves")
    if n_leaves < 1 or values["num_cat"] != "0" or values["is_linear"] != "0":
        raise _rejected(f"{where} is not a plain numeric tree")
    n_splits = n_leaves - 1
    _check_splits(values, n_splits, n_features, where)
    # Infinite where a split tells known from unknown; NaN would decide nothing.
    if any(map(math.isnan, _numbers(values["threshold"], n_splits, f"{where} threshold"))):
        raise _rejected(f"{where} has a threshold of NaN")
    _finite_numbers(values["leaf_value"], n_leaves, f"{where} leaf_value")
    _finite_numbers(values["shrinkage"], 1, f"{where} shrinkage")
    for key in _PER_SPLIT:
        _numbers(values[key], n_splits, f"{where} {key}")
    for key in _PER_LEAF:
        # A tree of one leaf has no statistics, except a count in some versions.
        n_expected = n_leaves if n_splits or values[key] else 0
        _numbers(values[key], n_expected, f"{where} {key}")


def _check_splits(values: dict[str, str], n_splits: int, n_features: int, where: str) -> None:
    columns = {
        key: _whole_numbers(values[key], f"{where} {key}")
        for key in ("split_feature", "decision_type", "left_child", "right_child")
    }
    if any(len(column) != n_splits for column in columns.values()):
        raise _rejected(f"{where} has lists of different lengths")
    if any(not 0 <= one < n_features for one in columns["split_feature"]):
        raise _rejected(f"{where} reads a feature outside 0 to {n_features - 1}")
    if not _DECISION_TYPES.issuperset(columns["decision_type"]):
        raise _rejected(f"{where} has a split that is not numeric")
    for key in ("left_child", "right_child"):
        for parent, child in enumerate(columns[key]):
            # Leaves are -1, -2, ...; inner children come after their parent, so walks end.
            if not (parent < child < n_splits or -(n_splits + 1) <= child < 0):
                raise _rejected(f"{where} {key} of split {parent} is {child}")


def _key_values(lines: list[str], keys: Sequence[str], where: str) -> dict[str, str]:
    pairs = [line.partition("=") for line in lines]
    if tuple(key for key, _, _ in pairs) != tuple(keys):
        raise _rejected(f"{where} must hold exactly the lines {', '.join(keys)}, in this order")
    return {key: value for key, _, value in pairs}


def _one_whole(text: str, where: str) -> int:
    numbers = _whole_numbers(text, where)
    if len(numbers) != 1:
        raise _rejected(f"{where} is not one number")
    return numbers[0]


def _whole_numbers(text: str, where: str) -> list[int]:
    parts = text.split(" ") if text else []
    if not all(map(_WHOLE.fullmatch, parts)):
        raise _rejected(f"{where} holds something other than whole numbers")
    return [int(part) for part in parts]


def _numbers(text: str, n_expected: int, where: str) -> list[float]:
    parts = text.split(" ") if text else []
    if len(parts) != n_expected or not all(map(_NUMBER.fullmatch, parts)):
        raise _rejected(f"{where} is not {n_expected} numbers")
    return [float(part) for part in parts]


def _finite_numbers(text: str, n_expected: int, where: str) -> None:
    if not all(map(math.isfinite, _numbers(text, n_expected, where))):
        raise _rejected(f"{where} holds an infinite number or NaN")


def _rejected(what: str) -> ReleaseRejected:
    return ReleaseRejected(f"The stored LightGBM text is not usable: {what}. Train it again.")
