"""Every variant is a well-formed page of facts, and behaviour lives in the base only."""

from __future__ import annotations

import importlib
import json
from collections import Counter

import pytest
from pydantic import ValidationError
from simulated_market import METALS, SYMBOLS, instrument, simulated_bars, simulated_peers

from rooney_core.backtest.play import play
from rooney_core.errors import InvalidSetting, UnknownName
from rooney_core.strategies import VARIANTS, Variant, VariantParams, find_variant, params_json

ALL = pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
FAMILIES = {
    "ibs": 12,
    "rsi": 6,
    "meanrev": 9,
    "trend": 9,
    "breakout": 7,
    "season": 6,
    "gap": 2,
    "spread": 3,
}


def test_the_catalogue_has_54_variants():
    listed = [one for family in FAMILIES for one in family_package(family).VARIANTS]
    assert list(VARIANTS.values()) == listed
    assert len({one.name for one in listed}) == len(listed) == 54
    assert list(VARIANTS) == [one.name for one in listed]
    assert Counter(one.family for one in listed) == FAMILIES
    with pytest.raises(TypeError):
        VARIANTS["mine"] = VARIANTS["ibs_baseline"]


def family_package(name):
    return importlib.import_module(f"rooney_core.strategies.{name}")


def test_the_grids_are_wide_enough_to_search():
    assert sum(one.n_configurations for one in VARIANTS.values()) >= 2500
    ibs = [one for one in VARIANTS.values() if one.family == "ibs"]
    assert sum(one.n_configurations for one in ibs) >= 1900


def test_the_hourly_rules_of_the_first_catalogue_keep_their_names():
    for name in ("ibs_baseline", "ibs_filtered", "ibs_adaptive_exit"):
        assert (VARIANTS[name].timeframe, VARIANTS[name].overnight) == ("hourly", False)


@ALL
def test_a_variant_is_a_declaration_not_a_subclass(variant):
    assert type(variant) is Variant
    assert not Variant.__subclasses__()
    assert issubclass(variant.params_type, VariantParams)
    allowed = {"lookback", "lookback_sessions"}
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
def test_a_variant_is_a_page_in_its_family_that_names_its_source(variant):
    assert variant.rule.__module__.startswith(f"rooney_core.strategies.{variant.family}.")
    assert len(variant.source) > 20
    assert variant.summary.endswith(".")
    assert variant.sides in ((1,), (-1,), (1, -1), (-1, 1))
    if variant.timeframe == "session":
        assert variant.default_params.lookback_sessions > 0


@ALL
def test_the_default_is_inside_the_grid_and_off_its_axes_everywhere(variant):
    grid, default = variant.grid(), variant.default_params
    assert default in grid
    free = set(variant.params_type.model_fields) - set(variant.axes)
    assert all(getattr(one, name) == getattr(default, name) for one in grid for name in free)


@ALL
def test_a_variant_refuses_names_that_it_does_not_know(variant):
    with pytest.raises(UnknownName, match=variant.name):
        variant.parse_params({"entry_belo": 0.1})
    with pytest.raises(ValidationError):
        variant.params_type(entry_belo=0.1)


@ALL
def test_a_variant_trades_on_the_simulated_market(variant):
    symbols = METALS if variant.name == "spread_commodity_pair" else SYMBOLS
    bars, traded = simulated_bars(symbols[0]), instrument(symbols[0])
    signals = variant.signals(bars, variant.default_params, traded, simulated_peers(symbols))
    assert len(signals) == len(bars)
    assert set(signals.entry[signals.entry != 0]) == set(variant.sides)
    assert (signals.decides is not None) == (variant.timeframe == "session")
    assert signals.overnight == variant.overnight
    if signals.decides is not None:
        assert (bars.bar_end_us >= bars.session_close_us)[signals.decides].all()
        # Stop and limit orders work for one bar, and are given anew within a session.
        assert signals.order != "market" or not signals.entry[~signals.decides].any()
    trips = play(bars, signals)
    assert len(trips.side) >= 1
    assert set(trips.side) <= set(variant.sides)
    if not variant.overnight:
        assert (bars.session[trips.entry_index] == bars.session[trips.exit_index]).all()


@ALL
def test_the_grid_holds_each_combination_once_in_axis_order(variant):
    grid = variant.grid()
    assert len(grid) == len(set(grid)) == variant.n_configurations
    assert all(list(values) == sorted(set(values)) for values in variant.axes.values())
    first = {name: values[0] for name, values in variant.axes.items()}
    assert grid[0] == variant.params_type(**first)
    if len(grid) > 1:
        name, values = [one for one in variant.axes.items() if len(one[1]) > 1][-1]
        assert getattr(grid[1], name) == values[1]


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
        {"max_bars": True},
        '{"max_bars": 5, "max_bars": 6}',
        '{"max_bars": ' + "9" * 5000 + "}",
        "[" * 100_000,
    ],
)
def test_a_value_that_is_not_allowed_is_refused(document):
    with pytest.raises(InvalidSetting, match="ibs_baseline"):
        VARIANTS["ibs_baseline"].parse_params(document)
