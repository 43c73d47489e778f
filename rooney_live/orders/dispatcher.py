"""Who sends what when: takes due orders from the outbox, POSTs them, records what became of them.

Belongs here: the order of those steps, waiting and back-off. Does not belong here: HTTP
(`webhook.py`), the rules of what may leave when (`limits.py`), or what an outcome means for other
orders (`outbox.py`). One dispatcher a process; orders of different tickers fly side by side.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from rooney_core.errors import RooneyError
from rooney_live.clock import Clock
from rooney_live.crash_points import Step, reached
from rooney_live.orders.limits import MINUTE_US, SECOND_US, Hold
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.outcomes import outcome_of
from rooney_live.orders.payload import body_of
from rooney_live.orders.records import (
    HoldCode,
    OrderIntent,
    OrderState,
    PostKind,
    PostResult,
    StoredOrder,
)
from rooney_live.orders.webhook import Flight, Webhook

Gate = Callable[[OrderIntent, int], str | None]
MAX_IN_FLIGHT: Final = 12
_CLOCK_BEHIND_US: Final = MINUTE_US
"""So far the host's clock may be behind the end of the bar that an entry was decided on."""
_WAITS: Final = frozenset({HoldCode.SPACING, HoldCode.RATE_LIMIT, HoldCode.EXIT_FIRST})


@dataclass(frozen=True)
class _Held:
    """A wait, and when it began."""

    hold: Hold
    at_us: int


class Dispatcher:
    """Sends the orders of one outbox.

    `gate(order, now_us)` is asked right before the first byte and answers with a code of denial or
    None. For an entry that is the end (DENIED); an exit is asked for again, with back-off.
    `on_result` gets each order whose outcome was committed, and the result of the attempt; None
    when there was none. An order in state INTENT goes on: it did not leave, or is asked for later.
    """

    def __init__(
        self,
        outbox: Outbox,
        webhook: Webhook,
        clock: Clock,
        gate: Gate,
        on_result: Callable[[StoredOrder, PostResult | None], None] | None = None,
    ) -> None:
        self._outbox = outbox
        self._webhook = webhook
        self._clock = clock
        self._gate = gate
        self._on_result = on_result
        self._wake = asyncio.Event()
        self._flying: dict[str, asyncio.Task[None]] = {}
        self._begun: set[tuple[str, int]] = set()
        self._held: dict[str, _Held] = {}
        self._failure: BaseException | None = None
        self._is_ending = False

    def kick(self) -> None:
        """Look at the journal now: an order was committed, outside of any transaction by now.

        What was committed as SENDING leaves before this returns, where a connection is kept.
        """
        if not self._is_ending and self._failure is None:
            for one in self._outbox.claimed():
                self._start(one)
        self._wake.set()

    async def run(self) -> None:
        """Send what is due, for ever. Raises what the journal raises; then nothing more is sent."""
        while True:
            self._wake.clear()
            self._launch()
            await self._pause()

    async def idle(self) -> None:
        """Return when nothing is on its way and nothing that is due may leave."""
        while True:
            self._launch()
            if not self._flying:
                return
            await asyncio.wait(self._flying.values(), return_when=asyncio.FIRST_COMPLETED)

    async def drain(self) -> None:
        """Return when every request that left has its outcome recorded; begin no other one."""
        self._is_ending = True
        while self._flying:
            await asyncio.wait(self._flying.values())
        self._raise_failure()

    def end_entries(self) -> None:
        """Withdraw this process's entries that did not leave; exits go on."""
        now_us = self._clock.now_us()
        for one in self._outbox.open_orders():
            is_waiting = one.state is OrderState.INTENT and one.sender == self._outbox.sender
            if one.order.is_entry and is_waiting:
                self._tell(self._outbox.withdraw(one.order.order_id, now_us, HoldCode.ENDING))

    def _launch(self) -> None:
        """Start whatever may leave now."""
        self._raise_failure()
        if self._is_ending:
            return
        now_us = self._clock.now_us()
        for one in self._outbox.claimed():
            self._start(one)
        for one in self._outbox.due(now_us):
            if len(self._flying) >= MAX_IN_FLIGHT:
                return
            self._try(one, now_us)

    def _try(self, stored: StoredOrder, now_us: int) -> None:
        order = stored.order
        held = self._held.get(order.order_id)
        if order.is_entry and _is_expired(order, now_us):
            self._deny(stored, held, now_us)
            return
        if held is not None and now_us < self._end_of(held, now_us):
            return
        claimed = self._outbox.claim(order.order_id, now_us)
        if isinstance(claimed, Hold):
            self._held[order.order_id] = _Held(claimed, now_us)
        else:
            self._held.pop(order.order_id, None)
            self._start(claimed)

    def _end_of(self, held: _Held, now_us: int) -> int:
        """When a wait ends; at once where the clock stepped back behind its beginning."""
        return held.hold.until_us if held.at_us <= now_us else now_us

    def _deny(self, stored: StoredOrder, held: _Held | None, now_us: int) -> None:
        """An entry that waited for too long: the code says for what."""
        code = HoldCode.WEBHOOK_DOWN if stored.attempts else HoldCode.EXPIRED
        if held is not None and held.hold.code in _WAITS:
            code = held.hold.code
        self._held.pop(stored.order.order_id, None)
        marked = self._outbox.mark(
            stored.order.order_id,
            OrderState.DENIED,
            now_us,
            code=code,
            detail=f"it could not leave before it expired {stored.code}".rstrip(),
        )
        self._tell(marked)

    def _start(self, stored: StoredOrder) -> None:
        key = stored.order.order_id
        attempt = (key, stored.attempts)
        if attempt in self._begun:
            return
        # Before the first byte, and for good: whatever fails from here on, this attempt is over.
        self._begun.add(attempt)
        intent = "enter" if stored.order.is_entry else "exit"
        said: list[str] = []
        begun = self._send_at_once(stored, intent, said)
        task = asyncio.get_running_loop().create_task(self._finish(stored, begun, said))
        self._flying[key] = task
        task.add_done_callback(lambda done: self._landed(key, done))

    def _send_at_once(
        self, stored: StoredOrder, intent: str, said: list[str]
    ) -> Flight | PostResult | None:
        """On a connection that is kept; what fails here ends the dispatcher as anywhere else."""
        try:
            reached(Step.AFTER_SENDING, intent)
            begun = self._webhook.send(lambda: self._compose(stored.order, said))
            if isinstance(begun, Flight):
                reached(Step.AFTER_POST, intent)
        except BaseException as error:
            self._failure = error
            raise
        return begun

    def _landed(self, key: str, task: asyncio.Task[None]) -> None:
        del self._flying[key]
        if not task.cancelled() and task.exception() is not None:
            self._failure = task.exception()
        # Others of the ticker may have waited for it.
        self._held.clear()
        self._wake.set()

    async def _finish(
        self, stored: StoredOrder, begun: Flight | PostResult | None, said: list[str]
    ) -> None:
        """The rest of an attempt: a connection if there was none, the answer, the record."""
        intent = "enter" if stored.order.is_entry else "exit"
        if begun is None:
            begun = await self._webhook.connect_and_send(lambda: self._compose(stored.order, said))
            if isinstance(begun, Flight):
                reached(Step.AFTER_POST, intent)
        result = await self._webhook.outcome(begun)
        if result.kind is PostKind.DENIED:
            result = PostResult(PostKind.DENIED, said[0], said[-1])
        reached(Step.AFTER_ANSWER, intent)
        self._settle(stored, result)
        reached(Step.AFTER_ACK, intent)

    def _compose(self, order: OrderIntent, said: list[str]) -> bytes | None:
        """The last word before the first byte: the body, or None and why not in `said`."""
        now_us = self._clock.now_us()
        if order.is_entry and (self._is_ending or _is_expired(order, now_us)):
            said.append(HoldCode.ENDING if self._is_ending else HoldCode.EXPIRED)
            return None
        try:
            denial = self._gate(order, now_us)
        except (RooneyError, OSError) as error:
            # What cannot be checked is not sent; an exit is checked again.
            said.extend((HoldCode.GATE_FAILED, type(error).__name__))
            return None
        if denial is not None:
            said.append(str(denial))
            return None
        try:
            return body_of(order, now_us)
        except ValueError as error:
            said.extend((HoldCode.PAYLOAD, str(error)))
            return None

    def _settle(self, stored: StoredOrder, result: PostResult) -> None:
        now_us = self._clock.now_us()
        outcome = outcome_of(stored, result, now_us)
        marked = self._outbox.mark(
            stored.order.order_id,
            outcome.state,
            now_us,
            code=result.code,
            detail=result.detail,
            http_status=result.status,
            due_at_us=outcome.due_at_us,
            quiet_until_us=outcome.quiet_until_us,
            is_unsent=result.kind in (PostKind.NOT_SENT, PostKind.DENIED),
            attempt=stored.attempts,
        )
        self._tell(marked, result)

    def _tell(self, stored: StoredOrder, result: PostResult | None = None) -> None:
        if self._on_result is not None:
            self._on_result(stored, result)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _pause(self) -> None:
        """Wait for a kick, an outcome, or the time at which something may leave."""
        waiters: list[asyncio.Future[object]] = [asyncio.ensure_future(self._woken())]
        now_us = self._clock.now_us()
        next_us = self.next_us()
        if next_us is not None:
            seconds = max(0, next_us - now_us) / SECOND_US
            waiters.append(asyncio.ensure_future(self._slept(seconds)))
        try:
            await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiters:
                one.cancel()

    async def _woken(self) -> object:
        return await self._wake.wait()

    async def _slept(self, seconds: float) -> object:
        await self._clock.sleep(seconds)
        return None

    def next_us(self) -> int | None:
        """The first moment at which a wait ends; None while there is nothing to wait for."""
        if self._is_ending or len(self._flying) >= MAX_IN_FLIGHT:
            return None
        now_us = self._clock.now_us()
        times = [self._end_of(one, now_us) for one in self._held.values()]
        due_us = self._outbox.next_due_us(now_us)
        return min(times if due_us is None else [*times, due_us], default=None)


def _is_expired(order: OrderIntent, now_us: int) -> bool:
    """True after its time, and where the clock stepped back so far that nobody can tell."""
    is_late = order.expires_at_us is not None and now_us > order.expires_at_us
    return is_late or now_us < order.decided_at_us - _CLOCK_BEHIND_US
