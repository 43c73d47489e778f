"""Days, deadlines and hosts that are not as they should be, and the whole trader on them.

test_live_fault_list has every line of the list of faults, and the tests that hold it.
"""

from __future__ import annotations

import ctypes
import resource
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import date
from functools import partial

import pytest
from whole_trader import asked, broken, cut_lake, live_of, requests, rows, whole

from rooney_live.crash_points import Crash, Step
from rooney_live.instance import TRADER_LOCK, Lock
from rooney_live.rehearsal.bars import open_market
from rooney_live.rehearsal.harness import file_of, play_of, rehearse_whole
from rooney_live.rehearsal.launch import Ended, TraderFailed
from rooney_live.rehearsal.plan import FaultPlan
from rooney_live.rehearsal.receiver_faults import CONNECT, OrderFault
from rooney_live.rehearsal.report import name_run
from rooney_live.rehearsal.stage import staged

HOUR_US = 3_600_000_000
SMALL_BYTES = 400_000
"""The journal outgrows it on the way; what it needs to begin does not."""


@pytest.fixture
def stage(released, tmp_path):
    """(stage, file) of one session, without a trader that has started."""
    play = asked(released, tmp_path, 1)
    market = open_market(released, play.release, 1, None)
    run = name_run(play.release, market, "rehearsal")
    with staged(play_of(play, market, None), play.launch) as one:
        yield one, file_of(market, run, one)


@pytest.mark.parametrize(
    ("kind", "last_session", "n_sessions"),
    [
        ("summer time begins on the 14th", date(2021, 3, 16), 4),
        ("summer time ends on the 1st", date(2020, 11, 3), 4),
        ("Thanksgiving and the short day after it", date(2020, 11, 30), 4),
        ("Christmas and New Year", date(2021, 1, 5), 8),
        ("the roll of March", date(2021, 3, 8), 5),
    ],
)
def test_every_kind_of_day_is_traded_as_it_was_tested(
    released, parts, tmp_path, kind, last_session, n_sessions
):
    lake = cut_lake(released, tmp_path / "lake", last_session, parts)
    report = whole(lake, tmp_path / "state", n_sessions)
    assert not broken(report), kind
    assert report.sessions[-1] == last_session.isoformat()
    assert report.parity["n_explained"] == 0
    assert report.trades
    assert {one["is_outside_session"] for one in requests(tmp_path / "state")} == {False}


def test_a_restart_over_the_weekend_changes_nothing(released, parts, tmp_path):
    lake = cut_lake(released, tmp_path / "lake", date(2021, 3, 29), parts)
    # The last bar of Friday's session is the 23rd of it.
    friday = Crash(Step.AFTER_MOMENT, "", 23)
    report = whole(lake, tmp_path / "state", 2, plan=FaultPlan(crashes=(friday,)))
    alone = whole(lake, tmp_path / "alone", 2)
    assert not broken(report)
    assert (report.n_starts, alone.n_starts) == (2, 1)
    assert report.sessions == ("2021-03-26", "2021-03-29")
    assert report.decisions_by_code == alone.decisions_by_code
    assert len(report.trades) == len(alone.trades) > 0


def by_the_clock(state):
    """Exits of the flat deadline that were ordered: when, and whether they stand."""
    return rows(
        state,
        "SELECT * FROM orders WHERE intent = 'exit' AND state <> 'PAPER' "
        "AND (reason = 'FLAT_TIME' OR origin = 'deadline') ORDER BY decided_at_us",
    )


def test_the_webhook_is_down_at_the_deadline(released, tmp_path):
    plain = whole(released, tmp_path / "plain", 5)
    assert not broken(plain)
    first = by_the_clock(tmp_path / "plain")[0]
    before = [one for one in requests(tmp_path / "plain") if one["at_us"] < first["decided_at_us"]]
    faults = (
        OrderFault("none", times=len(before)),
        *(OrderFault("reset_before", times=3, action="exit"),),
        *(OrderFault("close_handshake", times=3, action=CONNECT),),
    )
    report = whole(released, tmp_path / "down", 5, plan=FaultPlan(orders=faults))
    assert not broken(report)
    left = by_the_clock(tmp_path / "down")[0]
    assert left["decided_at_us"] == first["decided_at_us"]
    assert left["state"] == "ACKED"
    assert left["attempts"] > 1


def test_a_restart_right_before_the_deadline_leaves_in_time(released, tmp_path):
    assert not broken(whole(released, tmp_path / "plain", 5))
    first = by_the_clock(tmp_path / "plain")[0]
    moments = rows(
        tmp_path / "plain",
        "SELECT count(DISTINCT bar_end_us) AS n FROM decisions WHERE bar_end_us < ?",
        first["decided_at_us"],
    )
    crash = Crash(Step.AFTER_MOMENT, "", moments[0]["n"])
    report = whole(released, tmp_path / "killed", 5, plan=FaultPlan(crashes=(crash,)))
    assert not broken(report)
    assert report.n_starts == 2
    left = by_the_clock(tmp_path / "killed")[0]
    assert (left["order_id"], left["state"]) == (first["order_id"], "ACKED")


def test_a_second_trader_on_the_folder_is_refused(stage):
    one, file = stage
    with Lock.take(live_of_stage(one) / TRADER_LOCK):
        ended = one.start(file)
    assert ended.returncode == 1
    assert b"one trader per state folder" in ended.stderr
    assert not (live_of_stage(one) / "journal.sqlite").exists()


def live_of_stage(one):
    return one.file.parent


def limited(limit_bytes, arguments, environment, timeout_s):
    """A Launch whose process can write no file beyond so many bytes, as on a full disk."""
    program = (
        "import resource, runpy, sys; "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit_bytes}, {limit_bytes})); "
        "sys.argv[0] = 'rooney-live'; runpy.run_module('rooney_live.cli', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=dict(environment),
        capture_output=True,
        check=False,
        timeout=timeout_s,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def test_a_full_disk_stops_it_and_space_lets_it_go_on(released, tmp_path):
    play = asked(released, tmp_path, 3)
    market = open_market(released, play.release, 3, None)
    run = name_run(play.release, market, "rehearsal")
    with staged(play_of(play, market, None), partial(limited, SMALL_BYTES)) as one:
        file = file_of(market, run, one)
        ended = one.start(file)
        assert ended.returncode == 1
        assert b"disk" in ended.stdout + ended.stderr
        assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != SMALL_BYTES
        one.launch = play.launch
        assert one.start(file).returncode == 0
    arrived = [row["order_id"] for row in requests(tmp_path) if row["action"] == "buy"]
    assert len(arrived) == len(set(arrived)) > 0
    assert not rows(tmp_path, "SELECT 1 FROM orders WHERE state = 'SENDING'")
    assert not rows(tmp_path, "SELECT 1 FROM positions WHERE state <> 'flat'")


def spoil_pages(path):
    """Overwrite the middle of every page but the first."""
    content = bytearray(path.read_bytes())
    for start in range(4096 + 1000, len(content), 4096):
        content[start : start + 500] = b"\xff" * 500
    path.write_bytes(content)


def age(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 3")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_pages, b"damaged|malformed|cannot be used"),
        (age, b"schema 3"),
        (lambda path: path.write_bytes(b"no database at all" * 500), b"not a database"),
    ],
    ids=["corrupt", "old schema", "no database"],
)
def test_a_journal_that_cannot_be_used_is_refused(stage, spoil, words):
    one, file = stage
    assert one.start(file).returncode == 0
    path = live_of_stage(one) / "journal.sqlite"
    spoil(path)
    before, n_requests = path.read_bytes(), len(one.receiver.requests)
    ended = one.start(file)
    assert ended.returncode == 1
    assert any(word in ended.stderr for word in words.split(b"|")), ended.stderr
    assert b"Traceback" not in ended.stderr
    assert path.read_bytes() == before
    assert len(one.receiver.requests) == n_requests


@contextmanager
def held_by_another(path):
    """Somebody has the journal open, and writes without an end."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1


def like_anybody():
    """Root is asked for permission like anybody else, from the next program on."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, 0, 0, 0)


def without_privilege(arguments, environment, timeout_s):
    """A Launch of a trader to whom a file's mode means something."""
    done = subprocess.run(
        [sys.executable, "-m", "rooney_live.cli", *arguments],
        env=dict(environment),
        capture_output=True,
        check=False,
        timeout=timeout_s,
        preexec_fn=like_anybody,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@contextmanager
def without_permission(path):
    """Nobody may write."""
    path.chmod(0o400)
    path.parent.chmod(0o500)
    yield
    path.parent.chmod(0o700)
    path.chmod(0o600)


def refused_while(stage, spoilt, words, launch=None):
    one, file = stage
    assert one.start(file).returncode == 0
    n_requests = len(one.receiver.requests)
    one.launch = launch or one.launch
    with spoilt(live_of_stage(one) / "journal.sqlite"):
        ended = one.start(file)
    assert ended.returncode == 1
    assert words in ended.stderr
    assert b"Traceback" not in ended.stderr
    assert len(one.receiver.requests) == n_requests


@pytest.mark.slow
def test_a_journal_that_somebody_holds_is_waited_for_and_then_refused(stage):
    refused_while(stage, held_by_another, b"locked")


def test_a_journal_that_takes_no_writing_is_refused(stage):
    # Where even this cannot be taken from root, the trader would start, and the test fails.
    refused_while(stage, without_permission, b"journal.sqlite cannot be", without_privilege)


def test_a_journal_that_is_gone_begins_anew_and_holds_nothing(stage):
    one, file = stage
    assert one.start(file).returncode == 0
    for path in live_of_stage(one).glob("journal.sqlite*"):
        path.unlink()
    held = one.receiver.positions()
    assert one.start(file).returncode == 0
    assert one.receiver.positions() == held == {}


def test_a_notifier_that_hangs_delays_nothing(released, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        monkeypatch.setenv("NOTIFY_URLS", f"json://127.0.0.1:{deaf.getsockname()[1]}")
        report = whole(released, tmp_path, 2)
    assert not broken(report)
    assert report.parity["n_explained"] == 0


def test_a_trader_that_never_ends_is_killed_and_told(released, tmp_path):
    with pytest.raises(TraderFailed, match="did not end within"):
        rehearse_whole(asked(released, tmp_path, 1, timeout_s=0.05), simulated=None)
    assert live_of(tmp_path).exists()
