"""The paper venue: fills orders where the backtest fills them, at its price and its costs.

Belongs here: positions, fills and round trips of a paper account. Does not belong here: deciding,
or remembering beyond the process (the journal does that).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rooney_core.decision import DecisionBundle, VirtualFill


@dataclass(frozen=True)
class Order:
    """An intent, enter or exit. `side` is the position's, +1 or -1; `size` in contracts.

    `kind` "market", or "stop" or "limit" at `level`, a raw price; None for an exit's, whose price
    is the fill's. The distances (price units from the entry price) and `target_level` (a raw price)
    of an entry protect the position that comes of it; None for none.
    """

    order_id: str
    symbol: str
    decided_at_us: int
    intent: str
    side: int
    size: int
    reason: str
    kind: Literal["market", "stop", "limit"] = "market"
    level: float | None = None
    stop_distance: float | None = None
    target_distance: float | None = None
    target_level: float | None = None
    trail_distance: float | None = None


@dataclass(frozen=True)
class Fill:
    """An execution. `price` is raw and includes slippage; `commission_usd` is for all contracts."""

    order: Order
    filled_at_us: int
    price: float
    commission_usd: float


@dataclass(frozen=True)
class Trade:
    """A round trip; profit in USD for all contracts, after slippage and all commissions.

    `roll_commission_usd`: of the two more fills that each of the `rolls` on the way took.
    `roll_gap`: sum of new minus old price, which is in exit minus entry price and in no profit.
    """

    entry: Fill
    exit: Fill
    exit_reason: str
    net_profit_usd: float
    roll_commission_usd: float = 0.0
    rolls: int = 0
    roll_gap: float = 0.0

    @property
    def commission_usd(self) -> float:
        """Of every fill: both ends, and rolls between them."""
        return self.entry.commission_usd + self.exit.commission_usd + self.roll_commission_usd


class PaperAccount:
    """One symbol's paper position: at most one, entered by an order, left by an order."""

    def __init__(self, bundle: DecisionBundle, size: int) -> None:
        self._bundle = bundle
        self.size = size
        self.waiting_entry: Order | None = None
        self.waiting_exit: Order | None = None
        self.entry: Fill | None = None

    @property
    def is_busy(self) -> bool:
        """True with a position, or an entry order that may become one."""
        return self.waiting_entry is not None or self.entry is not None

    def enter(self, virtual: VirtualFill) -> Fill | None:
        """Fill the waiting entry; None when the account does not take part in this trade."""
        if self.waiting_entry is None:
            return None
        self.entry = self._fill(self.waiting_entry, virtual)
        self.waiting_entry = None
        return self.entry

    def leave(self, order: Order, virtual: VirtualFill) -> Trade:
        """Fill the exit of the open position."""
        if self.entry is None:
            raise AssertionError("leave() is called with a position open")
        entry, leaving = self.entry, self._fill(order, virtual)
        costs, instrument = self._bundle.costs, self._bundle.instrument
        # Each roll on the way was two more fills, at the slippage and commission of any other,
        # and the gap between the contracts was nobody's profit.
        points = entry.order.side * (leaving.price - entry.price - virtual.roll_gap)
        points -= virtual.roll_slippages * costs.slippage(instrument)
        rolled = 2.0 * virtual.rolls * costs.commission_per_contract_usd * order.size
        value = points * instrument.multiplier * order.size
        self.entry, self.waiting_exit = None, None
        commission = entry.commission_usd + leaving.commission_usd + rolled
        net = value - commission
        gap = virtual.roll_gap
        return Trade(entry, leaving, virtual.reason, net, rolled, virtual.rolls, gap)

    def _fill(self, order: Order, virtual: VirtualFill) -> Fill:
        commission = self._bundle.costs.commission_per_contract_usd * order.size
        return Fill(order, virtual.time_us, virtual.price, commission)
