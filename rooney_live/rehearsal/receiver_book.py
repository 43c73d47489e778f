"""The rehearsal's venue: positions and fills that come of signals, as TradersPost's settings say.

Belongs here: what a signal does to a position. Does not belong here: HTTP. The settings are the
safe ones: no adding to a position, no side swapping (an opposite signal exits only), an exit
cancels what is working. A market order fills at the next open, at slippage; without bars at its
signalPrice. A bracket closes its position in the bar that reaches it; the stop comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rooney_live.rehearsal.receiver_prices import TickerBars, VenuePrices


@dataclass(frozen=True)
class VenueFill:
    """An execution. `quantity` is signed, bought above 0; `kind` entry, exit, stop or target."""

    ticker: str
    at_us: int
    quantity: int
    price: float
    kind: str
    order_id: str
    decision_id: str


@dataclass
class _Pending:
    """A fill that will happen at `at_us` unless something comes before."""

    at_us: int
    fill: VenueFill
    brackets: Mapping[str, Any]


@dataclass
class Book:
    """Positions by ticker, signed; fills in the order in which they were found."""

    prices: VenuePrices | None = None
    fills: list[VenueFill] = field(default_factory=list)
    _held: dict[str, int] = field(default_factory=dict)
    _pending: dict[str, list[_Pending]] = field(default_factory=dict)

    def positions(self, until_us: int | None = None) -> dict[str, int]:
        """Signed contracts by ticker, flat ones left out; what was pending until then filled."""
        for ticker in list(self._pending):
            self._settle(ticker, until_us)
        return {ticker: held for ticker, held in self._held.items() if held}

    def take(self, payload: Mapping[str, Any], at_us: int) -> str:
        """Do what a valid signal of `at_us` says; what came of it, in a word or two."""
        ticker, action = str(payload["ticker"]), payload["action"]
        self._settle(ticker, at_us)
        held = self._held.get(ticker, 0)
        is_entry = action in ("buy", "sell")
        waiting = [one for one in self._pending.get(ticker, ()) if one.fill.kind == "entry"]
        if action == "cancel":
            self._pending[ticker] = [
                one for one in self._pending.get(ticker, ()) if one not in waiting
            ]
            return "cancelled" if waiting else "nothing to cancel"
        if action == "exit" or (is_entry and held * _sign(action) < 0):
            self._pending.pop(ticker, None)
            if not held:
                return "cancelled" if waiting else "nothing to close"
            self._fill(payload, at_us, -held, "exit")
            return "closed" if action == "exit" else "closed only: no side swapping"
        if held or waiting:
            return "refused: no adding to a position"
        return self._enter(payload, at_us)

    def _enter(self, payload: Mapping[str, Any], at_us: int) -> str:
        quantity = _sign(payload["action"]) * int(payload.get("quantity", 1))
        kind = payload.get("orderType", "market")
        bars = self._bars(str(payload["ticker"]))
        if kind == "market" or bars is None:
            self._fill(payload, at_us, quantity, "entry")
            return "filled"
        level = float(payload["limitPrice" if kind == "limit" else "stopPrice"])
        row = bars.bar_at(at_us)
        is_above = (quantity > 0) == (kind == "stop")
        reached = None if row is None else bars.first_reach(row, level, is_above)
        if reached is None:
            return "working"
        opened = float(bars.opens[reached])
        price = max(opened, level) if is_above else min(opened, level)
        fill = _fill_of(payload, int(bars.starts_us[reached]), quantity, price, "entry")
        self._pending.setdefault(fill.ticker, []).append(_Pending(fill.at_us + 1, fill, payload))
        return "working"

    def _fill(self, payload: Mapping[str, Any], at_us: int, quantity: int, kind: str) -> None:
        bars = self._bars(str(payload["ticker"]))
        row = None if bars is None else bars.bar_at(at_us)
        if bars is None or row is None:
            price, when = float(payload.get("signalPrice") or "nan"), at_us
        else:
            worse = bars.slippage if quantity > 0 else -bars.slippage
            price, when = float(bars.opens[row]) + worse, int(bars.starts_us[row])
        self._book(_fill_of(payload, when, quantity, price, kind), payload)

    def _book(self, fill: VenueFill, payload: Mapping[str, Any]) -> None:
        self.fills.append(fill)
        self._held[fill.ticker] = self._held.get(fill.ticker, 0) + fill.quantity
        if fill.kind == "entry":
            self._protect(fill, payload)

    def _protect(self, entry: VenueFill, payload: Mapping[str, Any]) -> None:
        """Let the stop or the target close the position, whichever is reached first."""
        bars = self._bars(entry.ticker)
        row = None if bars is None else bars.bar_at(entry.at_us)
        if bars is None or row is None:
            return
        side = 1 if entry.quantity > 0 else -1
        found: list[_Pending] = []
        for kind, name, away in (("stop", "stopLoss", -side), ("target", "takeProfit", side)):
            amount = (payload.get(name) or {}).get("amount")
            if amount is None:
                continue
            level = entry.price + away * float(amount)
            reached = bars.first_reach(row, level, away > 0)
            if reached is not None:
                opened = float(bars.opens[reached])
                price = max(opened, level) if away > 0 else min(opened, level)
                # At the end of the bar: within it nobody knows when.
                at_us = int(bars.ends_us[reached])
                fill = _fill_of(payload, at_us, -entry.quantity, price, kind)
                found.append(_Pending(at_us, fill, {}))
        if found:
            first = min(found, key=lambda one: one.at_us)
            self._pending.setdefault(entry.ticker, []).append(first)

    def _settle(self, ticker: str, until_us: int | None) -> None:
        """Book what was pending until a moment, in the order of time."""
        while due := sorted(
            (
                one
                for one in self._pending.get(ticker, ())
                if until_us is None or one.at_us <= until_us
            ),
            key=lambda one: one.at_us,
        ):
            self._pending[ticker].remove(due[0])
            self._book(due[0].fill, due[0].brackets)

    def _bars(self, ticker: str) -> TickerBars | None:
        return None if self.prices is None else self.prices.tickers.get(ticker)


def _sign(action: object) -> int:
    return 1 if action == "buy" else -1


def _fill_of(
    payload: Mapping[str, Any], at_us: int, quantity: int, price: float, kind: str
) -> VenueFill:
    extras = payload.get("extras") or {}
    return VenueFill(
        str(payload["ticker"]),
        at_us,
        quantity,
        price,
        kind,
        str(extras.get("order_id", "")),
        str(extras.get("decision_id", "")),
    )
