"""Commands without what they might want: secrets, a release, a run, a writer that lets go."""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner
from small_release import CHECKOUT
from small_trader import Killed, opened_desk

from rooney_core.errors import InvalidSetting
from rooney_live.boot import run_trader
from rooney_live.cli import main
from rooney_live.journal import Journal, Run
from rooney_live.journal_reading import last_run
from rooney_live.risk.kill import FLAG
from rooney_live.risk.record import MAX_REASON, whoami
from rooney_live.secrets import DATABENTO_API_KEY, TRADERSPOST_WEBHOOK_URL, SecretRefused
from rooney_live.settings import Settings

FITTING = {
    "SYMBOL": "SIM_ES",
    "TIME": "2026-01-01T00:00",
    "DIR": str(CHECKOUT),
    "positions.csv": str(CHECKOUT / "README.md"),
}
"""What the README's placeholders may stand for."""
KEY = "db-made-up"
WEBHOOK = "https://venue.invalid/trading/webhook/0000/1111"


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch):
    for name in (DATABENTO_API_KEY, TRADERSPOST_WEBHOOK_URL):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


@pytest.fixture
def rooney(released, tmp_path):
    def invoke(*arguments, lake=released):
        places = ["--lake", str(lake), "--state", str(tmp_path / "state")]
        return CliRunner().invoke(main, [*map(str, arguments), *places])

    return invoke


@pytest.fixture
def traded(released, tmp_path, monkeypatch):
    """A state folder in which a trader was killed with a position; its secrets are gone."""
    with opened_desk(released, tmp_path / "state", monkeypatch, 2) as desk:

        def die_when_open():
            if desk.rows("SELECT * FROM positions WHERE state = 'open'"):
                raise Killed

        with pytest.raises(Killed):
            desk.play([one for moment in desk.moments for one in (moment, die_when_open)])
        monkeypatch.delenv(TRADERSPOST_WEBHOOK_URL)
        yield desk


def live_run(journal, run_id, started_at):
    day = Run(run_id, "release", "2026-11", "code", "", ("SIM_ES",), None, None, "live")
    journal.begin(day, started_at)


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({}, SecretRefused, TRADERSPOST_WEBHOOK_URL),
        ({DATABENTO_API_KEY: KEY}, SecretRefused, TRADERSPOST_WEBHOOK_URL),
        ({TRADERSPOST_WEBHOOK_URL: WEBHOOK}, SecretRefused, DATABENTO_API_KEY),
        ({TRADERSPOST_WEBHOOK_URL: "nowhere", DATABENTO_API_KEY: KEY}, InvalidSetting, "https://"),
        # Nobody delivers the simulated market live.
        ({TRADERSPOST_WEBHOOK_URL: WEBHOOK, DATABENTO_API_KEY: KEY}, InvalidSetting, "databento"),
    ],
)
def test_a_trader_that_cannot_trade_was_never_here(
    released, tmp_path, monkeypatch, given, error, words
):
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    state = tmp_path / "state"
    with pytest.raises(error, match=words):
        run_trader(Settings(released, state))
    assert not (state / "live" / "journal.sqlite").exists()


@pytest.mark.parametrize(
    "asked",
    [
        ("flatten", "--reason", "out"),
        ("trade", "SIM_ES", "exit", "--reason", "out"),
        ("trade", "SIM_ES", "buy", "--reason", "a hunch"),
    ],
)
def test_what_cannot_be_sent_is_refused_and_not_on_record(traded, rooney, asked):
    shown = rooney(*asked)
    assert shown.exit_code == 1
    assert "TRADERSPOST_WEBHOOK_URL is not set" in shown.output
    assert traded.rows("SELECT * FROM controls") == []


def test_of_nothing_that_is_held_no_secret_is_needed(traded, rooney, monkeypatch):
    monkeypatch.setenv(TRADERSPOST_WEBHOOK_URL, traded.receiver.url)
    traded.play(traded.moments)
    monkeypatch.delenv(TRADERSPOST_WEBHOOK_URL)
    shown = rooney("flatten", "--reason", "to be sure")
    assert (shown.exit_code, shown.output.strip()) == (0, "Nothing is held: no order was needed.")
    (row,) = traded.rows("SELECT * FROM controls")
    assert row["reason"] == "to be sure"


@pytest.mark.parametrize(
    "asked",
    [
        ("flatten", "--symbol", "SIM_SE", "--reason", "out"),
        ("trade", "SIM_SE", "exit", "--reason", "out"),
    ],
)
def test_a_misspelt_symbol_is_no_success(traded, rooney, asked):
    shown = rooney(*asked)
    assert shown.exit_code == 2
    assert "Did you mean 'SIM_ES'?" in shown.output
    assert traded.rows("SELECT * FROM controls") == []


def test_a_person_is_answered_while_the_journal_is_held(traded, rooney):
    with closing(sqlite3.connect(traded.settings.journal, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        status = rooney("status", "--json")
        limits = rooney("limits", "show", "--json")
        why = rooney("why", "SIM_ES", "1999-01-01T00:00")
        other.rollback()
    assert (status.exit_code, limits.exit_code) == (0, 0), status.output + limits.output
    assert len(json.loads(status.output)["positions"]) == 1
    assert "Nearest record" in why.output


def test_status_needs_no_release_that_verifies(traded, rooney, tmp_path):
    broken = tmp_path / "broken" / "production_config" / "current.parquet"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"no release")
    shown = rooney("status", lake=tmp_path / "broken")
    assert shown.exit_code == 0, shown.output
    assert "No trader could start" in shown.output
    assert "acknowledged" in shown.output


def test_what_is_told_before_the_first_start_shows_and_hides_no_rehearsal(traded, rooney, tmp_path):
    """The live folder has a journal without a run; the rehearsal's has one."""
    rehearsal = tmp_path / "state" / "rehearsal" / "live"
    rehearsal.parent.mkdir()
    (tmp_path / "state" / "live").rename(rehearsal)
    assert rooney("pause", "--reason", "not yet").exit_code == 0
    assert (tmp_path / "state" / "live" / "journal.sqlite").exists()
    status = json.loads(rooney("status", "--json").output)
    assert status["journal"] == str(rehearsal / "journal.sqlite")
    assert len(status["positions"]) == 1
    (told,) = status["stopped_by"]
    assert re.match(r"before the first start, PAUSE by \S+ at \S+: not yet", told)


def test_before_anything_was_run_status_tells_what_was_told(rooney):
    assert rooney("pause", "--for", "24h", "--reason", "not yet").exit_code == 0
    shown = rooney("status")
    assert shown.exit_code == 0, shown.output
    assert "not yet" in shown.output
    assert json.loads(rooney("status", "--json").output)["run_id"] is None
    for asked in (("flatten", "--reason", "x"), ("trade", "SIM_ES", "buy", "--reason", "x")):
        refused = rooney(*asked)
        assert refused.exit_code == 1
        assert "ever traded" in refused.output


@pytest.mark.parametrize("asked", [("limits", "show"), ("verify-features",), ("preflight",)])
def test_a_question_makes_no_journal(rooney, tmp_path, asked):
    assert rooney(*asked).exit_code == 0
    assert not (tmp_path / "state" / "live" / "journal.sqlite").exists()


def test_why_somebody_asked_is_on_record_with_what_was_found(traded, rooney):
    assert rooney("backup", "--reason", "before the upgrade").exit_code == 0
    assert rooney("verify-features").exit_code == 0
    first, second = traded.rows("SELECT * FROM controls ORDER BY control_id")
    assert (first["who"], first["reason"]) == (whoami(), "before the upgrade")
    assert json.loads(first["arguments"])["outcome"] == "copied"
    assert (second["reason"], json.loads(second["arguments"])["lacking"]) == ("full", [])


def test_a_kill_that_cannot_be_told_of_kills(rooney, tmp_path):
    shown = rooney("kill", "--reason", "x" * (MAX_REASON + 1))
    assert shown.exit_code == 0
    assert "killed all the same" in shown.output
    assert (tmp_path / "state" / "live" / FLAG).exists()


def test_each_start_is_on_record_with_who(traded):
    (started,) = traded.rows("SELECT * FROM events WHERE code = 'STARTED'")
    assert started["message"].startswith(f"by {whoami()}: release ")


def test_a_release_that_is_rolled_back_is_the_last_run_again(tmp_path):
    def start(journal, run_id, at_us):
        with journal.transaction():
            journal.execute(
                "INSERT INTO events VALUES (?, ?, '', 'STARTED', 'by ann')", (run_id, at_us)
            )

    with Journal.open(tmp_path / "journal.sqlite") as journal:
        live_run(journal, "old", "2026-01-01T00:00:00")
        start(journal, "old", 1)
        live_run(journal, "new", "2026-02-01T00:00:00")
        start(journal, "new", 2)
        assert last_run(journal)["run_id"] == "new"
        live_run(journal, "old", "2026-02-02T00:00:00")
        start(journal, "old", 3)
        assert last_run(journal)["run_id"] == "old"


def commands_of(text):
    """`rooney-live ...` at the beginning of a line, up to what explains it."""
    lines = (re.split(r"\s{2,}|\s#", line)[0] for line in text.splitlines())
    return [line for line in lines if line.startswith("rooney-live ")]


def test_every_command_of_the_readme_is_one_with_its_options_and_arguments():
    told = commands_of((CHECKOUT / "README.md").read_text())
    assert len(told) > 20
    for line in told:
        name, *words = shlex.split(line.replace("...", "why"))[1:]
        command = main.commands[name]
        if words and words[0] in getattr(command, "commands", ()):
            command, words = command.commands[words[0]], words[1:]
        command.make_context(name, [FITTING.get(word, word) for word in words])
