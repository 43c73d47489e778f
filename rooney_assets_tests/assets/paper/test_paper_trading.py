"""A candidate made, traded on paper by the real trader as a process, and judged; all is real."""

from __future__ import annotations

import os
import sqlite3
from datetime import date
from typing import Any

import polars as pl
import pytest
from small_release import MARKET, OUT, Parts, make_parts, universe

import rooney_assets.assets  # noqa: F401  (importing it fills the registries)
from rooney_assets.assets.paper import (
    PaperParams,
    candidate_models,
    paper_of,
    paper_report,
    release_candidate,
    sessions_to_trade,
)
from rooney_assets.graph.declaration import CHECKS, Here, Made, Outcome
from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.ledger import SEARCHES
from rooney_assets.mandate import Mandate
from rooney_assets.paper_trading import PaperTrading, _Ended, _opened, _read, trade_on_paper
from rooney_core.decision.batch import DECISIONS_SCHEMA
from rooney_core.decision.replay import TRADES_SCHEMA
from rooney_core.errors import RefusedError
from rooney_core.gates.paper import PAPER_SCHEMA, POSITIONS_SCHEMA, PaperLimits, paper_gate
from rooney_core.lineage import content_version
from rooney_core.release import load_release
from rooney_core.release.replay import ReplayBars, decide_release
from rooney_live.journal import Journal, Run

MONTH, LATER = "2021-04", "2021-05"
FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")
SIZES = {"SIM_CL": 1, "SIM_ES": 2}
PARAMS = PaperParams(paper=PaperLimits(sessions=10))
N_TRADED = 10


@pytest.fixture(scope="module")
def parts() -> Parts:
    return make_parts()


@pytest.fixture
def lake(parts: Parts, tmp_path: Any) -> Lake:
    """A lake with bars, models and strategies, and the mandate's page."""
    lake = Lake(tmp_path / "lake")
    parts.write_bars(lake.root)
    return lake


def here(lake: Lake, asset: str, month: str = MONTH, beside: Any = None) -> Here:
    nothing: dict[str, Any] = {"source": None, "run_id": "r", "code_version": "c"}
    state = lake.root.parent / "state"
    params = PARAMS if asset == "paper_report" else None
    return Here(
        asset,
        month,
        universe(),
        lake=lake,
        params=params,
        state_folder=state,
        input_versions={},
        beside=beside or {},
        **nothing,
    )


def keep(lake: Lake, asset: str, made: Made, month: str = MONTH) -> str:
    """Write what a body made, as the graph does, after the checks of it have passed."""
    for one in CHECKS[asset]:
        outcome = one.look(made.table, here(lake, asset, month, made.beside))
        assert outcome.passed or not one.blocking, (one.name, outcome.facts)
    partition = ("rebalance_month", month)
    return lake.write(asset, partition, made.table, FACTS, beside=made.beside).data_version


def make_candidate(parts: Parts, lake: Lake, sizes: dict[str, int], month: str = MONTH) -> Made:
    members = pl.DataFrame(
        [(month, *one, at) for at, one in enumerate(sizes.items(), start=1)],
        schema={
            "rebalance_month": pl.String,
            "symbol": pl.String,
            "size": pl.Int64,
            "priority": pl.Int64,
        },
        orient="row",
    )
    why = [
        (month, one, f"{one} is {'in' if one in sizes else 'out'}") for one in universe().tradable
    ]
    reasons = pl.DataFrame(why, schema=["rebalance_month", "symbol", "reason"], orient="row")
    lake.write(
        "portfolio_config", ("rebalance_month", month), members, FACTS, beside={"reasons": reasons}
    )
    equity = {"SIM_ES": pl.DataFrame({"session": [date(2021, 3, 30), MARKET.last_session]})}
    made = release_candidate.body(
        here(lake, "release_candidate", month),
        mandate=Mandate().to_frame(),
        portfolio_config=members.reverse(),
        meta_model={
            symbol: one.with_columns(pl.lit("left out").alias(name) for name in SEARCHES)
            for symbol, one in parts.models.items()
        },
        best_strategy=parts.strategies,
        equity_curve=equity,
    )
    assert isinstance(made, Made)
    keep(lake, "release_candidate", made, month)
    return made


def report(parts: Parts, lake: Lake, month: str = MONTH) -> Made:
    partition = ("rebalance_month", month)
    made = paper_report.body(
        here(lake, "paper_report", month),
        release_candidate=lake.read("release_candidate", partition),
        continuous_bars=parts.continuous,
        session_bars=parts.sessions,
    )
    assert isinstance(made, Made)
    return made


def look(lake: Lake, name: str, made: Made) -> Outcome:
    (one,) = (check for check in CHECKS["paper_report"] if check.name == name)
    return one.look(made.table, here(lake, "paper_report", beside=made.beside))


def test_the_candidate_is_the_release_that_the_month_would_make(parts: Parts, lake: Lake) -> None:
    made = make_candidate(parts, lake, SIZES)
    config = made.table
    assert config["symbol"].to_list() == ["SIM_CL", "SIM_ES", OUT]
    assert config["size"].to_list() == [1, 2, 0]
    assert config["reason"][2] == f"{OUT} is out"
    assert config["data_through"].unique().to_list() == [MARKET.last_session]
    days = (config["approved_until"][0] - MARKET.last_session).days
    assert days == Mandate().promotion.approval_days
    assert config["mandate_version"][0] == Mandate().version
    models = candidate_models(here(lake, "release_candidate"))
    assert content_version(models) == config["production_model_version"][0]
    assert tuple(load_release(config, models).bundles) == ("SIM_CL", "SIM_ES")


def test_the_real_trader_trades_the_newest_candidate(parts: Parts, lake: Lake) -> None:
    candidate = make_candidate(parts, lake, SIZES).table
    made = report(parts, lake)
    table = made.table
    assert table.schema == pl.Schema(PAPER_SCHEMA)
    row = table.row(0, named=True)
    assert row["candidate_id"] == candidate["release_id"][0]
    assert (row["status"], row["feed"], row["n_sessions"]) == ("traded", "rehearsed", N_TRADED)
    assert row["symbols"] == ["SIM_CL", "SIM_ES"]
    assert row["last_session"] == MARKET.last_session
    assert (row["n_unexplained"], row["n_unexplained_by_trader"]) == (0, 0)
    assert row["n_emergency_stops"] == 0
    # By another route: the batch's own trades, with nothing but sizes.
    release = load_release(candidate, candidate_models(here(lake, "release_candidate")))
    bars = ReplayBars(parts.continuous, parts.continuous, parts.sessions)
    days = parts.continuous["SIM_ES"]["session"].unique().sort().tail(N_TRADED)
    replay = decide_release(release, bars).replay(days.to_list())
    assert row["n_trades"] == replay.trades.height >= PARAMS.paper.min_trades
    profits = replay.trades["net_profit_usd"]
    assert row["net_profit_usd"] == pytest.approx(profits.sum())
    assert row["win_rate"] == pytest.approx((profits > 0).mean())
    assert row["n_decisions"] == replay.decisions.height
    assert made.beside["differences"].is_empty()
    assert {str(one.code) for one in paper_gate(table, PARAMS.paper)} >= {"grade", "annual_alpha"}
    assert keep(lake, "paper_report", made) == keep(lake, "paper_report", report(parts, lake))
    assert not list((lake.root.parent / "state" / "paper").iterdir())


def test_an_older_month_keeps_its_report_of_the_same_candidate(parts: Parts, lake: Lake) -> None:
    make_candidate(parts, lake, SIZES)
    first = report(parts, lake)
    keep(lake, "paper_report", first)
    make_candidate(parts, lake, {"SIM_ES": 1}, LATER)
    again = report(parts, lake)
    assert again.table.equals(first.table)
    assert again.beside["trades"].equals(first.beside["trades"])
    make_candidate(parts, lake, {"SIM_CL": 1})
    other = report(parts, lake)
    keep(lake, "paper_report", other)
    assert other.table["status"][0] == "not_paper_traded"
    assert LATER in other.table["note"][0]
    (row,) = paper_gate(other.table, PARAMS.paper)
    assert not row.passed
    assert not look(lake, "paper_gate_would_pass", other).passed


def test_an_empty_candidate_has_nothing_to_trade_and_says_so(parts: Parts, lake: Lake) -> None:
    make_candidate(parts, lake, {})
    made = report(parts, lake)
    assert made.table["status"][0] == "nothing_to_trade"
    assert made.table["grade"][0] is None
    (row,) = paper_gate(made.table, PARAMS.paper)
    assert row.passed
    keep(lake, "paper_report", made)


def test_a_report_of_another_candidate_is_not_written(parts: Parts, lake: Lake) -> None:
    make_candidate(parts, lake, SIZES)
    made = report(parts, lake)
    make_candidate(parts, lake, {"SIM_ES": 1})
    assert not look(lake, "speaks_of_the_candidate", made).passed


def test_differences_are_told_by_the_check(parts: Parts, lake: Lake) -> None:
    make_candidate(parts, lake, SIZES)
    made = report(parts, lake)
    assert look(lake, "decided_as_the_replay", made).passed
    for name in ("n_unexplained", "n_unexplained_by_trader"):
        worse = Made(made.table.with_columns(pl.lit(1).alias(name)), beside=made.beside)
        assert not look(lake, "decided_as_the_replay", worse).passed
        failed = [row for row in paper_gate(worse.table, PARAMS.paper) if not row.passed]
        assert [str(row.code) for row in failed] == ["unexplained_differences", "grade"]


def test_it_trades_longer_until_enough_trades_have_ended(parts: Parts, lake: Lake) -> None:
    config = make_candidate(parts, lake, SIZES).table
    release = load_release(config, candidate_models(here(lake, "release_candidate")))
    bars = ReplayBars(parts.continuous, parts.continuous, parts.sessions)
    decided = decide_release(release, bars)
    sessions = parts.continuous["SIM_ES"]["session"].unique().sort()

    def wanted(min_trades: int) -> int:
        limits = PaperLimits(sessions=7, max_sessions=50, min_trades=min_trades)
        return sessions_to_trade(decided, sessions, limits)

    in_seven = decided.replay(sessions.tail(7).to_list()).trades.height
    assert wanted(in_seven) == 7
    assert wanted(in_seven + 1) == 14
    assert wanted(1000) == 50


def test_nothing_of_the_environment_reaches_the_trader(
    parts: Parts, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A misspelt setting would be refused by the trader, had it arrived."""
    config = make_candidate(parts, lake, {"SIM_ES": 1}).table
    models = candidate_models(here(lake, "release_candidate"))
    monkeypatch.setenv("ROONEY_LAEK", "elsewhere")
    traded = trade_on_paper(config, models, lake.root, 2, lake.root.parent / "scratch")
    assert traded.n_unexplained == 0
    assert traded.decisions["session"].n_unique() == 2
    assert "ROONEY_LAEK" in os.environ


def test_a_trader_that_refuses_to_begin_says_why(parts: Parts, lake: Lake) -> None:
    config = make_candidate(parts, lake, {"SIM_ES": 1}).table
    models = candidate_models(here(lake, "release_candidate"))
    scratch = lake.root.parent / "scratch"
    other = config.with_columns(size=pl.when(pl.col("size") > 0).then(3).otherwise(pl.col("size")))
    with pytest.raises(RefusedError, match="wrong hash"):
        trade_on_paper(other, models, lake.root, 2, scratch)
    with pytest.raises(RefusedError, match="50000 sessions were asked for"):
        trade_on_paper(config, models, lake.root, 50_000, scratch)
    with pytest.raises(RefusedError, match="did not end within"):
        trade_on_paper(config, models, lake.root, 2, scratch, timeout_s=0.001)
    assert not list(scratch.iterdir())


def test_a_trader_that_stops_before_its_first_decision_is_an_f(parts: Parts, lake: Lake) -> None:
    candidate = make_candidate(parts, lake, SIZES).table
    nothing = {"trades": TRADES_SCHEMA, "positions": POSITIONS_SCHEMA}
    nothing |= {"decisions": {**DECISIONS_SCHEMA, "session": pl.Date()}}
    frames = {name: pl.DataFrame(schema=schema) for name, schema in nothing.items()}
    traded = PaperTrading(
        "run", "code", n_unexplained=None, stops=("SecretRefused: no key",), **frames
    )
    made = paper_of(
        here(lake, "paper_report"),
        candidate,
        parts.continuous,
        parts.sessions,
        lambda *_: traded,
    )
    row = made.table.row(0, named=True)
    assert (row["grade"], row["status"], row["n_sessions"]) == ("F", "traded", 0)
    assert (row["note"], row["n_emergency_stops"]) == ("SecretRefused: no key", 1)
    assert row["first_session"] is row["annual_sharpe"] is None
    assert "nothing to show" in made.pictures["paper"]
    assert not all(one.passed for one in paper_gate(made.table, PARAMS.paper))
    keep(lake, "paper_report", made)


def test_a_run_that_stopped_in_the_middle_is_an_emergency_stop(tmp_path: Any) -> None:
    """What the trader wrote down before it stopped is read, and the stop is counted."""
    path = tmp_path / "journal.sqlite"
    run = Run("run", "release", MONTH, "code", "bars", ("SIM_ES",), None, None)
    with Journal.open(path) as journal:
        journal.begin(run, "2026-01-01T00:00:00")
        with journal.transaction():
            journal.put(
                "events",
                {
                    "run_id": "run",
                    "at_us": 1,
                    "symbol": "",
                    "code": "EMERGENCY_STOP",
                    "message": "a bar that cannot be",
                },
            )
    with _opened(path) as connection:
        traded = _read(connection, _Ended(None, "exit code 1"))
        assert traded.stops == ("a bar that cannot be",)
        assert traded.n_unexplained is None
        connection.execute("DELETE FROM events")
        assert _read(connection, _Ended(None, "killed")).stops == ("killed",)
        assert isinstance(connection, sqlite3.Connection)
