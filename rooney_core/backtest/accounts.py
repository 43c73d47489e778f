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
from rooney_core.backtest.play import RoundTrips, TripBuffer
from rooney_core.backtest.tape import IntArray, roll_bars_of
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument

_EVEN = np.empty(0)


class Books(NamedTuple):
    """What compiled bookkeeping needs besides the trades.

    `of_bar`: each bar's session; `mark`: adjusted close of each session's last bar; `roll_bars`:
    bars at which a position changes its contract; `slippage_factor` of each bar, empty where
    it is always 1; `slippage` in price units at factor 1.
    """

    of_bar: npt.NDArray[np.int32]
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
    is_even = costs.slippage_by_hour is None
    return Books(
        of_bar=of_bar.astype(np.int32),
        mark=(bars.close + bars.adjustment)[last_bar],
        adjustment=bars.adjustment,
        roll_bars=roll_bars_of(bars),
        slippage_factor=_EVEN if is_even else costs.slippage_factors(bars.bar_start_us),
        slippage=costs.slippage(instrument),
        commission=costs.commission_per_contract_usd,
        multiplier=instrument.multiplier,
    )


def daily_pnl_usd(trips: RoundTrips, books: Books, *, marked: bool) -> FloatArray:
    """Net profit of each session, f8[n_sessions]; `marked` to market, or at the exit."""
    pnl, costs = np.zeros(len(books.mark)), np.zeros(len(books.mark))
    book(_buffer(trips), len(trips.side), books, marked, np.empty(len(trips.side)), pnl, costs)
    return pnl


def net_profit_usd(trips: RoundTrips, books: Books) -> FloatArray:
    """USD per contract of each round trip after the costs of all its fills, rolls included."""
    pnl, costs = np.zeros(len(books.mark)), np.zeros(len(books.mark))
    net = np.empty(len(trips.side))
    book(_buffer(trips), len(net), books, False, net, pnl, costs)
    return net


def _buffer(trips: RoundTrips) -> TripBuffer:
    return TripBuffer(*(getattr(trips, name) for name in TripBuffer._fields))


@njit(cache=True, nogil=True)
def book(
    trips: TripBuffer,
    n_trades: int,
    books: Books,
    marked: bool,
    net: FloatArray,
    pnl: FloatArray,
    costs: FloatArray,
) -> None:
    """Fill `net` per trade; add net profits to `pnl` and costs to `costs`, both per session."""
    of_bar, mark, adjustment = books.of_bar, books.mark, books.adjustment
    roll_bars, factor = books.roll_bars, books.slippage_factor
    slippage, commission, multiplier = books.slippage, books.commission, books.multiplier
    sides, entry_index, exit_index = trips.side, trips.entry_index, trips.exit_index
    entry_prices, exit_prices = trips.entry_price, trips.exit_price
    rolls_of, roll_gaps = trips.rolls, trips.roll_gap
    for i in range(n_trades):
        entered, left, rolls = entry_index[i], exit_index[i], rolls_of[i]
        side, known, gap = float(sides[i]), entry_prices[i], roll_gaps[i]
        fills = 2.0 + 2.0 * rolls
        factors, first_roll = fills, 0
        if rolls:
            first_roll = np.searchsorted(roll_bars, entered, side="right")
        if len(factor):
            factors = factor[entered] + factor[left]
            for roll in range(first_roll, first_roll + rolls):
                factors += 2.0 * factor[roll_bars[roll]]
        lost = factors * slippage * multiplier
        fees = fills * commission
        net[i] = side * (exit_prices[i] - known - gap) * multiplier - lost - fees
        of_entry, of_exit = of_bar[entered], of_bar[left]
        if not marked or of_entry == of_exit:
            pnl[of_exit] += net[i]
            costs[of_exit] += lost + fees
            continue
        for day in range(of_entry, of_exit):
            # In prices of the contract entered: a roll moves neither the marks nor the exit.
            value = mark[day] - adjustment[entered]
            pnl[day] += side * (value - known) * multiplier
            known = value
        pnl[of_exit] += side * (exit_prices[i] - gap - known) * multiplier
        for fill in range(2 + rolls):
            bar = (entered, left)[fill] if fill < 2 else roll_bars[first_roll + fill - 2]
            ticks = factor[bar] if len(factor) else 1.0
            cost = (1.0 if fill < 2 else 2.0) * (ticks * slippage * multiplier + commission)
            pnl[of_bar[bar]] -= cost
            costs[of_bar[bar]] += cost
