"""One configuration on one symbol: its trades, equity and daily returns.

Belongs here: turning what the kernel did into frames in USD. Does not belong here: the order of
events in a bar (`kernel`), searches (`sweep`), judgement (`ranking`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.backtest.accounts import books_of, daily_pnl_usd, net_profit_usd
from rooney_core.backtest.anchor import anchored
from rooney_core.backtest.costs import CostModel
from rooney_core.backtest.days import FloatArray, TradingDays
from rooney_core.backtest.kernel import FLAT_TIME
from rooney_core.backtest.play import RoundTrips, play
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.strategies import Variant, find_variant
from rooney_core.strategies.peers import NO_PEERS, Peers

UTC_MICROSECONDS = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class BacktestResult:
    """What one contract, traded by one configuration, would have done.

    `trades`, one row per closed trade, oldest first: signal_time (end of the signal's bar),
    entry_time and exit_time (start of the bar that filled; its end for FLAT_TIME), all UTC;
    signal_index, entry_index, exit_index (positions in the bars); side; entry_price, exit_price
    (raw, slippage included; after FLAT_LATE across a roll, of the held contract);
    gross_profit_usd (before all costs), net_profit_usd (after them); return (net profit over the
    contract's value at entry); exit_reason; n_bars held; rolls, how often the position moved to
    the next contract: entry_price and exit_price are then of different contracts, the gap between
    them is in neither profit, and each roll costs two fills. A trade still open at the end is left
    out.

    `daily_returns`, one row per session of the bars, flat ones included: session, daily_pnl_usd
    (booked on the session of the exit; marked to market every session where the variant may hold
    over sessions, see `accounts`), daily_return (over one contract's value at the session before).

    `equity`: session, equity_usd (value of one contract at the start, plus all P&L so far),
    daily_pnl_usd, drawdown (fraction <= 0 of compounded daily returns; the start is a peak too).
    """

    trades: pl.DataFrame
    equity: pl.DataFrame
    daily_returns: pl.DataFrame


def run_backtest(
    bars: pl.DataFrame | BarArrays,
    variant: Variant | str,
    params: object,
    costs: CostModel,
    instrument: Instrument,
    peers: Peers = NO_PEERS,
    first: int = 0,
) -> BacktestResult:
    """Backtest one configuration on continuous bars, oldest first.

    `params`: the variant's parameters, a mapping or JSON of them, or None for its defaults. All
    bars given are used: cutting windows is the caller's business, but those before number `first`
    are history for the signals alone, and results and bar numbers are of bars[first:]. `peers`:
    sessions of the symbols that the variant compares with.

    Raises UnknownName, InvalidSetting (variant, parameters), BarsRejected, NotEnoughData (no bars).
    """
    chosen = find_variant(variant)
    arrays = bars if isinstance(bars, BarArrays) else BarArrays.from_frame(bars, instrument)
    history = anchored(arrays)
    arrays = history.window(first, len(history))
    days = TradingDays.of(arrays, instrument)
    signals = chosen.signals(history, chosen.parse_params(params), instrument, peers, first)
    trips = play(arrays, signals)
    trades = trades_frame(arrays, trips, costs, instrument)
    books = books_of(arrays, costs, instrument)
    pnl = daily_pnl_usd(trips, books, marked=signals.overnight)
    returns = days.daily_returns(pnl)
    sessions = pl.Series("session", days.sessions).cast(pl.Date)
    return BacktestResult(
        trades=trades,
        equity=pl.DataFrame(
            {
                "session": sessions,
                "equity_usd": days.notional_usd[0] + np.cumsum(pnl),
                "daily_pnl_usd": pnl,
                "drawdown": _drawdown(returns),
            }
        ),
        daily_returns=pl.DataFrame(
            {"session": sessions, "daily_pnl_usd": pnl, "daily_return": returns}
        ),
    )


def trades_frame(
    bars: BarArrays, trips: RoundTrips, costs: CostModel, instrument: Instrument
) -> pl.DataFrame:
    """Round trips as the `trades` frame of BacktestResult."""
    books = books_of(bars, costs, instrument)
    slippage = books.slippage * costs.slippage_factors(bars.bar_start_us)
    entry_price = trips.entry_price + trips.side * slippage[trips.entry_index]
    exit_price = trips.exit_price - trips.side * slippage[trips.exit_index]
    net = net_profit_usd(trips, books)
    value = np.maximum(np.abs(entry_price), instrument.tick_size) * instrument.multiplier
    exit_us = np.where(
        trips.reason == FLAT_TIME,
        bars.bar_end_us[trips.exit_index],
        bars.bar_start_us[trips.exit_index],
    )
    return pl.DataFrame(
        {
            "signal_time": _times(bars.bar_end_us[trips.signal_index]),
            "entry_time": _times(bars.bar_start_us[trips.entry_index]),
            "exit_time": _times(exit_us),
            "signal_index": trips.signal_index,
            "entry_index": trips.entry_index,
            "exit_index": trips.exit_index,
            "side": trips.side,
            "entry_price": entry_price,
            "exit_price": exit_price,
            "gross_profit_usd": trips.side
            * (trips.exit_price - trips.entry_price - trips.roll_gap)
            * instrument.multiplier,
            "net_profit_usd": net,
            "return": net / value,
            "exit_reason": pl.Series(trips.exit_reason, dtype=pl.String),
            "n_bars": trips.n_bars,
            "rolls": trips.rolls,
        }
    )


def _times(microseconds: npt.NDArray[np.int64]) -> pl.Series:
    return pl.Series(microseconds).cast(UTC_MICROSECONDS)


def _drawdown(returns: FloatArray) -> FloatArray:
    # A return of -100 % or worse is ruin: what is lost stays lost.
    wealth = np.cumprod(np.maximum(1.0 + returns, 0.0))
    drawdown: FloatArray = wealth / np.maximum.accumulate(np.maximum(wealth, 1.0)) - 1.0
    return drawdown
