"""Reading the journal without ever waiting for its writer.

Belongs here: a read-only connection, and what is held by it. Does not belong here: writing. In WAL
a reader sees the last commit even while the writer hangs in the middle of a transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rooney_live.journal import Journal, JournalRefused
from rooney_live.orders.outbox import STUCK_US

BUSY_SECONDS = 1.0


@contextmanager
def reading(path: Path) -> Iterator[Journal]:
    """The journal, for queries only. Raises JournalRefused where there is none, or it cannot be
    read."""
    try:
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS
        )
    except sqlite3.Error as error:
        raise JournalRefused(f"The journal {path} cannot be read: {error}.") from None
    connection.row_factory = sqlite3.Row
    with closing(connection):
        yield Journal(connection, path)


@contextmanager
def answering(path: Path) -> Iterator[Journal]:
    """As `reading`, for a person's question, whatever the writer does. Raises JournalRefused for a
    journal of another schema too."""
    with reading(path) as journal:
        journal.check_schema()
        yield journal


@dataclass(frozen=True)
class Held:
    """A position that is there, or may be: `side` +1 or -1, `size` in contracts.

    `ticker`: how the venue names its contract; empty where no order ever named it. `since_us`: when
    it was decided.
    """

    symbol: str
    contract: str
    ticker: str
    side: int
    size: int
    since_us: int
    run_id: str
    opened_by: str


def held(journal: Journal) -> list[Held]:
    """Every position that is not flat, and every entry that left and that no position tells of."""
    positions = journal.query(
        "SELECT p.symbol, p.contract, COALESCE(o.ticker, '') AS ticker, p.side, p.size, "
        "p.since_us, p.run_id, p.opened_by FROM positions p "
        "LEFT JOIN orders o ON o.order_id = p.opened_by "
        "WHERE p.state <> 'flat' ORDER BY p.since_us, p.opened_by"
    )
    # Sent and unanswered, and the ledger has not heard of it: it may be there all the same.
    entries = journal.query(
        "SELECT symbol, contract, ticker, side, size, decided_at_us AS since_us, run_id, "
        "order_id AS opened_by FROM orders WHERE intent = 'enter' "
        "AND state IN ('SENDING', 'UNKNOWN', 'ACKED') "
        "AND order_id NOT IN (SELECT opened_by FROM positions) AND NOT EXISTS ("
        "SELECT 1 FROM orders x WHERE x.ticker = orders.ticker AND x.intent = 'exit' "
        "AND x.order_type = 'market' AND x.state = 'ACKED' AND x.sent_seq > orders.resolved_seq) "
        "ORDER BY decided_at_us, order_id"
    )
    return [Held(**row) for row in (*positions, *entries)]


def without_exit(journal: Journal, positions: list[Held], now_us: int, sender: str) -> list[Held]:
    """Those of a contract of which no exit at the market waits, is on its way or is repeated.

    What another process than `sender` has been sending for longer than an answer can take is on its
    way no more: that process hangs, or is gone.
    """
    exits = journal.query(
        "SELECT DISTINCT symbol, contract FROM orders WHERE intent = 'exit' "
        "AND order_type = 'market' AND (state IN ('INTENT', 'UNKNOWN', 'REJECTED') "
        "OR (state = 'SENDING' AND (sender = ? OR sent_at_us > ?)))",
        (sender, now_us - STUCK_US),
    )
    leaving = {(row["symbol"], row["contract"]) for row in exits}
    return [one for one in positions if (one.symbol, one.contract) not in leaving]
