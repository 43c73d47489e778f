"""What an earlier process left, and where to go on: start, restart and recovery are one path.

Belongs here: reading it from the journal. Does not belong here: orders of unknown outcome (the
outbox), or acting on what is found (`runtime`).
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from rooney_live.engine import Held
from rooney_live.journal import Journal, Row, Run
from rooney_live.ledger import Ledger, Position
from rooney_live.orders.records import OrderState
from rooney_live.paper import Fill, Order

DAY_US: Final = 86_400_000_000
LONGEST_GAP_US: Final = 4 * DAY_US
"""After a longer silence nothing is replayed: the trader begins anew, and leaves what it held."""

_ORDER: Final = ", ".join(one.name for one in fields(Order))
_GOES_ON: Final = (OrderState.INTENT, OrderState.ACKED)


def resume_us(journal: Journal, run: Run, now_us: int) -> int | None:
    """The last moment that was decided on, from which the run goes on; None to begin anew."""
    rows = journal.query(
        "SELECT max(bar_end_us) AS last_us FROM decisions WHERE run_id = ?", (run.run_id,)
    )
    last_us = rows[0]["last_us"]
    if last_us is None or now_us - last_us > LONGEST_GAP_US:
        return None
    return int(last_us)


def held_orders(journal: Journal, ledger: Ledger) -> dict[str, Held]:
    """By symbol, the entries whose positions a strategy may go on with: those that stand, or may
    still leave, without an exit on its way."""
    found = {}
    for position in ledger.open:
        if position.state == "leaving":
            continue
        rows = journal.query(
            f"SELECT {_ORDER}, state, origin FROM orders WHERE order_id = ?", (position.opened_by,)
        )
        if rows and rows[0]["state"] in _GOES_ON and rows[0]["origin"] == "decision":
            found[position.symbol] = _held(journal, rows[0])
    return found


def is_ours(position: Position) -> bool:
    """False for what a person ordered or told of: the strategy never leaves that by itself."""
    return not position.opened_by.startswith("person:") and ":manual" not in position.opened_by


def _held(journal: Journal, row: Row) -> Held:
    names = {one.name for one in fields(Order)}
    values: dict[str, Any] = {name: one for name, one in row.items() if name in names}
    order = Order(**values)
    fills = journal.query(
        "SELECT filled_at_us, price, commission_usd FROM fills "
        "WHERE order_id = ? AND source = 'expected'",
        (order.order_id,),
    )
    return Held(order, Fill(order, **fills[0]) if fills else None)
