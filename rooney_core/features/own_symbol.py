"""The own-symbol features of some bars: one compiled row function, for batch and live.

Belongs here: the row, family after family, in the order of `declarations.py`. Does not belong here:
the arithmetic of a family (`own_symbol_windows.py`, `own_symbol_sessions.py`), names and meanings
(`declarations.py`), validation (`compute.py`).
"""

from __future__ import annotations

from operator import attrgetter
from typing import Final

import numpy as np
import numpy.typing as npt

from rooney_core.features.declarations import MAX_LOOKBACK
from rooney_core.features.own_symbol_columns import (
    Bars,
    Floats,
    Integers,
    columns_of,
    compiled,
)
from rooney_core.features.own_symbol_sessions import (
    first_bar,
    previous_range,
    previous_return,
    progress,
    strength_of,
    this_session,
    weekday,
)
from rooney_core.features.own_symbol_windows import (
    LONGEST_AVERAGE,
    SHORT_BARS,
    averages,
    deviations,
    efficiency,
    extremes,
    mean_range,
    moved,
    ranges,
    scale,
    strength_index,
    strengths,
    volumes,
)
from rooney_core.market.bars import BarArrays


def fill_own(bars: BarArrays, rows: Integers, out: Floats) -> None:
    """Write the own-symbol features of bars `rows` into the first columns of out f8[len(rows), k].

    k is at least len(FEATURES). Rows must lie inside the bars: nothing is checked here.
    """
    if len(rows):
        fill_rows(rows, out, *_COLUMNS(bars))


_COLUMNS: Final = attrgetter(*Bars._fields)
"""Handing over a dozen arrays takes as long as the row itself; a tuple of them takes twice that."""


@compiled
def fill_rows(
    rows: Integers,
    out: Floats,
    bar_start_us: Integers,
    bar_end_us: Integers,
    session_open_us: Integers,
    session_close_us: Integers,
    session: npt.NDArray[np.int32],
    open_: Floats,
    high: Floats,
    low: Floats,
    close: Floats,
    adjustment: Floats,
    volume: Floats,
    exchange_hour: Floats,
    last_safe_day: Floats,
) -> None:
    """`fill_own` of one row or more; the columns are those of `Bars`, in its order."""
    # No bar before the first lookback is touched: a row at the end of a history is cheap.
    begins, end = max(0, rows.min() - MAX_LOOKBACK + 1), rows.max() + 1
    bars = Bars(
        bar_start_us[begins:end],
        bar_end_us[begins:end],
        session_open_us[begins:end],
        session_close_us[begins:end],
        session[begins:end],
        open_[begins:end],
        high[begins:end],
        low[begins:end],
        close[begins:end],
        adjustment[begins:end],
        volume[begins:end],
        exchange_hour[begins:end],
        last_safe_day[begins:end],
    )
    _fill(bars, rows - begins, out)


@compiled
def _fill(bars: Bars, rows: Integers, out: Floats) -> None:
    columns = columns_of(bars)
    # Taken out of their tuples once: doing it in every row costs more than the arithmetic.
    open_, high, low, close = bars.open, bars.high, bars.low, bars.close
    adjustment, volume, session = bars.adjustment, bars.volume, bars.session
    end_us, opens_us, closes_us = bars.bar_end_us, bars.session_open_us, bars.session_close_us
    hour, last_safe_day = bars.exchange_hour, bars.last_safe_day
    spread, ibs, change, atr = columns.spread, columns.ibs, columns.change, columns.atr
    begin, hour_before, steady = columns.begin, columns.hour_before, columns.steady
    session_high, session_low = columns.session_high, columns.session_low
    offsets = np.empty(LONGEST_AVERAGE)
    for row in range(len(rows)):
        t = rows[row]
        price, unit = scale(t, close), mean_range(t, spread)
        first = first_bar(t, t, begin)
        before = first - 1 if first > 0 else -1
        first_before = first_bar(t, before, begin)
        # Compiled code adds tuples of fixed length, and cannot unpack them into one.
        values = (
            strengths(t, ibs)
            + ranges(t, spread, atr, unit, price)
            + (strength_index(t, 2, change), strength_index(t, 14, change))
            + volumes(t, volume, hour_before)
            + (
                moved(t, 1, close, adjustment, price),
                moved(t, 2, close, adjustment, price),
                moved(t, 5, close, adjustment, price),
                moved(t, 10, close, adjustment, price),
                moved(t, 23, close, adjustment, price),
                moved(t, 46, close, adjustment, price),
                moved(t, 115, close, adjustment, price),
            )
            + averages(t, steady[t], close, adjustment, unit, price, offsets)
            + extremes(t, steady[t], high, low, close, adjustment, unit)
            + deviations(t, change, price)
            + (efficiency(t, SHORT_BARS, change),)
            + this_session(t, first, open_, close, adjustment, unit)
            + (
                strength_of(first, t, session_high, session_low, close),
                previous_return(first_before, before, open_, close, adjustment, price),
                strength_of(first_before, before, session_high, session_low, close),
                previous_range(first_before, before, session_high, session_low, unit),
                hour[t],
                weekday(session[t]),
                progress(end_us[t], opens_us[t], closes_us[t]),
                last_safe_day[t] - session[t],
            )
        )
        for k in range(len(values)):
            out[row, k] = values[k]
