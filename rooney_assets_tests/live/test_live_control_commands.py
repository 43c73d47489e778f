"""Commands over the state folder: recorded with who, when and why; with a trader and without."""

from __future__ import annotations

import json
import os
import pwd
import time

import pytest
from click.testing import CliRunner
from small_trader import Killed, opened_desk

from rooney_live.cli import main
from rooney_live.instance import TRADER_LOCK, Lock
from rooney_live.risk.kill import raise_flag

US = 1_000_000
HOUR_US = 3_600 * US


@pytest.fixture
def desk(lake, tmp_path, monkeypatch):
    with opened_desk(lake, tmp_path / "state", monkeypatch, 2) as opened:
        yield opened


@pytest.fixture
def rooney(desk):
    def invoke(*arguments):
        places = ["--lake", str(desk.settings.lake), "--state", str(desk.settings.state)]
        return CliRunner().invoke(main, [*map(str, arguments), *places])

    return invoke


def with_a_position(desk):
    """A trader that was killed with its first position open."""

    def die_when_open():
        if desk.rows("SELECT * FROM positions WHERE state = 'open'"):
            raise Killed

    with pytest.raises(Killed):
        desk.play([one for moment in desk.moments for one in (moment, die_when_open)])


@pytest.mark.parametrize("command", ["pause", "resume", "flatten", "stop"])
def test_help_and_a_reason_are_there(rooney, command):
    assert "--reason" in CliRunner().invoke(main, [command, "--help"]).output
    assert rooney(command).exit_code == 2
    assert rooney(command, "--reason", "  ").exit_code in (1, 2)


def test_a_pause_is_on_record_with_who_when_why_and_until(desk, rooney):
    before = time.time_ns() // 1000
    shown = rooney("pause", "--for", "24h", "--reason", "CPI tomorrow")
    after = time.time_ns() // 1000
    assert shown.exit_code == 0, shown.output
    assert "no trader runs" in shown.output
    (row,) = desk.rows("SELECT * FROM controls")
    assert (row["command"], row["reason"]) == ("PAUSE", "CPI tomorrow")
    assert row["who"] == pwd.getpwuid(os.getuid()).pw_name
    assert before <= row["at_us"] <= after
    assert before + 24 * HOUR_US <= row["until_us"] <= after + 24 * HOUR_US
    assert rooney("resume", "--reason", "over").exit_code == 0
    assert [one["command"] for one in desk.rows("SELECT * FROM controls")] == ["PAUSE", "RESUME"]


@pytest.mark.parametrize("span", ["0h", "soon", "24", "1.5h", "-3h"])
def test_a_span_that_is_none_is_a_usage_error(desk, rooney, span):
    assert rooney("pause", "--for", span, "--reason", "x").exit_code == 2
    assert not desk.settings.journal.exists()


def test_resume_refuses_while_killed_and_removes_the_flag_only_when_it_is_named(desk, rooney):
    flag = raise_flag(desk.settings.live, "a test")
    refused = rooney("resume", "--reason", "go on")
    assert refused.exit_code == 1
    assert "--after-kill" in refused.output
    assert flag.exists()
    assert desk.rows("SELECT * FROM controls") == []
    shown = rooney("resume", "--after-kill", "--reason", "looked at it")
    assert shown.exit_code == 0
    assert not flag.exists()
    (row,) = desk.rows("SELECT * FROM controls")
    assert json.loads(row["arguments"]) == {"after_kill": True}


def test_flatten_without_a_trader_sends_the_exits_itself(desk, rooney):
    with_a_position(desk)
    held = desk.receiver.positions()
    assert any(held.values())
    shown = rooney("flatten", "--reason", "a leak in the cellar")
    assert "exit" in shown.output, shown.output
    (order,) = desk.rows("SELECT * FROM orders WHERE origin = 'flatten'")
    assert order["sender"] == "command"
    if shown.exit_code == 0:
        assert not any(desk.receiver.positions().values())
        assert desk.rows("SELECT * FROM positions WHERE state <> 'flat'") == []
    else:
        # The market of this moment is closed: the exit waits for it to open.
        assert order["state"] == "INTENT"
        assert order["due_at_us"] > time.time_ns() // 1000
    again = rooney("flatten", "--reason", "again")
    assert "Nothing is held" in again.output or order["state"] == "INTENT"


def test_flatten_of_nothing_says_so(desk, rooney):
    assert desk.play(desk.moments[:1]) == 0
    n_before = len(desk.sent())
    shown = rooney("flatten", "--symbol", "SIM_NQ", "--reason", "x")
    assert shown.exit_code == 0
    assert "Nothing is held" in shown.output
    assert len(desk.sent()) == n_before


def test_without_a_journal_there_is_nothing_to_flatten(desk, rooney):
    shown = rooney("flatten", "--reason", "x")
    assert shown.exit_code == 1
    assert "no journal" in shown.output


def test_an_order_by_hand_on_old_bars_is_denied_and_on_record(desk, rooney):
    assert desk.play(desk.moments[:3]) == 0
    n_before = len(desk.sent())
    shown = rooney("trade", "SIM_ES", "buy", "--size", 1, "--reason", "a hunch")
    assert shown.exit_code == 1
    assert "STALE_FEED" in shown.output
    assert len(desk.sent()) == n_before
    (event,) = desk.rows("SELECT * FROM events WHERE code = 'MANUAL'")
    assert "STALE_FEED" in event["message"]
    (row,) = desk.rows("SELECT * FROM controls")
    assert json.loads(row["arguments"])["side"] == 1


def test_what_a_running_trader_is_told_is_left_to_it(desk, rooney):
    assert desk.play(desk.moments[:1]) == 0
    with Lock.take(desk.settings.live / TRADER_LOCK):
        shown = rooney("stop", "--reason", "an upgrade", "--positions", "flatten")
        assert shown.exit_code == 0
        status = json.loads(rooney("status", "--json").output)
        assert status["is_running"]
    (row,) = desk.rows("SELECT * FROM controls")
    assert json.loads(row["arguments"]) == {"positions": "flatten"}
    assert not json.loads(rooney("status", "--json").output)["is_running"]


def test_status_says_what_is_held_and_what_stops_entries(desk, rooney):
    with_a_position(desk)
    rooney("pause", "--reason", "lunch")
    raise_flag(desk.settings.live, "a test")
    status = json.loads(rooney("status", "--json").output)
    assert status["trader_state"] == "not running"
    (position,) = status["positions"]
    assert (position["state"], position["proof"]) == ("open", "acknowledged")
    assert status["mode"] == "rehearsal"
    told = " ".join(status["stopped_by"])
    assert "lunch" in told
    assert "KILL_NOW" in told
    shown = rooney("status")
    assert shown.exit_code == 0
    assert position["contract"] in shown.output


def test_why_shows_the_order_of_a_decision_and_what_the_venue_said(desk, rooney):
    with_a_position(desk)
    (row,) = desk.rows("SELECT * FROM orders WHERE intent = 'enter' AND state = 'ACKED'")
    moment = desk.rows("SELECT * FROM decisions WHERE action = 'enter' LIMIT 1")[0]
    from rooney_live.journal_reading import as_text

    shown = rooney("why", row["symbol"], as_text(moment["bar_end_us"]))
    assert shown.exit_code == 0, shown.output
    assert f"of {row['ticker']}, ACKED" in shown.output


def test_a_second_trader_on_one_state_folder_is_refused(desk, rooney):
    with Lock.take(desk.settings.live / TRADER_LOCK):
        shown = rooney("run")
    assert shown.exit_code == 1
    assert f"pid {os.getpid()}" in shown.output
    assert not desk.settings.journal.exists()
