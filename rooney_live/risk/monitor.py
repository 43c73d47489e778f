"""The risk monitor: a process of its own that leaves everything and halts when something is wrong.

Belongs here: acting on what `watch` finds. Does not belong here: the questions, or trading. It
shares nothing with the trader but the state folder, so that it works while the trader hangs, and it
never lets trading go on again: a person does.

On the first breach, in this order: the kill flag (a file, so that the trader's next entry is denied
even while the journal cannot be written), a HALT row, and an exit for everything that is held, each
sent from here until it is acknowledged. Where the journal cannot be written, exits are sent without
it: an exit is idempotent, and what nobody could record is written when the journal is there again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from rooney_core.errors import InputError, RooneyError
from rooney_live.clock import Clock
from rooney_live.control import Controls
from rooney_live.hours import TradingHours
from rooney_live.journal import Journal
from rooney_live.ledger import Ledger
from rooney_live.orders.dispatcher import Dispatcher
from rooney_live.orders.outbox import MONITOR, Outbox
from rooney_live.orders.records import (
    OrderIntent,
    Origin,
    PostResult,
    StoredOrder,
    order_id_of,
)
from rooney_live.orders.tickers import ticker_of
from rooney_live.orders.webhook import Webhook
from rooney_live.risk.blind import BlindExits, Say
from rooney_live.risk.codes import RiskCode
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.kill import KillFlagFailed, raise_flag
from rooney_live.risk.reading import Held, held, reading, without_exit
from rooney_live.risk.record import MAX_REASON, record
from rooney_live.risk.watch import Breach, Pulse, Watched, look
from rooney_live.systemd import ALIVE, READY, STOPPING, tell_systemd

POLL_SECONDS: Final = 1.0
MAX_HEARTBEAT_SECONDS: Final = 60.0
MARKET_CLOSED: Final = "MARKET_CLOSED"
_US: Final = 1_000_000


@dataclass(frozen=True)
class MonitorSettings:
    """`is_always_open`: in a rehearsal, whose market has a time of its own."""

    watched: Watched
    is_always_open: bool = False
    poll_seconds: float = POLL_SECONDS


class Monitor:
    """Looks every `poll_seconds`, and acts once; what it began it goes on with until it is done."""

    def __init__(self, settings: MonitorSettings, webhook: Webhook, clock: Clock, say: Say) -> None:
        self._settings = settings
        self._watched = settings.watched
        self._webhook = webhook
        self._clock = clock
        self._say = say
        self._hours = TradingHours(settings.watched.instruments)
        self._pulse = Pulse(time.monotonic_ns())
        self._told: frozenset[str] = frozenset()
        self._halt_is_recorded = False
        self._blind = BlindExits(webhook, say)
        self._journal: Journal | None = None
        self._sending: asyncio.Task[None] | None = None
        self._dispatcher: Dispatcher | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End after the present look; a trader that is halted stays so."""
        self._stopping.set()

    async def run(self) -> None:
        """Watch until `stop`. Nothing that it watches can end it."""
        tell_systemd(READY)
        while not self._stopping.is_set():
            await self.step()
            tell_systemd(ALIVE)
            await self._wait()
        tell_systemd(STOPPING)
        await self._close()

    async def step(self) -> tuple[Breach, ...]:
        """Look once, and do what follows; returns what is wrong."""
        found = look(self._watched, self._pulse, self._clock.now_us(), time.monotonic_ns())
        self._tell(found)
        if found:
            self._raise_flag(found)
            await self._leave(found)
        else:
            self._halt_is_recorded = False
        return found

    def _tell(self, found: Sequence[Breach]) -> None:
        """Say what is new; what went on was said, and what ended is said too."""
        now = frozenset(str(code) for code, _ in found)
        for code, words in found:
            if str(code) not in self._told:
                self._say(str(code), words)
        for ended in sorted(self._told - now):
            self._say(ended, "is no longer so; trading stays halted until a person resumes it")
        self._told = now

    def _raise_flag(self, found: Sequence[Breach]) -> None:
        words = "; ".join(f"{code} ({told})" for code, told in found)
        if any(code is RiskCode.KILLED for code, _ in found):
            return
        try:
            raise_flag(self._watched.live, f"monitor: {words}")
        except KillFlagFailed as error:
            self._say("KILL_FLAG_FAILED", str(error))

    async def _leave(self, found: Sequence[Breach]) -> None:
        try:
            self._leave_by_journal(found)
        except (RooneyError, OSError) as error:
            self._forget_journal()
            self._say("JOURNAL", f"exits go without the journal: {type(error).__name__}")
            await self._leave_blind()

    def _leave_by_journal(self, found: Sequence[Breach]) -> None:
        """The halt and every exit that is missing, in one transaction; then they are sent."""
        if not self._watched.journal.exists():
            return
        journal = self._open_journal()
        if self._sending is not None and self._sending.done():
            # Raises what ended it; the next look begins anew.
            self._sending.result()
        now_us, outbox = self._clock.now_us(), Outbox(journal, MONITOR)
        with journal.transaction():
            if not self._halt_is_recorded:
                self._record_halt(journal, found, now_us)
            ledger = Ledger(journal)
            ledger.follow(now_us)
            missing = without_exit(journal, held(journal), now_us, MONITOR)
            for number, one in enumerate(missing):
                outbox.add(self._exit(one, found, now_us + number), now_us)
            ledger.follow(now_us)
        self._halt_is_recorded = True
        if missing:
            self._say("LEAVING", f"exits of {', '.join(one.contract for one in missing)}")
        if self._dispatcher is not None:
            self._dispatcher.kick()

    def _record_halt(self, journal: Journal, found: Sequence[Breach], now_us: int) -> None:
        codes = [str(code) for code, _ in found]
        words = "; ".join(f"{code}: {told}" for code, told in found)
        controls = Controls(journal)
        controls.look()
        if controls.state(now_us).halted is None:
            words = words[:MAX_REASON]
            record(journal, Command.HALT, words, {"codes": codes}, who=MONITOR, at_us=now_us)

    def _open_journal(self) -> Journal:
        if self._journal is None:
            self._journal = Journal.open(self._watched.journal)
            outbox = Outbox(self._journal, MONITOR)
            outbox.recover(self._clock.now_us(), (MONITOR,))
            self._dispatcher = Dispatcher(
                outbox, self._webhook, self._clock, self._gate, self._on_result
            )
            self._sending = asyncio.get_running_loop().create_task(self._dispatcher.run())
        return self._journal

    def _forget_journal(self) -> None:
        """Begin anew with the journal at the next look: it was locked, full or damaged."""
        if self._sending is not None:
            self._sending.cancel()
        if self._journal is not None:
            self._journal.__exit__(None, None, None)
        self._journal, self._sending, self._dispatcher = None, None, None

    def _gate(self, order: OrderIntent, now_us: int) -> str | None:
        """The monitor sends exits only, and none while the venue would queue it for later."""
        if order.is_entry:
            return "MONITOR_SENDS_NO_ENTRY"
        return None if self._may_leave(order.symbol, now_us) else MARKET_CLOSED

    def _may_leave(self, symbol: str, now_us: int) -> bool:
        if symbol not in self._watched.instruments or self._settings.is_always_open:
            return True
        return self._hours.is_open(symbol, now_us)

    def _on_result(self, stored: StoredOrder, answer: PostResult | None) -> None:
        order = stored.order
        self._say(f"EXIT_{stored.state}", f"{order.ticker} {stored.code} {stored.detail}".strip())
        if self._journal is not None:
            with self._journal.transaction():
                Ledger(self._journal).follow(self._clock.now_us())

    def _exit(self, one: Held, found: Sequence[Breach], at_us: int) -> OrderIntent:
        return OrderIntent(
            order_id=order_id_of(one.symbol, at_us, "exit", Origin.MONITOR),
            symbol=one.symbol,
            decided_at_us=at_us,
            intent="exit",
            side=one.side,
            size=one.size,
            reason=str(found[0][0]),
            run_id=one.run_id,
            contract=one.contract,
            ticker=one.ticker or self._ticker(one, at_us),
            origin=Origin.MONITOR,
            execution_reason="the monitor leaves at the market",
        )

    def _ticker(self, one: Held, at_us: int) -> str:
        instrument = self._watched.instruments.get(one.symbol)
        if instrument is None:
            return one.contract
        try:
            day = datetime.fromtimestamp(at_us / _US, UTC).date()
            return ticker_of(one.contract, instrument, day)
        except InputError:
            return one.contract

    async def _leave_blind(self) -> None:
        """Exits of what the last commit tells of, past a journal that takes no writing."""
        try:
            with reading(self._watched.journal) as journal:
                for one in held(journal):
                    now_us = self._clock.now_us()
                    if self._may_leave(one.symbol, now_us):
                        order = self._exit(one, [(RiskCode.JOURNAL, "")], now_us)
                        await self._blind.send(order, journal, now_us)
        except RooneyError as error:
            self._say("BLIND", f"nothing can be read, so nothing can be left: {error}")

    async def _wait(self) -> None:
        waiting = asyncio.ensure_future(self._stopping.wait())
        sleeping = asyncio.ensure_future(self._clock.sleep(self._settings.poll_seconds))
        await asyncio.wait({waiting, sleeping}, return_when=asyncio.FIRST_COMPLETED)
        for one in (waiting, sleeping):
            one.cancel()

    async def _close(self) -> None:
        if self._dispatcher is not None:
            await self._dispatcher.drain()
        self._forget_journal()
        await self._webhook.close()
