"""A decision, an order and its fill are found in the trader's journal, by the ids people see."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from explained_lake import BAR_END, RELEASE_ID, Written

from rooney_assets.cli.explain_moment import moment_rows
from rooney_assets.explain.explanation import explain, explanation_facts
from rooney_assets.explain.ids import Kind, Where, find
from rooney_assets.explain.journals import parse, places
from rooney_core.errors import LakeError, UnknownName

END_US = 1_767_106_800_000_000
DECISIONS = "CREATE TABLE decisions (run_id, symbol, bar_end_us, close, code, release_id)"
OTHERS = (
    "CREATE TABLE fills (order_id, price)",
    "CREATE TABLE trades (entry_order_id, exit_order_id, net_profit_usd)",
)
DECIDED = f"'SIM_ES', {END_US}, 1.5, 'ENTER'"
ENTRY, EXIT = f"SIM_ES:{END_US}:enter", f"SIM_ES:{END_US + 3_600_000_000}:exit"


def journal_of(path: Path, runs: str, orders: str, *rows: str) -> Path:
    """A journal with the columns that are read, and these rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as connection:
        for sql in (DECISIONS, runs, orders, *OTHERS, *rows):
            connection.execute(sql)
    connection.close()
    return path


@pytest.fixture
def rehearsed(tmp_path: Path) -> Path:
    """As schema 3 writes: an order's id has its run in front. Two runs decided the same bar."""
    rows = []
    for number, run in enumerate(("run_one", "run_two")):
        rows += [
            f"INSERT INTO rehearsals VALUES ('{run}', '{RELEASE_ID}', '2026-01-0{number + 1}')",
            f"INSERT INTO decisions VALUES ('{run}', {DECIDED}, '{RELEASE_ID}')",
            f"INSERT INTO orders VALUES ('{run}:{ENTRY}', '{run}', 'market')",
            f"INSERT INTO orders VALUES ('{run}:{EXIT}', '{run}', 'market')",
            f"INSERT INTO fills VALUES ('{run}:{ENTRY}', {100.5 + number})",
            f"INSERT INTO trades VALUES ('{run}:{ENTRY}', '{run}:{EXIT}', 25.0)",
            # An underscore of a symbol is no wildcard.
            f"INSERT INTO orders VALUES ('{run}:SIMxES:{END_US}:enter', '{run}', 'stop')",
        ]
    return journal_of(
        tmp_path / "state" / "live" / "journal.sqlite",
        "CREATE TABLE rehearsals (run_id, release_id, started_at)",
        "CREATE TABLE orders (order_id, run_id, kind)",
        *rows,
    )


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """As schema 4 writes: an order's id is that of its bar, and its transitions are rows."""
    return journal_of(
        tmp_path / "elsewhere.sqlite",
        "CREATE TABLE runs (run_id, release_id, started_at, mode)",
        "CREATE TABLE orders (order_id, run_id, kind, release_id)",
        "CREATE TABLE order_events (order_id, state)",
        f"INSERT INTO runs VALUES ('live_one', '{RELEASE_ID}', '2026-02-01', 'live')",
        f"INSERT INTO orders VALUES ('{ENTRY}', 'live_one', 'market', '{RELEASE_ID}')",
        f"INSERT INTO order_events VALUES ('{ENTRY}', 'SENDING')",
        f"INSERT INTO order_events VALUES ('{ENTRY}', 'ACKED')",
        f"INSERT INTO fills VALUES ('{ENTRY}', 101.25)",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"SIM_ES:{END_US}", (None, "SIM_ES", END_US, None)),
        ("SIM_ES:2025-12-30T15:00", (None, "SIM_ES", END_US, None)),
        ("SIM_ES:2025-12-30T10:00-05:00", (None, "SIM_ES", END_US, None)),
        ("SIM_ES:2025-12-30T15:00:00Z:enter", (None, "SIM_ES", END_US, "enter")),
        (f"SIM_ES:{END_US}:enter:fill", (None, "SIM_ES", END_US, "enter")),
        (f"SIM_ES:{END_US}:exit:flatten", (None, "SIM_ES", END_US, "exit:flatten")),
        (f"SIM_ES:{END_US}:exit", (None, "SIM_ES", END_US, "exit")),
        (f"SIM_ES:{END_US}:fill", (None, "SIM_ES", END_US, None)),
        (
            f"b272c8ef004fc94b:SIM_ES:{END_US}:enter",
            ("b272c8ef004fc94b", "SIM_ES", END_US, "enter"),
        ),
    ],
)
def test_a_moment_is_read_as_people_write_it(text: str, expected: tuple[object, ...]) -> None:
    asked = parse(text)
    assert asked is not None
    assert (asked.run, asked.symbol, asked.bar_end_us, asked.intent) == expected


@pytest.mark.parametrize("text", ["SIM_ES", "SIM_ES:ibs_filtered", "raw_bars[SIM_ES]", "12:34", ""])
def test_what_is_no_moment_is_none(text: str) -> None:
    assert parse(text) is None


def test_an_order_leads_to_its_fill_its_release_and_its_bar(
    told: Written, where: Where, rehearsed: Path
) -> None:
    found = find(Where(told.lake, where.symbols, (rehearsed,)), f"SIM_ES:{END_US}:enter")
    assert (found.kind, found.id) == (Kind.ORDER, ENTRY)
    assert found.facts["run"]["run_id"] == "run_two", "the newest run"
    [order] = found.facts["orders"]
    assert order["order_id"] == f"run_two:{ENTRY}"
    assert [one["price"] for one in order["fills"]] == [101.5]
    assert [one["net_profit_usd"] for one in order["trades"]] == [25.0]
    assert found.facts["bar"]["close"] == 1.5
    assert found.inputs == {
        label: told.versions[label] for label in ("production_config", "continuous_bars[SIM_ES]")
    }
    assert any(f"run_one:{ENTRY}" in one for one in found.notes)


def test_a_person_reads_what_became_of_an_order(
    told: Written, where: Where, rehearsed: Path
) -> None:
    """In words, of a journal that lacks most columns of today's; a 0 is no moment."""
    found = find(Where(told.lake, where.symbols, (rehearsed,)), f"SIM_ES:{END_US}:enter")
    order = {**found.facts["orders"][0], "due_at_us": 0, "state": "ACKED", "attempts": 2}
    order |= {"side": -1, "size": 3, "origin": "flatten", "intent": "exit", "contract": "ESH26"}
    rows = dict(moment_rows({**found.facts, "orders": [order]}))
    assert rows["decided"] == "2025-12-30 15:00 UTC, ENTER"
    assert rows["  wanted"] == ("exit short, 3 of ESH26 at market; not by a decision: flatten")
    assert rows["  stands"] == "ACKED, 2 attempts"
    assert rows["  filled"] == "? at 101.5, on the paper account"
    assert rows["  trade"].endswith("+25.00 USD after all costs")
    assert rows["release"].startswith(f"{RELEASE_ID} of ")
    assert rows["run"].startswith("run run_two")


def test_an_earlier_run_is_asked_for_by_its_name(told: Written, rehearsed: Path) -> None:
    found = find(Where(told.lake, ("SIM_ES",), (rehearsed,)), f"run_one:ES:{END_US}")
    assert found.kind is Kind.DECISION
    assert found.facts["run"]["run_id"] == "run_one"
    assert found.facts["decision"]["code"] == "ENTER"
    assert [one["order_id"] for one in found.facts["orders"]] == [f"run_one:{ENTRY}"]


def test_an_order_of_the_live_trader_tells_its_transitions(told: Written, live: Path) -> None:
    found = find(Where(told.lake, ("SIM_ES",), (live,)), ENTRY)
    [order] = found.facts["orders"]
    assert [one["state"] for one in order["events"]] == ["SENDING", "ACKED"]
    assert [one["price"] for one in order["fills"]] == [101.25]
    assert found.inputs["production_config"] == told.versions["production_config"]


def test_the_lineage_of_an_order_ends_at_raw_bars(told: Written, where: Where, live: Path) -> None:
    facts = explanation_facts(explain(Where(told.lake, where.symbols, (live,)), ENTRY))
    assert facts["bars"] == ["raw_bars[SIM_ES]", "raw_bars[SIM_NQ]"]
    assert facts["facts"]["release"]["id"] == RELEASE_ID
    assert {one["asset"] for one in facts["steps"]} >= {"meta_model", "mandate", "raw_bars"}


def test_a_close_that_the_lake_does_not_have_is_noted(told: Written, rehearsed: Path) -> None:
    with sqlite3.connect(rehearsed) as connection:
        connection.execute("UPDATE decisions SET close = 1.25")
    connection.close()
    found = find(Where(told.lake, ("SIM_ES",), (rehearsed,)), f"SIM_ES:{END_US}")
    assert any("a close of 1.25; the lake has 1.5" in one for one in found.notes)


def test_a_release_of_another_lake_is_said(told: Written, rehearsed: Path) -> None:
    with sqlite3.connect(rehearsed) as connection:
        connection.execute("UPDATE decisions SET release_id = 'f00d'")
        connection.execute("UPDATE rehearsals SET release_id = 'f00d'")
    connection.close()
    found = find(Where(told.lake, ("SIM_ES",), (rehearsed,)), f"SIM_ES:{END_US}")
    assert "production_config" not in found.inputs
    assert any("release f00d is not in this lake" in one for one in found.notes)


def test_what_nobody_wrote_of_is_told_with_the_nearest(told: Written, rehearsed: Path) -> None:
    where = Where(told.lake, ("SIM_ES",), (rehearsed,))
    with pytest.raises(UnknownName, match=rf"Nearest there: SIM_ES:{END_US}"):
        find(where, "SIM_ES:2025-12-30T17:00")
    with pytest.raises(UnknownName, match="nothing of SIM_NQ"):
        find(where, f"SIM_NQ:{END_US}")
    with pytest.raises(UnknownName, match="No journal"):
        find(Where(told.lake, ("SIM_ES",)), f"SIM_ES:{END_US}")


def test_what_the_journal_forgot_is_found_in_the_lake(told: Written) -> None:
    """The tables that the lake keeps of journals of before."""
    of_bar = {"run_id": ["old"], "symbol": ["SIM_ES"], "bar_end": BAR_END}
    told.make("live_decisions", None, {**of_bar, "release_id": [RELEASE_ID]})
    told.make("live_orders", None, {"run_id": ["old"], "order_id": [ENTRY]})
    told.make("live_fills", None, {"order_id": [ENTRY], "fill_price": [99.0]})
    told.make("live_trades", None, {"entry_order_id": ["-"], "exit_order_id": [ENTRY]})
    told.make("live_runs", None, {"run_id": ["old"], "mode": ["live"]})
    found = find(Where(told.lake, ("SIM_ES",)), ENTRY)
    assert found.facts["run"]["mode"] == "live"
    [order] = found.facts["orders"]
    assert (order["fills"][0]["fill_price"], len(order["trades"])) == (99.0, 1)
    assert found.inputs["production_config"] == told.versions["production_config"]


def test_a_file_that_is_no_journal_is_refused(told: Written, tmp_path: Path) -> None:
    broken = tmp_path / "journal.sqlite"
    broken.write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(LakeError, match="cannot be read as the trader's journal"):
        find(Where(told.lake, ("SIM_ES",), (broken,)), ENTRY)


def test_journals_are_looked_for_where_the_trader_writes(
    tmp_path: Path, rehearsed: Path, live: Path
) -> None:
    assert places(tmp_path / "state", live, rehearsed) == (live, rehearsed)
    assert places(tmp_path / "nowhere") == ()
