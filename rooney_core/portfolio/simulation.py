"""A portfolio traded day by day with a limit on open positions: who gets in, and what comes of it.

Belongs here: the trader's rule of priority on past trades, and the days it makes. Does not belong
here: which symbols are traded (`greedy`), how many contracts (`sizing`).

The rule is the trader's: a signal that is taken occupies a place from the end of its bar until the
trade's exit; when every place is occupied, the next signal is denied, and its trade is never
entered. Among signals of one moment the symbol of higher priority goes first. Priority is fixed
before the first trade, so nothing of a trade's outcome decides whether it is taken. A place is
still occupied at the moment of the exit: the trader settles an exit at the end of its bar. An entry
order that never filled is no trade of the past, and occupies nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from rooney_core.errors import InvalidSetting
from rooney_core.market.instruments import Instrument
from rooney_core.validation.samples import FloatArray
from rooney_core.validation.sharpe import DAYS_PER_YEAR, annual_sharpe

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

TRADES_SCHEMA: Final = {
    "label_start": pl.Datetime("us", "UTC"),
    "exit_time": pl.Datetime("us", "UTC"),
    "held_sessions": pl.List(pl.Date()),
    "held_return": pl.List(pl.Float64()),
    "cost_return": pl.Float64(),
}
"""One row per taken trade: signal, exit, what each session earned net over the contract's value at
entry, and the costs of all its fills over the same."""


def portfolio_trades(taken: pl.DataFrame, instrument: Instrument) -> pl.DataFrame:
    """TRADES_SCHEMA for training_set rows of one symbol."""
    value = (
        pl.max_horizontal(pl.col("entry_price").abs(), pl.lit(instrument.tick_size))
        * instrument.multiplier
    )
    return taken.select(
        pl.col("label_start", "exit_time").cast(pl.Datetime("us", "UTC")),
        "held_sessions",
        "held_return",
        (pl.col("costs_usd") / value).alias("cost_return"),
    )


@dataclass(frozen=True, eq=False)
class TradeBook:
    """Trades of one symbol as arrays: `signal_us`, `exit_us` i8[n]; and of each session held, flat:
    `trade`, `position` in the book's sessions, `earned` f8, net of costs."""

    signal_us: IntArray
    exit_us: IntArray
    trade: IntArray
    position: IntArray
    earned: FloatArray

    @classmethod
    def of(cls, trades: pl.DataFrame, sessions: pl.Series, cost_factor: float = 1.0) -> TradeBook:
        """Trades (TRADES_SCHEMA) that lie whole inside `sessions` (Date, ascending).

        `cost_factor` 2 doubles the costs; what is more than the trade paid is booked in the session
        of its exit.
        """
        first, last = (pl.lit(one, pl.Date) for one in (sessions.min(), sessions.max()))
        inside = trades.filter(
            pl.col("held_sessions").list.first() >= first,
            pl.col("held_sessions").list.last() <= last,
        ).sort("label_start", maintain_order=True)
        held = inside.with_row_index("trade").explode("held_sessions", "held_return")
        is_exit = pl.col("trade") != pl.col("trade").shift(-1)
        more = pl.when(is_exit.fill_null(True)).then(pl.col("cost_return")).otherwise(0.0)
        earned = held.select(pl.col("held_return") - (cost_factor - 1.0) * more).to_series()
        # A session that only a trade knows, such as a Saturday, counts in the next one.
        position = sessions.search_sorted(held["held_sessions"], side="left").to_numpy()
        return cls(
            signal_us=inside["label_start"].to_physical().to_numpy(),
            exit_us=inside["exit_time"].to_physical().to_numpy(),
            trade=held["trade"].to_numpy().astype(np.int64),
            position=position.astype(np.int64),
            earned=earned.to_numpy(),
        )

    def daily(self, n_sessions: int, taken: BoolArray | None = None) -> FloatArray:
        """Returns by session, f8[n_sessions], of the taken trades (bool[n]; None: all)."""
        kept = slice(None) if taken is None else taken[self.trade]
        days = np.bincount(self.position[kept], weights=self.earned[kept], minlength=n_sessions)
        return days.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Simulation:
    """What the members came to together.

    `daily_pnl_usd` f8[n_sessions], net. `taken`: symbol -> bool[n_trades], which of its trades got
    a place; the others were denied. `cash_usd` at the start.
    """

    daily_pnl_usd: FloatArray
    taken: Mapping[str, BoolArray]
    cash_usd: float

    @property
    def annual_sharpe(self) -> float:
        """Of daily results, flat days included; NaN where undefined."""
        return annual_sharpe(self.daily_pnl_usd)

    @property
    def annual_volatility(self) -> float:
        """Standard deviation of daily results (ddof 1), annual, as a fraction of the cash."""
        if len(self.daily_pnl_usd) < 2:
            return float("nan")
        spread = float(self.daily_pnl_usd.std(ddof=1)) / self.cash_usd
        return spread * float(np.sqrt(DAYS_PER_YEAR))

    @property
    def max_drawdown(self) -> float:
        """Deepest fall below the highest equity so far, a fraction <= 0, the cash included."""
        equity = self.cash_usd + np.concatenate(([0.0], np.cumsum(self.daily_pnl_usd)))
        return float(np.min(equity / np.maximum.accumulate(equity) - 1.0))

    @property
    def net_profit_usd(self) -> float:
        """Sum of all sessions."""
        return float(self.daily_pnl_usd.sum())

    @property
    def n_trades(self) -> int:
        """Trades that got a place."""
        return int(sum(one.sum() for one in self.taken.values()))

    @property
    def n_denied(self) -> int:
        """Signals that found every place occupied."""
        return int(sum((~one).sum() for one in self.taken.values()))

    @property
    def trades_per_year(self) -> float:
        """Trades taken in a year of 252 sessions; NaN without sessions."""
        n = len(self.daily_pnl_usd)
        return self.n_trades * DAYS_PER_YEAR / n if n else float("nan")


def simulate(
    books: Mapping[str, TradeBook],
    usd_per_return: Mapping[str, float],
    n_sessions: int,
    *,
    max_positions: int,
    cash_usd: float,
) -> Simulation:
    """Trade the books together, symbols in order of priority.

    `usd_per_return`: what a return of 1.0 is worth: the value of a contract now, times contracts.

    Raises InvalidSetting for fewer than one position.
    """
    if max_positions < 1:
        raise InvalidSetting(f"max_positions={max_positions} arrived; at least 1.")
    symbols = tuple(books)
    taken = _admitted([books[one] for one in symbols], max_positions)
    pnl = np.zeros(n_sessions)
    for symbol, kept in zip(symbols, taken, strict=True):
        pnl += usd_per_return[symbol] * books[symbol].daily(n_sessions, kept)
    return Simulation(pnl, dict(zip(symbols, taken, strict=True)), cash_usd)


def _admitted(books: Sequence[TradeBook], max_positions: int) -> list[BoolArray]:
    if not books:
        return []
    counts = [len(one.signal_us) for one in books]
    signal = np.concatenate([one.signal_us for one in books])
    leaves = np.concatenate([one.exit_us for one in books])
    # Stable: trades of one moment stay in order of priority.
    order = np.argsort(signal, kind="stable")
    granted = np.empty(len(signal), np.bool_)
    granted[order] = _grant_places(signal[order], leaves[order], max_positions)
    return np.split(granted, np.cumsum(counts)[:-1])


@njit(cache=True, nogil=True)
def _grant_places(signal: IntArray, leaves: IntArray, max_positions: int) -> BoolArray:
    """bool[n], signals ascending: whether one of the places was free at the signal."""
    granted = np.zeros(len(signal), np.bool_)
    occupied_until = np.full(max_positions, np.iinfo(np.int64).min)
    for at in range(len(signal)):
        for place in range(max_positions):
            if occupied_until[place] < signal[at]:
                occupied_until[place] = leaves[at]
                granted[at] = True
                break
    return granted
