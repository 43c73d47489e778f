"""What an earlier process left, and where to go on: start, restart and recovery are one path.

Belongs here: reading it from the journal. Does not belong here: orders of unknown outcome (the
outbox), or acting on what is found (`runtime`).
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from rooney_live.engine import Held
from rooney_live.journal import Journal, Row, Run
from rooney_live.ledger import Position
from rooney_live.orders.records import OrderState
from rooney_live.paper import Fill, Order

DAY_US: Final = 86_400_000_000
LONGEST_GAP_US: Final = 4 * DAY_US
"""After a longer silence nothing is replayed: the trader begins anew, and leaves what it held."""

_ORDER: Final = ", ".join(one.name for one in fields(Order))
_GOES_ON: Final = (OrderState.INTENT, OrderState.ACKED)
_STANDING_ENTRIES: Final = f"""
    SELECT {_ORDER}, state FROM orders AS entry
    WHERE intent = 'enter' AND origin = 'decision'
    AND (run_id = ? OR EXISTS (
        SELECT 1 FROM positions JOIN orders AS opening ON opening.order_id = opened_by
        WHERE positions.state <> 'flat' AND (opened_by = entry.order_id OR (
            opening.origin = 'roll' AND opening.symbol = entry.symbol
            AND opening.side = entry.side AND opening.decided_at_us > entry.decided_at_us))))
    AND NOT EXISTS (SELECT 1 FROM trades WHERE entry_order_id = entry.order_id)
    AND decided_at_us = (SELECT max(decided_at_us) FROM orders JOIN runs USING (run_id)
        WHERE mode = ? AND symbol = entry.symbol AND intent = 'enter' AND origin = 'decision')
"""


def resume_us(journal: Journal, run: Run, now_us: int) -> int | None:
    """The last moment that was decided on, from which the run goes on; None to begin anew.

    Live, a release or a code that is new goes on where the one before stopped.
    """
    rows = journal.query(
        "SELECT max(bar_end_us) AS last_us FROM decisions JOIN runs USING (run_id) "
        "WHERE run_id = ? OR (mode = 'live' AND ? = 'live')",
        (run.run_id, run.mode),
    )
    last_us = rows[0]["last_us"]
    if last_us is None or now_us - last_us > LONGEST_GAP_US:
        return None
    return int(last_us)


def held_orders(journal: Journal, run: Run) -> dict[str, Held]:
    """By symbol, the entries that the strategy's accounts go on with, as if nothing had happened.

    The last entry of a symbol counts where it stands or may still leave and its trade has not
    ended; without a fill, only while it may have one. An entry of another run (another code or
    release) counts while its position is held, also as the later contract that it was rolled into.
    An exit that was decided comes along, even when it was acknowledged: the account knows its price
    with the next bar.
    """
    found = {}
    for row in journal.query(_STANDING_ENTRIES, (run.run_id, run.mode)):
        state = row.pop("state")
        own = _held(journal, row, run)
        if state in _GOES_ON and own is not None:
            found[own.order.symbol] = own
    return found


def is_ours(position: Position) -> bool:
    """False for what a person ordered or told of: the strategy never leaves that by itself."""
    return not position.opened_by.startswith("person:") and ":manual" not in position.opened_by


def _held(journal: Journal, row: Row, run: Run) -> Held | None:
    """What is left of an entry; None where it had no fill, and can have none any more."""
    order = Order(**row)
    fills = journal.query(
        "SELECT filled_at_us, price, commission_usd FROM fills "
        "WHERE order_id = ? AND source = 'expected'",
        (order.order_id,),
    )
    since = (run.mode, order.symbol, order.decided_at_us)
    if not fills and journal.query(
        "SELECT 1 FROM decisions JOIN runs USING (run_id) "
        "WHERE mode = ? AND symbol = ? AND bar_end_us > ? LIMIT 1",
        since,
    ):
        return None
    leaving = journal.query(
        f"SELECT {_ORDER} FROM orders JOIN runs USING (run_id) "
        "WHERE mode = ? AND symbol = ? AND decided_at_us > ? "
        "AND intent = 'exit' AND origin = 'decision' ORDER BY decided_at_us LIMIT 1",
        since,
    )
    return Held(
        order,
        Fill(order, **fills[0]) if fills else None,
        Order(**leaving[0]) if leaving else None,
    )
