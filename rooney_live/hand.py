"""A person's hand on the trader, from another process: commands over the state folder.

Belongs here: recording a command and telling the trader; and, where none runs, carrying it out with
the trader's lock. Does not belong here: what the trader makes of a command (`runtime`, `manual`).
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from rooney_core.errors import MissingArtifact, RooneyError, UnknownName
from rooney_core.market.instruments import Instrument
from rooney_core.release.limits import LiveLimits
from rooney_live.clock import SystemClock
from rooney_live.control import AFTER_KILL, Controls, Told, refuse_resume
from rooney_live.desk import Desk
from rooney_live.hours import TradingHours
from rooney_live.instance import TRADER_LOCK, AlreadyRunning, Lock, is_held, nudge
from rooney_live.journal import Journal, Run
from rooney_live.journal_reading import as_text, last_run, recorded_symbols, run_of
from rooney_live.ledger import Ledger
from rooney_live.manual import Manual
from rooney_live.orders.dispatcher import Dispatcher
from rooney_live.orders.outbox import COMMAND, Outbox
from rooney_live.orders.records import OrderIntent, PostResult, StoredOrder
from rooney_live.orders.webhook import Webhook
from rooney_live.release_store import read_release
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.journal_book import book_from_journal
from rooney_live.risk.kill import killed_by_flag, killed_by_variable, remove_flag
from rooney_live.risk.record import record
from rooney_live.secrets import TRADERSPOST_WEBHOOK_URL, Secret, read_secret
from rooney_live.settings import Settings
from rooney_live.standing import Standing

_PATIENCE_S: Final = 60.0
_LOOK_S: Final = 0.2
_NS_A_US: Final = 1_000
_US: Final = 1_000_000


def tell(
    settings: Settings,
    command: Command,
    reason: str,
    arguments: Mapping[str, Any] | None = None,
    until_us: int | None = None,
) -> str:
    """Record a command and tap the trader; what happened, in words. Works without a trader."""
    with Journal.open(settings.journal) as journal:
        record(journal, command, reason, arguments, until_us=until_us)
    if nudge(settings.live):
        return f"{command} is on record; the trader was told."
    if command is Command.STOP and is_held(settings.live / TRADER_LOCK):
        return "STOP is on record; a trader begins or ends, and did not hear it: tell it again."
    if command is Command.STOP:
        return "STOP is on record; no trader listens, so there was none to end."
    return (
        f"{command} is on record in {settings.journal}; no trader runs, the next one keeps to it."
    )


def resume(settings: Settings, reason: str, after_kill: bool) -> str:
    """Go on. Raises ResumeRefused while the kill switch or a halt stands and was not named."""
    with Journal.open(settings.journal) as journal:
        controls = Controls(journal)
        controls.look()
        settings.live.mkdir(parents=True, exist_ok=True)
        refuse_resume(controls.state(_now_us()), killed_by_flag(settings.live), after_kill)
        # On record before the flag goes: a kill in between leaves trading stopped.
        record(journal, Command.RESUME, reason, {AFTER_KILL: after_kill})
    removed = after_kill and remove_flag(settings.live)
    told = " The trader was told." if nudge(settings.live) else " No trader runs."
    return f"RESUME is on record.{' The kill flag is removed.' if removed else ''}{told}"


def act(
    settings: Settings, command: Command, reason: str, arguments: Mapping[str, Any]
) -> tuple[list[str], bool]:
    """FLATTEN or TRADE: by the trader that runs, or else by this process with its lock.

    Returns what came of it, in lines, and whether every order was acknowledged. Raises
    MissingArtifact where nothing was ever traded, UnknownName for a symbol that nobody knows, and
    what keeps this process from sending, where it has to: nothing is recorded then.
    """
    if not settings.journal.is_file():
        raise MissingArtifact(
            f"There is no journal at {settings.journal}: nothing was ever traded from here."
        )
    with Journal.open(settings.journal) as journal:
        if last_run(journal) is None:
            raise MissingArtifact(f"Nothing was ever traded from {settings.state}.")
        _refuse_unknown(settings, journal, arguments)
        asked, alone = _Asked(journal, command, arguments), None
        has_trader = is_held(settings.live / TRADER_LOCK)
        if not has_trader and (command is Command.TRADE or _may_hold(journal)):
            facts = _facts_of_release(settings, command)
            alone = _Alone(settings, journal, facts, read_secret(TRADERSPOST_WEBHOOK_URL))
        record(journal, command, reason, arguments)
        if alone is not None:
            has_trader = not alone.act()
        if has_trader:
            nudge(settings.live)
            asyncio.run(_wait_for_trader(asked))
        return asked.told()


def _refuse_unknown(settings: Settings, journal: Journal, asked: Mapping[str, Any]) -> None:
    """A name that is misspelt would leave, or open, nothing: that must not look like success."""
    named = asked.get("symbols", [asked["symbol"]] if "symbol" in asked else [])
    if not named:
        return
    known = {row["symbol"] for row in journal.query("SELECT DISTINCT symbol FROM positions")}
    known |= set(recorded_symbols(journal))
    # What is held can be left without a release.
    with suppress(RooneyError):
        config = read_release(settings.lake).config
        known |= {*config.reasons, *config.instruments}
    for symbol in named:
        if symbol not in known:
            raise UnknownName.among("symbol", symbol, known)


def _may_hold(journal: Journal) -> bool:
    """Whether something is held, or an order of an earlier process is not settled."""
    return bool(
        journal.query("SELECT 1 FROM positions WHERE state <> 'flat' LIMIT 1")
        or Outbox(journal, COMMAND).open_orders()
    )


class _Asked:
    """A command that was given, and what the journal tells of it since."""

    def __init__(self, journal: Journal, command: Command, arguments: Mapping[str, Any]) -> None:
        self._journal = journal
        self._command = command
        self._symbols = arguments.get("symbols")
        (row,) = journal.query("SELECT coalesce(max(seq), 0) AS seq FROM order_events")
        self._seq = int(row["seq"])
        self._n_said = len(self._every_word())

    def orders(self) -> list[dict[str, Any]]:
        """What people had ordered, of all that changed since."""
        return self._journal.query(
            "SELECT DISTINCT o.order_id, ticker, state, o.code, o.detail, due_at_us FROM orders o "
            "JOIN order_events e USING (order_id) WHERE e.seq > ? "
            "AND o.origin IN ('flatten', 'manual') ORDER BY o.order_id",
            (self._seq,),
        )

    def words(self) -> list[str]:
        """What was said of orders by hand since, the oldest first."""
        return self._every_word()[self._n_said :]

    def is_answered(self) -> bool:
        """Whether nothing more is to be waited for."""
        rows = self.orders()
        if rows or self._command is Command.TRADE:
            is_over = all(row["state"] not in ("INTENT", "SENDING") for row in rows)
            return is_over and bool(rows or self.words())
        return not self._held("")

    def told(self) -> tuple[list[str], bool]:
        """What came of it, in lines; and whether all of it is done."""
        rows = self.orders()
        if self._command is Command.TRADE:
            lines = [_line(row) for row in rows] or self.words() or [_NO_ANSWER]
            return lines, bool(rows) and _is_done(rows)
        staying, leaving = self._held("<> 'leaving'"), self._held("= 'leaving'")
        lines = [_line(row) for row in rows]
        lines += [f"{one} is still held, and no exit is ordered. {_NO_ANSWER}" for one in staying]
        if leaving and not rows:
            lines += [f"{one} is being left already; see `rooney-live status`" for one in leaving]
        is_done = _is_done(rows) and not staying and not leaving
        return lines or ["Nothing is held: no order was needed."], is_done

    def _every_word(self) -> list[str]:
        rows = self._journal.query(
            "SELECT message FROM events WHERE code = 'MANUAL' ORDER BY at_us"
        )
        return [str(row["message"]) for row in rows]

    def _held(self, state: str) -> list[str]:
        """Contracts that are held and that the command is about, in such a state."""
        rows = self._journal.query(
            "SELECT symbol, contract FROM positions WHERE state <> 'flat' "
            f"{f'AND state {state} ' if state else ''}ORDER BY since_us, opened_by"
        )
        return [
            str(row["contract"])
            for row in rows
            if self._symbols is None or row["symbol"] in self._symbols
        ]


_NO_ANSWER: Final = (
    "The trader holds its lock and has not acted on it yet: it may hang. Look at `rooney-live "
    "status`; `rooney-live kill` has the risk monitor leave everything, or leave it at the broker."
)


def _is_done(rows: list[dict[str, Any]]) -> bool:
    return all(row["state"] in ("ACKED", "WITHDRAWN") for row in rows)


async def _wait_for_trader(asked: _Asked) -> None:
    """Until what the command ordered was answered; the trader goes on with it in any case."""
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until and not asked.is_answered():
        await asyncio.sleep(_LOOK_S)
        is_soon = time.monotonic() < until - _PATIENCE_S + _SOON_S
        if not is_soon and not asked.orders():
            return


_SOON_S: Final = 5.0
"""After so long a trader that was told has ordered whatever there was to order."""


@dataclass(frozen=True)
class _Facts:
    """What a command needs of the release."""

    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    limits: LiveLimits = field(default_factory=LiveLimits)
    max_positions: int = 0


@dataclass(frozen=True)
class _Alone:
    """All that a command needs to carry out itself what no trader is there for."""

    settings: Settings
    journal: Journal
    facts: _Facts
    url: Secret

    def act(self) -> bool:
        """Carry out the last row of `controls`, with the trader's lock; False where a trader was
        started meanwhile."""
        try:
            with Lock.take(self.settings.live / TRADER_LOCK):
                asyncio.run(self._send())
        except AlreadyRunning:
            return False
        return True

    async def _send(self) -> None:
        """By the same outbox and the same rules."""
        clock = SystemClock()
        hand = _Hand(self.settings, self.journal, self.facts, clock.now_us())
        webhook = Webhook(self.url)
        dispatcher = Dispatcher(hand.outbox, webhook, clock, hand.gate, hand.on_result)
        hand.order(clock.now_us())
        sending = asyncio.get_running_loop().create_task(dispatcher.run())
        until = time.monotonic() + _PATIENCE_S
        try:
            while hand.has_to_send() and time.monotonic() < until and not sending.done():
                await asyncio.sleep(_LOOK_S)
            await dispatcher.drain()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await webhook.close()


def _facts_of_release(settings: Settings, command: Command) -> _Facts:
    """What is held can be left without any release that verifies: it names its own tickers."""
    try:
        config = read_release(settings.lake).config
    except RooneyError:
        if command is not Command.FLATTEN:
            raise
        return _Facts()
    return _Facts(config.instruments, config.live_limits, config.max_positions)


class _Hand:
    """The trader's desk, for one command."""

    def __init__(self, settings: Settings, journal: Journal, facts: _Facts, now_us: int) -> None:
        self._journal = journal
        known, limits = facts.instruments, facts.limits
        self._max_positions = facts.max_positions
        self._run = self._find_run()
        self.outbox, self._ledger = Outbox(journal, COMMAND), Ledger(journal)
        self._hours = TradingHours(known)
        self._controls = Controls(journal)
        self._rows = self._controls.look()
        book = book_from_journal(journal, known, limits, now_us)
        killed = killed_by_variable(os.environ)
        self._standing = Standing(settings.live, limits, known, book, killed, limits=limits)
        self._desk = Desk(journal, self.outbox, self._ledger, self._run, known, self._hours)

    def _find_run(self) -> Run:
        row = last_run(self._journal)
        if row is None:
            raise MissingArtifact("Nothing was ever traded from here; start `rooney-live run`.")
        return run_of(row)

    def order(self, now_us: int) -> None:
        """What the last row asks for, after what an earlier process left is settled."""
        with self._journal.transaction():
            self.outbox.recover(now_us)
            self.outbox.take_over(now_us)
            self._ledger.follow(now_us)
            self._standing.refresh(self._journal, self._controls, now_us)
            row: Told = self._rows[-1]
            if row.command is Command.TRADE:
                parts = (self._journal, self._ledger, self._desk, self._standing)
                said = Manual(*parts, self._max_positions).order(row, now_us)
                self._event(now_us, row, said)
                return
            killed = self._standing.killed()
            for one in self._desk.must_leave(self._standing.control, killed, now_us):
                self._desk.leave(one, now_us)

    def has_to_send(self) -> bool:
        """Whether something is under way, or due before patience ends; what waits for the market to
        open is sent by the next trader."""
        soon_us = _now_us() + int(_PATIENCE_S * _US)
        return any(one.due_at_us <= soon_us for one in self.outbox.open_orders())

    def gate(self, order: OrderIntent, now_us: int) -> str | None:
        """The last word: the market is open, and for an entry, nothing has stopped trading."""
        if not self._hours.is_open(order.symbol, now_us):
            return "OUT_OF_SESSION"
        if not order.is_entry:
            return None
        if self._standing.killed() is not None:
            return "KILLED"
        return self._standing.control.denial(order.symbol)

    def on_result(self, stored: StoredOrder, result: PostResult | None) -> None:
        """The ledger learns what became of an order."""
        with self._journal.transaction():
            self._ledger.follow(_now_us())

    def _event(self, now_us: int, row: Told, said: str) -> None:
        self._journal.execute(
            "INSERT INTO events (run_id, at_us, symbol, code, message) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (self._run.run_id, now_us, str(row.arguments["symbol"]), "MANUAL", said),
        )


def _line(row: dict[str, Any]) -> str:
    words = f"{row['order_id']} {row['ticker']}: {row['state']} {row['code']} {row['detail']}"
    if row["state"] == "INTENT" and row["due_at_us"] > _now_us():
        words += f"waits for {as_text(row['due_at_us'])}, and for a trader that sends it"
    return words.rstrip()


def _now_us() -> int:
    return time.time_ns() // _NS_A_US
