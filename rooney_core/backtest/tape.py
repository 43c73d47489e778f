"""Bars and signals as compiled loops take them, and what can be known of the bars beforehand.

Belongs here: packing arrays, and facts of the bars that every configuration would otherwise find
out anew. Does not belong here: what happens to a position (`kernel`), loops over bars (`play`).
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from rooney_core.backtest.compiled import njit_across_files
from rooney_core.backtest.kernel import ORDERS, FloatArray, is_last_before_flat
from rooney_core.market.bars import BarArrays
from rooney_core.strategies import Signals

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Number = TypeVar("Number", bound=np.generic)
_NONE = np.empty(0)
_EVERY = np.empty(0, np.bool_)

# Bits of `Tape.flags`: what becomes of an order given at the bar's close (neither: there is no next
# bar, or it would end after the flat deadline), whether a position entered at this bar is closed
# by the clock at an open, late, and whether the bar traded.
FILLS, LAPSES, CLOSES_LATE, TRADED = 1, 2, 4, 8


class Columns(NamedTuple):
    """Bars as `step` takes them."""

    bar_start_us: IntArray
    bar_end_us: IntArray
    flat_deadline_us: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    adjustment: FloatArray
    volume: FloatArray


class Opinions(NamedTuple):
    """Signals as `step` takes them; an array of length 0 stands for None.

    `entry_bits`, `leave_bits`: where `entry` and `leave` are not 0, bar 0 in the lowest bit.
    `decision_bars`: the positions that `decides` marks.
    """

    entry: npt.NDArray[np.int8]
    leave: BoolArray
    entry_bits: npt.NDArray[np.uint64]
    leave_bits: npt.NDArray[np.uint64]
    decides: BoolArray
    decision_bars: IntArray
    stop_distance: FloatArray
    target_distance: FloatArray
    target_level: FloatArray
    trail_distance: FloatArray
    entry_level: FloatArray
    order: int
    max_bars: int
    overnight: bool


class Tape(NamedTuple):
    """What is known of the bars before any signal. Small types: a sweep reads it again and again.

    `flags`: bits, one byte per bar. `forced`: the bar by which the clock closes a position entered
    at this bar, len(bars) for never. `columns.adjustment` is that of the contract which a position
    is in after the bar (see `held_adjustment`), and `roll_bars` are those at which it changes.
    """

    columns: Columns
    flags: npt.NDArray[np.uint8]
    forced: npt.NDArray[np.int32]
    roll_bars: IntArray


def columns_of(bars: BarArrays) -> Columns:
    """The arrays of the bars that `step` needs."""
    return Columns(*(getattr(bars, one) for one in Columns._fields))


def tape_of(bars: BarArrays, *, overnight: bool) -> Tape:
    """The tape for rules that are flat by the deadline, or for those that may hold `overnight`."""
    columns = columns_of(bars)._replace(adjustment=held_adjustment(bars))
    flags, forced = _look_ahead(columns, overnight)
    return Tape(columns, flags, forced, roll_bars_of(bars))


def held_adjustment(bars: BarArrays) -> FloatArray:
    """Of each bar, the adjustment of the last bar up to it that had volume.

    Without volume nothing rolls: a position stays in its contract until the first bar with some.
    """
    if (bars.volume > 0.0).all():
        return bars.adjustment
    traded = np.where(bars.volume > 0.0, np.arange(len(bars)), 0)
    return bars.adjustment[np.maximum.accumulate(traded)]


def roll_bars_of(bars: BarArrays) -> IntArray:
    """Bars at whose open a position is rolled into another contract."""
    held = held_adjustment(bars)
    return np.flatnonzero(np.diff(held, prepend=held[:1]))


def opinions_of(signals: Signals, decision_bars: IntArray | None = None) -> Opinions:
    """The signals for compiled loops; `decision_bars`, where the caller knows them already."""
    decides = _EVERY if signals.decides is None else _plain(signals.decides)
    return Opinions(
        _plain(signals.entry),
        _plain(signals.exit),
        _bits(signals.entry != 0),
        _bits(signals.exit),
        decides,
        np.flatnonzero(decides) if decision_bars is None else decision_bars,
        _or_none(signals.stop_distance),
        _or_none(signals.target_distance),
        _or_none(signals.target_level),
        _or_none(signals.trail_distance),
        _or_none(signals.entry_level),
        ORDERS.index(signals.order),
        signals.max_bars,
        signals.overnight,
    )


def _bits(flags: BoolArray) -> npt.NDArray[np.uint64]:
    packed = np.packbits(flags, bitorder="little")
    bits = np.zeros(len(flags) // 64 + 1, "<u8")
    bits.view(np.uint8)[: len(packed)] = packed
    return bits


def _or_none(values: FloatArray | None) -> FloatArray:
    return _NONE if values is None else _plain(values)


def _plain(values: npt.NDArray[Number]) -> npt.NDArray[Number]:
    # numba takes a read-only or strided view for another type and compiles everything anew.
    is_plain = values.flags.c_contiguous and values.flags.writeable
    return values if is_plain else np.array(values)


@njit_across_files
def _look_ahead(
    bars: Columns, overnight: bool
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    n = len(bars.open)
    flags, forced = np.zeros(n, np.uint8), np.full(n, n, np.int32)
    # The first bar with volume after the current one, and before it in this direction.
    next_traded, traded_here = n, n
    for bar in range(n - 1, -1, -1):
        next_traded = traded_here
        if bars.volume[bar] > 0.0:
            flags[bar] |= TRADED
            traded_here = bar
        if not overnight and is_last_before_flat(
            bars.bar_start_us[bar], bars.bar_end_us[bar], bars.flat_deadline_us[bar]
        ):
            # Without volume nothing can be closed here: late, where something trades again.
            forced[bar] = bar if flags[bar] & TRADED else next_traded
            flags[bar] |= 0 if flags[bar] & TRADED else CLOSES_LATE
            continue
        if bar + 1 == n:
            continue
        late_next = not overnight and (
            bars.flat_deadline_us[bar + 1] != bars.flat_deadline_us[bar]
            or bars.bar_end_us[bar + 1] > bars.flat_deadline_us[bar + 1]
        )
        if late_next:
            forced[bar] = next_traded
            flags[bar] |= CLOSES_LATE
        else:
            forced[bar] = forced[bar + 1]
            flags[bar] |= flags[bar + 1] & CLOSES_LATE
        flags[bar] |= FILLS if bars.volume[bar + 1] > 0.0 and not late_next else LAPSES
    return flags, forced
