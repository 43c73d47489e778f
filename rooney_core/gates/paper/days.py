"""What paper positions earned in each session, and what holding the same contracts would have.

Belongs here: marking fills to the sessions' closes. Does not belong here: the trader's own books
(its journal has them), or a backtest's (`rooney_core.backtest.accounts`): this is counted from the
fills alone, so that it can be held against both.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.backtest.kernel import ExitReason
from rooney_core.errors import InputError
from rooney_core.market.instruments import Instrument

POSITIONS_SCHEMA: Final[dict[str, Any]] = {
    "symbol": pl.String(),
    "side": pl.Int64(),
    "size": pl.Int64(),
    "entry_time": pl.Datetime("us", "UTC"),
    "entry_price": pl.Float64(),
    "entry_commission_usd": pl.Float64(),
    "exit_time": pl.Datetime("us", "UTC"),
    "exit_price": pl.Float64(),
    "exit_reason": pl.String(),
    "net_profit_usd": pl.Float64(),
}
"""A row per position. Prices are raw, slippage included; money is of all contracts. The last four
are null while it is open."""

DAYS_SCHEMA: Final[dict[str, Any]] = {
    "session": pl.Date(),
    "symbol": pl.String(),
    "daily_pnl_usd": pl.Float64(),
    "buy_hold_pnl_usd": pl.Float64(),
}
"""A row per session and symbol, flat days included."""


class _Marks(NamedTuple):
    """One symbol's bars as arrays: sessions numbered from 0, with the adjusted close of each."""

    bar_start_us: npt.NDArray[np.int64]
    bar_end_us: npt.NDArray[np.int64]
    adjustment: npt.NDArray[np.float64]
    session_of: npt.NDArray[np.int64]
    sessions: list[date]
    mark: npt.NDArray[np.float64]


def marked_days(
    positions: pl.DataFrame,
    continuous_bars: Mapping[str, pl.DataFrame],
    instruments: Mapping[str, Instrument],
    sizes: Mapping[str, int],
    sessions: pl.Series,
) -> pl.DataFrame:
    """DAYS_SCHEMA over `sessions` (Date, sorted) for every symbol of `sizes`.

    `positions`: POSITIONS_SCHEMA. A position earns the change of the adjusted close from session to
    session, from its entry's price on; its entry's commission counts in the entry's session, and
    all other costs in the exit's, so that the sessions add up to `net_profit_usd`. One that is open
    is marked to the last close, whatever leaving it would cost. Buy and hold is `size` contracts,
    long from the close before the first session to the last close, without costs.

    Raises InputError for a position of a symbol that is not in `sizes`, or outside its bars.
    """
    strangers = sorted(set(positions["symbol"]) - set(sizes))
    if strangers:
        raise InputError(f"positions of {', '.join(strangers)} arrived; sizes hold {list(sizes)}.")
    parts = [pl.DataFrame(schema=DAYS_SCHEMA)]
    for symbol, size in sizes.items():
        marks = _marks(continuous_bars[symbol])
        worth = instruments[symbol].multiplier
        earned = np.zeros(len(marks.sessions))
        for position in positions.filter(pl.col("symbol") == symbol).iter_rows(named=True):
            first, booked = _booked(position, marks, worth)
            earned[first : first + len(booked)] += booked
        held = size * worth * np.diff(marks.mark, prepend=marks.mark[:1])
        columns = {
            "session": marks.sessions,
            "symbol": [symbol] * len(earned),
            "daily_pnl_usd": earned,
            "buy_hold_pnl_usd": held,
        }
        table = pl.DataFrame(columns, schema=DAYS_SCHEMA)
        wanted = sessions.cast(pl.Date).alias("session").to_frame()
        asked = wanted.join(table, on="session", how="left", maintain_order="left")
        parts.append(
            asked.with_columns(
                pl.col("symbol").fill_null(symbol),
                pl.col("daily_pnl_usd", "buy_hold_pnl_usd").fill_null(0.0),
            ).select(tuple(DAYS_SCHEMA))
        )
    return pl.concat(parts).sort("session", "symbol")


def _marks(frame: pl.DataFrame) -> _Marks:
    session = frame["session"].to_numpy()
    session_of = np.cumsum(np.diff(session, prepend=session[:1]) != np.timedelta64(0, "D"))
    last_bar = np.flatnonzero(np.diff(session_of, append=-1))
    adjusted = (frame["close"] + frame["adjustment"]).to_numpy()
    return _Marks(
        frame["bar_start"].dt.timestamp("us").to_numpy(),
        frame["bar_end"].dt.timestamp("us").to_numpy(),
        frame["adjustment"].to_numpy(),
        session_of.astype(np.int64),
        frame["session"].gather(last_bar).to_list(),
        adjusted[last_bar],
    )


def _booked(
    position: dict[str, Any], marks: _Marks, multiplier: float
) -> tuple[int, npt.NDArray[np.float64]]:
    """Number of the entry's session, and what each session from there on earned."""
    entered = _bar_of(position["entry_time"], marks, at_end=False)
    first, last = int(marks.session_of[entered]), len(marks.sessions) - 1
    if position["exit_time"] is not None:
        at_end = position["exit_reason"] == ExitReason.FLAT_TIME
        last = int(marks.session_of[_bar_of(position["exit_time"], marks, at_end=at_end)])
    paid = position["entry_price"] + marks.adjustment[entered]
    worth = position["side"] * position["size"] * multiplier
    booked: npt.NDArray[np.float64] = worth * np.diff(marks.mark[first : last + 1], prepend=paid)
    booked[0] -= position["entry_commission_usd"]
    if position["net_profit_usd"] is not None:
        booked[-1] = position["net_profit_usd"] - booked[:-1].sum()
    return first, booked


def _bar_of(moment: Any, marks: _Marks, *, at_end: bool) -> int:
    """The bar that a fill at its start, or at its end, is of."""
    stamp = int(pl.Series([moment]).dt.timestamp("us")[0])
    bar = int(np.searchsorted(marks.bar_start_us, stamp, side="right")) - 1
    if at_end:
        bar = int(np.searchsorted(marks.bar_end_us, stamp, side="left"))
    if not 0 <= bar < len(marks.bar_start_us):
        raise InputError(f"a fill at {moment} is outside the bars that arrived for its symbol.")
    return bar
