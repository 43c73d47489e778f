"""The outbox: orders that survive a kill at any instruction, and what follows from their fate.

Belongs here: adding, claiming and marking orders in the journal, and recovery. Does not belong
here: sockets and waiting (`dispatcher.py`), positions (the ledger).

An order is INTENT, then SENDING, committed before its first byte, then what became of it. Whoever
finds SENDING after a crash knows nothing of it. An entry is sent once at most; an exit until it is
acknowledged. An entry of unknown outcome counts as open, and an exit follows it by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from rooney_core.errors import RefusedError
from rooney_live.orders.limits import Budget, Hold, OrderStore, hold_of
from rooney_live.orders.records import (
    HoldCode,
    OrderIntent,
    OrderState,
    Origin,
    StoredOrder,
    order_id_of,
)
from rooney_live.orders.rows import insert_order, stored_orders
from rooney_live.orders.states import check_transition

TRADER: Final = "trader"
COMMAND: Final = "command"
MONITOR: Final = "monitor"
ADOPT_AFTER_US: Final = 10_000_000
"""An exit that its own process left alone for so long is sent by whoever sees it."""

STUCK_US: Final = 30_000_000
"""A request is answered, or given up, within half of it; else its process hangs or is gone."""

MAX_BACK_OFF_US: Final = 300_000_000
"""The longest wait of a repeated order; a later time means that the clock stepped back."""

_OPEN: Final = "(state = 'INTENT' OR (intent <> 'enter' AND state IN ('UNKNOWN', 'REJECTED')))"


class UnknownOrder(RefusedError):
    """An order that the journal does not have."""


class Outbox:
    """Orders of one journal as one process sees them; `sender` is its role.

    Every method that writes works inside the caller's transaction, or in one of its own.
    """

    def __init__(
        self, journal: OrderStore, sender: str = TRADER, budget: Budget | None = None
    ) -> None:
        self._store = journal
        self._budget = budget or Budget()
        self.sender = sender
        self._claimed_here: set[str] = set()

    def add(self, order: OrderIntent, at_us: int, send_now: bool = False) -> StoredOrder:
        """Record an order; returns what stands under its id, or for the decision of an entry.

        What is there already stays as it is: a decision that is made twice is ordered once. With
        `send_now` it becomes SENDING in the same transaction, when nothing holds it back; the
        dispatcher, kicked after the commit, then sends it.
        An exit withdraws the entries of its ticker that were decided before it and did not leave.
        """
        with self._writing():
            known = self._known(order)
            if known is not None:
                return known
            if not order.is_entry:
                self._withdraw_entries(order, at_us)
            insert_order(self._store, order, self.sender)
            stored = self.get(order.order_id)
            self._event(stored, None, OrderState.INTENT, at_us)
            if send_now and stored.due_at_us <= at_us and self.hold(order, at_us) is None:
                return self._claim(stored, at_us)
            return stored

    def get(self, order_id: str) -> StoredOrder:
        """One order. Raises UnknownOrder."""
        found = stored_orders(self._store, "order_id = ?", (order_id,))
        if not found:
            raise UnknownOrder(
                f"The journal has no order {order_id}; `rooney-live status` names them."
            )
        return found[0]

    def open_orders(self) -> tuple[StoredOrder, ...]:
        """Everything that still has to be done or answered: INTENT, SENDING, repeated exits."""
        return stored_orders(self._store, f"({_OPEN} OR state = 'SENDING')")

    def may_be_open(self) -> tuple[StoredOrder, ...]:
        """Entries behind which a position may stand, as far as the orders alone can tell.

        SENDING, UNKNOWN or ACKED, without a market exit of the ticker that left after their answer
        was recorded and that was acknowledged.
        """
        return stored_orders(
            self._store,
            "intent = 'enter' AND state IN ('SENDING', 'UNKNOWN', 'ACKED') AND NOT EXISTS ("
            "SELECT 1 FROM orders x WHERE x.ticker = orders.ticker AND x.intent = 'exit' "
            "AND x.order_type = 'market' AND x.state = 'ACKED' "
            "AND x.sent_seq > orders.resolved_seq)",
        )

    def due(self, now_us: int) -> tuple[StoredOrder, ...]:
        """What this process should send now, exits first; other processes' exits when left alone.

        Something may still hold it back: `hold`.
        """
        return stored_orders(
            self._store,
            f"{_OPEN} AND (due_at_us <= ? OR (attempts > 0 AND due_at_us > ?)) "
            "AND (sender = ? OR (intent <> 'enter' AND max(due_at_us, decided_at_us) <= ?))",
            (now_us, now_us + MAX_BACK_OFF_US, self.sender, now_us - ADOPT_AFTER_US),
        )

    def next_due_us(self, after_us: int) -> int | None:
        """When the next of this process's orders is due, later than `after_us`."""
        rows = self._store.query(
            f"SELECT min(due_at_us) AS due_us FROM orders WHERE {_OPEN} AND sender = ? "
            "AND due_at_us > ?",
            (self.sender, after_us),
        )
        return None if rows[0]["due_us"] is None else int(rows[0]["due_us"])

    def claimed(self) -> tuple[StoredOrder, ...]:
        """Orders that this process committed as SENDING and that were not resolved.

        Never those that it finds so: somebody who is gone may have sent them (`recover`). Nothing
        inside a transaction, which may still be rolled back.
        """
        if self._store.in_transaction:
            return ()
        found = stored_orders(self._store, "state = 'SENDING' AND sender = ?", (self.sender,))
        return tuple(one for one in found if one.order.order_id in self._claimed_here)

    def hold(self, order: OrderIntent, now_us: int) -> Hold | None:
        """Why it may not leave yet; None when it may."""
        return hold_of(self._store, order, now_us, self.sender, self._budget)

    def claim(self, order_id: str, now_us: int) -> StoredOrder | Hold:
        """Commit an order as SENDING for this process; whoever has it committed may send it, once.

        A Hold when it has to wait, or when another process was first.
        """
        with self._writing():
            stored = self.get(order_id)
            if stored.state is OrderState.SENDING:
                return Hold(HoldCode.IN_FLIGHT, now_us + ADOPT_AFTER_US)
            return self.hold(stored.order, now_us) or self._claim(stored, now_us)

    def mark(
        self,
        order_id: str,
        state: OrderState,
        at_us: int,
        *,
        code: str = "",
        detail: str = "",
        http_status: int | None = None,
        due_at_us: int | None = None,
        quiet_until_us: int | None = None,
        is_unsent: bool = False,
        attempt: int | None = None,
    ) -> StoredOrder:
        """Record what became of an order, and what follows from it, in one transaction.

        `due_at_us`: when it is tried again. `quiet_until_us`: nobody may POST before, after a 429.
        `is_unsent`: surely no byte of this attempt left. `detail` must hold no secret.
        `attempt`: the outcome is of that one of this process; where somebody took the order over
        meanwhile it says nothing any more, and what stands is returned.
        An UNKNOWN entry, and one that is answered only after an exit of its ticker left, gets an
        exit. Raises UnknownOrder, and ImpossibleTransition for a step that there is not.
        """
        with self._writing():
            before = self.get(order_id)
            if attempt is not None and not self._is_mine(before, attempt):
                return before
            check_transition(order_id, before.order.intent, before.state, state)
            facts = replace(
                before,
                code=code,
                detail=detail,
                http_status=http_status,
                due_at_us=before.due_at_us if due_at_us is None else due_at_us,
            )
            seq = self._event(facts, before.state, state, at_us, is_unsent, quiet_until_us)
            self._store.execute(
                "UPDATE orders SET state = ?, code = ?, detail = ?, http_status = ?, "
                "due_at_us = ? WHERE order_id = ?",
                (state, code, detail, http_status, facts.due_at_us, order_id),
            )
            if before.state is OrderState.SENDING:
                self._store.execute(
                    "UPDATE orders SET resolved_at_us = ?, resolved_seq = ? WHERE order_id = ?",
                    (at_us, seq, order_id),
                )
                self._follow(self.get(order_id), at_us)
            return self.get(order_id)

    def withdraw(self, order_id: str, at_us: int, code: str, detail: str = "") -> StoredOrder:
        """An order that is no longer wanted; only before it leaves, or an exit between attempts."""
        return self.mark(order_id, OrderState.WITHDRAWN, at_us, code=code, detail=detail)

    def recover(
        self, now_us: int, senders: Sequence[str] = (TRADER, COMMAND)
    ) -> tuple[StoredOrder, ...]:
        """At start, under the lock of `senders`: what they left in SENDING has an unknown outcome.

        Entries among these count as open and get an exit; exits are repeated. Returns them. An
        entry that another of them had not sent yet is withdrawn: nobody would.
        """
        marks = ", ".join("?" * len(senders))
        is_of = f"sender IN ({marks})"
        with self._writing():
            left = stored_orders(self._store, f"state = 'SENDING' AND {is_of}", tuple(senders))
            waiting = stored_orders(
                self._store,
                f"intent = 'enter' AND state = 'INTENT' AND sender <> ? AND {is_of}",
                (self.sender, *senders),
            )
            self._withdraw_all(waiting, now_us, "its process has ended", HoldCode.RECOVERED)
            return self._unknown(left, now_us)

    def take_over(self, now_us: int) -> tuple[StoredOrder, ...]:
        """Exits that another process has been sending for longer than an answer can take: their
        outcome is unknown, so that they are repeated by whoever is there. Returns them."""
        is_stuck = (
            "state = 'SENDING' AND intent <> 'enter' AND sender <> ? "
            "AND (sent_at_us <= ? OR sent_at_us > ?)"
        )
        arguments = (self.sender, now_us - STUCK_US, now_us + MAX_BACK_OFF_US)
        if not stored_orders(self._store, is_stuck, arguments):
            return ()
        with self._writing():
            return self._unknown(stored_orders(self._store, is_stuck, arguments), now_us)

    def _unknown(self, left: Sequence[StoredOrder], now_us: int) -> tuple[StoredOrder, ...]:
        return tuple(
            self.mark(
                one.order.order_id,
                OrderState.UNKNOWN,
                now_us,
                code=HoldCode.RECOVERED,
                detail="the process ended while it was being sent",
                due_at_us=now_us,
            )
            for one in left
        )

    def _is_mine(self, stored: StoredOrder, attempt: int) -> bool:
        is_flying = stored.state is OrderState.SENDING and stored.sender == self.sender
        return is_flying and stored.attempts == attempt

    def _known(self, order: OrderIntent) -> StoredOrder | None:
        same = "order_id = ? OR (intent = 'enter' AND ? AND decision_id = ?)"
        arguments = (order.order_id, int(order.is_entry), order.decision_id)
        found = stored_orders(self._store, same, arguments)
        return found[0] if found else None

    def _claim(self, stored: StoredOrder, now_us: int) -> StoredOrder:
        order = stored.order
        check_transition(order.order_id, order.intent, stored.state, OrderState.SENDING)
        trying = replace(
            stored,
            attempts=stored.attempts + 1,
            sent_at_us=now_us,
            sender=self.sender,
            code="",
            detail="",
            http_status=None,
        )
        self._claimed_here.add(order.order_id)
        seq = self._event(trying, stored.state, OrderState.SENDING, now_us)
        self._store.execute(
            "UPDATE orders SET state = 'SENDING', attempts = ?, sent_at_us = ?, sent_seq = ?, "
            "sender = ?, resolved_at_us = NULL, resolved_seq = NULL WHERE order_id = ?",
            (trying.attempts, now_us, seq, self.sender, order.order_id),
        )
        return replace(
            trying, state=OrderState.SENDING, sent_seq=seq, resolved_at_us=None, resolved_seq=None
        )

    def _event(
        self,
        stored: StoredOrder,
        before: OrderState | None,
        after: OrderState,
        at_us: int,
        is_unsent: bool = False,
        quiet_until_us: int | None = None,
    ) -> int:
        rows = self._store.query(
            "INSERT INTO order_events (order_id, at_us, from_state, to_state, attempt, sent_at_us, "
            "unsent, quiet_until_us, http_status, code, detail, sender) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq",
            (
                *(stored.order.order_id, at_us, before or "", after, stored.attempts),
                *(stored.sent_at_us, int(is_unsent), quiet_until_us, stored.http_status),
                *(stored.code, stored.detail, self.sender),
            ),
        )
        return int(rows[0]["seq"])

    def _follow(self, resolved: StoredOrder, at_us: int) -> None:
        """What one outcome means for other orders of the ticker."""
        order, state = resolved.order, resolved.state
        if order.is_entry and state is OrderState.UNKNOWN:
            self._undo(order, at_us, "UNKNOWN")
        elif order.is_entry and state is OrderState.ACKED and self._is_raced(resolved):
            self._undo(order, at_us, HoldCode.RACED)
        elif order.intent == "exit" and order.order_type == "market" and state is OrderState.ACKED:
            self._withdraw_covered(resolved, at_us)

    def _is_raced(self, entry: StoredOrder) -> bool:
        """True when an exit of the ticker left while the entry was on its way."""
        return bool(
            self._store.query(
                "SELECT 1 FROM orders WHERE ticker = ? AND intent = 'exit' AND sent_seq > ? "
                "AND state IN ('SENDING', 'ACKED') LIMIT 1",
                (entry.order.ticker, entry.sent_seq),
            )
        )

    def _undo(self, entry: OrderIntent, at_us: int, reason: str) -> None:
        """An exit after this moment, unless one waits to be sent anyway."""
        waiting = stored_orders(
            self._store,
            f"{_OPEN} AND ticker = ? AND intent = 'exit' AND order_type = 'market'",
            (entry.ticker,),
        )
        if waiting:
            return
        prefix = order_id_of(entry.symbol, entry.decided_at_us, "exit", Origin.RECOVERY)
        taken = stored_orders(
            self._store, "order_id = ? OR order_id LIKE ?", (prefix, f"{prefix}:%")
        )
        self.add(
            OrderIntent(
                order_id=f"{prefix}:{len(taken)}" if taken else prefix,
                symbol=entry.symbol,
                decided_at_us=at_us,
                intent="exit",
                side=entry.side,
                size=entry.size,
                reason=reason,
                run_id=entry.run_id,
                decision_id=entry.decision_id,
                release_id=entry.release_id,
                contract=entry.contract,
                ticker=entry.ticker,
                origin=Origin.RECOVERY,
            ),
            at_us,
        )

    def _withdraw_entries(self, leaving: OrderIntent, at_us: int) -> None:
        self._withdraw_all(
            stored_orders(
                self._store,
                "intent = 'enter' AND state = 'INTENT' AND ticker = ? AND decided_at_us < ?",
                (leaving.ticker, leaving.decided_at_us),
            ),
            at_us,
            f"{leaving.order_id} was given before it left",
        )

    def _withdraw_covered(self, leaving: StoredOrder, at_us: int) -> None:
        """Exits that were wanted before an acknowledged one left are fulfilled by it."""
        self._withdraw_all(
            stored_orders(
                self._store,
                "intent = 'exit' AND state IN ('INTENT', 'UNKNOWN', 'REJECTED') AND ticker = ? "
                "AND (SELECT min(seq) FROM order_events e WHERE e.order_id = orders.order_id) < ?",
                (leaving.order.ticker, leaving.sent_seq),
            ),
            at_us,
            f"{leaving.order.order_id} was acknowledged",
        )

    def _withdraw_all(
        self, orders: Sequence[StoredOrder], at_us: int, detail: str, code: str = HoldCode.COVERED
    ) -> None:
        for one in orders:
            self.withdraw(one.order.order_id, at_us, code, detail)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        if self._store.in_transaction:
            yield
            return
        with self._store.transaction():
            yield
