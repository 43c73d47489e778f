"""The last bars of one symbol, kept so that a decision sees them as arrays.

Belongs here: one bar as it arrives, and the window of those before. Does not belong here: fetching
bars, filling gaps, or any opinion about them beyond refusing what is impossible.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import isfinite, nan
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.errors import BarsRejected
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument

_TIMES = (
    "bar_start_us",
    "bar_end_us",
    "flat_deadline_us",
    "session_open_us",
    "session_close_us",
)
_INTEGERS: dict[str, type] = {**dict.fromkeys(_TIMES, np.int64), "session": np.int32}
COLUMNS = tuple(one.name for one in fields(BarArrays))
_VALUES = attrgetter(*COLUMNS)


@dataclass(frozen=True)
class Bar:
    """One complete bar of the continuous series, known from `bar_end_us` on.

    Fields as in BarArrays: microseconds UTC, raw prices in quote units, adjusted price = price +
    adjustment, session in days since 1970-01-01. `exchange_hour` and `last_safe_day` are NaN where
    nobody knows them.
    """

    symbol: str
    contract: str
    bar_start_us: int
    bar_end_us: int
    open: float
    high: float
    low: float
    close: float
    adjustment: float
    volume: float
    session: int
    flat_deadline_us: int
    session_open_us: int
    session_close_us: int
    exchange_hour: float = nan
    last_safe_day: float = nan


def bars_of(frame: pl.DataFrame, instrument: Instrument) -> Iterator[Bar]:
    """The bars of a continuous_bars frame one by one, oldest first. Raises BarsRejected."""
    arrays = BarArrays.from_frame(frame, instrument)
    columns = [getattr(arrays, name).tolist() for name in COLUMNS]
    for contract, *values in zip(frame["contract"], *columns, strict=True):
        yield Bar(instrument.symbol, contract, **dict(zip(COLUMNS, values, strict=True)))


def refuse_impossible(bar: Bar, symbol: str, previous_start_us: int) -> None:
    """Return nothing for a bar that can follow; raise BarsRejected, naming the fault, otherwise."""
    prices = (bar.open, bar.high, bar.low, bar.close, bar.adjustment)
    if bar.symbol != symbol:
        fault = f"belongs to {bar.symbol}"
    elif not all(isfinite(price) for price in prices):
        fault = f"has a price that is not a number: {prices}"
    elif not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        fault = f"has open or close outside [low, high]: {prices[:4]}"
    elif not bar.volume >= 0:
        fault = f"has volume {bar.volume}"
    elif bar.bar_end_us <= bar.bar_start_us:
        fault = f"ends at {bar.bar_end_us} us, not after its start"
    elif bar.bar_start_us <= previous_start_us:
        fault = f"is not later than the last one decided on, {previous_start_us} us"
    else:
        return
    raise BarsRejected(
        f"{symbol}: the bar starting at {bar.bar_start_us} us {fault}. Nothing was decided; "
        "deliver each complete bar once, in order."
    )


class BarWindow:
    """The last `size` bars, as contiguous arrays without copying them at every bar."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._end = 0
        self._columns: dict[str, npt.NDArray[Any]] = {
            name: np.zeros(4 * size, dtype=_INTEGERS.get(name, np.float64)) for name in COLUMNS
        }
        self._in_order = tuple(self._columns.values())
        self.n_seen = 0

    @property
    def is_full(self) -> bool:
        """True once `size` bars were seen."""
        return self.n_seen >= self._size

    def push(self, bar: Bar) -> None:
        """Take a bar in; the oldest falls out once the window is full."""
        if self._end == 4 * self._size:
            for column in self._columns.values():
                column[: self._size] = column[-self._size :]
            self._end = self._size
        end = self._end
        for value, column in zip(_VALUES(bar), self._in_order, strict=True):
            column[end] = value
        self._end += 1
        self.n_seen += 1

    def fill(self, bars: BarArrays) -> None:
        """Become the window after a push of each of these bars, and of nothing before."""
        n_kept = min(len(bars), self._size)
        for name, column in self._columns.items():
            column[:n_kept] = getattr(bars, name)[len(bars) - n_kept :]
        self._end = n_kept
        self.n_seen = len(bars)

    @property
    def arrays(self) -> BarArrays:
        """Views of the window, oldest first, valid until the next push."""
        first, end = max(0, self._end - self._size), self._end
        return BarArrays(*[one[first:end] for one in self._in_order])
