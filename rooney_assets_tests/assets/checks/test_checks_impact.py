"""What a restated bar would change: exact in the bars stage, by the manifests from there on."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from told_bars import ToldSource, drawn, universe

from rooney_assets.graph.declaration import ASSETS, Here, Made, Partitioning, partition_of
from rooney_assets.graph.impact import FROM_THE_SOURCE, RECOMPUTED, Impact, impact_of
from rooney_assets.graph.plan import basis_of, default_params, upstream_closure
from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.mandate import Mandate
from rooney_core.errors import MissingArtifact
from rooney_core.lineage import content_version

ES, NQ, ZN = SYMBOLS = ("SIM_ES", "SIM_NQ", "SIM_ZN")
UNIVERSE = universe(*SYMBOLS)
TOLD = {symbol: drawn(symbol) for symbol in SYMBOLS}
MONTH = "2026-01"
OF_A_TRADABLE = [
    "strategy_results",
    "strategy_ranking",
    "best_strategy",
    "training_set",
    "meta_model",
    "trial_ledger",
    "model_evaluation",
    "holdout_looks",
    "equity_curve",
    "stress_report",
    "drift_report",
    "live_performance",
    "parity_report",
]
# Features are of every symbol's bars; the search before them is not.
FROM_FEATURES_ON = OF_A_TRADABLE[OF_A_TRADABLE.index("training_set") :]
OF_ALL = [
    "portfolio_config",
    "release_candidate",
    "paper_report",
    "gate_report",
    "release_evidence",
    "production_model",
    "production_config",
]


def make(lake: Lake, asset: str, key: str | None, source: ToldSource) -> None:
    """One partition as the graph keeps it; research is a stand-in of one row."""
    one = ASSETS[asset]
    basis = basis_of(one, key, UNIVERSE, source, lake, default_params(one, Mandate()))
    if one.partitioning is Partitioning.SYMBOL:
        nothing = {"params": None, "state_folder": None, "input_versions": {}}
        place = Here(
            asset=asset,
            partition=key,
            universe=UNIVERSE,
            source=source,
            lake=lake,
            run_id="r",
            code_version="c",
            **nothing,  # type: ignore[arg-type]
        )
        inputs = {name: lake.read(name, partition_of(ASSETS[name], key)) for name in one.inputs}
        made = one.body(place, **inputs)
        table = made.table if isinstance(made, Made) else made
    else:
        table = pl.DataFrame({one.partitioning.column or "x": [key or "x"], "made": [asset]})
    facts = ManifestFacts(
        run_id="r",
        code_version=basis.code_version,
        git_commit="g",
        inputs=dict(basis.inputs),
        config=dict(basis.config),
    )
    lake.write(asset, partition_of(one, key), table, facts)


def keys_of(asset: str) -> list[str | None]:
    """Every partition of an asset here."""
    return {
        Partitioning.SYMBOL: [*SYMBOLS],
        Partitioning.TRADABLE: [ES, NQ],
        Partitioning.PAGE: [None],
        Partitioning.JOURNAL: [None],
        Partitioning.MONTH: [MONTH],
        Partitioning.NONE: [None],
    }.get(ASSETS[asset].partitioning, [])


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Everything made from the told bars, in a lake that the tests only read."""
    made = Lake(tmp_path_factory.mktemp("impact") / "lake")
    for asset in upstream_closure([name for name in ASSETS if name != "simulated_truth"]):
        for key in keys_of(asset):
            make(made, asset, key, ToldSource(TOLD))
    return made


def impact(lake: Lake, symbol: str, bars: pl.DataFrame) -> Impact:
    """The impact of other bars of one symbol."""
    return impact_of(symbol, UNIVERSE, ToldSource({**TOLD, symbol: bars}), lake, Mandate())


def changed(found: Impact) -> set[tuple[str, str]]:
    """(asset, partition) of what would change."""
    return set(found.results.select("asset", "partition").iter_rows())


def restated(symbol: str, row: int, column: str, by: float) -> pl.DataFrame:
    """The told bars with one cell moved."""
    here = pl.when(pl.int_range(pl.len()) == row).then(pl.col(column) + by)
    moved = here.otherwise(pl.col(column)).cast(TOLD[symbol].schema[column])
    return TOLD[symbol].with_columns(moved.alias(column))


def front_row(lake: Lake, symbol: str) -> int:
    """A row of raw_bars whose bar is in front, in the middle."""
    front = lake.read("continuous_bars", ("symbol", symbol))
    bar = front.row(front.height // 2, named=True)
    same = (TOLD[symbol]["bar_start"] == bar["bar_start"]) & (
        TOLD[symbol]["contract"] == bar["contract"]
    )
    return int(same.arg_true()[0])


def test_the_same_bars_change_nothing(lake: Lake) -> None:
    found = impact(lake, ES, TOLD[ES])
    assert found.results.is_empty()
    assert found.bars.rows.is_empty()
    assert found.bars.numbers["bars before"] == TOLD[ES].height


def test_a_restated_bar_reaches_what_was_made_from_it_and_of_others_the_features(
    lake: Lake,
) -> None:
    row = front_row(lake, ES)
    bars = restated(ES, row, "close", 0.25)
    found = impact(lake, ES, bars)
    assert found.bars.rows["bar_start"].to_list() == [TOLD[ES]["bar_start"][row]]
    # A close in the middle of a contract rolls nothing; in the middle of a session it is no close.
    reached = {(name, ES) for name in ["raw_bars", "continuous_bars", *OF_A_TRADABLE]}
    reached |= {(name, NQ) for name in FROM_FEATURES_ON}
    reached |= {(name, MONTH) for name in OF_ALL[:-2]}
    reached |= {("production_model", ""), ("production_config", "")}
    assert changed(found) - {("session_bars", ES)} == reached
    first = found.results.row(0, named=True)
    assert (first["asset"], first["because_of"]) == ("raw_bars", FROM_THE_SOURCE)
    assert first["new_version"] == content_version(bars)
    assert first["current_version"] == content_version(TOLD[ES])
    by_asset = {one["asset"]: one for one in found.results.iter_rows(named=True)}
    assert by_asset["strategy_results"]["because_of"] == f"continuous_bars[{ES}]"
    assert by_asset["strategy_results"]["new_version"] == RECOMPUTED
    # Nothing was stale before: the source's new identity is no reason of its own.
    assert not found.results["because_of"].str.contains("stale").any()


def test_a_session_that_changes_names_the_bars_it_is_made_of(lake: Lake) -> None:
    found = impact(lake, ES, restated(ES, front_row(lake, ES), "volume", 1))
    by_asset = {one["asset"]: one for one in found.results.iter_rows(named=True)}
    assert by_asset["session_bars"]["because_of"] == f"continuous_bars[{ES}]"


def test_volume_that_leaves_prices_alone_still_makes_another_session(lake: Lake) -> None:
    found = impact(lake, ES, restated(ES, front_row(lake, ES), "volume", 1))
    assert ("session_bars", ES) in changed(found)
    # Rules of the other index compare it with these sessions.
    assert ("strategy_results", NQ) in changed(found)
    assert ("roll_calendar", ES) not in changed(found)


def test_a_change_that_no_one_reads_stops_at_once(lake: Lake) -> None:
    """A back contract's bar that decides no roll: continuous bars are the same to the bit."""
    front = lake.read("continuous_bars", ("symbol", ES)).select("bar_start", "contract")
    back = TOLD[ES].with_row_index("row").join(front, on=["bar_start", "contract"], how="anti")
    row = int(back["row"][0])
    bars = restated(ES, row, "open", 0.0).with_columns(
        high=pl.when(pl.int_range(pl.len()) == row).then(pl.col("high") + 0.25).otherwise("high")
    )
    found = impact(lake, ES, bars)
    assert changed(found) == {("raw_bars", ES)}
    assert found.bars.numbers["changed"] == 1


def test_a_reference_reaches_the_training_sets_of_others(lake: Lake) -> None:
    found = impact(lake, ZN, restated(ZN, front_row(lake, ZN), "volume", 1))
    reached = {(name, symbol) for name in FROM_FEATURES_ON for symbol in (ES, NQ)}
    assert changed(found) >= reached
    assert not {(name, symbol) for name in OF_A_TRADABLE[:3] for symbol in (ES, NQ)} & changed(
        found
    )
    by = dict(found.results.select("asset", "because_of").iter_rows())
    assert by["training_set"] == f"continuous_bars[{ZN}], session_bars[{ZN}]"


def test_added_and_removed_bars_are_counted(lake: Lake) -> None:
    last = TOLD[ES].tail(1)
    hour = timedelta(hours=1)
    more = last.with_columns(pl.col("bar_start") + hour, pl.col("bar_end") + hour)
    bars = pl.concat([TOLD[ES].filter(pl.int_range(pl.len()) != 100), more])
    numbers = impact(lake, ES, bars).bars.numbers
    assert (numbers["removed"], numbers["changed"], numbers["new"]) == (1, 0, 1)


def test_nothing_is_written(lake: Lake) -> None:
    before = {path: path.stat().st_mtime_ns for path in lake.root.rglob("*")}
    impact(lake, ES, restated(ES, front_row(lake, ES), "close", 0.25))
    assert {path: path.stat().st_mtime_ns for path in lake.root.rglob("*")} == before


def test_what_is_stale_already_is_told(tmp_path: Path) -> None:
    lake, source = Lake(tmp_path), ToldSource(TOLD)
    for asset in ("raw_bars", "roll_calendar", "continuous_bars", "session_bars"):
        make(lake, asset, ES, source)
    for asset in upstream_closure(["cost_model"]):
        make(lake, asset, None if ASSETS[asset].partitioning.is_whole else ES, source)
    make(lake, "strategy_results", ES, source)
    other = ToldSource({**TOLD, ES: restated(ES, front_row(lake, ES), "close", 0.25)})
    for asset in ("raw_bars", "roll_calendar", "continuous_bars", "session_bars"):
        make(lake, asset, ES, other)
    found = impact_of(ES, UNIVERSE, other, lake, Mandate())
    assert changed(found) == {("strategy_results", ES)}
    assert found.results["because_of"].to_list() == [f"continuous_bars[{ES}] (stale already)"]


def test_before_anything_was_made_the_command_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingArtifact, match=f"rooney materialize --symbols {ES} --to raw_bars"):
        impact(Lake(tmp_path), ES, TOLD[ES])


def test_a_restated_bar_is_printed_with_what_differs_and_no_digit_less(
    lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    from rooney_assets.cli.impact import _print

    row = front_row(lake, ES)
    before = TOLD[ES]["volume"][row]
    close = TOLD[ES]["close"][row]
    _print(impact(lake, ES, restated(ES, row, "volume", 1)))
    (line,) = (one for one in capsys.readouterr().out.splitlines() if "volume" in one)
    assert line.rstrip().endswith(f"changed  volume {before} -> {before + 1}")
    _print(impact(lake, ES, restated(ES, row, "close", 0.25)))
    assert f"close {close:.2f}".rstrip("0").rstrip(".") in capsys.readouterr().out


def test_the_facts_are_json(lake: Lake) -> None:
    from rooney_assets.cli.impact import _facts

    found = impact(lake, ES, restated(ES, front_row(lake, ES), "close", 0.25))
    facts = json.loads(json.dumps(_facts(found)))
    assert facts["bars"]["changed"] == 1
    assert len(facts["results"]) == found.results.height
