"""From what was decided to what is ordered: intents into the outbox, positions into the ledger.

Belongs here: the names, contracts and times that an order needs, and which positions have to go.
Does not belong here: whether an entry is let in (`admission`), or sending (`orders.dispatcher`).
Everything that writes is called inside a transaction of the journal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from rooney_core.decision import Bar, Decision
from rooney_core.errors import InputError
from rooney_core.market.instruments import Instrument
from rooney_live.codes import Denial
from rooney_live.control import ControlState
from rooney_live.hours import TradingHours
from rooney_live.journal import Journal, Run
from rooney_live.ledger import Ledger, Position
from rooney_live.orders.execution import ExecutionTable, recorded_fills, with_choice
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.records import ENTER, OrderIntent, Origin, StoredOrder, order_id_of
from rooney_live.orders.tickers import on_grid, ticker_of
from rooney_live.paper import Order
from rooney_live.risk.controls_schema import Command

_US: Final = 1_000_000
DEADLINE_LEAD_US: Final = 30 * _US
"""So long before its flat deadline a position is left, bar or no bar: an answer takes a while, and
a first attempt may fail."""

_ORIGINS: Final[Mapping[Command, Origin]] = {Command.FLATTEN: Origin.FLATTEN}


@dataclass(frozen=True)
class Leaving:
    """A position that has to go, and why; `decided_at_us` is part of the order's name."""

    position: Position
    decided_at_us: int
    origin: Origin
    reason: str


class Desk:
    """Orders of one run. `instruments`: of every symbol that may be ordered."""

    def __init__(
        self,
        journal: Journal,
        outbox: Outbox,
        ledger: Ledger,
        run: Run,
        instruments: Mapping[str, Instrument],
        hours: TradingHours,
    ) -> None:
        self._journal = journal
        self._outbox = outbox
        self._ledger = ledger
        self._run = run
        self._instruments = instruments
        self._hours = hours
        self._table = ExecutionTable.from_fills(recorded_fills(journal, instruments), instruments)

    def ticker(self, symbol: str, contract: str, session: int) -> str:
        """What the broker calls it. Raises InputError for what nobody can order."""
        return ticker_of(contract, self._instruments[symbol], session)

    def enter(
        self,
        order: Order,
        decision: Decision,
        bar: Bar,
        now_us: int,
        patience_us: int,
        deadline_us: int | None,
    ) -> StoredOrder:
        """Order an entry that was let in. It leaves when the market is open, `patience_us` after
        that at the latest; from this commit on it counts as held, to be flat by `deadline_us`."""
        due_us = self._hours.next_open_us(order.symbol, now_us)
        is_now = due_us <= now_us
        intent = OrderIntent(
            **vars(self._on_grid(order)),
            **self._names(decision.symbol, decision.bar_end_us),
            contract=bar.contract,
            ticker=self.ticker(bar.symbol, bar.contract, bar.session),
            signal_price=decision.close,
            due_at_us=None if is_now else due_us,
            expires_at_us=(decision.bar_end_us if is_now else due_us) + patience_us,
        )
        return self.send(intent, now_us, deadline_us)

    def enter_again(
        self, position: Position, bar: Bar, now_us: int, patience_us: int
    ) -> StoredOrder:
        """As much of the contract that is in front now, after the exit of the one before."""
        at_us = bar.bar_end_us
        names = self._names(bar.symbol, at_us)
        intent = OrderIntent(
            order_id=order_id_of(bar.symbol, at_us, ENTER, Origin.ROLL),
            symbol=bar.symbol,
            decided_at_us=at_us,
            intent="enter",
            side=position.side,
            size=position.size,
            reason=position.contract,
            **names | {"decision_id": f"{names['decision_id']}:{Origin.ROLL}"},
            contract=bar.contract,
            ticker=self.ticker(bar.symbol, bar.contract, bar.session),
            origin=Origin.ROLL,
            signal_price=bar.close,
            expires_at_us=self._hours.next_open_us(bar.symbol, now_us) + patience_us,
        )
        return self.send(intent, now_us, position.deadline_us)

    def send(self, intent: OrderIntent, now_us: int, deadline_us: int | None) -> StoredOrder:
        """An entry that is complete, into outbox and ledger; what stands under its id stays."""
        stored = self._add(intent, now_us, deadline_us)
        if not self._ledger.knows(stored.order.order_id):
            self._ledger.begin(stored.order, deadline_us)
        return stored

    def leave(
        self, leaving: Leaving, now_us: int, order_id: str = "", signal_price: float | None = None
    ) -> StoredOrder:
        """Order the exit of a position at the market; repeated until it is acknowledged."""
        position = leaving.position
        due_us = self._hours.next_open_us(position.symbol, now_us)
        intent = OrderIntent(
            order_id=order_id or self._exit_id(leaving),
            symbol=position.symbol,
            decided_at_us=leaving.decided_at_us,
            intent="exit",
            side=position.side,
            size=position.size,
            reason=leaving.reason,
            **self._names(position.symbol, leaving.decided_at_us),
            contract=position.contract,
            ticker=self._held_ticker(position),
            origin=leaving.origin,
            signal_price=signal_price,
            due_at_us=None if due_us <= now_us else due_us,
        )
        stored = self._add(intent, now_us, position.deadline_us)
        self._ledger.follow(now_us)
        return stored

    def _add(self, intent: OrderIntent, now_us: int, deadline_us: int | None) -> StoredOrder:
        """The order as it is best executed; a limit comes with the market order behind it."""
        instrument = self._instruments.get(intent.symbol)
        if instrument is None:
            return self._outbox.add(intent, now_us, send_now=True)
        chosen = with_choice(intent, instrument, self._table, now_us, deadline_us)
        stored, *_ = [self._outbox.add(one, now_us, send_now=True) for one in chosen]
        return stored

    def on_paper(self, order: Order) -> None:
        """An order of the paper account that the broker need not hear of: nothing is held there."""
        known = self._journal.query("SELECT 1 FROM orders WHERE order_id = ?", (order.order_id,))
        if not known:
            self._journal.put("orders", vars(order) | {"run_id": self._run.run_id})

    def must_leave(self, control: ControlState, killed: str | None, now_us: int) -> list[Leaving]:
        """Positions without an exit that have to go: by what was told, or by their deadline.

        `killed`: why the kill flag or variable kills, or None.
        """
        found = []
        for one in self._ledger.open:
            if one.state == "leaving":
                continue
            row = control.must_leave(one.symbol, one.since_us)
            at_us = max(now_us, one.since_us + 1)
            if row is not None:
                origin = _ORIGINS.get(row.command, Origin.MONITOR)
                found.append(Leaving(one, at_us, origin, str(row.command)))
            elif killed is not None:
                found.append(Leaving(one, at_us, Origin.FLATTEN, str(Denial.KILLED)))
            elif one.deadline_us is not None and now_us >= one.deadline_us - DEADLINE_LEAD_US:
                found.append(Leaving(one, at_us, Origin.DEADLINE, "FLAT_DEADLINE"))
        return found

    def next_deadline_us(self) -> int | None:
        """When the next position has to be left because of its deadline; None without one."""
        times = (
            one.deadline_us - DEADLINE_LEAD_US
            for one in self._ledger.open
            if one.deadline_us is not None and one.state != "leaving"
        )
        return min(times, default=None)

    def _names(self, symbol: str, at_us: int) -> dict[str, Any]:
        return {
            "run_id": self._run.run_id,
            "decision_id": f"{symbol}:{at_us}",
            "release_id": self._run.release_id,
        }

    def _exit_id(self, leaving: Leaving) -> str:
        """The order's name; a number behind it, where another exit of that name is there."""
        name = order_id_of(leaving.position.symbol, leaving.decided_at_us, "exit", leaving.origin)
        same = self._journal.query(
            "SELECT order_id FROM orders WHERE order_id = ? OR order_id LIKE ?",
            (name, f"{name}:%"),
        )
        return f"{name}:{len(same)}" if same else name

    def _held_ticker(self, position: Position) -> str:
        """As its entry named it; of a position that a person told of, by the contract's name."""
        rows = self._journal.query(
            "SELECT ticker FROM orders WHERE order_id = ?", (position.opened_by,)
        )
        if rows and rows[0]["ticker"]:
            return str(rows[0]["ticker"])
        day = datetime.fromtimestamp(position.since_us / _US, UTC).date()
        try:
            return ticker_of(position.contract, self._instruments[position.symbol], day)
        except (InputError, KeyError):
            # One name that nobody can order must not keep every other position from being left.
            return position.contract

    def _on_grid(self, order: Order) -> Order:
        """Prices and distances as whole ticks, as an exchange takes them."""
        tick = self._instruments[order.symbol].tick_size
        names = ("level", "stop_distance", "target_distance", "target_level", "trail_distance")
        prices: dict[str, Any] = {name: getattr(order, name) for name in names}
        known = {name: one for name, one in prices.items() if one is not None}
        rounded: dict[str, Any] = {name: on_grid(one, tick) for name, one in known.items()}
        return replace(order, **rounded)
