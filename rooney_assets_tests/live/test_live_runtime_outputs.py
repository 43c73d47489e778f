"""Heartbeat, notices and the one-instance lock: what others see of the trader."""

from __future__ import annotations

import asyncio
import errno
import io
import json
import math
import os
import subprocess
import sys
import threading

import pytest
from small_release import CHECKOUT

from rooney_core.errors import MissingArtifact
from rooney_live.heartbeat import HeartbeatFailed, read_heartbeat, write_heartbeat
from rooney_live.instance import AlreadyRunning, Lock, is_held, listen, nudge
from rooney_live.logs import log_to
from rooney_live.notices import Notices, open_notices, with_timeouts
from rooney_live.secrets import remember

WAIT_S = 30.0


def test_a_heartbeat_is_replaced_whole(tmp_path):
    write_heartbeat(tmp_path, {"at_us": 1})
    write_heartbeat(tmp_path, {"at_us": 2, "state": "ready"})
    assert read_heartbeat(tmp_path) == {"at_us": 2, "state": "ready"}
    assert [one.name for one in tmp_path.iterdir()] == ["heartbeat.json"]


def test_a_full_disk_leaves_the_last_heartbeat_whole(tmp_path):
    write_heartbeat(tmp_path, {"at_us": 1})
    program = f"""
import resource, signal
from pathlib import Path
from rooney_live.heartbeat import HeartbeatFailed, write_heartbeat
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
try:
    write_heartbeat(Path({str(tmp_path)!r}), {{"at_us": 2, "filling": "x" * 1000}})
except HeartbeatFailed as error:
    print("failed", error.errno)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["failed", str(errno.EFBIG)]
    assert read_heartbeat(tmp_path) == {"at_us": 1}
    assert [one.name for one in tmp_path.iterdir()] == ["heartbeat.json"]


@pytest.mark.parametrize("content", ["", "{", "[1]", "null"])
def test_a_heartbeat_that_says_nothing_is_missing(tmp_path, content):
    (tmp_path / "heartbeat.json").write_text(content)
    with pytest.raises(MissingArtifact, match="tells nothing"):
        read_heartbeat(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(HeartbeatFailed):
        write_heartbeat(tmp_path / "nowhere", {})


def test_notices_are_sent_by_a_worker_and_counted():
    sent = []
    notices = Notices(lambda title, body: sent.append((title, body)) is None)
    for number in range(5):
        notices.tell("title", str(number))
    notices.close(WAIT_S)
    assert sent == [("title", str(number)) for number in range(5)]
    assert (notices.n_sent, notices.n_failed, notices.n_dropped) == (5, 0, 0)


def test_a_service_that_hangs_costs_notices_and_nothing_else():
    entered, go_on = threading.Event(), threading.Event()

    def hang(title, body):
        entered.set()
        return go_on.wait(WAIT_S)

    notices = Notices(hang, size=3)
    notices.tell("first", "")
    assert entered.wait(WAIT_S)
    for _ in range(10):
        notices.tell("more", "")
    assert notices.n_dropped == 7
    notices.close(0.0)
    go_on.set()


def test_a_service_that_raises_or_refuses_is_a_notice_that_failed():
    answers = iter([ValueError("https://secret"), False, True])

    def send(title, body):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    notices = Notices(send)
    for _ in range(3):
        notices.tell("title", "")
    notices.close(WAIT_S)
    assert (notices.n_sent, notices.n_failed) == (1, 2)


def test_without_services_nothing_is_queued():
    notices = Notices(None, size=1)
    notices.tell("a", "")
    notices.tell("b", "")
    notices.close()
    assert notices.n_dropped == 0


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("json://host/path", "json://host/path?rto=3&cto=3"),
        ("mailto://a:b@host?to=c&rto=9", "mailto://a:b@host?to=c&rto=9&cto=3"),
    ],
)
def test_every_service_has_timeouts(url, expected):
    assert with_timeouts(url) == expected


def test_a_second_instance_is_refused_and_named(tmp_path):
    path = tmp_path / "live" / "trader.lock"
    program = f"""
from pathlib import Path
from rooney_live.instance import Lock
lock = Lock.take(Path({str(path)!r}))
print("held", flush=True)
input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout.readline() == "held\n"
        assert is_held(path)
        with pytest.raises(AlreadyRunning, match=f"pid {other.pid}"):
            Lock.take(path)
        # Killed as by a power cut: the lock goes with the process.
        other.kill()
        other.wait(WAIT_S)
    assert not is_held(path)
    with Lock.take(path):
        assert path.read_text() == str(os.getpid())
        assert is_held(path)


def test_asking_for_the_lock_never_stands_in_the_way_of_whoever_takes_it(tmp_path):
    path = tmp_path / "trader.lock"
    Lock.take(path).release()
    asked, is_over = threading.Event(), threading.Event()

    def ask():
        while not is_over.is_set():
            is_held(path)
            asked.set()

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        asked.wait(WAIT_S)
        # A status that is asked for over and over refuses no start.
        for _ in range(2_000):
            Lock.take(path).release()
    finally:
        is_over.set()
        asking.join(WAIT_S)


def test_a_lock_that_cannot_be_asked_for_counts_as_held(tmp_path):
    (tmp_path / "loop.lock").symlink_to(tmp_path / "loop.lock")
    assert is_held(tmp_path / "loop.lock")
    assert not is_held(tmp_path / "nobody.lock")


def test_a_nudge_is_heard_even_under_a_long_path(tmp_path):
    live = tmp_path / ("deep" * 40) / "live"
    live.mkdir(parents=True)
    assert not nudge(live)

    async def hear():
        heard = asyncio.Event()
        transport = await listen(live, heard.set)
        assert nudge(live)
        await asyncio.wait_for(heard.wait(), WAIT_S)
        transport.close()

    asyncio.run(hear())
    # The socket of a process that died is no listener, and the next one takes its place.
    asyncio.run(hear())


def test_what_the_heartbeat_holds_is_json_even_for_what_is_unknown(tmp_path):
    facts = {
        "equity_usd": math.nan,
        "quotes": {"ES": {"price": -math.inf}},
        "ages": [1.5, math.nan],
    }
    write_heartbeat(tmp_path, facts)

    def refuse(word):
        raise AssertionError(f"{word} is no JSON")

    told = json.loads((tmp_path / "heartbeat.json").read_text(), parse_constant=refuse)
    assert told == {"equity_usd": None, "quotes": {"ES": {"price": None}}, "ages": [1.5, None]}


# apprise itself imports what Python will drop.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_service_that_apprise_does_not_know_is_told_by_its_number(monkeypatch, capsys):
    monkeypatch.setenv("NOTIFY_URLS", "json://127.0.0.1:9/there nonsense://token-of-somebody?a=b@c")
    log_to()
    open_notices().close(WAIT_S)
    log_to(io.StringIO())
    printed = capsys.readouterr().out
    assert "number 2" in printed
    assert "number 1" not in printed
    assert "token-of-somebody" not in printed


def test_no_secret_goes_out_with_a_notice():
    remember("known-to-nobody")
    sent = []
    notices = Notices(lambda title, body: sent.append((title, body)) is None)
    notices.tell("of known-to-nobody", "known-to-nobody is down")
    notices.close(WAIT_S)
    assert sent == [("of ***", "*** is down")]
