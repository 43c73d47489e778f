"""Preflight, question by question: each passes, and fails for what it is there to find."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from monitor_desk import hold, journal_at
from small_release import TERMS, write_release

from rooney_core.gates.approvals import Override
from rooney_core.release.limits import LiveLimits
from rooney_live import preflight_host
from rooney_live.cli import main
from rooney_live.preflight import preflight
from rooney_live.preflight_answers import Check
from rooney_live.preflight_host import clock_is_kept, host_checks
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.kill import raise_flag
from rooney_live.risk.limits import set_limits
from rooney_live.risk.record import now_us, record
from rooney_live.settings import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
WEBHOOK, KEY = "TRADERSPOST_WEBHOOK_URL", "DATABENTO_API_KEY"


@pytest.fixture
def settings(lake, tmp_path):
    return Settings(lake=lake, state=tmp_path / "state")


def asked(settings: Settings, **environment: str) -> dict[str, Check]:
    found = preflight(settings, settings.lake, environment=environment)
    return {one.name: one for one in found}


def test_a_release_of_the_simulated_market_passes_without_any_setting(settings):
    found = asked(settings)
    assert {name for name, one in found.items() if not one.passed} == set()
    assert {name for name, one in found.items() if one.is_red} == set()
    table = found["features computable"].rows
    assert [(row["symbol"], row["percent"]) for row in table] == [
        ("SIM_CL", 100.0),
        ("SIM_ES", 100.0),
    ]
    assert all(row["known"] == row["of"] > 40 for row in table)
    # Nothing that was asked has made a journal, which would say that the trader was here.
    assert not settings.journal.exists()


def test_every_question_has_an_answer_without_a_release(tmp_path):
    settings = Settings(lake=tmp_path / "nowhere", state=tmp_path / "state")
    names = [one.name for one in preflight(settings, settings.lake, environment={})]
    assert len(names) == len(set(names))
    assert {"kill switch", "risk limits", "calendar", "release age", "disk", "clock"} <= set(names)
    found = asked(settings)
    assert found["release verifies"].passed is False
    assert found["risk limits"].passed is None


# Kill switch, limits, positions


def test_a_kill_switch_is_red_and_keeps_nobody_from_starting(settings):
    by_variable = asked(settings, POLICY_KILLSWITCH="true")["kill switch"]
    assert (by_variable.passed, by_variable.is_red) == (True, True)
    settings.live.mkdir(parents=True, exist_ok=True)
    raise_flag(settings.live, "ann")
    with journal_at(settings.live) as journal:
        record(journal, Command.PAUSE, "lunch")
        record(journal, Command.HALT, "broke", {"codes": []}, who="monitor")
    detail = asked(settings)["kill switch"].detail
    for part in ("KILL_NOW", "lunch", "HALT by monitor: broke"):
        assert part in detail


def test_limits_that_would_deny_every_entry_fail_and_looser_ones_are_red(settings):
    settings.live.mkdir(parents=True)
    released, tomorrow = LiveLimits(), now_us() + 10**11
    with journal_at(settings.live) as journal:
        set_limits(journal, released, {"max_order_contracts": 1}, "small", None, now_us())
    found = asked(settings)["risk limits"]
    assert found.passed is False
    assert "SIM_ES: 2 contracts, live.max_order_contracts is 1" in found.detail
    with journal_at(settings.live) as journal:
        # What is not given stays.
        wide = {"max_heat_usd": 50_000, "max_order_contracts": released.max_order_contracts}
        set_limits(journal, released, wide, "wide", tomorrow, now_us())
    found = asked(settings)["risk limits"]
    assert (found.passed, found.is_red) == (True, True)
    assert "max_heat_usd 37500 -> 50000" in found.detail
    (row,) = [one for one in found.rows if one["limit"] == "max_heat_usd"]
    assert (row["value"], row["release"]) == (50_000, 37_500)


def test_a_position_that_nobody_proved_for_too_long_fails(settings):
    settings.live.mkdir(parents=True)
    with Receiver(settings.live / "venue") as venue:
        hold(settings.live, venue)
    found = asked(settings)["positions proven"]
    assert (found.passed, found.detail) == (True, "1 open")
    assert found.rows[0]["contract"] == "SIM_ESH21"
    old = now_us() - 25 * 3_600_000_000
    with journal_at(settings.live) as journal, journal.transaction():
        journal.execute("UPDATE positions SET since_us = ?", (old,))
    found = asked(settings)["positions proven"]
    assert found.passed is False
    assert "rooney-live reconcile" in found.detail


def test_a_journal_of_another_schema_fails(settings):
    settings.live.mkdir(parents=True)
    with journal_at(settings.live):
        pass
    import sqlite3

    with sqlite3.connect(settings.journal) as connection:
        connection.execute("PRAGMA user_version = 3")
    connection.close()
    found = asked(settings)["journal writable"]
    assert found.passed is False
    assert "schema 3" in found.detail


# Calendar and age


def test_the_calendar_tells_the_next_session_and_when_to_be_flat(settings):
    found = {one.name: one for one in preflight(settings, settings.lake, date(2021, 4, 2), {})}[
        "calendar"
    ]
    # Good Friday 2021-04-02: the next session is Monday's, open on Sunday at 17:00 in Chicago.
    (row, _) = found.rows
    assert row["session"] == "2021-04-05"
    assert row["opens"] == "2021-04-04T22:00Z"
    assert row["closes"] == "2021-04-05T21:00Z"
    # 15:00 in New York.
    assert row["flat_by"] == "2021-04-05T19:00Z"


def test_an_early_close_is_red(settings):
    """The Friday after Thanksgiving: short, so everything is flat by noon in Chicago."""
    found = {one.name: one for one in preflight(settings, settings.lake, date(2021, 11, 26), {})}[
        "calendar"
    ]
    assert (found.passed, found.is_red) == (True, True)
    assert "early close: SIM_CL, SIM_ES" in found.detail
    assert {row["flat_by"] for row in found.rows} == {"2021-11-26T18:00Z"}


def test_an_old_release_is_red_and_one_from_the_future_fails(settings):
    of = lambda day: {  # noqa: E731
        one.name: one for one in preflight(settings, settings.lake, day, {})
    }["release age"]
    assert not of(date(2021, 5, 10)).is_red
    assert of(date(2021, 5, 11)).is_red
    assert of(date(2021, 3, 30)).passed is False


# Host


def test_a_full_disk_a_strange_clock_and_an_open_folder_fail(tmp_path, monkeypatch):
    found = {one.name: one for one in host_checks(tmp_path, date(2021, 1, 1), True)}
    assert all(one.passed for one in found.values())
    monkeypatch.setattr(preflight_host, "MIN_FREE_BYTES", 2**62)
    tomorrow = datetime.now(UTC).date() + timedelta(days=2)
    tmp_path.chmod(0o777)
    found = {one.name: one for one in host_checks(tmp_path, tomorrow, False)}
    assert [one.passed for one in found.values()] == [False, False, False]
    assert "set the clock" in found["clock"].detail
    assert "chmod o-w" in found["state folder"].detail
    tmp_path.chmod(0o700)


def test_the_kernel_s_word_on_the_clock_is_that_of_adjtimex():
    """`adjtimex --print` or timedatectl would say the same; here the call's own return value."""
    import ctypes

    buffer = (ctypes.c_long * 40)()
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(buffer))
    if state < 0:
        assert clock_is_kept() is None
        return
    # TIME_ERROR (5) is returned when the clock is not synchronized.
    if state != 5 or not (buffer[5] & 0x0040):
        assert clock_is_kept() is True
    else:
        assert clock_is_kept() is False


# The command


def test_an_override_is_in_red_on_a_terminal_and_plain_in_a_pipe(parts, lake, tmp_path):
    one = Override(
        symbol="SIM_CL", gate="stress", reason="the crash of 2020",
        until=date(2021, 12, 31), who="ann",
    )  # fmt: skip
    from rooney_core.release.config import ProductionConfig

    tables = parts.release({"SIM_CL": 1, "SIM_ES": 2})
    page = ProductionConfig.from_frame(tables.production_config)
    page = page.model_copy(update={"overrides": (one,)}).named()
    write_release(tables._replace(production_config=page.to_frame()), lake)
    command = [sys.executable, "-m", "rooney_live.cli", "preflight", "--lake", str(lake)]
    command += ["--state", str(tmp_path / "state")]
    # A terminal of its own: a real one, as the person has who starts the trader.
    ours, theirs = pty.openpty()
    running = subprocess.Popen(command, cwd=CHECKOUT, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:
        pass  # a terminal whose last writer has gone
    finally:
        os.close(ours)
    assert running.wait() == 0
    (line,) = [one for one in shown.splitlines() if b"the crash of 2020" in one]
    assert line.startswith(b"\x1b[31m")
    piped = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True)
    assert b"\x1b" not in piped.stdout
    assert b"the crash of 2020" in piped.stdout
    assert TERMS.overrides == ()


def test_the_commands_tell_json_and_are_recorded(settings, lake):
    settings.live.mkdir(parents=True)
    with journal_at(settings.live):
        pass
    places = ["--lake", str(lake), "--state", str(settings.state), "--json"]
    told = json.loads(CliRunner().invoke(main, ["preflight", *places]).stdout)
    (features,) = [one for one in told if one["name"] == "features computable"]
    assert {row["percent"] for row in features["rows"]} == {100.0}
    shown = CliRunner().invoke(main, ["verify-features", *places])
    assert shown.exit_code == 0
    rows = json.loads(shown.stdout)
    assert {(row["symbol"], row["where"]) for row in rows} == {
        ("SIM_CL", "last bar"),
        ("SIM_ES", "last bar"),
    }
    with journal_at(settings.live) as journal:
        rows = journal.query("SELECT command, reason, who FROM controls ORDER BY control_id")
    assert [row["command"] for row in rows] == ["PREFLIGHT", "VERIFY_FEATURES"]
    assert all(row["who"] and row["reason"] for row in rows)


def test_a_feature_that_is_unknown_is_named_and_fails(parts, lake, settings):
    """The partner's bars end three days before: its pair is too old to be known."""
    from small_release import write

    frame = parts.continuous["SIM_NQ"]
    last = frame["bar_start"][-1]
    cut = frame.filter(frame["bar_start"] < last - timedelta(days=3))
    write(cut, lake / "continuous_bars" / "symbol=SIM_NQ" / "current.parquet")
    places = ["--lake", str(lake), "--state", str(settings.state)]
    shown = CliRunner().invoke(main, ["verify-features", *places])
    assert shown.exit_code == 1, shown.output
    assert "pair_ibs" in shown.output
    assert "FEATURES_MISSING" in shown.output
    found = asked(settings)["features computable"]
    assert found.passed is False
    (row,) = [one for one in found.rows if one["symbol"] == "SIM_ES"]
    assert {"pair_ibs", "pair_ibs_difference"} <= set(row["unknown"])
    assert row["percent"] < 100.0
