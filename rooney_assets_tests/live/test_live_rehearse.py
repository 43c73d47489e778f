"""A rehearsal is repeatable, survives kill -9, and never holds more than the release allows."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys

import polars as pl
import pytest
from small_release import CHECKOUT, MARKET, write_release

from rooney_core.errors import BarsRejected, LakeError, MissingArtifact, NotEnoughData
from rooney_core.release import load_release
from rooney_live.journal import Journal
from rooney_live.rehearsal.bars import open_market
from rooney_live.rehearsal.rehearse import rehearse
from rooney_live.release_store import read_release

TABLES = ("runs", "decisions", "orders", "fills", "trades", "events")
WALL_CLOCK = {"started_at", "finished_at"}
# Kills its own process inside the n-th write, as a power cut would: no handler runs.
KILLED_REHEARSAL = """
import os, signal, sys
from pathlib import Path
from rooney_live.journal import Journal
from rooney_live.rehearsal.rehearse import rehearse
from rooney_live.release_store import read_release

lake, state, kill_at, after = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
put, n_writes = Journal.put, 0

def fatal_put(self, table, row):
    global n_writes
    n_writes += 1
    if n_writes == kill_at and after == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = put(self, table, row)
    if n_writes == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

Journal.put = fatal_put
with Journal.open(state / "journal.sqlite") as journal:
    rehearse(read_release(lake), lake, journal, 5)
"""


def contents(path):
    """Every row of every table, without the wall clock."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    found = {
        table: [
            {key: row[key] for key in row.keys() if key not in WALL_CLOCK}  # noqa: SIM118
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3")
        ]
        for table in TABLES
    }
    connection.close()
    return found


def run(lake, journal_path, n_sessions=5):
    with Journal.open(journal_path) as journal:
        return rehearse(read_release(lake), lake, journal, n_sessions, simulated=None)


def overlap(trades):
    """The most positions open at once: entries and exits in time order, exits first."""
    changes = sorted(
        [(trade["entry_time_us"], 1) for trade in trades]
        + [(trade["exit_time_us"], -1) for trade in trades]
    )
    held, most = 0, 0
    for _, change in changes:
        held += change
        most = max(most, held)
    return most


def test_a_rehearsal_decides_every_bar_and_ends_flat(lake, tmp_path, parts):
    report = run(lake, tmp_path / "journal.sqlite")
    sessions = pl.Series(report.sessions).str.to_date()
    bars = sum(
        parts.continuous[symbol].filter(pl.col("session").is_in(sessions.implode())).height
        for symbol in report.symbols
    )
    assert len(report.sessions) == 5
    assert report.sessions[-1] == str(MARKET.last_session)
    assert report.n_decisions == report.n_new_decisions == bars
    assert "WARMING_UP" not in report.decisions_by_code
    assert report.open_positions == ()
    assert report.notes == ()
    assert len(report.trades) > 10
    assert report.net_profit_usd == pytest.approx(
        sum(trade["net_profit_usd"] for trade in report.trades)
    )


def test_rehearsing_twice_adds_nothing(lake, tmp_path):
    path = tmp_path / "journal.sqlite"
    first = run(lake, path)
    before = contents(path)
    second = run(lake, path)
    assert second.n_new_decisions == 0
    assert second.run_id == first.run_id
    assert contents(path) == before


def test_other_sessions_are_another_run_beside_the_first(lake, tmp_path):
    path = tmp_path / "journal.sqlite"
    first, second = run(lake, path, 2), run(lake, path, 3)
    assert first.run_id != second.run_id
    assert second.n_new_decisions == second.n_decisions > first.n_decisions
    found = contents(path)
    assert len(found["runs"]) == 2
    assert len(found["decisions"]) == first.n_decisions + second.n_decisions


@pytest.mark.parametrize(
    ("kill_at", "when"),
    [(1, "before"), (1, "after"), (17, "after"), (60, "before"), (231, "after")],
)
def test_killed_anywhere_and_started_again_it_is_the_same_journal(lake, tmp_path, kill_at, when):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_REHEARSAL, lake, tmp_path, str(kill_at), when],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    left = contents(tmp_path / "journal.sqlite")
    assert left["runs"][0]["status"] == "running"
    again = run(lake, tmp_path / "journal.sqlite")
    assert again.n_new_decisions == again.n_decisions - len(left["decisions"])
    run(lake, tmp_path / "undisturbed.sqlite")
    assert contents(tmp_path / "journal.sqlite") == contents(tmp_path / "undisturbed.sqlite")
    # A moment is known whole: orders without their decision would be a torn one.
    decided = {(row["symbol"], row["bar_end_us"]) for row in left["decisions"]}
    assert {(row["symbol"], row["decided_at_us"]) for row in left["orders"]} <= decided


def test_max_positions_denies_the_lower_priority_and_keeps_it_virtual(parts, lake, tmp_path):
    write_release(parts.release({"SIM_CL": 1, "SIM_ES": 2}, max_positions=2), lake)
    free = run(lake, tmp_path / "free.sqlite", 40)
    write_release(parts.release({"SIM_CL": 1, "SIM_ES": 2}, max_positions=1), lake)
    limited = run(lake, tmp_path / "limited.sqlite", 40)
    assert overlap(free.trades) == 2
    assert overlap(limited.trades) == 1
    assert limited.decisions_by_code["MAX_POSITIONS"] > 0
    assert "MAX_POSITIONS" not in free.decisions_by_code
    key = ("symbol", "entry_time_us", "exit_time_us", "entry_price", "exit_price", "exit_reason")
    allowed = [tuple(trade[name] for name in key) for trade in free.trades]
    kept = [tuple(trade[name] for name in key) for trade in limited.trades]
    assert set(kept) < set(allowed)
    found = contents(tmp_path / "limited.sqlite")
    assert len(found["trades"]) == len(limited.trades)
    actions = {
        (row["symbol"], row["bar_end_us"]): row["action"]
        for row in found["decisions"]
        if row["action"] != "none"
    }
    orders = {(row["symbol"], row["decided_at_us"]): row["intent"] for row in found["orders"]}
    assert actions == orders
    denied = [row for row in found["decisions"] if row["code"] == "MAX_POSITIONS"]
    assert all(row["probability"] >= row["threshold"] and row["side"] for row in denied)


def test_priority_is_the_order_of_the_config(parts, lake, tmp_path):
    """Where both want in at the same moment and one may, the first of the config gets in."""
    winners = {}
    for order in (("SIM_CL", "SIM_ES"), ("SIM_ES", "SIM_CL")):
        write_release(parts.release(dict.fromkeys(order, 1), max_positions=1), lake)
        run(lake, tmp_path / f"{order[0]}.sqlite", 60)
        rows = contents(tmp_path / f"{order[0]}.sqlite")["decisions"]
        entered = {row["bar_end_us"]: row["symbol"] for row in rows if row["action"] == "enter"}
        contested = [
            entered[row["bar_end_us"]]
            for row in rows
            if row["code"] == "MAX_POSITIONS" and row["bar_end_us"] in entered
        ]
        winners[order[0]] = set(contested)
    assert winners == {"SIM_CL": {"SIM_CL"}, "SIM_ES": {"SIM_ES"}}


def test_an_empty_portfolio_is_rehearsed_in_no_time_and_says_why(parts, tmp_path):
    write_release(parts.release({}), tmp_path)
    report = run(tmp_path, tmp_path / "journal.sqlite")
    assert report.symbols == report.sessions == report.trades == ()
    assert report.n_decisions == 0
    assert set(report.reasons.values()) == {"verdict: fail"}
    assert contents(tmp_path / "journal.sqlite")["runs"][0]["status"] == "finished"


def test_no_file_of_bars_is_needed_for_the_simulated_market(parts, lake):
    """What is drawn again is what the files hold, when it is the same market."""
    release = load_release(*parts.release({"SIM_ES": 1}))
    stored = open_market(lake, release, 3)
    assert open_market(lake / "nowhere", release, 3, MARKET).version == stored.version


def test_references_that_are_absent_are_unknown_and_noted(lake, tmp_path):
    (lake / "session_bars" / "symbol=SIM_TLT" / "current.parquet").unlink()
    report = run(lake, tmp_path / "journal.sqlite", 2)
    assert report.notes == ("SIM_TLT has no bars: the features made of it are unknown",)
    asked = [
        row
        for row in contents(tmp_path / "journal.sqlite")["decisions"]
        if row["probability"] is not None
    ]
    assert asked
    assert all('"sim_tlt_daily_z_score": null' in row["features"] for row in asked)


def test_bars_that_end_before_the_release_are_noted(parts, lake, tmp_path):
    for symbol, frame in parts.continuous.items():
        path = lake / "continuous_bars" / f"symbol={symbol}" / "current.parquet"
        frame.filter(pl.col("session") < MARKET.last_session).write_parquet(path)
    (note,) = run(lake, tmp_path / "journal.sqlite", 2).notes
    assert f"through {MARKET.last_session}" in note


def test_unusable_bars_are_refused_and_nothing_is_recorded(parts, lake, tmp_path):
    path = lake / "continuous_bars" / "symbol=SIM_ES" / "current.parquet"
    frame = parts.continuous["SIM_ES"]
    with pytest.raises(NotEnoughData, match="sessions"):
        run(lake, tmp_path / "journal.sqlite", 50_000)
    n_sessions = frame["session"].n_unique()
    with pytest.raises(NotEnoughData, match="warm up"):
        run(lake, tmp_path / "journal.sqlite", n_sessions)
    frame.with_columns(high=pl.col("low") - 1).write_parquet(path)
    with pytest.raises(BarsRejected, match="high below low"):
        run(lake, tmp_path / "journal.sqlite")
    path.write_bytes(b"not parquet")
    with pytest.raises(LakeError, match="Parquet"):
        run(lake, tmp_path / "journal.sqlite")
    path.unlink()
    with pytest.raises(MissingArtifact, match="continuous_bars"):
        run(lake, tmp_path / "journal.sqlite")
    assert contents(tmp_path / "journal.sqlite")["runs"] == []
