"""What the virtual trades of one symbol came to: the part of their past that a model looks at.

Belongs here: the outcomes of the last trades, and the fills of the one that is open. Does not
belong here: the features made of them (`rooney_core.features.prior_trades`), or an account's money.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from rooney_core.backtest import kernel
from rooney_core.decision.bundle import DecisionBundle
from rooney_core.features import PriorTrades


class TradeMemory:
    """Outcomes of the trades that ended in the last `n_bars` bars; 0: none are kept.

    Bars are numbered from the first one that the decision's state has seen.
    """

    def __init__(self, n_bars: int) -> None:
        self._n_bars = n_bars
        self._ended: deque[tuple[int, float]] = deque()
        self._entry_factor = 1.0
        self._roll_factors: list[float] = []

    @property
    def roll_slippages(self) -> float:
        """Sum of the slippage factors of the fills that the open, or last, trade's rolls took."""
        return sum((2.0 * one for one in self._roll_factors), 0.0)

    def enter(self, slippage_factor: float) -> None:
        """A trade began with a fill of this factor."""
        self._entry_factor = slippage_factor
        self._roll_factors = []

    def roll(self, slippage_factor: float) -> None:
        """The open trade rolled: two fills of this factor."""
        self._roll_factors.append(slippage_factor)

    def leave(
        self,
        bar: int,
        machine: kernel.FloatArray,
        slippage_factor: float,
        bundle: DecisionBundle,
    ) -> None:
        """The open trade ended in bar number `bar`, as `machine` has it after `kernel.step`."""
        if self._n_bars:
            self._ended.append((bar, self._return(machine, slippage_factor, bundle)))
            self._forget(bar)

    def recall(self, trades: PriorTrades, n_seen: int) -> None:
        """Take over the trades of a history of `n_seen` bars."""
        if self._n_bars:
            pairs = zip(trades.exit_index.tolist(), trades.returns.tolist(), strict=True)
            self._ended = deque(pairs)
            self._forget(n_seen - 1)

    def prior_trades(self, first_bar: int, first_virtual: int) -> PriorTrades:
        """The trades for features of a window that begins with bar number `first_bar`."""
        return PriorTrades(
            exit_index=np.array([bar - first_bar for bar, _ in self._ended], dtype=np.int64),
            returns=np.array([value for _, value in self._ended], dtype=np.float64),
            first_index=first_virtual - first_bar,
        )

    def _forget(self, bar: int) -> None:
        while self._ended and self._ended[0][0] <= bar - self._n_bars:
            self._ended.popleft()

    def _return(
        self, machine: kernel.FloatArray, exit_factor: float, bundle: DecisionBundle
    ) -> float:
        """`return` of BacktestResult.trades, to the bit: the same sums in the same order."""
        costs, instrument = bundle.costs, bundle.instrument
        side, entry_price = float(machine[kernel.EXIT_SIDE]), float(machine[kernel.ENTRY_PRICE])
        slippage = costs.slippage(instrument)
        fills = 2.0 + 2.0 * len(self._roll_factors)
        factors = fills
        if costs.slippage_by_hour is not None:
            factors = self._entry_factor + exit_factor
            for factor in self._roll_factors:
                factors += 2.0 * factor
        lost = factors * slippage * instrument.multiplier
        fees = fills * costs.commission_per_contract_usd
        moved = float(machine[kernel.EXIT_PRICE]) - entry_price - float(machine[kernel.ROLL_GAP])
        net = side * moved * instrument.multiplier - lost - fees
        paid = abs(entry_price + side * (slippage * self._entry_factor))
        return net / (max(paid, instrument.tick_size) * instrument.multiplier)
