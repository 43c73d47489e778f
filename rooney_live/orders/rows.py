"""Orders as rows of the journal, both ways.

Belongs here: reading and inserting `orders`. Does not belong here: what a row means (`outbox.py`).
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from rooney_live.orders.limits import OrderStore
from rooney_live.orders.records import OrderIntent, OrderState, Origin, StoredOrder

_INTENT: Final = tuple(one.name for one in fields(OrderIntent) if one.name != "due_at_us")
_FATE: Final = (
    *("state", "attempts", "due_at_us", "sender", "code", "detail", "http_status", "sent_at_us"),
    *("resolved_at_us", "sent_seq", "resolved_seq"),
)
_SELECT: Final = f"SELECT {', '.join((*_INTENT, *_FATE))} FROM orders WHERE "
_SORTED: Final = " ORDER BY intent = 'enter', due_at_us, order_id"


def stored_orders(
    store: OrderStore, where: str, arguments: tuple[object, ...] = ()
) -> tuple[StoredOrder, ...]:
    """Orders for which the SQL condition holds: exits first, then by when they are due."""
    return tuple(_stored(row) for row in store.query(f"{_SELECT}({where}){_SORTED}", arguments))


def insert_order(store: OrderStore, order: OrderIntent, sender: str) -> None:
    """A new row, in state INTENT."""
    row = {name: getattr(order, name) for name in _INTENT}
    # An empty decision is none: NULL is never equal to another.
    row |= {"decision_id": order.decision_id or None, "state": "INTENT", "sender": sender}
    # At once is 0: the clock may step back before it leaves.
    row["due_at_us"] = order.due_at_us or 0
    marks = ", ".join("?" * len(row))
    store.execute(f"INSERT INTO orders ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))


def _stored(row: dict[str, Any]) -> StoredOrder:
    named = {name: row[name] for name in _INTENT}
    named |= {"origin": Origin(row["origin"]), "decision_id": row["decision_id"] or ""}
    fate = {name: row[name] for name in _FATE} | {"state": OrderState(row["state"])}
    return StoredOrder(order=OrderIntent(**named, due_at_us=row["due_at_us"]), **fate)
