"""Real bars, made worse: other moves, jumps between bars, bars that are missing or late.

Belongs here: bars in, bars out. Does not belong here: what is decided on them (`replay`), paths
without a real bar behind them (`paths`).
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.gates.stress.report import FloatArray
from rooney_core.market.bars import BarArrays

PRICES: Final = ("open", "high", "low", "close")
FLOOR_SHARE: Final = 0.01
"""Of the median price: below it moves are no longer in proportion to the price, which may be 0."""


def moved(bars: BarArrays, factor: FloatArray, jump: FloatArray) -> BarArrays:
    """The bars with each one's moves multiplied, and jumps before its open.

    `factor` f8[n]: on the moves of a bar from the close before, as fractions of the price. `jump`
    f8[n]: quote units at the real price level, added between the close before and the open. Later
    bars move by the same fractions from the new level. Gaps of rolls, times and volume stay; bars
    before the first factor other than 1 or jump other than 0 keep their bits.
    """
    floor = FLOOR_SHARE * float(np.median(np.abs(bars.close)))
    opened, high, low, close = _moved(
        *(getattr(bars, name) for name in PRICES), bars.adjustment, factor, jump, floor
    )
    return replace(bars, open=opened, high=high, low=low, close=close)


@njit(cache=True)
def _moved(
    opened: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    adjustment: FloatArray,
    factor: FloatArray,
    jump: FloatArray,
    floor: float,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    new_open, new_high = opened.copy(), high.copy()
    new_low, new_close = low.copy(), close.copy()
    is_moved = False
    for bar in range(1, len(close)):
        is_moved = is_moved or factor[bar] != 1.0 or jump[bar] != 0.0
        if not is_moved:
            continue
        before, new_before = close[bar - 1], new_close[bar - 1]
        roll = adjustment[bar - 1] - adjustment[bar]
        level = max(abs(new_before), floor) / max(abs(before), floor)
        base = new_before + roll + jump[bar] * level
        scale = factor[bar] * level
        new_open[bar] = base + scale * (opened[bar] - before - roll)
        new_high[bar] = base + scale * (high[bar] - before - roll)
        new_low[bar] = base + scale * (low[bar] - before - roll)
        new_close[bar] = base + scale * (close[bar] - before - roll)
    return new_open, new_high, new_low, new_close


def without(bars: BarArrays, missing: npt.NDArray[np.bool_]) -> BarArrays:
    """The bars but for those that are `missing`, bool[n]."""
    return BarArrays(*(getattr(bars, one.name)[~missing] for one in fields(bars)))


def arriving_late(bars: BarArrays, late: npt.NDArray[np.bool_]) -> BarArrays:
    """The bars, each `late` one, bool[n], delivered together with the next as one longer bar.

    What is late cannot be decided on at its end; it is part of what the next one shows. A late bar
    stays on its own where its successor is of another session, or late too, or of another contract.
    """
    joins = late.copy()
    joins[-1] = False
    joins[:-1] &= ~late[1:]
    joins[:-1] &= (bars.session[1:] == bars.session[:-1]) & (
        bars.adjustment[1:] == bars.adjustment[:-1]
    )
    first = np.flatnonzero(joins)
    then = first + 1
    columns = {one.name: getattr(bars, one.name).copy() for one in fields(bars)}
    for name in ("bar_start_us", "open", "exchange_hour"):
        columns[name][then] = columns[name][first]
    columns["high"][then] = np.maximum(bars.high[first], bars.high[then])
    columns["low"][then] = np.minimum(bars.low[first], bars.low[then])
    columns["volume"][then] = bars.volume[first] + bars.volume[then]
    return without(BarArrays(**columns), joins)
