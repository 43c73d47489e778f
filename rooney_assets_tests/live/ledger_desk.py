"""What tests of the ledger's consequences share: orders that were answered, and their fills.

Belongs here: making those. Does not belong here: tests.
"""

from __future__ import annotations

from order_desk import MINUTE_US

from rooney_live.journal import Journal
from rooney_live.ledger import Ledger
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import OrderIntent, OrderState

FILL = {"source": "expected", "size": 2, "commission_usd": 4.0}


def answered(journal: Journal, order: OrderIntent) -> OrderIntent:
    """An order that was sent and acknowledged, and the ledger's word of it."""
    box, ledger = Outbox(journal), Ledger(journal)
    with journal.transaction():
        box.add(order, order.decided_at_us, send_now=True)
        if order.is_entry:
            ledger.begin(order, None)
    with journal.transaction():
        box.mark(order.order_id, OrderState.ACKED, order.decided_at_us)
        ledger.follow(order.decided_at_us)
    return order


def filled(journal: Journal, order: OrderIntent, price: float, **changed: object) -> None:
    """What an order was filled at, a minute after its decision, as the paper account expects."""
    row = {"order_id": order.order_id, "run_id": order.run_id, "symbol": order.symbol}
    row |= {"filled_at_us": order.decided_at_us + MINUTE_US, "price": price}
    with journal.transaction():
        journal.put("fills", FILL | row | changed)
