"""The journal remembers a fact once, a moment whole, and refuses a file that is not its own."""

from __future__ import annotations

import re
import sqlite3
from datetime import date
from pathlib import Path

import pytest

import rooney_live.deploy
from rooney_core.errors import InvalidSetting, MissingArtifact
from rooney_live.journal import Journal, JournalRefused, Run
from rooney_live.journal_reading import (
    as_text,
    decision_at,
    last_run,
    parse_moment,
    recorded_symbols,
    run_summary,
)
from rooney_live.journal_schema import SCHEMA_VERSION

RUN = Run("r1", "release", "2021-04", "code", "bars", ("ES",), date(2021, 3, 1), date(2021, 3, 2))
NOON_US = 1_614_600_000_000_000  # 2021-03-01T12:00Z


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "live" / "journal.sqlite"


@pytest.fixture
def journal(path):
    with Journal.open(path) as opened:
        opened.begin(RUN, "2021-04-01T00:00:00+00:00")
        yield opened


def decision(bar_end_us=NOON_US, **changed):
    row = {
        "run_id": "r1",
        "symbol": "ES",
        "bar_end_us": bar_end_us,
        "contract": "ESH1",
        "session": "2021-03-01",
        "close": 3900.25,
        "code": "NO_SIGNAL",
        "action": "none",
        "side": 0,
        "probability": None,
        "threshold": 0.5,
        "features": "{}",
        "contributions": "{}",
        "release_id": "release",
    }
    return row | changed


def put_both(journal, first, second):
    with journal.transaction():
        journal.put("decisions", first)
        journal.put("decisions", second)


def count(journal, table="decisions"):
    return journal.query(f"SELECT count(*) AS n FROM {table}")[0]["n"]


def test_settings_of_the_file_are_the_durable_ones(path, journal):
    assert journal.query("PRAGMA journal_mode") == [{"journal_mode": "wal"}]
    assert journal.query("PRAGMA synchronous") == [{"synchronous": 2}]  # FULL
    assert journal.query("PRAGMA user_version") == [{"user_version": SCHEMA_VERSION}]
    assert path.is_file()


def test_a_fact_recorded_twice_is_recorded_once(journal):
    with journal.transaction():
        assert journal.put("decisions", decision())
        assert not journal.put("decisions", decision())
    with journal.transaction():
        assert not journal.put("decisions", decision())
    assert count(journal) == 1


def test_a_contradiction_is_refused_and_names_both_values(journal):
    with journal.transaction():
        journal.put("decisions", decision())
    with pytest.raises(JournalRefused, match=r"'close': \(3900.25, 1.0\)"), journal.transaction():
        journal.put("decisions", decision(close=1.0))
    assert journal.query("SELECT close FROM decisions") == [{"close": 3900.25}]


def test_a_transaction_that_fails_leaves_nothing(journal):
    good, bad = decision(), decision(bar_end_us=NOON_US + 1, action="dance")
    with pytest.raises(JournalRefused, match="CHECK constraint"):
        put_both(journal, good, bad)
    with pytest.raises(TypeError):
        put_both(journal, good, None)
    assert count(journal) == 0


def test_two_processes_share_the_file(path, journal):
    with journal.transaction():
        journal.put("decisions", decision())
    with Journal.open(path) as other, other.transaction():
        assert not other.put("decisions", decision())
        other.put("decisions", decision(bar_end_us=NOON_US + 1))
    assert count(journal) == 2


def test_beginning_again_keeps_the_run_and_a_finished_run_stays_finished(journal):
    journal.finish("r1", "2021-04-01T01:00:00+00:00")
    journal.begin(RUN, "2022-01-01T00:00:00+00:00")
    journal.finish("r1", "2022-01-01T01:00:00+00:00")
    run = last_run(journal)
    assert (run["status"], run["started_at"][:4], run["finished_at"][:4]) == (
        "finished",
        "2021",
        "2021",
    )


@pytest.mark.parametrize(
    ("version", "words"),
    [
        (0, "no journal of Rooney"),
        # What `make demo` of 0.1.0 before trading left in the very same place.
        (3, r"of rehearsals.*mv .*journal.sqlite .*journal.sqlite.schema-3`"),
        (SCHEMA_VERSION + 1, "newer Rooney wrote it"),
    ],
)
def test_a_journal_of_another_schema_is_refused_and_untouched(path, version, words):
    path.parent.mkdir(parents=True)
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE memories (what TEXT)")
    other.execute(f"PRAGMA user_version = {version}")
    other.commit()
    other.close()
    with pytest.raises(JournalRefused, match=f"schema {version}.*{words}"):
        Journal.open(path)
    after = sqlite3.connect(path)
    assert after.execute("SELECT name FROM sqlite_master").fetchall() == [("memories",)]
    after.close()


def test_a_file_that_is_no_database_is_refused_and_untouched(path):
    path.parent.mkdir(parents=True)
    path.write_bytes(b"my diary " * 1000)
    with pytest.raises(JournalRefused, match="cannot be used"):
        Journal.open(path)
    assert path.read_bytes() == b"my diary " * 1000


def test_a_state_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "state").write_text("not a folder")
    with pytest.raises(JournalRefused, match="ROONEY_STATE"):
        Journal.open(tmp_path / "state" / "live" / "journal.sqlite")


def test_a_decision_is_found_by_its_bar_end_or_the_nearest_is_named(journal):
    with journal.transaction():
        journal.put("decisions", decision())
        journal.put("decisions", decision(bar_end_us=NOON_US + 3_600_000_000, code="ENTER"))
    assert decision_at(journal, "ES", NOON_US)["code"] == "NO_SIGNAL"
    with pytest.raises(MissingArtifact, match=r"Nearest record: 2021-03-01T13:00Z \(ENTER\)"):
        decision_at(journal, "ES", NOON_US + 3_000_000_000)
    with pytest.raises(MissingArtifact, match="rehearse"):
        decision_at(journal, "NQ", NOON_US)
    assert recorded_symbols(journal) == ("ES",)
    assert run_summary(journal, "r1").decisions_by_code == {"ENTER": 1, "NO_SIGNAL": 1}
    assert run_summary(journal, "unknown").decisions_by_code == {}


@pytest.mark.parametrize(
    "text",
    [
        "2021-03-01T12:00",
        "2021-03-01 12:00:00",
        "2021-03-01T12:00Z",
        "2021-03-01T07:00-05:00",
        "2021-03-01T12:00:00+00:00",
    ],
)
def test_times_are_utc_unless_they_say_otherwise(text):
    assert parse_moment(text) == NOON_US
    assert as_text(parse_moment(text)) == "2021-03-01T12:00Z"


def test_a_time_that_is_none_is_a_usage_error():
    with pytest.raises(InvalidSetting, match="2025-12-30T15:00"):
        parse_moment("yesterday")
    assert as_text(NOON_US + 1) == "2021-03-01T12:00:00.000001Z"


def documented():
    """Table -> (column, type, may be null) as JOURNAL.md tells them."""
    told = (Path(rooney_live.deploy.__path__[0]) / "JOURNAL.md").read_text()
    tables = {}
    for part in told.split("\n## ")[1:]:
        name, _, rest = part.partition("\n")
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ?(yes|no|) \| (.+) \|$", rest, re.MULTILINE)
        tables[name] = [(column, kind, null) for column, kind, null, meaning in rows if meaning]
    return tables, told


def test_every_table_and_column_is_documented_as_it_is(path, journal):
    tables, told = documented()
    names = journal.query("SELECT name FROM sqlite_master WHERE type = 'table'")
    real = {row["name"] for row in names} - {"sqlite_sequence"}
    assert set(tables) == real
    for name in real:
        columns = journal.query(f"PRAGMA table_info({name})")
        is_null = {0: "yes", 1: "no"}
        # Of a key of one column SQLite knows itself that it is never null.
        keys = [row["name"] for row in columns if row["pk"]]
        assert tables[name] == [
            (row["name"], row["type"], "" if [row["name"]] == keys else is_null[row["notnull"]])
            for row in columns
        ]
    assert f"schema version {SCHEMA_VERSION}" in told


def test_the_documents_own_questions_are_answered(path, journal):
    _, told = documented()
    (block,) = re.findall(r"```\n(SELECT.+?)```", told, re.DOTALL)
    for question in block.split(";\n"):
        if question.strip():
            assert journal.query(question) == []
