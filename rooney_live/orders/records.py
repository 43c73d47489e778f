"""What an order is, where it stands, and what came of one POST.

Belongs here: the frozen records and their names. Does not belong here: which state may follow which
(`states.py`), storage (`outbox.py`, `schema.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Intent = Literal["enter", "exit", "cancel"]
OrderType = Literal["market", "stop", "limit"]
ENTER = "enter"


class OrderState(StrEnum):
    """Where an order stands.

    INTENT     recorded; no byte of the present attempt has left
    SENDING    committed before the first byte; whoever finds it after a crash knows nothing
    ACKED      the venue received it; that is no fill
    REJECTED   the venue said no; an exit is repeated all the same, more slowly
    UNKNOWN    it may have arrived or not: an entry counts as open, an exit is repeated
    DENIED     ours: an entry that was never sent, and never will be
    WITHDRAWN  ours: no longer wanted, or covered by a later exit of the same ticker
    PAPER      of a replay without a venue; never sent
    """

    INTENT = "INTENT"
    SENDING = "SENDING"
    ACKED = "ACKED"
    REJECTED = "REJECTED"
    UNKNOWN = "UNKNOWN"
    DENIED = "DENIED"
    WITHDRAWN = "WITHDRAWN"
    PAPER = "PAPER"


class Origin(StrEnum):
    """What made an order.

    DECISION a bar; DEADLINE the flat time; RECOVERY an outcome nobody knows, or a race; FLATTEN the
    owner or SIGTERM; MANUAL `rooney-live trade`; MONITOR the risk monitor; ROLL the end of a
    contract; TIMEOUT a limit exit that may not have filled.
    """

    DECISION = "decision"
    DEADLINE = "deadline"
    RECOVERY = "recovery"
    FLATTEN = "flatten"
    MANUAL = "manual"
    MONITOR = "monitor"
    ROLL = "roll"
    TIMEOUT = "timeout"


class HoldCode(StrEnum):
    """Why an order waits; the code of an entry that is denied because it waited too long.

    SPACING       another signal of the ticker left less than a minute ago
    RATE_LIMIT    the budget of requests is used up, or the venue said 429
    EXIT_FIRST    an exit of the symbol is not acknowledged yet
    IN_FLIGHT     another order of the ticker waits for its answer
    WEBHOOK_DOWN  no connection could be made; nothing was sent
    EXPIRED       it was due later than it may be sent
    ENDING        the trader is about to end and sends no new entry
    COVERED       an exit that was given or that left later makes it void
    RECOVERED     its process ended while it was being sent
    RACED         an entry was answered only after an exit of its ticker had left
    PAYLOAD       no valid payload can be made of it
    GATE_FAILED   the last check before the first byte could not be made
    """

    SPACING = "SPACING"
    RATE_LIMIT = "RATE_LIMIT"
    EXIT_FIRST = "EXIT_FIRST"
    IN_FLIGHT = "IN_FLIGHT"
    WEBHOOK_DOWN = "WEBHOOK_DOWN"
    EXPIRED = "EXPIRED"
    ENDING = "ENDING"
    COVERED = "COVERED"
    RECOVERED = "RECOVERED"
    RACED = "RACED"
    PAYLOAD = "PAYLOAD"
    GATE_FAILED = "GATE_FAILED"


@dataclass(frozen=True)
class OrderIntent:
    """What should be ordered. `side` is the position's, +1 or -1; `size` in contracts.

    `intent` enter, exit (close all of the contract) or cancel (working orders of the ticker).
    `kind` "market", or "stop" or "limit" at `level`, a raw price. The distances (price units from
    the entry price) and `target_level` (a raw price) of an entry protect the position that comes of
    it; None for none. `contract` is Rooney's name (ESZ26), `ticker` the venue's (ESZ2026).
    `signal_price`: raw close of the decision's bar. `due_at_us`: not before, None for at once;
    `expires_at_us`: an entry is not sent after it (inclusive), None for no end.
    `order_type`, `limit_price`, `execution_reason`: how an exit is sent, and why
    (`execution.py`); an entry is sent as its `kind` says.
    """

    order_id: str
    symbol: str
    decided_at_us: int
    intent: Intent
    side: int
    size: int
    reason: str
    kind: OrderType = "market"
    level: float | None = None
    stop_distance: float | None = None
    target_distance: float | None = None
    target_level: float | None = None
    trail_distance: float | None = None
    run_id: str = ""
    decision_id: str = ""
    release_id: str = ""
    contract: str = ""
    ticker: str = ""
    origin: Origin = Origin.DECISION
    signal_price: float | None = None
    due_at_us: int | None = None
    expires_at_us: int | None = None
    order_type: Literal["market", "limit"] = "market"
    limit_price: float | None = None
    execution_reason: str = ""

    @property
    def is_entry(self) -> bool:
        """True for what may be sent once only; everything else is repeated until acknowledged."""
        return self.intent == ENTER


@dataclass(frozen=True)
class StoredOrder:
    """An order with its fate so far. `attempts`: how often it became SENDING.

    `due_at_us`: not before; 0 for at once.

    `code`: why it is where it is (a denial, HoldCode, the venue's messageCode, an exception's
    class); `detail`: the same for people, without secrets. `sent_seq`, `resolved_seq`: of the
    order events that last made it SENDING and ended that; None before. `sender`: the role of the
    process that added or sends it.
    """

    order: OrderIntent
    state: OrderState
    attempts: int
    due_at_us: int
    sender: str
    code: str
    detail: str
    http_status: int | None
    sent_at_us: int | None
    resolved_at_us: int | None
    sent_seq: int | None
    resolved_seq: int | None


class PostKind(StrEnum):
    """What is known after one attempt to POST.

    ACKED        a whole 2xx answer with success true
    REJECTED     the venue refused it (4xx): nothing was done
    RETRY_LATER  429: nothing was done, and nobody may ask for a while
    NOT_SENT     no connection (DNS, TCP, TLS): surely no byte of the request left
    DENIED       the last word before the first byte was no: nothing left
    UNKNOWN      bytes left and no documented answer came back whole
    """

    ACKED = "acked"
    REJECTED = "rejected"
    RETRY_LATER = "retry_later"
    NOT_SENT = "not_sent"
    DENIED = "denied"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class PostResult:
    """Outcome of one attempt. `first_byte_ns`: perf_counter_ns when the request left, None if not.

    `code` is the venue's messageCode, the class of the exception, or the denial; `detail` says it
    in words. Neither holds the URL. `retry_after_seconds`: as told with 429, None when not told.
    """

    kind: PostKind
    code: str = ""
    detail: str = ""
    status: int | None = None
    first_byte_ns: int | None = None
    retry_after_seconds: float | None = None


def order_id_of(symbol: str, decided_at_us: int, intent: str, origin: Origin, run: str = "") -> str:
    """The key under which an order exists once: the same decision again is the same order.

    A decision's is symbol:bar_end_us:intent; another origin is named behind it, so that an exit of
    recovery never hides behind the exit of the same bar. `run`: prefix of a replay's own orders.
    """
    parts = [run] if run else []
    parts += [symbol, str(decided_at_us), intent]
    if origin is not Origin.DECISION and origin is not Origin.MONITOR:
        parts.append(str(origin))
    return ":".join(parts)
