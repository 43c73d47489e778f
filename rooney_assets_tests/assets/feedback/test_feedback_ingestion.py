"""The real trader's journal in the lake: whole, once, added to, and never lost or changed."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from live_lake import (
    CL,
    ES,
    JOURNAL_ASSETS,
    N_SESSIONS,
    LiveLake,
    live_lake,
    rehearse,
)
from small_release import Parts

from rooney_assets.feedback.landing import is_behind, land, landed, problem, try_to_land
from rooney_assets.feedback.reading import opened
from rooney_assets.feedback.schemas import DECISIONS
from rooney_assets.graph.columns import describe
from rooney_core.errors import RefusedError


def asked(live: LiveLake, sql: str) -> int:
    """One number from the journal itself."""
    with live.writing() as journal:
        return int(journal.execute(sql).fetchone()[0])


def test_every_row_of_the_journal_is_in_the_lake(live: LiveLake) -> None:
    made = live.ingest()
    for name in ("decisions", "orders", "fills", "trades"):
        assert made[f"live_{name}"].table.height == asked(live, f"SELECT count(*) FROM {name}") > 0
    (run,) = made["live_runs"].table.to_dicts()
    assert run["n_decisions"] == made["live_decisions"].table.height
    assert run["symbols"] == [CL, ES]
    decisions = made["live_decisions"].table
    assert decisions["session"].n_unique() == N_SESSIONS
    by_sql = asked(live, "SELECT sum(code = 'ENTER') FROM decisions")
    assert decisions.filter(pl.col("code") == "ENTER").height == by_sql
    net = made["live_trades"].table["net_profit_usd"].sum()
    with live.writing() as journal:
        told = journal.execute("SELECT sum(net_profit_usd) FROM trades").fetchone()[0]
    assert net == pytest.approx(told)
    assert live.look("live_trades", "profits_add_up", made["live_trades"]).passed
    orders = made["live_orders"].table
    assert orders["release_id"].unique().to_list() == [run["release_id"]]


def test_again_is_the_same_version_and_reads_nothing_new(live: LiveLake) -> None:
    live.ingest()
    versions = {name: live.lake.version(name, None) for name in JOURNAL_ASSETS}
    again = live.ingest()
    assert {name: live.lake.version(name, None) for name in JOURNAL_ASSETS} == versions
    assert {made.notes.get("new", 0) for made in again.values()} == {0}


def test_what_comes_in_pieces_is_the_same_as_at_once(live: LiveLake, tmp_path: Path) -> None:
    live.ingest()
    whole = {name: live.lake.version(name, None) for name in JOURNAL_ASSETS}
    grown = live.copy_to(tmp_path / "grown")
    shutil.rmtree(grown.lake.root)
    half = asked(live, "SELECT bar_end_us FROM decisions ORDER BY bar_end_us LIMIT 1 OFFSET 200")
    cut = {
        "trades": "exit_time_us >= ?",
        "fills": "filled_at_us >= ?",
        "orders": "decided_at_us >= ? AND order_id NOT IN (SELECT order_id FROM fills)",
        "decisions": "bar_end_us >= ?",
    }
    with grown.writing() as journal:
        for table, later in cut.items():
            journal.execute(f"DELETE FROM {table} WHERE {later}", (half,))
    first = grown.ingest()
    assert 0 < first["live_decisions"].table.height < 460
    shutil.copy(live.journal, grown.journal)
    for beside in ("-wal", "-shm"):
        grown.journal.with_name(f"journal.sqlite{beside}").unlink(missing_ok=True)
    second = grown.ingest()
    assert second["live_decisions"].notes["new"] > 0
    assert {name: grown.lake.version(name, None) for name in JOURNAL_ASSETS} == whole


def test_a_symbol_that_fell_behind_is_read_when_it_is_decided_on(live: LiveLake) -> None:
    """Its bars come later than another symbol's next ones; so do the decisions on them."""
    sql = "SELECT * FROM decisions WHERE symbol = ? ORDER BY bar_end_us DESC LIMIT 3"
    with live.writing() as journal:
        late = journal.execute(sql, (CL,)).fetchall()
        gone = "DELETE FROM decisions WHERE symbol = ? AND bar_end_us >= ?"
        assert journal.execute(gone, (CL, late[-1]["bar_end_us"])).rowcount == len(late)
    before = live.ingest()["live_decisions"].table
    with live.writing() as journal:
        marks = ", ".join("?" * len(late[0]))
        journal.executemany(f"INSERT INTO decisions VALUES ({marks})", [tuple(row) for row in late])
    after = live.ingest()["live_decisions"]
    assert after.table.height == before.height + len(late)
    assert after.table.height == asked(live, "SELECT count(*) FROM decisions")
    assert live.ingest()["live_decisions"].table.equals(after.table)


def test_a_thousand_starts_of_the_trader_are_read_as_one(live: LiveLake) -> None:
    """A trader that is restarted daily makes a run a day; SQLite's conditions end at a thousand."""
    live.ingest()
    found = landed(live.lake)
    assert found is not None
    since = [(f"run {number}", number) for number in range(1500)]
    with opened(found) as journal:
        every = journal.rows_of(DECISIONS)
        assert journal.rows_of(DECISIONS, since).equals(every)
        run_id, last = every["run_id"][0], every["bar_end"].max()
        assert isinstance(last, datetime)
        from_us = round(last.timestamp() * 1_000_000)
        newest = journal.rows_of(DECISIONS, [*since, (run_id, from_us)])
    assert newest.equals(every.filter(pl.col("bar_end") == last))


def test_another_journal_adds_and_a_lost_one_takes_nothing_away(
    live: LiveLake, parts: Parts, tmp_path: Path
) -> None:
    before = live.ingest()["live_runs"].table
    live.journal.rename(live.journal.with_suffix(".old"))
    for beside in ("-wal", "-shm"):
        live.journal.with_name(f"journal.sqlite{beside}").unlink(missing_ok=True)
    assert live.ingest()["live_runs"].table.equals(before)
    rehearse(live, 2)
    made = live.ingest()
    assert made["live_runs"].table.height == 2
    assert set(made["live_decisions"].table["run_id"]) == set(made["live_runs"].table["run_id"])


def test_a_decision_that_is_told_otherwise_stays_as_it_was(live: LiveLake) -> None:
    before = live.ingest()["live_decisions"]
    assert live.look("live_decisions", "no_decision_is_contradicted", before).passed
    with live.writing() as journal:
        changed = journal.execute(
            "UPDATE decisions SET code = 'PAUSED' WHERE bar_end_us = "
            "(SELECT max(bar_end_us) FROM decisions)"
        ).rowcount
    after = live.ingest()["live_decisions"]
    assert after.table.equals(before.table)
    found = live.look("live_decisions", "no_decision_is_contradicted", after)
    assert not found.passed
    assert found.facts == {"contradicted": changed}


def test_the_copy_is_of_one_instant_while_the_trader_writes(live: LiveLake) -> None:
    """A transaction that is not committed is not there, and does not wait for us nor we for it."""
    writer = sqlite3.connect(live.journal, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM trades")
    made = land(live.journal, live.lake)
    assert made is not None
    copy = sqlite3.connect(made.path)
    assert copy.execute("SELECT count(*) FROM trades").fetchone()[0] > 0
    copy.close()
    writer.execute("ROLLBACK")
    writer.close()


def test_landing_twice_copies_once(live: LiveLake) -> None:
    assert landed(live.lake) is None
    assert is_behind(live.journal, live.lake)
    first = land(live.journal, live.lake)
    assert first is not None
    assert not is_behind(live.journal, live.lake)
    written = first.path.stat().st_mtime_ns
    assert land(live.journal, live.lake) == first
    assert first.path.stat().st_mtime_ns == written
    with live.writing() as journal:
        journal.execute("UPDATE runs SET status = 'running'") if _has_runs(journal) else (
            journal.execute("UPDATE rehearsals SET status = 'running'")
        )
    assert is_behind(live.journal, live.lake)
    second = land(live.journal, live.lake)
    assert second is not None
    assert second.digest != first.digest


def _has_runs(journal: sqlite3.Connection) -> bool:
    found = journal.execute("SELECT count(*) FROM sqlite_master WHERE name = 'runs'").fetchone()
    return bool(found[0])


@pytest.mark.parametrize("damage", ["cut", "no journal", "schema"])
def test_a_journal_that_cannot_be_read_leaves_the_copy_before(live: LiveLake, damage: str) -> None:
    made = live.ingest()
    before = landed(live.lake)
    for beside in ("-wal", "-shm"):
        live.journal.with_name(f"journal.sqlite{beside}").unlink(missing_ok=True)
    if damage == "cut":
        live.journal.write_bytes(live.journal.read_bytes()[:20_000])
    elif damage == "no journal":
        live.journal.write_bytes(b"something else" * 1000)
    else:
        with live.writing() as journal:
            journal.execute("PRAGMA user_version = 99")
    told = try_to_land(live.journal, live.lake)
    assert told is not None
    assert str(live.journal) in told
    assert landed(live.lake) == before
    assert problem(live.lake) == told
    with pytest.raises(RefusedError):
        land(live.journal, live.lake)
    found = live.look("live_runs", "journal_is_readable", made["live_runs"])
    assert not found.passed
    live.journal.unlink()
    assert try_to_land(live.journal, live.lake) is None
    assert live.look("live_runs", "journal_is_readable", made["live_runs"]).passed


def test_without_a_journal_everything_is_empty_and_sound(parts: Parts, tmp_path: Path) -> None:
    live = live_lake(parts, tmp_path)
    for name, made in live.ingest().items():
        assert made.table.is_empty(), name
    cost = live.make("cost_model", ES)
    assert cost.table["cost_basis"].to_list() == ["assumed"]
    assert live.make("parity_report", ES).table.is_empty()


def test_every_column_has_a_meaning(live: LiveLake) -> None:
    made = live.ingest() | {"cost_model": live.make("cost_model", ES)}
    made |= {"parity_report": live.make("parity_report", ES)}
    for name, one in made.items():
        for table in (one.table, *one.beside.values()):
            assert not [column for column in table.columns if describe(column) is None], name
