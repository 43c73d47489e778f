"""The whole graph through the real command, Dagster and lake, on a small simulated universe."""

import json
import sqlite3
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from e2e_factory import Factory

from rooney_core.lineage import content_version
from rooney_core.strategies import VARIANTS

pytestmark = pytest.mark.slow

BARS = ("raw_bars", "roll_calendar", "continuous_bars", "session_bars", "simulated_truth")
RESEARCH = (
    "strategy_results",
    "strategy_ranking",
    "best_strategy",
    "training_set",
    "meta_model",
    "trial_ledger",
    "model_evaluation",
    "holdout_looks",
    "equity_curve",
    "drift_report",
    "cost_model",
    "live_performance",
)

CURVES = tuple(f"equity_curve_{one}" for one in ("benchmarks", "years", "regimes"))
OF_A_MONTH = tuple(
    f"portfolio_config_{one}" for one in ("reasons", "summary", "days", "weights", "sensitivity")
)


@pytest.mark.parametrize("asset", BARS)
def test_bars_exist_for_every_symbol(materialized: Factory, asset: str) -> None:
    rows = materialized.sql(f"select distinct symbol from {asset}")
    assert {row["symbol"] for row in rows} == {"SIM_ES", "SIM_NQ", "SIM_ZN"}


@pytest.mark.parametrize("asset", RESEARCH)
def test_research_exists_for_every_tradable_symbol(materialized: Factory, asset: str) -> None:
    rows = materialized.sql(f"select distinct symbol from {asset}")
    assert {row["symbol"] for row in rows} == {"SIM_ES", "SIM_NQ"}


def test_any_duckdb_client_reads_the_lake(materialized: Factory) -> None:
    with duckdb.connect(str(materialized.lake / "lake.duckdb"), read_only=True) as client:
        row = client.execute("select count(*) from production_config").fetchone()
    assert row == (2,)


def test_no_research_saw_a_day_after_the_train_window(materialized: Factory) -> None:
    # 2010-2018 has at most 9 x 262 weekdays; a sweep that saw later years would count more.
    days = materialized.sql("select max(n_obs) as days from strategy_results")[0]["days"]
    assert 2_000 < days <= 9 * 262


def test_test_window_is_sealed_in_the_views(materialized: Factory) -> None:
    rows = materialized.sql(
        "select split, count(*) as n, count(meta_label) as labels, count(net_profit_usd) as profits"
        " from training_set group by split"
    )
    by_split = {row["split"]: row for row in rows}
    assert by_split["test"]["n"] > 0
    assert by_split["test"]["labels"] == by_split["test"]["profits"] == 0
    assert by_split["train"]["labels"] == by_split["train"]["n"]


def test_every_look_at_the_test_window_is_recorded(materialized: Factory) -> None:
    looks = materialized.sql("select * from holdout_looks order by symbol")
    models = materialized.sql("select symbol, model_version from meta_model order by symbol")
    assert [(one["symbol"], one["model_version"]) for one in looks] == [
        (one["symbol"], one["model_version"]) for one in models
    ]


def test_deflation_uses_every_trial_of_the_ledger(materialized: Factory) -> None:
    ledger = materialized.sql("select symbol, search, count(*) n from trial_ledger group by all")
    evaluated = materialized.sql("select symbol, n_trials_raw from model_evaluation")
    swept = materialized.sql("select symbol, count(*) n from strategy_results group by all")
    for one in swept:
        mine = {row["search"]: row["n"] for row in ledger if row["symbol"] == one["symbol"]}
        assert mine["strategy_sweep"] == one["n"]
        assert mine["meta_tuning"] == 10
        assert mine["threshold"] == 31
        used = next(r["n_trials_raw"] for r in evaluated if r["symbol"] == one["symbol"])
        assert used >= sum(mine.values())


def test_versions_are_named_by_content_and_manifests_name_inputs(materialized: Factory) -> None:
    folder = materialized.lake / "continuous_bars" / "symbol=SIM_ES"
    table = pl.read_parquet(folder / "current.parquet")
    version = content_version(table)
    assert (folder / "versions" / f"{version}.parquet").is_file()
    manifest = json.loads((folder / "versions" / f"{version}.json").read_text(encoding="utf-8"))
    assert set(manifest["inputs"]) == {"raw_bars[SIM_ES]", "roll_calendar[SIM_ES]"}
    assert manifest["rows"] == table.height
    assert manifest["run_id"]
    assert manifest["code_version"]
    assert len(manifest["git_commit"]) >= 7


def test_every_column_of_the_lake_has_a_meaning(materialized: Factory) -> None:
    from rooney_assets.graph.columns import describe

    beside = ("strategy_results_returns", "strategy_results_folds", *CURVES, *OF_A_MONTH)
    last = ("portfolio_config", "gate_report", "production_config")
    for asset in (*BARS, *RESEARCH, *beside, *last):
        columns = materialized.sql(f"select column_name from (describe {asset})")
        silent = [one["column_name"] for one in columns if describe(one["column_name"]) is None]
        assert not silent, asset


def test_training_runs_are_in_mlflow(materialized: Factory) -> None:
    with sqlite3.connect(materialized.folder / "state" / "mlflow" / "mlflow.db") as store:
        rows = store.execute("select value from tags where key = 'symbol'").fetchall()
        finished = store.execute("select distinct status from runs").fetchall()
    assert sorted(row[0] for row in rows) == ["SIM_ES", "SIM_NQ"]
    assert finished == [("FINISHED",)]


def test_running_again_does_no_work_twice_and_says_so(materialized: Factory) -> None:
    before = _files(materialized.lake)
    done = materialized.rooney("materialize")
    assert done.returncode == 0, done.stderr
    assert "Nothing to do" in done.stdout
    assert "data versions match" in done.stdout
    assert _files(materialized.lake) == before


def test_status_calls_everything_current(materialized: Factory) -> None:
    done = materialized.rooney("status", "--json")
    assert done.returncode == 0, done.stderr
    states = {(row["asset"], row["partition"]): row["state"] for row in json.loads(done.stdout)}
    # By symbol, by tradable symbol, by month, and whole.
    assert len(states) == 3 * 5 + 2 * 14 + 5 + 9
    assert states.pop(("gate_calibration", "")) == "on demand"
    assert set(states.values()) == {"current"}


def test_summary_names_each_symbol_its_verdict_and_the_simulation(materialized: Factory) -> None:
    said = (materialized.folder / "first_run.txt").read_text(encoding="utf-8")
    for word in ("SIM_ES", "SIM_NQ", "SIMULATED", "Verdicts", "Portfolio for", "Open next"):
        assert word in said
    facts = json.loads(materialized.rooney("summary", "--json").stdout)
    for one in facts["symbols"]:
        assert one["verdict"] in {"pass", "fail"}
        assert one["bars"] > 80_000


def test_sql_prints_rows_as_json(materialized: Factory) -> None:
    query = (
        "select symbol, count(*) as bars from continuous_bars where symbol = 'SIM_ES' group by 1"
    )
    done = materialized.rooney("sql", "--json", query)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)
    assert row["symbol"] == "SIM_ES"
    assert row["bars"] > 80_000


def test_ranking_is_printed_best_first(materialized: Factory) -> None:
    done = materialized.rooney("rank", "SIM_ES", "--json")
    rows = json.loads(done.stdout)
    assert [row["rank"] for row in rows] == list(range(1, 55))
    assert {row["variant"] for row in rows} == set(VARIANTS)
    for name in ("deflated_sharpe_z", "sharpe_at_double_costs", "pbo", "refused_because"):
        assert all(name in row for row in rows)
    shown = materialized.rooney("rank", "SIM_ES").stdout.splitlines()
    assert max(len(line) for line in shown) <= 120
    assert len(shown) == 2 * 54 + 5


def test_returns_of_every_configuration_are_in_the_lake(materialized: Factory) -> None:
    kept = materialized.sql(
        "select symbol, count(*) as days, max(session) as last, min(len(daily_returns)) as least "
        "from strategy_results_returns group by 1 order by 1"
    )
    swept = materialized.sql(
        "select symbol, max(n_obs) as days, count(*) as n from strategy_results "
        "group by 1 order by 1"
    )
    for mine, theirs in zip(kept, swept, strict=True):
        assert mine["symbol"] == theirs["symbol"]
        assert (mine["days"], mine["least"]) == (theirs["days"], theirs["n"])
        assert mine["last"] <= date(2018, 12, 31)


def test_effective_trials_are_reported_beside_the_raw_count(materialized: Factory) -> None:
    for row in materialized.sql("select n_trials_raw, n_trials_effective from model_evaluation"):
        assert 41 < row["n_trials_effective"] < row["n_trials_raw"] / 10


def test_portfolio_holds_only_symbols_that_passed(materialized: Factory) -> None:
    passed = materialized.sql("select symbol from model_evaluation where verdict = 'pass'")
    traded = materialized.sql("select symbol, reason from production_config where size > 0")
    out = materialized.sql("select symbol, reason from production_config where size = 0")
    assert {row["symbol"] for row in traded} <= {row["symbol"] for row in passed}
    assert all(row["reason"] for row in traded + out)


def _files(lake: Path) -> dict[str, int]:
    return {str(file): file.stat().st_mtime_ns for file in lake.rglob("*") if file.is_file()}
