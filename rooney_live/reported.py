"""The broker's fills, put beside the orders that they are of.

Belongs here: finding the order of a fill, and recording it as `reported`. Does not belong here:
reading the file (`broker_csv.py`), or what the fills mean (`report.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rooney_core.market.instruments import Instrument
from rooney_live.broker_csv import BrokerFill
from rooney_live.journal import Journal, JournalRefused, Row
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.record import record

WITHIN_US = 600_000_000
"""A fill without our order's id belongs to the last order of its contract and direction that was
sent within so long before it."""


@dataclass(frozen=True)
class Matched:
    """`recorded`: order ids with new fills; `known`: with the same as before; `strangers`: fills of
    no order of ours."""

    recorded: tuple[str, ...]
    known: tuple[str, ...]
    strangers: tuple[BrokerFill, ...]


def record_fills(
    journal: Journal,
    fills: Sequence[BrokerFill],
    instruments: Mapping[str, Instrument],
    reason: str,
    now_us: int,
) -> Matched:
    """Record the fills that are of our orders, all in one transaction.

    Several fills of one order become one, at their mean price weighted by contracts and the time of
    the last. Where the file tells no commission it is the instrument's. Raises JournalRefused when
    an order has other fills on record already: then nothing is recorded.
    """
    orders = {row["order_id"]: row for row in _sent_orders(journal)}
    by_order: dict[str, list[BrokerFill]] = {}
    strangers = []
    for one in fills:
        order_id = _order_of(one, orders)
        if order_id is None:
            strangers.append(one)
        else:
            by_order.setdefault(order_id, []).append(one)
    recorded: list[str] = []
    known: list[str] = []
    with journal.transaction():
        for order_id, parts in by_order.items():
            row = _fill_row(orders[order_id], parts, instruments)
            (recorded if journal.put("fills", row) else known).append(order_id)
        told = {"fills": len(recorded), "known": len(known), "strangers": len(strangers)}
        record(journal, Command.RECONCILE, reason, told, at_us=now_us)
    return Matched(tuple(recorded), tuple(known), tuple(strangers))


def _sent_orders(journal: Journal) -> list[Row]:
    return journal.query(
        "SELECT order_id, run_id, symbol, intent, side, size, contract, ticker, decision_id, "
        "COALESCE(sent_at_us, decided_at_us) AS sent_at_us FROM orders "
        "WHERE state IN ('SENDING', 'ACKED', 'UNKNOWN') ORDER BY sent_at_us"
    )


def _order_of(fill: BrokerFill, orders: Mapping[str, Row]) -> str | None:
    if fill.order_id is not None:
        if fill.order_id in orders:
            return fill.order_id
        named = [one for one in orders.values() if one["decision_id"] == fill.order_id]
        fitting = [one for one in named if _fits(fill, one)]
        return fitting[-1]["order_id"] if fitting else None
    near = [
        one
        for one in orders.values()
        if _fits(fill, one) and 0 <= fill.filled_at_us - one["sent_at_us"] <= WITHIN_US
    ]
    return near[-1]["order_id"] if near else None


def _fits(fill: BrokerFill, order: Row) -> bool:
    is_same = fill.contract.upper() in (order["ticker"].upper(), order["contract"].upper())
    towards = order["side"] if order["intent"] == "enter" else -order["side"]
    return is_same and fill.contracts * towards > 0


def _fill_row(
    order: Row, parts: Sequence[BrokerFill], instruments: Mapping[str, Instrument]
) -> Row:
    contracts = sum(abs(one.contracts) for one in parts)
    if contracts == 0:
        raise JournalRefused(f"{order['order_id']}: a fill of no contract is none.")
    instrument = instruments.get(order["symbol"])
    usual = 0.0 if instrument is None else instrument.commission_per_contract_usd
    return {
        "order_id": order["order_id"],
        "source": "reported",
        "run_id": order["run_id"],
        "symbol": order["symbol"],
        "filled_at_us": max(one.filled_at_us for one in parts),
        "price": math.fsum(one.price * abs(one.contracts) for one in parts) / contracts,
        "size": contracts,
        "commission_usd": math.fsum(
            usual * abs(one.contracts) if one.commission_usd is None else one.commission_usd
            for one in parts
        ),
    }
