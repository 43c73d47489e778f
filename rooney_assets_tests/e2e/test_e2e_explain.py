"""From an order back to the raw bars, made anew, and nothing that is needed collected."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from e2e_factory import Factory

from rooney_assets.lake import Lake, ManifestFacts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def factory(materialized: Factory, tmp_path_factory: pytest.TempPathFactory) -> Factory:
    """A copy of the materialized factory, to be changed."""
    folder = tmp_path_factory.mktemp("explain") / "factory"
    shutil.copytree(materialized.folder, folder)
    return Factory(folder)


def facts_of(factory: Factory, *arguments: str, code: int = 0, **more: str) -> Any:
    done = factory.rooney(*arguments, "--json", **more)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def release_of(factory: Factory) -> dict[str, Any]:
    return Lake(factory.lake).read("production_config", None).row(0, named=True)


def test_a_release_is_explained_down_to_every_raw_bar(factory: Factory) -> None:
    release = release_of(factory)
    told = facts_of(factory, "explain", release["release_id"][:10])
    assert (told["kind"], told["id"]) == ("release", release["release_id"])
    bars = factory.sql("select distinct symbol from raw_bars order by 1")
    assert told["bars"] == [f"raw_bars[{one['symbol']}]" for one in bars]
    assert all(one["is_in_lake"] and one["is_code_of_now"] for one in told["steps"])
    by_table = {(one["asset"], one["partition"]): one["version"] for one in told["steps"]}
    month = release["rebalance_month"]
    assert by_table["mandate", None] == release["mandate_version"]
    assert by_table["release_evidence", month] == release["evidence_version"]
    assert by_table["production_model", None] == release["production_model_version"]
    looks = factory.sql("select symbol, count(*) as n from holdout_looks group by all")
    assert len(told["looks"]) == sum(one["n"] for one in looks)
    assert {one["run_id"] for one in told["steps"]} <= set(told["run_ids"])


def test_an_order_of_the_trader_leads_to_its_release_and_bar(factory: Factory) -> None:
    asked = ["rehearse", "--sessions", "30"]
    places = ["--lake", str(factory.lake), "--state", str(factory.folder / "state")]
    kept = {name: one for name, one in os.environ.items() if not name.startswith("ROONEY_")}
    rehearsed = subprocess.run(
        [str(Path(sys.executable).with_name("rooney-live")), *asked, *places],
        capture_output=True,
        text=True,
        env=kept,
        check=False,
    )
    assert rehearsed.returncode == 0, rehearsed.stdout + rehearsed.stderr
    [journal] = list((factory.folder / "state").rglob("journal.sqlite"))
    with closing(sqlite3.connect(journal)) as connection:
        entered = connection.execute("SELECT order_id FROM fills WHERE order_id LIKE '%:enter'")
        orders = [str(order) for (order,) in entered]
    assert orders, "a planted edge is traded in thirty sessions"
    order_id = ":".join(orders[0].split(":")[-3:])
    symbol = order_id.partition(":")[0]
    told = facts_of(factory, "explain", order_id)
    assert (told["kind"], told["id"]) == ("order", order_id)
    assert told["facts"]["release"]["id"] == release_of(factory)["release_id"]
    [order] = told["facts"]["orders"]
    assert order["fills"]
    assert told["facts"]["bar"]["close"] == told["facts"]["decision"]["close"]
    assert f"raw_bars[{symbol}]" in told["bars"]
    assert all(one["is_in_lake"] for one in told["steps"])
    printed = factory.rooney("explain", order_id)
    assert "moved by" in printed.stdout


def test_a_round_takes_in_what_the_trader_wrote_and_a_second_one_does_nothing(
    factory: Factory,
) -> None:
    """The rehearsal above is in the journal; what it says is evidence, and changes no release."""
    before = release_of(factory)["release_id"]
    [journal] = list((factory.folder / "state").rglob("journal.sqlite"))
    place = {"ROONEY_LIVE_JOURNAL": str(journal)}
    told = facts_of(factory, "pipeline", "--once", **place)
    assert (told["failures"], told["is_settled"]) == ({}, True)
    [asked] = [one for one in told["automations"] if one["automation"] == "live_feedback_arrivals"][
        :1
    ]
    assert [one["job"] for one in asked["runs"]] == ["live_feedback"]
    assert factory.sql("select count(*) as n from live_fills")[0]["n"] > 0
    # What the trader's runs say hangs on the release that they name.
    for table in ("live_performance[SIM_ES]", "drift_report[SIM_ES]"):
        assert facts_of(factory, "reproduce", table, "--shallow", **place)["is_reproduced"] is True
    again = facts_of(factory, "pipeline", "--once", **place)
    assert (again["made"], again["failures"], again["is_settled"]) == (0, {}, True)
    assert [one["runs"] for one in again["automations"]] == [[]] * len(again["automations"])
    assert release_of(factory)["release_id"] == before


@pytest.mark.parametrize(
    "table", ["best_strategy[SIM_ES]", "trial_ledger[SIM_ES]", "equity_curve[SIM_ES]"]
)
def test_a_result_comes_out_the_same_bit_by_bit(factory: Factory, table: str) -> None:
    told = facts_of(factory, "reproduce", table, "--shallow")
    assert told["is_reproduced"] is True
    [step] = told["steps"]
    assert (step["outcome"], step["remade"]) == ("same", step["recorded"])


@pytest.mark.parametrize("table", ["gate_report", "release_candidate", "release_evidence"])
def test_what_a_month_was_judged_by_comes_out_the_same(factory: Factory, table: str) -> None:
    month = release_of(factory)["rebalance_month"]
    told = facts_of(factory, "reproduce", f"{table}[{month}]", "--shallow")
    assert told["is_reproduced"] is True, told


def test_the_release_comes_out_the_same(factory: Factory) -> None:
    for table in ("production_model", "production_config", "model_evaluation[SIM_ES]"):
        assert facts_of(factory, "reproduce", table, "--shallow")["is_reproduced"] is True
    looks = factory.sql("select count(*) as n from holdout_looks where symbol = 'SIM_ES'")
    assert looks == [{"n": Lake(factory.lake).looks("SIM_ES").height}], "no look was spent"


def test_a_forged_result_is_named(factory: Factory) -> None:
    lake, partition = Lake(factory.lake), ("symbol", "SIM_ES")
    before = lake.manifest("best_strategy", partition)
    forged = lake.read("best_strategy", partition).with_columns(variant=pl.lit("rsi2_short"))
    lake.write("best_strategy", partition, forged, before.facts)
    told = facts_of(factory, "reproduce", "best_strategy[SIM_ES]", "--shallow", code=1)
    assert told["first_divergent"] == "best_strategy[SIM_ES]"
    assert told["steps"][0]["remade"] == before.data_version
    assert any("variant differs in 1 of 1 rows" in one for one in told["steps"][0]["notes"])
    again = lake.read("best_strategy", partition, version=before.data_version)
    lake.write("best_strategy", partition, again, before.facts)


def test_old_versions_go_and_everything_stays_up_to_date(factory: Factory) -> None:
    lake, partition = Lake(factory.lake), ("symbol", "SIM_ES")
    current = lake.read("raw_bars", partition)
    facts = lake.manifest("raw_bars", partition).facts
    quarantine = lake.beside("raw_bars", partition)
    for n_bars in range(1000, 1004):
        other = ManifestFacts(run_id="r", code_version="c", git_commit="g")
        lake.write("raw_bars", partition, current.head(n_bars), other, beside=quarantine)
    lake.write("raw_bars", partition, current, facts, beside=quarantine)
    tried = facts_of(factory, "lake", "gc", "--keep", "2", "--dry-run")
    assert (tried["n_removed"], tried["is_dry_run"]) == (0, True)
    # The four that are cut short, without the two newest of them; the whole one is current.
    assert tried["n_removable"] == 2
    done = facts_of(factory, "lake", "gc", "--keep", "2")
    assert done["n_removed"] == tried["n_removable"]
    assert sorted(one.rows for one in lake.versions("raw_bars", partition)) == [
        *(1002, 1003),
        current.height,
    ]
    told = facts_of(factory, "explain", release_of(factory)["release_id"])
    assert all(one["is_in_lake"] for one in told["steps"])
    again = factory.rooney("materialize")
    assert "Nothing to do" in again.stdout, again.stdout


def test_the_emergency_stop_is_what_status_says_first(factory: Factory) -> None:
    stop = factory.lake / "EMERGENCY_STOP"
    stop.write_text("the exchange is down", encoding="utf-8")
    done = factory.rooney("status")
    assert done.stdout.startswith("EMERGENCY STOP: the exchange is down")
    as_json = factory.rooney("status", "--json")
    assert isinstance(json.loads(as_json.stdout), list)
    assert "the exchange is down" in as_json.stderr
    halted = factory.rooney("pipeline", "--once")
    assert (halted.returncode, "the exchange is down" in halted.stderr) == (1, True)
    stop.unlink()
    assert not factory.rooney("status").stdout.startswith("EMERGENCY")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("explain", "nonesuch"), "An id is"),
        (("explain", "strategy_ranking"), "name one: strategy_ranking[SIM_ES]"),
        (("reproduce", "strategy_rankin[SIM_ES]"), "Did you mean"),
        (("lake", "gc", "--keep", "0"), "--keep"),
        (("pipeline", "--dry-run", "--only", "fetch_rate"), "Did you mean"),
    ],
)
def test_a_slip_is_told(factory: Factory, arguments: tuple[str, ...], words: str) -> None:
    done = factory.rooney(*arguments)
    assert (done.returncode, words in done.stderr) == (2, True), done.stderr
