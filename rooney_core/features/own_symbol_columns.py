"""What the own-symbol features share, once per bar: changes, ranges, and where a session began.

Belongs here: the bars as a compiled tuple, and values of a bar that many later rows read. Does not
belong here: features (`own_symbol.py`).

A value of a bar depends on a bounded number of bars before it, never on where the array begins: a
feature of bar t that reads it counts those bars in its lookback. Only the session's columns reach
back to the first bar of the array; who reads them checks with `Columns.begin` that it was not cut.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from rooney_core.backtest.compiled import across_files
from rooney_core.market.adjustment import DIGITS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

compiled = across_files(error_model="numpy")
"""How own-symbol code is compiled: no check of each division, whoever divides looks before."""
inlined = across_files(error_model="numpy", forceinline=True)
"""The same for what a row calls. Inlined, its windows cost no count of references in every row."""

ATR_BARS: Final = 14
_UNITS: Final = 10.0**DIGITS
_HOUR_US: Final = 3_600_000_000
_DAY_HOURS: Final = 24


class Bars(NamedTuple):
    """Columns of BarArrays that own-symbol features read, as one value for compiled code."""

    bar_start_us: Integers
    bar_end_us: Integers
    session_open_us: Integers
    session_close_us: Integers
    session: npt.NDArray[np.int32]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    adjustment: Floats
    volume: Floats
    exchange_hour: Floats
    last_safe_day: Floats


class Columns(NamedTuple):
    """One value per bar, in quote units of the bar's own contract where it is a price.

    `spread`: high - low. `ibs`: 0.5 without range. `change`: of the close, from the bar before;
    `true_range`: with the close before; both NaN at bar 0. `atr`: mean of `ATR_BARS` true ranges,
    NaN before. `session_high`, `session_low`: of the session up to the bar. `begin`: index of the
    first bar of the session; 0 says that it may have been cut. `hour_before`: index of the last
    bar in the same hour of an earlier day, -1 where none is there. `steady`: index of the first bar
    of those up to this one that have one adjustment.
    """

    spread: Floats
    ibs: Floats
    change: Floats
    true_range: Floats
    atr: Floats
    session_high: Floats
    session_low: Floats
    begin: Integers
    hour_before: Integers
    steady: Integers


@inlined
def gap(adjustment: Floats, i: int, t: int) -> float:
    """What the prices of bar i gain in terms of bar t's contract, to `DIGITS` decimals.

    Adjustments are sums over all later rolls: their difference has dust that a roll after t
    changes, and what was computed on the day of t would not be found again.
    """
    away = adjustment[i] - adjustment[t]
    return float(np.rint(away * _UNITS) / _UNITS) if away != 0.0 else 0.0


@compiled
def columns_of(bars: Bars) -> Columns:
    """The shared columns of these bars."""
    n = len(bars.close)
    # Two blocks of memory instead of nine: for one live window their making would count.
    prices, marks = np.empty((7, n)), np.empty((3, n), np.int64)
    columns = Columns(
        spread=prices[0],
        ibs=prices[1],
        change=prices[2],
        true_range=prices[3],
        atr=prices[4],
        session_high=prices[5],
        session_low=prices[6],
        begin=marks[0],
        hour_before=marks[1],
        steady=marks[2],
    )
    _fill_moves(bars, columns)
    _fill_atr(columns.true_range, columns.atr)
    _fill_sessions(bars, columns)
    return columns


@compiled
def _fill_moves(bars: Bars, columns: Columns) -> None:
    high, low, close, adjustment = bars.high, bars.low, bars.close, bars.adjustment
    spread, ibs, steady = columns.spread, columns.ibs, columns.steady
    change, true_range = columns.change, columns.true_range
    for i in range(len(close)):
        spread[i] = high[i] - low[i]
        ibs[i] = (close[i] - low[i]) / spread[i] if spread[i] != 0.0 else 0.5
    change[:1] = math.nan
    true_range[:1] = math.nan
    steady[:1] = 0
    for i in range(1, len(close)):
        # The close before in terms of this bar's contract; exact where the contract stays.
        before = close[i - 1] + gap(adjustment, i - 1, i)
        steady[i] = steady[i - 1] if adjustment[i] == adjustment[i - 1] else i
        change[i] = close[i] - before
        true_range[i] = max(high[i], before) - min(low[i], before)


@compiled
def _fill_atr(true_range: Floats, atr: Floats) -> None:
    atr[:ATR_BARS] = math.nan
    for i in range(ATR_BARS, len(atr)):
        window = true_range[i - ATR_BARS + 1 : i + 1]
        total = 0.0
        for k in range(ATR_BARS):
            total += window[k]
        atr[i] = total / ATR_BARS


@compiled
def _fill_sessions(bars: Bars, columns: Columns) -> None:
    high, low, adjustment, session = bars.high, bars.low, bars.adjustment, bars.session
    start_us, open_us = bars.bar_start_us, bars.session_open_us
    begin, hour_before = columns.begin, columns.hour_before
    session_high, session_low = columns.session_high, columns.session_low
    last_seen = np.full(_DAY_HOURS, -1)
    for i in range(len(session)):
        hour = (start_us[i] - open_us[i]) // _HOUR_US % _DAY_HOURS
        hour_before[i] = last_seen[hour]
        last_seen[hour] = i
        if i == 0 or session[i] != session[i - 1]:
            begin[i], session_high[i], session_low[i] = i, high[i], low[i]
        else:
            moved = gap(adjustment, i - 1, i)
            begin[i] = begin[i - 1]
            session_high[i] = max(session_high[i - 1] + moved, high[i])
            session_low[i] = min(session_low[i - 1] + moved, low[i])
