"""Running one contract through all bars: the trades it makes, or what happened in each bar.

Belongs here: loops around `kernel.step`, and records of what it did. Does not belong here: what
happens inside a bar (`kernel`), money (`engine`), many configurations at once (`sweep`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.backtest.kernel import (
    BARS_HELD,
    ENTERED,
    ENTRY_ORDERED,
    ENTRY_PRICE,
    EXIT_ORDERED,
    EXIT_PRICE,
    EXIT_SIDE,
    EXITED,
    LAPSED,
    ORDERS,
    PENDING_EXIT,
    PENDING_SIDE,
    REASONS,
    ROLL_GAP,
    ROLLS,
    SIDE,
    STATE_SIZE,
    step,
)
from rooney_core.market.bars import BarArrays
from rooney_core.strategies import Signals

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_NONE = np.empty(0)
_EVERY = np.empty(0, np.bool_)


class RoundTrips(NamedTuple):
    """Closed trades in order, one array entry each; prices before slippage, of the held contract.

    A trade that rolled entered in one contract and left in another: `rolls` counts, and `roll_gap`
    is the sum of new minus old price, which is in exit_price - entry_price and is no profit.
    Indices count bars: of the signal, of the entry fill, of the exit fill. `n_bars` is the number
    of bars held: up to the bar before an exit at the open, or up to the exit's own bar otherwise.
    """

    side: npt.NDArray[np.int8]
    signal_index: IntArray
    entry_index: IntArray
    exit_index: IntArray
    entry_price: FloatArray
    exit_price: FloatArray
    reason: npt.NDArray[np.int8]
    n_bars: IntArray
    rolls: IntArray
    roll_gap: FloatArray

    @property
    def exit_reason(self) -> list[str]:
        """The reasons in words."""
        return [str(REASONS[number]) for number in self.reason]


class BarEvents(NamedTuple):
    """What `step` did in each bar, for decisions in batch; sides or reason numbers, 0 for nothing.

    `held` and `exit_pending` are as of the bar's end.
    """

    entered: npt.NDArray[np.int8]
    exited: npt.NDArray[np.int8]
    lapsed: npt.NDArray[np.int8]
    entry_ordered: npt.NDArray[np.int8]
    exit_ordered: npt.NDArray[np.int8]
    exit_side: npt.NDArray[np.int8]
    held: npt.NDArray[np.int8]
    exit_pending: npt.NDArray[np.int8]


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
    """Signals as `step` takes them; an array of length 0 stands for None."""

    entry: npt.NDArray[np.int8]
    leave: npt.NDArray[np.bool_]
    decides: npt.NDArray[np.bool_]
    stop_distance: FloatArray
    target_distance: FloatArray
    target_level: FloatArray
    trail_distance: FloatArray
    entry_level: FloatArray
    order: int
    max_bars: int
    overnight: bool


def columns_of(bars: BarArrays) -> Columns:
    """The arrays of the bars that `step` needs."""
    return Columns(*(getattr(bars, one) for one in Columns._fields))


def opinions_of(signals: Signals) -> Opinions:
    """The signals for compiled loops."""
    return Opinions(
        signals.entry,
        signals.exit,
        _EVERY if signals.decides is None else signals.decides,
        _or_none(signals.stop_distance),
        _or_none(signals.target_distance),
        _or_none(signals.target_level),
        _or_none(signals.trail_distance),
        _or_none(signals.entry_level),
        ORDERS.index(signals.order),
        signals.max_bars,
        signals.overnight,
    )


def play(bars: BarArrays, signals: Signals) -> RoundTrips:
    """Run one contract through all bars; a trade still open at the end is left out."""
    return RoundTrips(*_play(columns_of(bars), opinions_of(signals)))


def trace(bars: BarArrays, signals: Signals) -> BarEvents:
    """Run one contract through all bars and record each bar."""
    return BarEvents(*_trace(columns_of(bars), opinions_of(signals)))


def _or_none(values: FloatArray | None) -> FloatArray:
    return _NONE if values is None else values


@njit(cache=True)
def _at(values: FloatArray, bar: int) -> float:
    return values[bar] if len(values) else np.nan


@njit(cache=True)
def step_at(state: FloatArray, bars: Columns, signals: Opinions, bar: int) -> None:
    """`step` with bar and signals number `bar`."""
    step(
        state,
        bars.bar_start_us[bar],
        bars.bar_end_us[bar],
        bars.flat_deadline_us[bar],
        bars.open[bar],
        bars.high[bar],
        bars.low[bar],
        bars.close[bar],
        bars.adjustment[bar],
        bars.volume[bar],
        np.int64(signals.entry[bar]),
        signals.leave[bar],
        signals.decides[bar] if len(signals.decides) else True,
        _at(signals.stop_distance, bar),
        _at(signals.target_distance, bar),
        _at(signals.target_level, bar),
        _at(signals.trail_distance, bar),
        _at(signals.entry_level, bar),
        signals.order,
        signals.max_bars,
        signals.overnight,
    )


@njit(cache=True)
def _play(bars: Columns, signals: Opinions) -> tuple[npt.NDArray[np.generic], ...]:
    n_bars = len(signals.entry)
    side = np.empty(n_bars, np.int8)
    signal_index, entry_index = np.empty(n_bars, np.int64), np.empty(n_bars, np.int64)
    exit_index, held = np.empty(n_bars, np.int64), np.empty(n_bars, np.int64)
    entry_price, exit_price = np.empty(n_bars), np.empty(n_bars)
    reason = np.empty(n_bars, np.int8)
    rolls, roll_gap = np.empty(n_bars, np.int64), np.empty(n_bars)
    n_trades, signalled, entered = 0, 0, 0
    state = np.zeros(STATE_SIZE)
    for bar in range(n_bars):
        # Nothing held, nothing pending, nothing to order: `step` would change nothing.
        if signals.entry[bar] == 0 and state[SIDE] == 0.0 and state[PENDING_SIDE] == 0.0:
            continue
        step_at(state, bars, signals, bar)
        if state[ENTERED] != 0.0:
            entered = bar
        if state[EXITED] != 0.0:
            side[n_trades] = np.int8(state[EXIT_SIDE])
            # A bar that fills an order gives none, so the last signal is still the trade's own.
            signal_index[n_trades] = signalled
            entry_index[n_trades] = entered
            exit_index[n_trades] = bar
            entry_price[n_trades] = state[ENTRY_PRICE]
            exit_price[n_trades] = state[EXIT_PRICE]
            reason[n_trades] = np.int8(state[EXITED])
            held[n_trades] = np.int64(state[BARS_HELD])
            rolls[n_trades] = np.int64(state[ROLLS])
            roll_gap[n_trades] = state[ROLL_GAP]
            n_trades += 1
        if state[ENTRY_ORDERED] != 0.0:
            signalled = bar
    return (
        side[:n_trades],
        signal_index[:n_trades],
        entry_index[:n_trades],
        exit_index[:n_trades],
        entry_price[:n_trades],
        exit_price[:n_trades],
        reason[:n_trades],
        held[:n_trades],
        rolls[:n_trades],
        roll_gap[:n_trades],
    )


@njit(cache=True)
def _trace(bars: Columns, signals: Opinions) -> tuple[npt.NDArray[np.int8], ...]:
    n_bars = len(signals.entry)
    events = np.zeros((8, n_bars), np.int8)
    recorded = (ENTERED, EXITED, LAPSED, ENTRY_ORDERED, EXIT_ORDERED, EXIT_SIDE, SIDE, PENDING_EXIT)
    state = np.zeros(STATE_SIZE)
    for bar in range(n_bars):
        step_at(state, bars, signals, bar)
        for row in range(8):
            events[row, bar] = np.int8(state[recorded[row]])
    return (
        events[0],
        events[1],
        events[2],
        events[3],
        events[4],
        events[5],
        events[6],
        events[7],
    )
