"""What the UI shows of every asset is there: words, owners, checks, and a meaning per column."""

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import pytest

from rooney_assets.build import build_defs
from rooney_assets.graph.declaration import ASSETS, CHECKS
from rooney_assets.settings import Settings, load_universe

OF_THE_PICTURE = {
    "raw_bars",
    "roll_calendar",
    "continuous_bars",
    "session_bars",
    "simulated_truth",
    "strategy_results",
    "strategy_ranking",
    "best_strategy",
    "trial_ledger",
    "training_set",
    "meta_model",
    "model_evaluation",
    "holdout_looks",
    "equity_curve",
    "portfolio_config",
    "gate_report",
    "production_model",
    "production_config",
}


@pytest.fixture(scope="module")
def defs(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    folder = tmp_path_factory.mktemp("definitions")
    environment: Mapping[str, str] = {
        "ROONEY_LAKE": str(folder / "lake"),
        "ROONEY_STATE": str(folder / "state"),
    }
    settings = Settings.from_environment(environment)
    return build_defs(settings, load_universe(settings))


def test_every_asset_of_the_picture_is_defined(defs: dg.Definitions) -> None:
    keys = {spec.key.to_user_string() for spec in defs.resolve_all_asset_specs()}
    assert keys >= OF_THE_PICTURE


def test_every_asset_tells_what_it_is(defs: dg.Definitions) -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners, spec.key
        assert spec.kinds, spec.key
        assert spec.group_name not in (None, "default"), spec.key
        assert spec.code_version, spec.key


def test_every_asset_has_two_checks_of_one_property_each() -> None:
    for name in ASSETS:
        names = [one.name for one in CHECKS.get(name, [])]
        assert len(names) >= 2, name
        assert len(set(names)) == len(names), name
        assert all(one.description for one in CHECKS[name]), name


def test_building_definitions_touches_no_file(tmp_path: Path) -> None:
    lake, state = tmp_path / "lake", tmp_path / "state"
    settings = Settings.from_environment({"ROONEY_LAKE": str(lake), "ROONEY_STATE": str(state)})
    build_defs(settings, load_universe(settings))
    assert not lake.exists()
    assert not state.exists()


def test_symbols_are_partitions(defs: dg.Definitions) -> None:
    universe = load_universe(Settings.from_environment({}))
    graph = defs.resolve_asset_graph()
    bars = graph.get(dg.AssetKey("raw_bars")).partitions_def
    research = graph.get(dg.AssetKey("strategy_results")).partitions_def
    assert bars is not None
    assert research is not None
    assert set(bars.get_partition_keys()) == set(universe.symbols)
    assert set(research.get_partition_keys()) == set(universe.tradable)
