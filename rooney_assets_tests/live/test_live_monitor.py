"""The monitor against a local venue: real journal, real sockets, real processes.

Belongs here: what it sees, and what it does then. The trader is played where only its absence
matters: a heartbeat that stands still is one however it came to.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from monitor_desk import (
    CHECKOUT,
    PATIENCE_S,
    beat,
    decide,
    hold,
    journal_at,
    watched,
)
from order_desk import actions, leaving

from rooney_core.release.limits import LiveLimits
from rooney_live.clock import SystemClock
from rooney_live.control import Controls
from rooney_live.heartbeat import read_heartbeat
from rooney_live.instance import MONITOR_LOCK, Lock
from rooney_live.ledger import Ledger
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import OrderState
from rooney_live.orders.webhook import Timeouts, Webhook
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.rehearsal.receiver_faults import OrderFault
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.kill import FLAG, raise_flag, remove_flag
from rooney_live.risk.monitor import Monitor, MonitorSettings
from rooney_live.risk.record import now_us, record
from rooney_live.secrets import TRADERSPOST_WEBHOOK_URL, Secret


@pytest.fixture
def live(tmp_path):
    folder = tmp_path / "state" / "live"
    folder.mkdir(parents=True)
    return folder


class Watching:
    """A monitor in this process, stepped by hand, with what it said."""

    def __init__(self, live: Path, venue: Receiver, limits: LiveLimits | None = None) -> None:
        self.said: list[tuple[str, str]] = []
        self._live, self._venue = live, venue
        self._settings = MonitorSettings(watched(live, limits), is_always_open=True)

    def run(self, until_flat_s: float = 10.0) -> None:
        """Step until the venue is flat, or for so long."""

        async def play() -> None:
            secret = Secret(TRADERSPOST_WEBHOOK_URL, self._venue.url)
            webhook = Webhook(secret, Timeouts(5.0, 1.0), authority=self._venue.certificate)
            monitor = Monitor(
                self._settings, webhook, SystemClock(), lambda *told: self.said.append(told)
            )
            until = time.monotonic() + until_flat_s
            while time.monotonic() < until:
                await monitor.step()
                await asyncio.sleep(0.05)
                if not any(self._venue.positions().values()):
                    break
            # The answer of the last exit is recorded, too.
            await asyncio.sleep(0.3)
            monitor.stop()
            await monitor.run()

        asyncio.run(play())

    @property
    def codes(self) -> list[str]:
        return [code for code, _ in self.said]


def test_on_a_flag_everything_is_left_and_trading_is_halted(live):
    with Receiver(live / "venue") as venue:
        hold(live, venue)
        beat(live)
        raise_flag(live, "ann: out")
        watching = Watching(live, venue)
        watching.run()
        assert actions(venue) == ["buy", "exit"]
        assert not any(venue.positions().values())
    with journal_at(live) as journal:
        (row,) = journal.query("SELECT * FROM controls")
        assert (row["who"], row["command"]) == ("monitor", "HALT")
        assert json.loads(row["arguments"]) == {"codes": ["RISK_KILLED"]}
        assert Ledger(journal).open == ()
        (position,) = journal.query("SELECT * FROM positions")
        assert position["closed_by"].startswith("SIM_ES:")
        (leaving,) = journal.query("SELECT * FROM orders WHERE intent = 'exit'")
        assert (leaving["origin"], leaving["sender"]) == ("monitor", "monitor")
        assert leaving["ticker"] == "SIM_ESH2021"
    assert watching.codes[0] == "RISK_KILLED"
    # Nobody but a person takes the flag away.
    assert (live / FLAG).exists()


def test_a_breach_raises_the_flag_so_that_no_entry_leaves_any_more(live):
    with Receiver(live / "venue") as venue:
        hold(live, venue)
        beat(live)
        with journal_at(live) as journal:
            decide(journal, now_us(), 3_000.0)
        Watching(live, venue).run()
        assert actions(venue) == ["buy", "exit"]
    assert (live / FLAG).read_text().startswith("monitor: RISK_DAILY_LOSS")


def test_with_nothing_held_it_halts_and_sends_nothing(live):
    with Receiver(live / "venue") as venue:
        with journal_at(live):
            pass
        raise_flag(live, "ann")
        Watching(live, venue).run(0.3)
        assert venue.requests == ()
    with journal_at(live) as journal:
        controls = Controls(journal)
        controls.look()
        assert controls.state(now_us()).halted is not None


def test_an_exit_is_repeated_until_it_is_acknowledged(live):
    """Two answers that are no answers, then a good one: exits are idempotent."""
    with Receiver(live / "venue") as venue:
        hold(live, venue)
        venue.faults = [OrderFault("server_error_before", times=2)]
        raise_flag(live, "ann")
        Watching(live, venue).run(30.0)
        assert actions(venue)[0] == "buy"
        assert set(actions(venue)[1:]) == {"exit"}
        assert len(actions(venue)) >= 3
        assert not any(venue.positions().values())


def test_a_journal_that_takes_no_writing_keeps_nobody_from_leaving(live):
    """The trader was stopped in the middle of a transaction: its lock stands."""
    with Receiver(live / "venue") as venue:
        hold(live, venue)
        raise_flag(live, "ann")
        other = sqlite3.connect(live / "journal.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        watching = Watching(live, venue)
        watching.run(30.0)
        assert actions(venue) == ["buy", "exit"]
        assert "BLIND_EXIT_ACKED" in watching.codes
        other.execute("ROLLBACK")
        other.close()
        # The journal is there again: what could not be recorded is done once more, and recorded.
        venue_is_flat = not any(venue.positions().values())
        assert venue_is_flat
        hold_again = Watching(live, venue)
        hold_again.run(0.5)
    with journal_at(live) as journal:
        assert journal.query("SELECT count(*) AS n FROM controls")[0]["n"] == 1
        assert journal.query("SELECT count(*) AS n FROM orders WHERE intent = 'exit'")[0]["n"] == 1


def test_an_exit_that_a_hanging_trader_began_to_send_is_no_exit(live):
    """Stopped between SENDING and its first byte: nobody but the monitor can leave it now."""
    with Receiver(live / "venue") as venue:
        hold(live, venue)
        began_us = now_us() - 70 * 1_000_000
        with journal_at(live) as journal:
            stuck = leaving("SIM_ES", began_us)
            with journal.transaction():
                Outbox(journal).add(stuck, began_us)
                claimed = Outbox(journal).claim(stuck.order_id, began_us)
                Ledger(journal).follow(began_us)
            assert claimed.state is OrderState.SENDING
        raise_flag(live, "ann")
        Watching(live, venue).run()
        assert actions(venue) == ["buy", "exit"]
        assert not any(venue.positions().values())


def test_an_entry_that_nobody_knows_of_is_left_too(live):
    """Sent, and the process died: the ledger knows it as sent, the venue perhaps as a position."""
    with Receiver(live / "venue") as venue:
        hold(live, venue)
        with journal_at(live) as journal, journal.transaction():
            journal.execute("UPDATE orders SET state = 'SENDING'")
            journal.execute("UPDATE positions SET state = 'sent', is_known = 0")
        raise_flag(live, "ann")
        Watching(live, venue).run()
        assert actions(venue) == ["buy", "exit"]


def test_a_person_goes_on_and_the_next_breach_is_a_new_halt(live):
    with Receiver(live / "venue") as venue, journal_at(live) as journal:
        raise_flag(live, "ann")
        Watching(live, venue).run(0.2)
        record(journal, Command.RESUME, "looked", {"after_kill": True})
        remove_flag(live)
        beat(live)
        Watching(live, venue).run(0.2)
        raise_flag(live, "bob")
        Watching(live, venue).run(0.2)
        told = [row["command"] for row in journal.query("SELECT command FROM controls")]
    assert told == ["HALT", "RESUME", "HALT"]


# As a process


@contextmanager
def process(state: Path, lake: Path, venue: Receiver, *options: str) -> Iterator[subprocess.Popen]:
    secret = state / "webhook"
    secret.touch(mode=0o600)
    secret.write_text(venue.url)
    environment = {one: os.environ[one] for one in ("PATH", "HOME") if one in os.environ}
    environment |= {"ROONEY_STATE": str(state), "ROONEY_LAKE": str(lake)}
    environment |= {"TRADERSPOST_WEBHOOK_URL_FILE": str(secret)}
    command = [sys.executable, "-m", "rooney_live.cli", "monitor", *options]
    command += ["--drill", str(venue.certificate)]
    running = subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        yield running
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGTERM)
        running.wait(PATIENCE_S)


def eventually(is_so: Callable[[], bool]) -> None:
    """Wait until it is so; what never comes fails the test."""
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until
        Event().wait(0.05)


CALM_BEATS = 25
BEATING = """
import sys, time
from pathlib import Path
from rooney_live.heartbeat import write_heartbeat
number = 0
while True:
    number += 1
    write_heartbeat(Path(sys.argv[1]), {"state": "ACTIVE", "number": number})
    time.sleep(0.2)
"""


def test_a_trader_that_hangs_is_left_and_halted_and_no_secret_is_told(live, lake):
    """A process that beats is stopped by SIGSTOP: it is there, and does nothing any more."""
    state = live.parent
    with Receiver(live / "venue") as venue:
        hold(live, venue)
        beating = subprocess.Popen([sys.executable, "-c", BEATING, str(live)], cwd=CHECKOUT)
        try:
            with process(state, lake, venue, "--max-heartbeat", "3") as running:
                told = running.stdout.readline()
                # For longer than a heartbeat may be late nothing happens.
                begun = read_heartbeat(live)["number"]
                eventually(lambda: read_heartbeat(live)["number"] > begun + CALM_BEATS)
                assert actions(venue) == ["buy"]
                os.kill(beating.pid, signal.SIGSTOP)
                eventually(lambda: not any(venue.positions().values()))
                running.send_signal(signal.SIGTERM)
                told += running.communicate(timeout=PATIENCE_S)[0]
        finally:
            beating.kill()
            beating.wait()
        assert actions(venue) == ["buy", "exit"]
        assert venue.secret.encode() not in told
    assert running.returncode == 0
    lines = [json.loads(line) for line in told.splitlines()]
    assert {"MONITOR_STARTED", "RISK_HEARTBEAT", "MONITOR_ENDED"} <= {one["code"] for one in lines}
    with journal_at(live) as journal:
        (row,) = journal.query("SELECT * FROM controls")
        assert (row["who"], row["command"]) == ("monitor", "HALT")


def test_a_second_monitor_is_refused(live, lake):
    with (
        Receiver(live / "venue") as venue,
        Lock.take(live / MONITOR_LOCK),
        process(live.parent, lake, venue) as running,
    ):
        told, _ = running.communicate(timeout=PATIENCE_S)
    assert running.returncode == 1
    assert b"Another process" in told
