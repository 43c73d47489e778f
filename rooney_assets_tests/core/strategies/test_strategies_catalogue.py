"""Every variant is a well-formed page of facts, and behaviour lives in the base only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

import rooney_core.strategies as strategies
from rooney_core.errors import InvalidSetting, UnknownName
from rooney_core.strategies import VARIANTS, Variant, VariantParams, find_variant, params_json

ALL = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)


def test_the_thin_catalogue():
    assert list(VARIANTS) == ["ibs_baseline", "ibs_filtered", "ibs_adaptive_exit"]
    assert sum(one.n_configurations for one in VARIANTS.values()) == 91
    with pytest.raises(TypeError):
        VARIANTS["mine"] = VARIANTS["ibs_baseline"]


@ALL
def test_a_variant_is_a_declaration_not_a_subclass(variant):
    assert type(variant) is Variant
    assert issubclass(variant.params_type, VariantParams)
    allowed = {"lookback"}
    for one in variant.params_type.__mro__:
        if issubclass(one, VariantParams) and one is not VariantParams:
            methods = {
                name
                for name, member in vars(one).items()
                if isinstance(member, property | classmethod | staticmethod)
                or (callable(member) and not name.startswith("_"))
            }
            assert methods <= allowed


@ALL
def test_a_variant_has_its_own_file_and_names_its_source(variant):
    assert (Path(strategies.__file__).parent / f"{variant.name}.py").exists()
    assert variant.timeframe == "hourly"
    assert len(variant.source) > 20
    assert variant.summary.endswith(".")


@ALL
def test_the_grid_holds_each_combination_once_in_axis_order(variant):
    grid = variant.grid()
    assert len(grid) == len(set(grid)) == variant.n_configurations
    assert all(list(values) == sorted(set(values)) for values in variant.axes.values())
    first = {name: values[0] for name, values in variant.axes.items()}
    assert grid[0] == variant.params_type(**first)
    last_axis = list(variant.axes)[-1]
    assert getattr(grid[1], last_axis) == variant.axes[last_axis][1]


@ALL
def test_parameters_survive_json(variant):
    for params in (variant.default_params, *variant.grid()):
        text = params_json(params)
        assert variant.parse_params(text) == variant.parse_params(json.loads(text)) == params
        assert variant.parse_params(params) is params
    assert variant.parse_params(None) == variant.default_params


@ALL
def test_parameters_are_frozen_and_lookback_is_at_least_a_bar(variant):
    with pytest.raises(ValidationError):
        variant.default_params.max_bars = 3
    assert all(variant.lookback(params) >= 1 for params in variant.grid())


def test_a_misspelt_name_gets_a_suggestion():
    with pytest.raises(UnknownName, match="Did you mean 'trend_bars'"):
        VARIANTS["ibs_filtered"].parse_params({"trend_bar": 100})
    with pytest.raises(UnknownName, match="Did you mean 'ibs_filtered'"):
        find_variant("ibs_filterd")


@pytest.mark.parametrize(
    "document",
    [
        {"entry_below": 0.0},
        {"entry_below": "low"},
        {"exit_above": 1.0},
        {"max_bars": 0},
        {"max_bars": 2.5},
        {"entry_below": 0.4, "exit_above": 0.3},
        {"exit_above": float("nan")},
        "{",
        "[1]",
        7,
    ],
)
def test_a_value_that_is_not_allowed_is_refused(document):
    with pytest.raises(InvalidSetting, match="ibs_baseline"):
        VARIANTS["ibs_baseline"].parse_params(document)
