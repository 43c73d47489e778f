"""When an order may leave: spacing, the venue's limits on requests, and exits first.

Belongs here: the rules and their numbers. Does not belong here: asking again later
(`dispatcher.py`), or risk. Everything is derived from the journal's order events, so that all
processes of one state folder share one budget and a restart forgets nothing.

The venue allows 60 requests a minute and 500 an hour per URL and may suspend whoever sends more; it
counts when they arrive, so a few are left aside. It asks for 60 s between signals of one ticker.
A time that is far in the future was written before the host's clock stepped back; it is ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from rooney_live.orders.records import HoldCode, OrderIntent

SECOND_US: Final = 1_000_000
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
VENUE_PER_MINUTE: Final = 60
VENUE_PER_HOUR: Final = 500
SPACING_US: Final = 60 * SECOND_US
LOOK_AGAIN_US: Final = SECOND_US
"""How soon to look again at what waits for another order rather than for a time."""


class OrderStore(Protocol):
    """What orders need of the journal. `execute` and `query` see the open transaction."""

    @property
    def in_transaction(self) -> bool:
        """True inside `transaction()`."""

    def transaction(self) -> AbstractContextManager[None]:
        """All writes inside become durable together, or none does."""

    def execute(self, sql: str, arguments: tuple[object, ...] = ()) -> Any:
        """Run one statement that writes."""

    def query(self, sql: str, arguments: tuple[object, ...] = ()) -> list[dict[str, Any]]:
        """Rows of one statement."""


@dataclass(frozen=True)
class Budget:
    """Requests a minute and an hour, of any order and, fewer, of entries: the rest is for exits."""

    per_minute: int = VENUE_PER_MINUTE - 4
    per_hour: int = VENUE_PER_HOUR - 20
    entries_per_minute: int = 40
    entries_per_hour: int = 350


@dataclass(frozen=True)
class Hold:
    """An order may not leave before `until_us` (UTC); then it asks again."""

    code: HoldCode
    until_us: int


def hold_of(
    store: OrderStore, order: OrderIntent, now_us: int, sender: str, budget: Budget
) -> Hold | None:
    """Why `order` has to wait at `now_us`; None when it may leave at once."""
    return (
        _after_others(store, order, now_us, sender)
        or _quiet(store, now_us)
        or _spaced(store, order, now_us)
        or _within_budget(store, order, now_us, budget)
    )


def _after_others(store: OrderStore, order: OrderIntent, now_us: int, sender: str) -> Hold | None:
    """One order of a ticker at a time; an entry only when no exit of its symbol is open.

    An exit does not wait for another process: that one may hang, which is why there is an exit.
    """
    rows = store.query(
        # With a plus neither column is looked up: the few open orders first.
        "SELECT intent, state, ticker, sender FROM orders WHERE order_id <> ? AND "
        "(+ticker = ? OR +symbol = ?) AND state IN ('INTENT', 'SENDING', 'UNKNOWN', 'REJECTED')",
        (order.order_id, order.ticker, order.symbol),
    )
    for row in rows:
        is_flying = row["state"] == "SENDING" and row["ticker"] == order.ticker
        if is_flying and (order.is_entry or row["sender"] == sender):
            return Hold(HoldCode.IN_FLIGHT, now_us + LOOK_AGAIN_US)
        if order.is_entry and row["intent"] != "enter":
            return Hold(HoldCode.EXIT_FIRST, now_us + LOOK_AGAIN_US)
    return None


def quiet_until(store: OrderStore, now_us: int) -> int:
    """Until when the venue wants no request, after a 429; 0 where it takes them."""
    rows = store.query(
        "SELECT max(quiet_until_us) AS until_us FROM order_events "
        "WHERE quiet_until_us > ? AND quiet_until_us <= ?",
        (now_us, now_us + HOUR_US),
    )
    return int(rows[0]["until_us"] or 0)


def _quiet(store: OrderStore, now_us: int) -> Hold | None:
    until_us = quiet_until(store, now_us)
    return Hold(HoldCode.RATE_LIMIT, until_us) if until_us else None


_POSTED: Final = (
    "e.to_state = 'SENDING' AND NOT EXISTS (SELECT 1 FROM order_events u "
    "WHERE u.order_id = e.order_id AND u.attempt = e.attempt AND u.unsent = 1)"
)


def _spaced(store: OrderStore, order: OrderIntent, now_us: int) -> Hold | None:
    rows = store.query(
        # CROSS: the few events of a minute first, and not all that the ticker ever had.
        "SELECT max(e.sent_at_us) AS last_us FROM order_events e CROSS JOIN orders o "
        "WHERE o.order_id = e.order_id AND e.sent_at_us > ? AND e.sent_at_us < ? "
        f"AND o.ticker = ? AND o.order_id <> ? AND {_POSTED}",
        (now_us - SPACING_US, now_us + SPACING_US, order.ticker, order.order_id),
    )
    last_us = rows[0]["last_us"]
    return None if last_us is None else Hold(HoldCode.SPACING, int(last_us) + SPACING_US)


def _within_budget(
    store: OrderStore, order: OrderIntent, now_us: int, budget: Budget
) -> Hold | None:
    until_us = free_at(posted(store, now_us), now_us, budget, order.is_entry)
    return Hold(HoldCode.RATE_LIMIT, until_us) if until_us > now_us else None


def posted(store: OrderStore, now_us: int) -> list[int]:
    """When each request of the last hour left, rising."""
    rows = store.query(
        "SELECT e.sent_at_us FROM order_events e WHERE e.sent_at_us > ? AND e.sent_at_us < ? "
        f"AND {_POSTED} ORDER BY e.sent_at_us",
        (now_us - HOUR_US, now_us + HOUR_US),
    )
    return [int(row["sent_at_us"]) for row in rows]


def free_at(hour: Sequence[int], now_us: int, budget: Budget, is_entry: bool) -> int:
    """When the budget has room for another request, after those of the last hour (rising); 0 for
    now."""
    minute = [one for one in hour if abs(now_us - one) < MINUTE_US]
    return max(
        _free_at(minute, budget.entries_per_minute if is_entry else budget.per_minute, MINUTE_US),
        _free_at(hour, budget.entries_per_hour if is_entry else budget.per_hour, HOUR_US),
    )


def _free_at(sent: Sequence[int], allowed: int, window_us: int) -> int:
    """When fewer than `allowed` of `sent` (rising) lie within the window; 0 for now."""
    return sent[len(sent) - allowed] + window_us if len(sent) >= allowed else 0
