"""The kill switch, exercised: every way to pull it, against a local venue and the real monitor.

Belongs here: the exercise and what each step showed. Does not belong here: the switch itself. It
runs in a folder of its own on this machine only; the trader's state is not touched, nothing is sent
to TradersPost.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rooney_core.market.instruments import Instrument
from rooney_core.release import Release
from rooney_live.clock import ScaledClock
from rooney_live.control import Controls, ResumeRefused, refuse_resume
from rooney_live.heartbeat import write_heartbeat
from rooney_live.journal import Journal, Run
from rooney_live.ledger import Ledger
from rooney_live.orders.dispatcher import Dispatcher
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import OrderIntent, OrderState, Origin, order_id_of
from rooney_live.orders.webhook import Webhook
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.kill import (
    VARIABLE,
    killed_by_flag,
    killed_by_variable,
    raise_flag,
    remove_flag,
)
from rooney_live.risk.record import now_us, record
from rooney_live.secrets import TRADERSPOST_WEBHOOK_URL, Secret
from rooney_live.settings import LAKE, STATE

PATIENCE_SECONDS: Final = 60.0
HEARTBEAT_SECONDS: Final = 2.0
EARLIER_US: Final = 120_000_000
_LOOK_SECONDS: Final = 0.1
_PRICE: Final = 100.0
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "PYTHONPATH", "VIRTUAL_ENV", "NUMBA_CACHE_DIR")


@dataclass(frozen=True)
class Step:
    """What was tried, whether the switch did what it says, and what was seen."""

    name: str
    passed: bool
    seen: str


class Drill:
    """One exercise in `folder`, an empty one, with the release that the lake offers."""

    def __init__(self, folder: Path, lake: Path, release: Release) -> None:
        self._live = folder / "live"
        self._folder = folder
        self._lake = lake
        self._release = release
        self._instrument = _one_of(release)
        self._number = 0

    def run(self) -> list[Step]:
        """Every step, in order; a step that fails does not keep the next from being tried."""
        self._live.mkdir(parents=True)
        steps = [self._variable(), self._blindness()]
        with (
            Receiver(self._folder / "venue", clock="arrival") as venue,
            Journal.open(self._live / "journal.sqlite") as journal,
        ):
            journal.begin(_run_of(self._release), "drill")
            for step in (self._flag, self._command, self._never_by_itself, self._hanging_trader):
                steps.append(step(journal, venue))
        return steps

    def _variable(self) -> Step:
        words = ("true", "1", "yes", "flase")
        killed = [one for one in words if killed_by_variable({VARIABLE: one})]
        is_right = len(killed) == len(words) and killed_by_variable({VARIABLE: "false"}) is None
        return Step("variable", is_right, f"{VARIABLE}={', '.join(killed)} kills at start")

    def _blindness(self) -> Step:
        told = killed_by_flag(self._folder / "nobody" / "there")
        return Step("fails closed", told is not None, told or "a missing folder did not kill")

    def _flag(self, journal: Journal, venue: Receiver) -> Step:
        raise_flag(self._live, "drill: by flag")
        state, n_sent = self._enter(journal, venue)
        remove_flag(self._live)
        seen = f"an entry given with the flag there: {state}, {n_sent} requests arrived"
        return Step("flag file", state is OrderState.DENIED and n_sent == 0, seen)

    def _command(self, journal: Journal, venue: Receiver) -> Step:
        record(journal, Command.KILL, "drill: by command")
        state, n_sent = self._enter(journal, venue)
        seen = f"an entry given after the command: {state}, {n_sent} requests arrived"
        return Step("command", state is OrderState.DENIED and n_sent == 0, seen)

    def _never_by_itself(self, journal: Journal, venue: Receiver) -> Step:
        """Time, a pause that ends and a plain resume leave it killed; a person's word ends it."""
        controls = Controls(journal)
        controls.look()
        later = controls.state(now_us() + 10**14)
        try:
            refuse_resume(later, None, after_kill=False)
        except ResumeRefused:
            is_refused = True
        else:
            is_refused = False
        record(journal, Command.RESUME, "drill: goes on", {"after_kill": True})
        state, n_sent = self._enter(journal, venue)
        seen = f"plain resume refused: {is_refused}; after the word an entry is {state}"
        is_right = is_refused and later.killed is not None and state is OrderState.ACKED
        return Step("never by itself", is_right and n_sent == 1, seen)

    def _hanging_trader(self, journal: Journal, venue: Receiver) -> Step:
        """A position is open, and the heartbeat stands still: the real monitor has to leave it."""
        write_heartbeat(self._live, {"state": "ACTIVE", "at_us": now_us(), "pid": os.getpid()})
        held_before = sum(map(abs, venue.positions().values()))
        began = time.monotonic()
        process = self._start_monitor(venue)
        try:
            is_flat = _wait_until(lambda: not any(venue.positions().values()), process)
        finally:
            process.send_signal(signal.SIGTERM)
            output, _ = process.communicate(timeout=PATIENCE_SECONDS)
        controls = Controls(journal)
        controls.look()
        is_halted = controls.state(now_us()).halted is not None
        flag = killed_by_flag(self._live)
        seconds = time.monotonic() - began
        seen = (
            f"{held_before} contracts held before, flat {is_flat} after {seconds:.0f} s, "
            f"halted {is_halted}, flag {flag is not None}"
        )
        is_right = held_before > 0 and is_flat and is_halted and flag is not None
        if venue.secret.encode() in output:
            return Step("monitor", False, "the monitor printed the secret")
        return Step("monitor", is_right, seen)

    def _start_monitor(self, venue: Receiver) -> subprocess.Popen[bytes]:
        """The monitor as a server runs it, with the local venue for its webhook."""
        webhook = self._folder / "webhook"
        webhook.touch(mode=0o600)
        webhook.write_text(venue.url)
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment |= {
            LAKE: str(self._lake),
            STATE: str(self._folder),
            f"{TRADERSPOST_WEBHOOK_URL}_FILE": str(webhook),
        }
        heartbeat = f"--max-heartbeat={HEARTBEAT_SECONDS:g}"
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "rooney_live.cli", "monitor", heartbeat),
                *("--drill", str(venue.certificate)),
            ],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def _enter(self, journal: Journal, venue: Receiver) -> tuple[OrderState, int]:
        """Give one entry, as the trader's outbox and dispatcher do; its fate, and how many requests
        arrived."""
        before = len(venue.requests)
        order = self._entry()

        async def play() -> None:
            webhook = Webhook(
                Secret(TRADERSPOST_WEBHOOK_URL, venue.url), authority=venue.certificate
            )
            outbox = Outbox(journal)
            dispatcher = Dispatcher(outbox, webhook, _earlier(), self._gate(journal))
            with journal.transaction():
                outbox.add(order, order.decided_at_us)
                Ledger(journal).begin(order, None)
            await dispatcher.idle()
            await webhook.close()

        asyncio.run(play())
        with journal.transaction():
            Ledger(journal).follow(now_us())
        return Outbox(journal).get(order.order_id).state, len(venue.requests) - before

    def _gate(self, journal: Journal) -> Callable[[OrderIntent, int], str | None]:
        """The trader's two questions about the switch, asked right before the first byte."""

        def gate(order: OrderIntent, at_us: int) -> str | None:
            controls = Controls(journal)
            controls.look()
            killed = killed_by_flag(self._live)
            return "KILLED" if killed else controls.state(at_us).denial(order.symbol)

        return gate

    def _entry(self) -> OrderIntent:
        self._number += 1
        at_us, symbol = _earlier().now_us(), self._instrument.symbol
        return OrderIntent(
            order_id=order_id_of(symbol, at_us, "enter", Origin.DECISION),
            symbol=symbol,
            decided_at_us=at_us,
            intent="enter",
            side=1,
            size=1,
            reason="DRILL",
            run_id=_run_of(self._release).run_id,
            decision_id=f"drill-{self._number}",
            contract=f"DRILL{self._number}",
            # Another contract each time: the venue wants a minute between signals of one.
            ticker=f"DRILL{self._number}",
            signal_price=_PRICE,
        )


def _earlier() -> ScaledClock:
    """A clock that is two minutes late: the venue wants a minute between an entry and its exit, and
    a drill should not have to wait for it."""
    return ScaledClock(now_us() - EARLIER_US, 1.0)


def _one_of(release: Release) -> Instrument:
    """Any symbol of the release: what is exercised is the switch, not the market."""
    return next(row.instrument for row in (*release.config.traded, *release.config.rows))


def _run_of(release: Release) -> Run:
    config = release.config
    month = config.rebalance_month
    return Run("drill", config.release_id, month, "drill", "", ("DRILL",), None, None, "rehearsal")


def _wait_until(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so() and process.poll() is None and time.monotonic() < until:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_SECONDS)
    return is_so()
