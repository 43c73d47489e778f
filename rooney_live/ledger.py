"""What the broker is believed to hold, and how anybody knows: the journal's `positions`.

Belongs here: opening, proving and closing a position on paper. Does not belong here: orders
(`orders`), or a correction's command. The broker cannot be asked, so the ledger errs to one side: a
position of which nobody knows counts as held until its exit is acknowledged or a person says so.
Every change is made inside a transaction of the journal, with the order that is its cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rooney_live.journal import Journal, Row
from rooney_live.orders.records import OrderIntent, OrderState
from rooney_live.risk.book import Exposure

_COLUMNS: Final = (
    "opened_by, run_id, symbol, contract, side, size, since_us, state, is_known, deadline_us, "
    "proof, proof_at_us"
)
_NEVER: Final = (OrderState.REJECTED, OrderState.DENIED, OrderState.WITHDRAWN)
_FATE: Final = """
    SELECT entry.state AS entry_state, (
        SELECT x.order_id FROM orders x WHERE x.symbol = ? AND x.contract = ?
        AND x.intent = 'exit' AND x.order_type = 'market' AND x.state = 'ACKED'
        AND CASE WHEN entry.order_id IS NULL THEN x.sent_at_us >= ?
            ELSE x.sent_seq > entry.resolved_seq END
        ORDER BY x.sent_seq LIMIT 1
    ) AS closed_by, (
        SELECT count(*) FROM orders x WHERE x.symbol = ? AND x.contract = ? AND x.intent = 'exit'
        AND x.state IN ('INTENT', 'SENDING', 'UNKNOWN', 'REJECTED')
    ) AS n_leaving
    FROM (SELECT ? AS opened_by) one LEFT JOIN orders entry ON entry.order_id = one.opened_by
"""


@dataclass(frozen=True)
class Position:
    """A position that is not flat; columns of `positions`. `proof_at_us` None: never proved."""

    opened_by: str
    run_id: str
    symbol: str
    contract: str
    side: int
    size: int
    since_us: int
    state: str
    is_known: bool
    deadline_us: int | None
    proof: str
    proof_at_us: int | None

    @property
    def exposure(self) -> Exposure:
        """What a risk rule looks at."""
        return Exposure(self.symbol, self.side, self.size, None, self.is_known)


class Ledger:
    """The open positions, held in memory as the journal has them. One writer: whoever trades."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._open: dict[str, Position] = {}
        self.reload()

    def reload(self) -> None:
        """Read the journal again, after another process may have written."""
        rows = self._journal.query(
            f"SELECT {_COLUMNS} FROM positions WHERE state <> 'flat' ORDER BY since_us, opened_by"
        )
        self._open = {row["opened_by"]: _position(row) for row in rows}

    @property
    def open(self) -> tuple[Position, ...]:
        """Positions that are there, or may be, oldest first."""
        return tuple(self._open.values())

    @property
    def symbols(self) -> frozenset[str]:
        """Symbols with such a position."""
        return frozenset(one.symbol for one in self._open.values())

    def of(self, symbol: str) -> tuple[Position, ...]:
        """Those of a symbol."""
        return tuple(one for one in self._open.values() if one.symbol == symbol)

    def knows(self, opened_by: str) -> bool:
        """True for a position that the ledger has, or had."""
        asked = "SELECT 1 FROM positions WHERE opened_by = ?"
        return opened_by in self._open or bool(self._journal.query(asked, (opened_by,)))

    def begin(self, order: OrderIntent, deadline_us: int | None) -> None:
        """An entry may leave from this commit on: it counts from here."""
        self._journal.put(
            "positions",
            {
                "opened_by": order.order_id,
                "run_id": order.run_id,
                "symbol": order.symbol,
                "contract": order.contract,
                "side": order.side,
                "size": order.size,
                "since_us": order.decided_at_us,
                "state": "sent",
                "is_known": 0,
                "deadline_us": deadline_us,
                "proof": "none",
                "proof_at_us": None,
            },
        )
        self._read(order.order_id)

    def follow(self, at_us: int) -> None:
        """Learn what the orders came to; after any of them changed, in the same transaction.

        An entry that was surely not taken never was a position, one that was acknowledged is; an
        exit at the market that was acknowledged, and had left after the entry was answered, ends
        it. One of which nobody knows stays.
        """
        for one in self.open:
            (fate,) = self._journal.query(
                _FATE,
                (one.symbol, one.contract, one.since_us, one.symbol, one.contract, one.opened_by),
            )
            if fate["entry_state"] in _NEVER:
                self._flat(one, fate["entry_state"], at_us)
            elif fate["closed_by"] is not None:
                self._flat(one, fate["closed_by"], at_us)
            else:
                self._stand(one, fate, at_us)

    def _stand(self, one: Position, fate: Row, at_us: int) -> None:
        if fate["entry_state"] == OrderState.ACKED and not one.is_known:
            self._change(
                one.opened_by, "is_known = 1, proof = 'acknowledged', proof_at_us = ?", at_us
            )
        is_sent = fate["entry_state"] in (OrderState.INTENT, OrderState.SENDING)
        state = "leaving" if fate["n_leaving"] else "sent" if is_sent else "open"
        if state != one.state:
            self._change(one.opened_by, "state = ?", state)

    def _flat(self, one: Position, closed_by: str, at_us: int) -> None:
        changes = "state = 'flat', closed_by = ?, closed_at_us = ?"
        self._change(one.opened_by, changes, closed_by, at_us)

    def _change(self, opened_by: str, changes: str, *values: object) -> None:
        self._journal.execute(
            f"UPDATE positions SET {changes} WHERE opened_by = ? AND state <> 'flat'",
            (*values, opened_by),
        )
        self._read(opened_by)

    def _read(self, opened_by: str) -> None:
        rows = self._journal.query(
            f"SELECT {_COLUMNS} FROM positions WHERE opened_by = ? AND state <> 'flat'",
            (opened_by,),
        )
        if rows:
            self._open[opened_by] = _position(rows[0])
        else:
            self._open.pop(opened_by, None)


def _position(row: Row) -> Position:
    return Position(**row | {"is_known": bool(row["is_known"])})
