"""What the rehearsal's venue fills at: the bars of each ticker.

Belongs here: finding the bar of a moment, and when a level was reached. Does not belong here:
positions (`receiver_book.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.backtest import CostModel
from rooney_core.market.contracts import order_ticker
from rooney_core.market.instruments import Instrument

_LATE_SHARE = 10
"""A signal within the first tenth of a bar still gets its open: it was decided before."""


@dataclass(frozen=True)
class TickerBars:
    """Raw bars of one ticker; times in microseconds UTC. `slippage`: price units a fill costs."""

    starts_us: npt.NDArray[np.int64]
    ends_us: npt.NDArray[np.int64]
    opens: npt.NDArray[np.float64]
    highs: npt.NDArray[np.float64]
    lows: npt.NDArray[np.float64]
    slippage: float

    def bar_at(self, at_us: int) -> int | None:
        """Row of the bar that fills a signal of `at_us` at its open; None after the last one."""
        row = int(np.searchsorted(self.ends_us, at_us, side="right"))
        if row == len(self.starts_us):
            return None
        length = int(self.ends_us[row] - self.starts_us[row])
        if at_us > int(self.starts_us[row]) + length // _LATE_SHARE:
            row += 1
        return row if row < len(self.starts_us) else None

    def is_trading(self, at_us: int) -> bool:
        """True within a bar; its end is no longer within."""
        row = int(np.searchsorted(self.ends_us, at_us, side="right"))
        return row < len(self.starts_us) and int(self.starts_us[row]) <= at_us

    def first_reach(self, row: int, level: float, is_above: bool) -> int | None:
        """The first row from `row` on in which the price reached `level` from below or above."""
        reached = self.highs[row:] >= level if is_above else self.lows[row:] <= level
        found = int(np.argmax(reached)) if bool(reached.any()) else None
        return None if found is None else row + found


@dataclass(frozen=True)
class VenuePrices:
    """Bars by ticker."""

    tickers: dict[str, TickerBars]

    @classmethod
    def from_frames(cls, frames: Iterable[tuple[Instrument, pl.DataFrame]]) -> Self:
        """Of bars with bar_start, bar_end, contract and raw open, high, low, one frame a symbol."""
        found: dict[str, TickerBars] = {}
        for instrument, frame in frames:
            slippage = CostModel.of(instrument).slippage(instrument)
            for (contract,), part in frame.sort("bar_start").group_by("contract"):
                times = part.select(
                    pl.col("bar_start", "bar_end").dt.timestamp("us").cast(pl.Int64)
                )
                found[order_ticker(str(contract), instrument)] = TickerBars(
                    starts_us=times["bar_start"].to_numpy(),
                    ends_us=times["bar_end"].to_numpy(),
                    opens=part["open"].to_numpy(),
                    highs=part["high"].to_numpy(),
                    lows=part["low"].to_numpy(),
                    slippage=slippage,
                )
        return cls(found)
