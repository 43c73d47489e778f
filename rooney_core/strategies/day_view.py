"""What is known inside a day of trading so far: New York's hour, the opening, the extremes.

Belongs here: one value per bar, of the bars since the day's first one. A day is the bars that share
a flat deadline: a session, or the hours of a bank holiday inside one. Does not belong here: a
rule, or anything of the sessions before (`session_view.py`).

A value at a bar is a function of its own day's bars up to it, at most
`MAX_BARS_PER_SESSION`; those of a window's first day, which may be cut, mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
from numba import njit

from rooney_core.indicators.arrays import FloatArray
from rooney_core.market.bars import BarArrays
from rooney_core.strategies.prices import Prices

US_DAY_OPENS: Final = 9
"""New York hour of the bar that holds the stock exchange's opening at 09:30. The pits of metals
and energies opened between 08:20 and 09:00: one hour for all keeps a rule the same everywhere."""
SESSION_OPENS: Final = 18
"""New York hour at which a session of futures begins, the evening before its date."""

HOUR_US: Final = 3_600_000_000
"""An hour in microseconds."""


@dataclass(frozen=True, eq=False)
class DayView:
    """Arrays of one length, one entry per bar; adjusted prices.

    "Day" below is a day of trading, or a whole session (`session_of`).

    `hour`: New York's clock at the bar's start, 0 to 23. `elapsed`: hours from 18:00 to the bar's
    start by that clock, 0 to 23: rises within a day. `open`: of the day's first bar.
    `high`, `low`: extremes since the day's first bar, the current bar included.
    `first_bar`: position of the day's first bar.
    """

    hour: npt.NDArray[np.int64]
    elapsed: npt.NDArray[np.int64]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    first_bar: npt.NDArray[np.int64]

    @classmethod
    def of(cls, bars: BarArrays, first_bar: npt.NDArray[np.int64]) -> DayView:
        """Of some bars, and the position of the first bar of each one's day."""
        hour = new_york_hours(bars.bar_start_us)
        opens = bars.open + bars.adjustment
        high, low = _extremes_so_far(
            first_bar, bars.high + bars.adjustment, bars.low + bars.adjustment
        )
        return cls(hour, elapsed_at(hour), opens[first_bar], high, low, first_bar)

    def since_hour(self, values: FloatArray, hour: int) -> FloatArray:
        """The value at the day's bar that starts at `hour`, from that bar on; else NaN."""
        taken: FloatArray = _carried(self.first_bar, self.hour == hour, values)
        return taken


def day_of(prices: Prices) -> DayView:
    """The day view of these prices, computed once."""
    return prices.once("day", lambda: DayView.of(prices.bars, prices.sessions.first_bar))


def session_of(prices: Prices) -> DayView:
    """The same of whole sessions: a bank holiday's hours are the beginning of the one after it.

    For rules that hold positions overnight and count in sessions.
    """
    return prices.once("session_so_far", lambda: DayView.of(prices.bars, prices.sessions.opening))


def never(prices: Prices) -> npt.NDArray[np.bool_]:
    """False at every bar: the exit of a rule that leaves it to stop, target, time or clock."""
    return prices.once("never", lambda: np.zeros(len(prices), np.bool_))


def new_york_hours(bar_start_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """New York's hour, 0 to 23, of times in microseconds since 1970 UTC."""
    times = pl.Series(bar_start_us).cast(pl.Datetime("us", "UTC"))
    local = times.dt.convert_time_zone("America/New_York")
    return np.array(local.dt.hour(), dtype=np.int64)


def elapsed_at(hour: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Hours since 18:00 by the clock, 0 to 23."""
    elapsed: npt.NDArray[np.int64] = (hour - SESSION_OPENS) % 24
    return elapsed


@njit(cache=True)
def _extremes_so_far(
    first_bar: npt.NDArray[np.int64], high: FloatArray, low: FloatArray
) -> tuple[FloatArray, FloatArray]:
    highest, lowest = high.copy(), low.copy()
    for bar in range(len(high)):
        if first_bar[bar] != bar:
            highest[bar] = max(highest[bar - 1], high[bar])
            lowest[bar] = min(lowest[bar - 1], low[bar])
    return highest, lowest


@njit(cache=True)
def _carried(
    first_bar: npt.NDArray[np.int64], known: npt.NDArray[np.bool_], values: FloatArray
) -> FloatArray:
    carried = np.full(len(values), np.nan)
    for bar in range(len(values)):
        if known[bar]:
            carried[bar] = values[bar]
        elif first_bar[bar] != bar:
            carried[bar] = carried[bar - 1]
    return carried
