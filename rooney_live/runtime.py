"""The trader's loop: moments in, decisions and orders committed, requests out.

Belongs here: the order of steps between market, engine, journal and dispatcher, on one thread. Does
not belong here: what any of them does, or building them (`boot`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from rooney_core.errors import RooneyError
from rooney_core.release import Release
from rooney_live.admission import Admission
from rooney_live.clock import Clock, DrivenClock
from rooney_live.codes import TraderCode
from rooney_live.control import Controls, Told
from rooney_live.crash_points import Step, reached
from rooney_live.desk import Desk, Leaving
from rooney_live.engine import Engine, Outcome
from rooney_live.feeds.records import FeedNote, Market, Moment
from rooney_live.hours import TradingHours
from rooney_live.journal import Journal, JournalRefused, Run
from rooney_live.ledger import Ledger, Position
from rooney_live.manual import Manual
from rooney_live.orders.dispatcher import Dispatcher
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import OrderState, Origin, PostResult, StoredOrder
from rooney_live.orders.webhook import Webhook
from rooney_live.paper import Order
from rooney_live.recorder import Recorder
from rooney_live.recovery import held_orders, is_ours, resume_us
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.record import whoami
from rooney_live.settings import FLATTEN
from rooney_live.standing import Standing
from rooney_live.teller import Teller, Timing

_SECOND_US: Final = 1_000_000
_TURNS: Final = 4
"""Turns of the loop after which whatever a commit set off has begun."""
_CODES: Final = {
    OrderState.DENIED: TraderCode.ORDER_DENIED,
    OrderState.REJECTED: TraderCode.ORDER_REJECTED,
    OrderState.UNKNOWN: TraderCode.ORDER_UNKNOWN,
}


@dataclass(frozen=True)
class Parts:
    """What a runtime works with.

    `begin_us`: a run that knows nothing yet decides on what comes after this moment; None: after
    the present. `last_us`: it ends by itself after this moment; None: never.
    """

    release: Release
    journal: Journal
    run: Run
    clock: Clock
    market: Market
    webhook: Webhook
    teller: Teller
    ledger: Ledger
    outbox: Outbox
    controls: Controls
    standing: Standing
    hours: TradingHours
    begin_us: int | None = None
    last_us: int | None = None


class Runtime:
    """One trader from recovery to its end. `run` once."""

    def __init__(
        self,
        parts: Parts,
        admission: Admission,
        desk: Desk,
        engine: Engine,
        on_stop: Callable[[str, str | None], None],
    ) -> None:
        self._parts = parts
        self._on_stop = on_stop
        self._journal, self._clock, self._ledger = parts.journal, parts.clock, parts.ledger
        self._standing, self._teller = parts.standing, parts.teller
        self._admission, self._desk, self._engine = admission, desk, engine
        self._recorder = Recorder(parts.journal, parts.run)
        self.dispatcher = Dispatcher(
            parts.outbox, parts.webhook, parts.clock, admission.gate, self._on_result
        )
        most = parts.release.config.max_positions
        self._manual = Manual(parts.journal, parts.ledger, desk, parts.standing, most)
        self._told: tuple[str, ...] = ()
        self._has_looked = False
        self._patience_us = 0

    def recover(self) -> None:
        """Settle what an earlier process left: unknown outcomes, and exits that are due."""
        now_us = self._clock.now_us()
        with self._journal.transaction():
            begun = f"by {whoami()}: release {self._parts.run.release_id}"
            self._recorder.event_once(now_us, "", TraderCode.STARTED, begun)
            left = self._parts.outbox.recover(now_us)
            self._ledger.follow(now_us)
            for one in left:
                self._note_order(one, now_us)
        self.tend(now_us)

    async def warm_up(self) -> None:
        """Take in history, and go on with what is held; exits that are due leave meanwhile."""
        since_us = resume_us(self._journal, self._parts.run, self._clock.now_us())
        begin_us = self._parts.begin_us if since_us is None else since_us
        warm_up = await self._parts.market.warm_up(begin_us)
        held = {} if since_us is None else held_orders(self._journal, self._parts.run)
        self._engine.begin(warm_up, held)
        self._standing.learn(warm_up)
        self._admission.learn(warm_up)
        self._leave_what_is_unknown()
        reached(Step.AFTER_WARM_UP)
        self._teller.ready(self._clock.now_us())

    def _leave_what_is_unknown(self) -> None:
        """Positions of ours that the strategy does not hold (any more) have to go."""
        now_us = self._clock.now_us()
        with self._journal.transaction():
            for symbol in self._engine.engaged:
                if symbol not in self._engine.open_positions:
                    self._recorder.held_from_before(now_us, symbol)
            for one in self._ledger.open:
                is_held = one.symbol in self._engine.open_positions
                if is_ours(one) and one.state != "leaving" and not is_held:
                    reason = str(TraderCode.RECOVERED)
                    self._desk.leave(Leaving(one, now_us, Origin.RECOVERY, reason), now_us)
                    self._recorder.event(now_us, one.symbol, reason, f"{one.opened_by} is left")
        self.dispatcher.kick()

    async def follow(self) -> None:
        """Take the market's moments as they come, until it ends, or the last moment is over."""
        async for event in self._parts.market.events():
            if isinstance(event, FeedNote):
                self._note(event)
                continue
            await self._reach(event.end_us)
            self.take(event)
            await self._let_leave()
            self._look_after(event)
            last_us = self._parts.last_us
            if last_us is not None and event.end_us >= last_us:
                break

    def take(self, moment: Moment) -> list[Outcome]:
        """Decide on a moment and commit it whole, with the orders that it gives; then send them."""
        now_us = self._clock.now_us()
        self._admission.see(moment)
        outcomes = self._engine.take(
            moment, lambda order, decision, at: self._admission.admit(order, decision, at, now_us)
        )
        decided_ns = time.perf_counter_ns()
        given = [order for one in outcomes for order in one.given]
        intents = [order.intent for order in given]
        for intent in intents:
            reached(Step.BEFORE_INTENT, intent)
        with self._journal.transaction():
            self._tell_what_lapsed(moment)
            for outcome in outcomes:
                for order in outcome.given:
                    self._order(order, outcome, now_us)
                self._recorder.outcome(outcome)
            self._roll(moment, now_us)
        for intent in intents:
            reached(Step.AFTER_INTENT, intent)
        if given:
            timing = Timing(moment.arrived_ns, decided_ns, time.perf_counter_ns())
            self._teller.posted.update({order.order_id: timing for order in given})
            self.dispatcher.kick()
        reached(Step.AFTER_MOMENT)
        self._teller.decided(moment, outcomes)
        return outcomes

    def _order(self, order: Order, outcome: Outcome, now_us: int) -> None:
        decision = outcome.decision
        if order.intent == "enter":
            bar = self._admission.bar(order.symbol)
            if bar is None:
                raise AssertionError("see() takes in the bar that is decided on")
            is_overnight = self._parts.release.bundles[order.symbol].variant.overnight
            deadline_us = None if is_overnight else bar.flat_deadline_us
            self._desk.enter(order, decision, bar, now_us, self._patience_us, deadline_us)
            return
        names = [order.order_id]
        for one in self._ledger.of(order.symbol):
            if one.state != "leaving":
                name = names.pop() if names else ""
                leaving = Leaving(one, decision.bar_end_us, Origin.DECISION, order.reason)
                self._desk.leave(leaving, now_us, name, decision.close)
        # Nothing is held at the broker, or it is being left already: the paper account alone exits.
        if names:
            self._desk.on_paper(order)

    def _roll(self, moment: Moment, now_us: int) -> None:
        """Leave a contract that is not in front any more; a strategy that may hold overnight gets
        as much of the new one, as its backtest does."""
        for bar in moment.bars:
            for one in self._ledger.of(bar.symbol):
                if one.contract == bar.contract or one.state == "leaving" or not is_ours(one):
                    continue
                leaving = Leaving(one, bar.bar_end_us, Origin.ROLL, one.contract)
                self._desk.leave(leaving, now_us, signal_price=None)
                is_held = bar.symbol in self._engine.held
                if is_held and self._parts.release.bundles[bar.symbol].variant.overnight:
                    self._desk.enter_again(one, bar, now_us, self._patience_us)
                self.dispatcher.kick()

    def tend(self, now_us: int) -> None:
        """Look at what was told and what is due, whether bars come or not."""
        if not self._journal.is_in_place:
            # Neither commands nor the monitor are heard any more; what is open here still is known.
            self._on_stop(f"{self._journal.path} was moved or removed under the trader", FLATTEN)
        for one in self._parts.outbox.take_over(now_us):
            self._teller.answered(one, None)
            self.dispatcher.kick()
        self._ledger.reload()
        told = self._parts.controls.look()
        self._standing.refresh(self._journal, self._parts.controls, now_us)
        self._patience_us = self._standing.limits.max_bar_age_seconds * _SECOND_US
        self._leave_what_is_due(now_us)
        if self._has_looked:
            for row in told:
                self._obey(row, now_us)
        self._has_looked = True

    def _obey(self, row: Told, now_us: int) -> None:
        """What is done once; what was told before this process began is over."""
        self._teller.say(f"TOLD_{row.command}", f"by {row.who}: {row.reason}")
        match row.command:
            case Command.FLATTEN:
                self._parts.controls.done(row)
                self._standing.refresh(self._journal, self._parts.controls, now_us)
            case Command.STOP:
                self._on_stop(f"STOP by {row.who}: {row.reason}", row.arguments.get("positions"))
            case Command.TRADE:
                self._trade(row, now_us)

    def _trade(self, row: Told, now_us: int) -> None:
        with self._journal.transaction():
            said = self._manual.order(row, now_us)
            self._recorder.event_once(now_us, str(row.arguments["symbol"]), "MANUAL", said)
        self._teller.say("MANUAL", said)
        self.dispatcher.kick()

    def _leave_what_is_due(self, now_us: int) -> None:
        due = self._desk.must_leave(self._standing.control, self._standing.killed(), now_us)
        if not due:
            return
        for _ in due:
            reached(Step.BEFORE_INTENT, "exit")
        with self._journal.transaction():
            for one in due:
                self._desk.leave(one, now_us)
                if one.origin is Origin.DEADLINE:
                    message = f"{one.position.opened_by} was still held"
                    self._recorder.event(now_us, one.position.symbol, TraderCode.DEADLINE, message)
        for _ in due:
            reached(Step.AFTER_INTENT, "exit")
        self._refuse_withdrawn(one.position for one in due)
        self.dispatcher.kick()

    def _refuse_withdrawn(self, left: Iterable[Position]) -> None:
        """An entry that had not left when its exit was given never will: no account takes part."""
        for one in left:
            rows = self._journal.query(
                "SELECT 1 FROM orders WHERE order_id = ? AND state = ?",
                (one.opened_by, OrderState.WITHDRAWN),
            )
            if rows:
                self._engine.refuse(one.opened_by, one.symbol)

    def note_stop(self, why: str) -> None:
        """Write down that the trader was told to end."""
        now_us = self._clock.now_us()
        with self._journal.transaction():
            self._recorder.event_once(now_us, "", TraderCode.STOPPING, why)

    def leave_everything(self, reason: str) -> None:
        """Exits of all that is held: the policy at a stop, or a breach."""
        now_us = self._clock.now_us()
        left = [one for one in self._ledger.open if one.state != "leaving"]
        with self._journal.transaction():
            for one in left:
                self._desk.leave(Leaving(one, now_us, Origin.FLATTEN, reason), now_us)
        self._refuse_withdrawn(left)
        self.dispatcher.kick()

    def _look_after(self, moment: Moment) -> None:
        """What can wait until requests have left: the book, breaches, and the log."""
        self.tend(self._clock.now_us())
        self._standing.look_for_breaches(self._journal, self._clock.now_us())
        self._teller.moment(moment)

    def _tell_what_lapsed(self, moment: Moment) -> None:
        now = self._engine.lapsed(moment)
        if len(now) > len(self._told):
            self._told = now
            self._recorder.event(moment.end_us, "", TraderCode.REDUCING, "; ".join(now))

    def _note(self, note: FeedNote) -> None:
        """A feed's news, on record; one of a kind per symbol and microsecond is enough."""
        with self._journal.transaction():
            self._journal.execute(
                "INSERT INTO events (run_id, at_us, symbol, code, message) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT DO NOTHING",
                (
                    *(self._parts.run.run_id, note.at_us, note.symbol),
                    *(f"FEED_{note.code}", f"{note.feed}: {note.message}"),
                ),
            )
        self._teller.note(note)

    def _on_result(self, stored: StoredOrder, result: PostResult | None) -> None:
        """An order's outcome was committed: the ledger and the engine learn it."""
        now_us, order = self._clock.now_us(), stored.order
        with self._journal.transaction():
            self._ledger.follow(now_us)
            self._note_order(stored, now_us)
        if order.is_entry and stored.state not in (OrderState.ACKED, OrderState.INTENT):
            self._engine.refuse(order.order_id, order.symbol)
        self._teller.answered(stored, result)

    def _note_order(self, stored: StoredOrder, now_us: int) -> None:
        code = _CODES.get(stored.state)
        if code is not None:
            message = f"{stored.order.order_id}: {stored.code} {stored.detail}".strip()
            self._recorder.event_once(now_us, stored.order.symbol, code, message)

    async def _let_leave(self) -> None:
        """Let requests leave, and where nobody else drives the clock, be answered."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        if isinstance(self._clock, DrivenClock):
            await self.dispatcher.idle()

    async def _reach(self, until_us: int) -> None:
        """Drive the clock to a moment, through everything that waits for a time before it."""
        clock = self._clock
        if not isinstance(clock, DrivenClock):
            return
        while True:
            waiting_us = self.dispatcher.next_us()
            times = (clock.next_us, self._desk.next_deadline_us(), waiting_us)
            coming = (one for one in times if one is not None and one > clock.now_us())
            next_us = min(coming, default=until_us)
            if next_us >= until_us:
                break
            clock.advance(next_us)
            self.tend(clock.now_us())
            await self._let_leave()
        clock.advance(until_us)

    async def settle(self, patience_us: int) -> None:
        """Let every exit be acknowledged, and every answer be recorded; for so long at most."""
        until_us = self._clock.now_us() + patience_us
        while self._parts.outbox.open_orders() and self._clock.now_us() < until_us:
            if isinstance(self._clock, DrivenClock):
                await self._reach(min(until_us, self._clock.now_us() + _SECOND_US))
            else:
                await self._clock.sleep(_SETTLE_STEP_S)
        with suppress(RooneyError):
            await self.dispatcher.drain()

    def emergency(self, error: Exception) -> None:
        """Write down why the trader stops by itself, where the journal still can."""
        self._teller.emergency(error)
        if isinstance(error, JournalRefused):
            return
        with suppress(JournalRefused), self._journal.transaction():
            now_us = self._clock.now_us()
            self._recorder.event_once(now_us, "", TraderCode.EMERGENCY_STOP, str(error))


_SETTLE_STEP_S: Final = 0.05
