"""Writes what the engine made of a moment into the journal, row by row.

Belongs here: which column holds what. Does not belong here: when a moment is committed (whoever
opened the transaction), or an order's way to a venue (`orders`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from rooney_core.decision import DecisionCode
from rooney_live.codes import TraderCode
from rooney_live.engine import Outcome, date_of
from rooney_live.journal import Journal, Run
from rooney_live.paper import Fill, Order, Trade

_EMPTY: Final = "{}"


class Recorder:
    """Rows of one run; every call is made inside a transaction of the journal."""

    def __init__(self, journal: Journal, run: Run) -> None:
        self._journal = journal
        self._run = run
        self.n_new_decisions = 0

    def orders(self, outcome: Outcome) -> None:
        """Orders that nobody sends: those of a replay."""
        for order in outcome.orders:
            self._journal.put("orders", vars(order) | {"run_id": self._run.run_id})

    def outcome(self, outcome: Outcome) -> bool:
        """A decision with its paper fills, trades and events, but for its orders.

        True when the decision is new, False when it was there.
        """
        for fill in outcome.fills:
            self._fill(fill)
        for trade in outcome.trades:
            self._trade(trade)
        if outcome.withdrawn is not None:
            self._withdrawn(outcome.withdrawn, outcome)
        return self._decision(outcome)

    def event(self, at_us: int, symbol: str, code: str, message: str) -> None:
        """Something worth knowing later; once per moment, symbol and code."""
        self._journal.put(
            "events",
            {
                "run_id": self._run.run_id,
                "at_us": at_us,
                "symbol": symbol,
                "code": str(code),
                "message": message,
            },
        )

    def event_once(self, at_us: int, symbol: str, code: str, message: str) -> None:
        """As `event`, of what happens at times that a restart does not repeat: the first stays."""
        self._journal.execute(
            "INSERT INTO events (run_id, at_us, symbol, code, message) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (self._run.run_id, at_us, symbol, str(code), message),
        )

    def held_from_before(self, moment_us: int, symbol: str) -> None:
        """Note that a position is from before the run."""
        message = "a position from before the first bar is left to the strategy alone"
        self.event_once(moment_us, symbol, TraderCode.HELD_FROM_BEFORE, message)

    def _withdrawn(self, order: Order, outcome: Outcome) -> None:
        why = "had no bar to fill in"
        if order.kind != "market":
            why = f"did not reach its level, {order.level:.10g}, or had no bar to fill in,"
        message = f"the {order.kind} order {why} and was withdrawn"
        moment_us = outcome.decision.bar_end_us
        self.event(moment_us, order.symbol, DecisionCode.ENTRY_LAPSED, message)

    def _fill(self, fill: Fill) -> None:
        self._journal.put(
            "fills",
            {
                "order_id": fill.order.order_id,
                "source": "expected",
                "run_id": self._run.run_id,
                "symbol": fill.order.symbol,
                "filled_at_us": fill.filled_at_us,
                "price": fill.price,
                "size": fill.order.size,
                "commission_usd": fill.commission_usd,
            },
        )

    def _trade(self, trade: Trade) -> None:
        entry = trade.entry
        self._journal.put(
            "trades",
            {
                "entry_order_id": entry.order.order_id,
                "exit_order_id": trade.exit.order.order_id,
                "run_id": self._run.run_id,
                "symbol": entry.order.symbol,
                "side": entry.order.side,
                "size": entry.order.size,
                "signal_time_us": entry.order.decided_at_us,
                "entry_time_us": entry.filled_at_us,
                "exit_time_us": trade.exit.filled_at_us,
                "entry_price": entry.price,
                "exit_price": trade.exit.price,
                "commission_usd": trade.commission_usd,
                "net_profit_usd": trade.net_profit_usd,
                "exit_reason": trade.exit_reason,
                "rolls": trade.rolls,
                "roll_gap": trade.roll_gap,
            },
        )

    def _decision(self, outcome: Outcome) -> bool:
        decision = outcome.decision
        is_new = self._journal.put(
            "decisions",
            {
                "run_id": self._run.run_id,
                "symbol": decision.symbol,
                "bar_end_us": decision.bar_end_us,
                "contract": decision.contract,
                "session": date_of(decision.session).isoformat(),
                "close": decision.close,
                "code": outcome.code,
                "action": outcome.action,
                "side": decision.side,
                "probability": decision.probability,
                "threshold": decision.threshold,
                "features": _json(decision.features),
                "contributions": _json(decision.contributions),
                "release_id": self._run.release_id,
            },
        )
        self.n_new_decisions += is_new
        return is_new


def _json(values: Mapping[str, float | None]) -> str:
    """Most bars ask no model, and have nothing to write."""
    return json.dumps(dict(values), allow_nan=False) if values else _EMPTY
