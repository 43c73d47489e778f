"""At which opens the paper account filled, and which of these bars open elsewhere now.

Belongs here: reading a bar's open, as the trader saw it, off the paper account's own fills. Does
not belong here: bars that closed elsewhere (`decided`), or the broker's fills (`parity`).

A decision keeps the close of its bar, and no open is on record. But a market order fills on paper
at the open of the bar after, plus slippage (`rooney_core.backtest.kernel`, steps 2 and 3), so that
each such fill is a record of an open. A vendor that revises it later moves only the replay's trade.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl

from rooney_core.backtest.costs import CostModel
from rooney_core.decision.records import DecisionCode
from rooney_core.feedback.decided import SAME_PRICE
from rooney_core.market.instruments import Instrument

Row = Mapping[str, Any]
_AT_THE_OPEN: Final = frozenset({DecisionCode.EXIT_SIGNAL, DecisionCode.EXIT_TIME})
"""Exits that the next bar's open fills; all others have a level, or the clock's price."""


def opens_that_differ(
    fills: Iterable[Row],
    orders: Mapping[str, Row],
    bars: pl.DataFrame,
    costs: CostModel,
    instrument: Instrument,
) -> dict[datetime, str]:
    """By bar_end, in words: bars that the paper account filled at another open than the lake has.

    `fills`: the paper account's, with order_id, filled_at, fill_price; `orders`: by order_id, with
    intent, side, order_kind, order_reason, decided_at. `bars`: bar_start, bar_end, open, contract
    of the lake. Stop and limit orders, and fills across a change of the contract, tell no open.
    """
    starts = {row["bar_start"]: row for row in bars.iter_rows(named=True)}
    contracts = dict(bars.select("bar_end", "contract").iter_rows())
    found = {}
    for fill in fills:
        order, bar = orders.get(fill["order_id"]), starts.get(fill["filled_at"])
        if order is None or bar is None or not _fills_at_the_open(order):
            continue
        if contracts.get(order["decided_at"]) != bar["contract"]:
            continue
        buys = (order["intent"] == "enter") == (order["side"] > 0)
        lost = costs.slippage(instrument) * _factor(costs, bar["bar_start"])
        seen = float(fill["fill_price"]) - (lost if buys else -lost)
        if abs(seen - bar["open"]) > SAME_PRICE * max(abs(seen), 1.0):
            words = f"the bar that began at {bar['bar_start']} opened at {seen:g} when"
            found[bar["bar_end"]] = f"{words} the paper account filled there, now {bar['open']:g}"
    return found


def _fills_at_the_open(order: Row) -> bool:
    if order["intent"] == "enter":
        return bool(order["order_kind"] == "market")
    return order["order_reason"] in _AT_THE_OPEN


def _factor(costs: CostModel, start: datetime) -> float:
    stamp = pl.Series([start]).dt.timestamp("us").to_numpy()
    return float(costs.slippage_factors(stamp)[0])
