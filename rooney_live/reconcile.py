"""What the broker holds, in a person's word or the broker's file, against what the ledger believes.

Belongs here: comparing the two, and confirming or correcting the ledger. Does not belong here:
reading a file (`broker_csv.py`), or what an unproven position leads to. Nobody can be asked by a
program, so a position is worth what its last proof is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal

import polars as pl

from rooney_core.errors import InvalidSetting, MissingArtifact
from rooney_core.market.calendar import day_deadlines
from rooney_core.market.instruments import Instrument
from rooney_live.journal import Journal, Row
from rooney_live.journal_reading import LATEST_FIRST
from rooney_live.orders.outbox import COMMAND, STUCK_US, Outbox
from rooney_live.orders.records import HoldCode, OrderState
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.record import record

HOUR_US = 3_600_000_000
_US = 1_000_000
_LOOK_AHEAD_DAYS = 10
Proof = Literal["person", "broker"]
Key = tuple[str, str]
"""Symbol and dated contract, as the ledger names them (`SIM_ES`, `ESZ26`)."""


class Finding(StrEnum):
    """What a comparison came to, by contract.

    CONFIRMED  broker and ledger hold the same; the proof is new
    CORRECTED  they did not: the ledger holds what the broker holds, from now on
    """

    CONFIRMED = "CONFIRMED"
    CORRECTED = "CORRECTED"


@dataclass(frozen=True)
class Compared:
    """One contract: contracts held, negative for short, by the ledger before and by the broker."""

    symbol: str
    contract: str
    believed: int
    held: int
    finding: Finding


def open_positions(journal: Journal) -> list[Row]:
    """Rows of `positions` that are not flat, the oldest first."""
    return journal.query(
        "SELECT * FROM positions WHERE state <> 'flat' ORDER BY since_us, opened_by"
    )


def proved_at_us(position: Row) -> int:
    """When it was last proved; what was never proved has been unproven since it was decided.

    An acknowledgement proves no fill, and counts as none.
    """
    if position["proof"] in ("person", "broker") and position["proof_at_us"] is not None:
        return int(position["proof_at_us"])
    return int(position["since_us"])


def unproven(positions: Iterable[Row], max_hours: int, now_us: int) -> tuple[str, ...]:
    """Symbols, in alphabetical order, with a position that was last proved more than `max_hours`
    ago: REDUCING, until `rooney-live reconcile`. At the limit is still fine."""
    late = {
        str(one["symbol"]) for one in positions if now_us - proved_at_us(one) > max_hours * HOUR_US
    }
    return tuple(sorted(late))


def reconcile_all(
    journal: Journal,
    broker: Mapping[Key, int],
    proof: Proof,
    instruments: Mapping[str, Instrument],
    reason: str,
    now_us: int,
) -> list[Compared]:
    """As `reconcile`, with a broker's complete list: what is not in it is flat."""
    return reconcile(
        journal,
        broker,
        about=None,
        proof=proof,
        reason=reason,
        now_us=now_us,
        run_id=_run_id(journal),
        deadlines=_deadlines(broker, instruments, now_us),
    )


def reconcile_one(
    journal: Journal,
    key: Key,
    held: int,
    instruments: Mapping[str, Instrument],
    reason: str,
    now_us: int,
) -> Compared:
    """As `reconcile`, in a person's word about one contract; others stay as unproven as before."""
    (found,) = reconcile(
        journal,
        {key: held},
        about=[key],
        proof="person",
        reason=reason,
        now_us=now_us,
        run_id=_run_id(journal),
        deadlines=_deadlines([key], instruments, now_us),
    )
    return found


def _run_id(journal: Journal) -> str:
    """The run that a correction belongs to: the newest that traded."""
    rows = journal.query(
        f"SELECT run_id FROM runs WHERE mode <> 'replay' ORDER BY {LATEST_FIRST} LIMIT 1"
    )
    if not rows:
        raise MissingArtifact(
            "The journal has no run that traded, so there is no ledger to hold to anything. Start "
            "the trader once: `rooney-live run`."
        )
    return str(rows[0]["run_id"])


def _deadlines(
    keys: Iterable[Key], instruments: Mapping[str, Instrument], now_us: int
) -> dict[str, int]:
    """When a position that nobody decided on has to be flat: its symbol's next deadline."""
    day = datetime.fromtimestamp(now_us / _US, UTC).date()
    days = pl.Series([day + timedelta(days=ahead) for ahead in range(_LOOK_AHEAD_DAYS)])
    found = {}
    for symbol in {symbol for symbol, _ in keys if symbol in instruments}:
        known = day_deadlines(days, instruments[symbol]).dt.timestamp("us")
        found[symbol] = min(one for one in known if one > now_us)
    return found


def reconcile(
    journal: Journal,
    broker: Mapping[Key, int],
    *,
    about: Collection[Key] | None,
    proof: Proof,
    reason: str,
    now_us: int,
    run_id: str,
    deadlines: Mapping[str, int] | None = None,
) -> list[Compared]:
    """Hold the ledger to what the broker holds: all or nothing, in one transaction.

    `broker`: contracts held, negative for short; a contract that is not there is flat. `about`:
    only these contracts are looked at; None: the broker's list is complete. `deadlines`: by symbol,
    when a position that comes in this way has to be flat. `run_id`: whose a correction is.
    An entry that waits to be sent is no position yet and stays as it is. What the broker does not
    hold needs no exit any more: those that wait, or are repeated, are withdrawn.
    Raises JournalRefused when the journal cannot be written, InvalidSetting without a reason, and
    while an entry that this is about is on its way.
    """
    with journal.transaction():
        _refuse_in_flight(journal, about, now_us)
        believed = _by_contract(_that_left(journal))
        every = {*believed, *broker, *_being_left(journal)}
        asked = sorted(every if about is None else set(about))
        found = []
        for key in asked:
            rows, held = believed.get(key, []), broker.get(key, 0)
            was = sum(row["side"] * row["size"] for row in rows)
            is_same = was == held and not _is_hedged(rows)
            if is_same:
                _confirm(journal, rows, proof, now_us)
            else:
                _close(journal, rows, now_us)
                _open(journal, key, held, proof, now_us, run_id, (deadlines or {}).get(key[0]))
            if held == 0:
                _withdraw_exits(journal, key, now_us)
            finding = Finding.CONFIRMED if is_same else Finding.CORRECTED
            found.append(Compared(*key, was, held, finding))
        told = {"source": proof, "positions": [asdict(one) for one in found]}
        record(journal, Command.RECONCILE, reason, told, at_us=now_us)
    return found


def _that_left(journal: Journal) -> list[Row]:
    return journal.query(
        "SELECT p.* FROM positions p LEFT JOIN orders o ON o.order_id = p.opened_by "
        "WHERE p.state <> 'flat' AND COALESCE(o.state, '') <> 'INTENT' "
        "ORDER BY p.since_us, p.opened_by"
    )


def _refuse_in_flight(journal: Journal, about: Collection[Key] | None, now_us: int) -> None:
    """Nobody's list can tell of an order that left a moment ago: its position would be lost."""
    rows = journal.query(
        "SELECT symbol, contract FROM orders WHERE intent = 'enter' AND state = 'SENDING' "
        "AND sent_at_us > ?",
        (now_us - STUCK_US,),
    )
    keys = [(row["symbol"], row["contract"]) for row in rows]
    flying = [contract for symbol, contract in keys if about is None or (symbol, contract) in about]
    if flying:
        raise InvalidSetting(
            f"An entry of {', '.join(flying)} is on its way and not answered yet. Nothing was "
            "changed: look at the broker again in a minute, and give what it holds then."
        )


def _being_left(journal: Journal) -> set[Key]:
    rows = journal.query(
        "SELECT DISTINCT symbol, contract FROM orders WHERE intent = 'exit' "
        "AND state IN ('INTENT', 'UNKNOWN', 'REJECTED')"
    )
    return {(row["symbol"], row["contract"]) for row in rows}


def _withdraw_exits(journal: Journal, key: Key, now_us: int) -> None:
    outbox = Outbox(journal, COMMAND)
    for one in outbox.open_orders():
        order = one.order
        is_waiting = order.intent == "exit" and one.state is not OrderState.SENDING
        if is_waiting and (order.symbol, order.contract) == key:
            outbox.withdraw(order.order_id, now_us, HoldCode.COVERED, "reconciled: nothing is held")


def _by_contract(positions: Sequence[Row]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = {}
    for row in positions:
        found.setdefault((row["symbol"], row["contract"]), []).append(row)
    return found


def _is_hedged(rows: Sequence[Row]) -> bool:
    """Long and short of one contract at once: no broker holds that, so the ledger is wrong."""
    return len({row["side"] for row in rows}) > 1


def _confirm(journal: Journal, rows: Sequence[Row], proof: Proof, now_us: int) -> None:
    for row in rows:
        journal.execute(
            "UPDATE positions SET proof = ?, proof_at_us = ?, is_known = 1, "
            "state = CASE state WHEN 'sent' THEN 'open' ELSE state END WHERE opened_by = ?",
            (proof, now_us, row["opened_by"]),
        )


def _close(journal: Journal, rows: Sequence[Row], now_us: int) -> None:
    for row in rows:
        journal.execute(
            "UPDATE positions SET state = 'flat', is_known = 1, closed_by = ?, closed_at_us = ? "
            "WHERE opened_by = ?",
            (f"person:{now_us}", now_us, row["opened_by"]),
        )


def _open(
    journal: Journal,
    key: Key,
    held: int,
    proof: Proof,
    now_us: int,
    run_id: str,
    deadline_us: int | None,
) -> None:
    if held == 0:
        return
    symbol, contract = key
    journal.put(
        "positions",
        {
            "opened_by": f"person:{now_us}:{symbol}:{contract}",
            "run_id": run_id,
            "symbol": symbol,
            "contract": contract,
            "side": 1 if held > 0 else -1,
            "size": abs(held),
            "since_us": now_us,
            "state": "open",
            "is_known": 1,
            "deadline_us": deadline_us,
            "proof": proof,
            "proof_at_us": now_us,
            "closed_by": None,
            "closed_at_us": None,
        },
    )
