"""What each trade earned in each session that it was held, marked to market at every close.

Belongs here: splitting a trade's net profit over its sessions. Does not belong here: the sums over
all trades (`rooney_core.backtest.accounts`), or which trades a model takes.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from rooney_core.backtest.accounts import Books, books_of
from rooney_core.backtest.costs import CostModel
from rooney_core.backtest.kernel import REASONS, ExitReason
from rooney_core.backtest.play import AT_THE_OPEN
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument

HELD_SCHEMA: Final = {
    "held_sessions": pl.List(pl.Date()),
    "held_pnl_usd": pl.List(pl.Float64()),
    "held_return": pl.List(pl.Float64()),
}
"""Sessions from the entry's to the exit's, the net profit of each, and that over the contract's
value at entry; they add up to the trade's. A trade that ends in the session it began in has one,
with its `net_profit_usd` and `return`."""

_EPOCH: Final = np.datetime64("1970-01-01")
_AT_AN_OPEN: Final = frozenset(ExitReason(str(REASONS[one])) for one in AT_THE_OPEN)


def held_days(
    trades: pl.DataFrame, bars: BarArrays, costs: CostModel, instrument: Instrument
) -> pl.DataFrame:
    """HELD_SCHEMA, a row per trade of BacktestResult.trades of these bars.

    Between two closes a position earns the change of the adjusted price, which no roll moves;
    commission and slippage count in the session of their fill.
    """
    books = books_of(bars, costs, instrument)
    last_bar = np.flatnonzero(np.diff(books.of_bar, append=-1))
    days = (_EPOCH + bars.session[last_bar]).tolist()
    rows = []
    for trade in trades.iter_rows(named=True):
        first, last = (int(books.of_bar[trade[f"{end}_index"]]) for end in ("entry", "exit"))
        earned, returns = [trade["net_profit_usd"]], [trade["return"]]
        if first != last:
            value = max(abs(trade["entry_price"]), instrument.tick_size) * instrument.multiplier
            earned = _marked(trade, books).tolist()
            returns = [one / value for one in earned]
        rows.append((days[first : last + 1], earned, returns))
    return pl.DataFrame(rows, schema=dict(HELD_SCHEMA), orient="row")


def _marked(trade: dict[str, Any], books: Books) -> np.ndarray[Any, np.dtype[np.float64]]:
    entered, left, side = trade["entry_index"], trade["exit_index"], trade["side"]
    first, last = int(books.of_bar[entered]), int(books.of_bar[left])
    entry_price = trade["entry_price"] - side * _slippage(entered, books)
    # In prices of the contract entered: a roll moves neither the marks nor the exit.
    marks = books.mark[first:last] - books.adjustment[entered]
    earned = side * np.diff(marks, prepend=entry_price) * books.multiplier
    results = np.append(earned, trade["gross_profit_usd"] - earned.sum())
    for bar, fills in _fills(trade, books):
        cost = _slippage(bar, books) * books.multiplier + books.commission
        results[books.of_bar[bar] - first] -= fills * cost
    return results


def _fills(trade: dict[str, Any], books: Books) -> list[tuple[int, float]]:
    """(bar, fills) of a trade: one at either end, and two at each roll between."""
    entered, left = trade["entry_index"], trade["exit_index"]
    last = left - 1 if trade["exit_reason"] in _AT_AN_OPEN else left
    rolled = books.roll_bars[(books.roll_bars > entered) & (books.roll_bars <= last)]
    return [(entered, 1.0), (left, 1.0), *((int(bar), 2.0) for bar in rolled)]


def _slippage(bar: int, books: Books) -> float:
    factor = float(books.slippage_factor[bar]) if len(books.slippage_factor) else 1.0
    return books.slippage * factor
