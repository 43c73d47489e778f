"""Which other symbols a symbol's research reads, and what makes it and its ranking stale."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.build import build_defs
from rooney_assets.graph.declaration import ASSETS
from rooney_assets.graph.plan import basis_of, default_params, input_keys, is_current
from rooney_assets.headless import Request, keys_to_run
from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.mandate import Mandate
from rooney_assets.settings import Settings
from rooney_assets.sources.simulated import SimulatedSource
from rooney_assets.stages import STAGES
from rooney_core.backtest.ranking import RankingCriteria
from rooney_core.market.instruments import Universe

ROOT = Path(__file__).resolve().parents[3]
ES, NQ, RTY, CL, GC, SI, ZN = (
    f"SIM_{root}" for root in ("ES", "NQ", "RTY", "CL", "GC", "SI", "ZN")
)
RESULTS, RANKING = ASSETS["strategy_results"], ASSETS["strategy_ranking"]
BESIDE = RESULTS.inputs["session_bars"]


@cache
def universe(*symbols: str) -> Universe:
    """The shipped universe, cut down to some symbols of the simulated market; none: all."""
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    kept = [one for one in document["instruments"] if not symbols or one["symbol"] in symbols]
    return Universe.parse({"instruments": kept}, "a test").offered_by("simulated")


def put(lake: Lake, asset: str, symbol: str, value: int = 1) -> None:
    """A stand-in table."""
    table = pl.DataFrame({"symbol": [symbol], "value": [value]})
    facts = ManifestFacts(run_id="r", code_version="c", git_commit="g")
    lake.write(asset, ("symbol", symbol), table, facts)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Bars of four symbols."""
    made = Lake(tmp_path / "lake")
    for symbol in (ES, NQ, RTY, ZN):
        put(made, "session_bars", symbol)
    put(made, "continuous_bars", ES)
    put(made, "cost_model", ES)
    return made


def test_peers_are_the_partner_and_the_product_group() -> None:
    known = universe()
    assert known.peers_of(ES) == (NQ, RTY)
    # Crude oil's partner is of another group, and gold does not take it for one in return.
    assert known.peers_of(CL) == (GC,)
    assert known.peers_of(GC) == (SI,)


def test_only_peers_that_are_there_are_read(lake: Lake) -> None:
    assert input_keys(RESULTS, BESIDE, ES, universe(), lake) == [NQ, RTY]
    assert input_keys(RESULTS, BESIDE, CL, universe(), lake) == []


def test_a_peer_that_moves_or_joins_makes_the_search_stale(lake: Lake) -> None:
    few = universe(ES, NQ, ZN)
    source = SimulatedSource()
    mine = basis_of(RESULTS, ES, few, source, lake, None)
    own = {f"continuous_bars[{ES}]", f"cost_model[{ES}]"}
    assert set(mine.inputs) == {*own, f"session_bars[{NQ}]"}
    assert mine.config["peers"] == [NQ]
    put(lake, "session_bars", ZN, 2)
    assert basis_of(RESULTS, ES, few, source, lake, None) == mine
    put(lake, "session_bars", NQ, 2)
    assert basis_of(RESULTS, ES, few, source, lake, None).inputs != mine.inputs
    joined = basis_of(RESULTS, ES, universe(), source, lake, None)
    assert joined.config["peers"] == [NQ, RTY]
    assert f"session_bars[{RTY}]" in joined.inputs


def test_another_mandate_makes_the_ranking_stale(lake: Lake) -> None:
    put(lake, "strategy_results", ES)
    few, source = universe(ES, NQ, ZN), SimulatedSource()

    def basis(mandate: Mandate):  # type: ignore[no-untyped-def]
        params = default_params(RANKING, mandate)
        return basis_of(RANKING, ES, few, source, lake, params)

    now = basis(Mandate())
    facts = ManifestFacts(
        run_id="r",
        code_version=now.code_version,
        git_commit="g",
        inputs=dict(now.inputs),
        config=dict(now.config),
    )
    lake.write("strategy_ranking", ("symbol", ES), pl.DataFrame({"symbol": [ES]}), facts)
    assert is_current(RANKING, ES, basis(Mandate()), lake)
    stricter = Mandate(ranking=RankingCriteria(min_annual_sharpe=2.0))
    assert not is_current(RANKING, ES, basis(stricter), lake)


def test_dagster_knows_which_partitions_a_search_reads(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {"ROONEY_LAKE": str(tmp_path / "lake"), "ROONEY_STATE": str(tmp_path / "state")}
    )
    known = universe()
    graph = build_defs(settings, known).resolve_asset_graph()
    mapping = graph.get_partition_mapping(
        dg.AssetKey("strategy_results"), dg.AssetKey("session_bars")
    )
    bars = dg.StaticPartitionsDefinition(list(known.symbols))
    research = dg.StaticPartitionsDefinition(list(known.tradable))
    for symbol in known.tradable:
        read = mapping.get_upstream_mapped_partitions_result_for_partitions(
            research.subset_with_partition_keys([symbol]), research, bars
        ).partitions_subset.get_partition_keys()
        assert set(read) == set(known.peers_of(symbol)), symbol


def test_a_symbol_without_any_peer_still_has_definitions(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {"ROONEY_LAKE": str(tmp_path / "lake"), "ROONEY_STATE": str(tmp_path / "state")}
    )
    build_defs(settings, universe(CL, ZN)).resolve_asset_graph()


def test_bars_of_peers_come_with_the_symbol_that_is_asked_for(lake: Lake) -> None:
    bars = STAGES[0]
    request = Request(symbols=(CL,))
    wanted = ["raw_bars", "session_bars", "strategy_results"]
    keys = keys_to_run(bars.partitioning, request, ["raw_bars"], universe(), lake, wanted)
    assert set(keys) == {CL, GC}
    alone = keys_to_run(bars.partitioning, request, ["raw_bars"], universe(), lake, wanted[:2])
    assert set(alone) == {CL}


def test_train_window_is_what_the_name_says() -> None:
    from rooney_assets.factory_tables import in_window

    days = [date(2018, 12, 28), date(2018, 12, 31), date(2019, 1, 2)]
    frame = pl.DataFrame({"session": days, "adjustment": [3.3, 1.1, 0.0]})
    kept = in_window(frame, date(2018, 12, 31))
    assert kept["session"].to_list() == days[:2]
    # On the last contract that it holds; 3.3 - 1.1 in floats is 2.1999999999999997.
    assert kept["adjustment"].to_list() == [2.2, 0.0]
    assert in_window(frame, date(2018, 12, 1)).is_empty()


TRAINING = ASSETS["training_set"]


def test_features_read_every_tradable_and_reference_symbol_that_is_there(lake: Lake) -> None:
    sessions, hours = (TRAINING.inputs[name] for name in ("session_bars", "continuous_bars"))
    assert input_keys(TRAINING, sessions, ES, universe(), lake) == [ES, NQ, RTY, ZN]
    assert input_keys(TRAINING, hours, ES, universe(), lake) == [ES]
    # Its own bars are named though they are not there: without them nothing can be made.
    assert input_keys(TRAINING, hours, CL, universe(), lake) == [ES, CL]


def test_bars_of_all_come_with_the_symbol_whose_features_are_asked_for(lake: Lake) -> None:
    bars, wanted = STAGES[0], ["raw_bars", "session_bars", "training_set"]
    keys = keys_to_run(
        bars.partitioning, Request(symbols=(CL,)), ["raw_bars"], universe(), lake, wanted
    )
    known = universe()
    assert set(keys) == {*known.tradable, *known.reference}


def test_dagster_knows_that_features_read_all(tmp_path: Path) -> None:
    settings = Settings.from_environment(
        {"ROONEY_LAKE": str(tmp_path / "lake"), "ROONEY_STATE": str(tmp_path / "state")}
    )
    known = universe()
    graph = build_defs(settings, known).resolve_asset_graph()
    bars = dg.StaticPartitionsDefinition(list(known.symbols))
    research = dg.StaticPartitionsDefinition(list(known.tradable))
    for asset in ("session_bars", "continuous_bars"):
        mapping = graph.get_partition_mapping(dg.AssetKey("training_set"), dg.AssetKey(asset))
        for symbol in known.tradable:
            read = mapping.get_upstream_mapped_partitions_result_for_partitions(
                research.subset_with_partition_keys([symbol]), research, bars
            ).partitions_subset.get_partition_keys()
            assert set(read) == {*known.tradable, *known.reference}, symbol
