"""What trades are worth, trade by trade and session by session, after the costs of every fill.

Belongs here: which session a profit or a cost is booked in. Does not belong here: which trades
happen (`play`), what a session's profit is a return on (`days`), statistics (`scores`).

A trade of a rule that is flat by the session's end counts whole on the session of its exit. One
that may be held over sessions is marked to market: each session earns the change of the adjusted
close since the session before (from the entry price, to the exit price), and pays for the fills in
it: entry, exit, and two for each roll.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.backtest.costs import CostModel
from rooney_core.backtest.kernel import FloatArray
from rooney_core.backtest.play import RoundTrips
from rooney_core.backtest.tape import IntArray
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument


class Books(NamedTuple):
    """What compiled bookkeeping needs besides the trades.

    `of_bar`: each bar's session; `mark`: adjusted close of each session's last bar; `roll_bars`:
    bars whose contract is another than the bar's before; `slippage_factor` of each bar;
    `slippage` in price units at factor 1.
    """

    of_bar: IntArray
    mark: FloatArray
    adjustment: FloatArray
    roll_bars: IntArray
    slippage_factor: FloatArray
    slippage: float
    commission: float
    multiplier: float


def books_of(bars: BarArrays, costs: CostModel, instrument: Instrument) -> Books:
    """The books of one symbol at these costs; sessions in order, as `TradingDays` has them."""
    of_bar = np.cumsum(np.diff(bars.session, prepend=bars.session[:1]) != 0)
    last_bar = np.flatnonzero(np.diff(of_bar, append=-1))
    return Books(
        of_bar=of_bar,
        mark=(bars.close + bars.adjustment)[last_bar],
        adjustment=bars.adjustment,
        roll_bars=np.flatnonzero(np.diff(bars.adjustment, prepend=bars.adjustment[:1])),
        slippage_factor=costs.slippage_factors(bars.bar_start_us),
        slippage=costs.slippage(instrument),
        commission=costs.commission_per_contract_usd,
        multiplier=instrument.multiplier,
    )


def daily_pnl_usd(trips: RoundTrips, books: Books, *, marked: bool) -> FloatArray:
    """Net profit of each session, f8[n_sessions]; `marked` to market, or at the exit."""
    pnl, costs = np.zeros(len(books.mark)), np.zeros(len(books.mark))
    net = np.empty(len(trips.side))
    book(*_columns(trips), len(net), books, marked, net, pnl, costs)
    return pnl


def net_profit_usd(trips: RoundTrips, books: Books) -> FloatArray:
    """USD per contract of each round trip after the costs of all its fills, rolls included."""
    pnl, costs = np.zeros(len(books.mark)), np.zeros(len(books.mark))
    net = np.empty(len(trips.side))
    book(*_columns(trips), len(net), books, False, net, pnl, costs)
    return net


def _columns(trips: RoundTrips) -> tuple[npt.NDArray[np.generic], ...]:
    return (
        trips.side,
        trips.entry_index,
        trips.exit_index,
        trips.entry_price,
        trips.exit_price,
        trips.rolls,
        trips.roll_gap,
    )


@njit(cache=True, nogil=True)
def book(
    side: npt.NDArray[np.int8],
    entry_index: IntArray,
    exit_index: IntArray,
    entry_price: FloatArray,
    exit_price: FloatArray,
    rolls: IntArray,
    roll_gap: FloatArray,
    n_trades: int,
    books: Books,
    marked: bool,
    net: FloatArray,
    pnl: FloatArray,
    costs: FloatArray,
) -> None:
    """Fill `net` per trade; add net profits to `pnl` and costs to `costs`, both per session."""
    for i in range(n_trades):
        entered, left = entry_index[i], exit_index[i]
        factors = books.slippage_factor[entered] + books.slippage_factor[left]
        first_roll = 0
        if rolls[i]:
            first_roll = np.searchsorted(books.roll_bars, entered, side="right")
            for roll in range(first_roll, first_roll + rolls[i]):
                factors += 2.0 * books.slippage_factor[books.roll_bars[roll]]
        gross = side[i] * (exit_price[i] - entry_price[i] - roll_gap[i]) * books.multiplier
        fees = (2.0 + 2.0 * rolls[i]) * books.commission
        lost = factors * books.slippage * books.multiplier
        net[i] = gross - lost - fees
        of_entry, of_exit = books.of_bar[entered], books.of_bar[left]
        if not marked or of_entry == of_exit:
            pnl[of_exit] += net[i]
            costs[of_exit] += lost + fees
            continue
        known = entry_price[i]
        for day in range(of_entry, of_exit + 1):
            # In prices of the contract entered: a roll moves neither the marks nor the exit.
            value = books.mark[day] - books.adjustment[entered]
            if day == of_exit:
                value = exit_price[i] - roll_gap[i]
            pnl[day] += side[i] * (value - known) * books.multiplier
            known = value
        _pay(1.0, entered, books, pnl, costs)
        for roll in range(first_roll, first_roll + rolls[i]):
            _pay(2.0, books.roll_bars[roll], books, pnl, costs)
        _pay(1.0, left, books, pnl, costs)


@njit(cache=True, nogil=True)
def _pay(n_fills: float, bar: int, books: Books, pnl: FloatArray, costs: FloatArray) -> None:
    slippage = books.slippage_factor[bar] * books.slippage * books.multiplier
    cost = n_fills * (slippage + books.commission)
    pnl[books.of_bar[bar]] -= cost
    costs[books.of_bar[bar]] += cost
