"""What happens to a position during one bar. One compiled `step`, used by backtest and live alike.

Belongs here: the order of events inside a bar, and which price each gets. Does not belong here:
signals (`rooney_core.strategies`), costs (`costs`), money (`engine`), a model's veto
(`rooney_core.decision`).

One bar of one contract, in this order:

1.  A position that is late (the bar has another flat deadline than its entry, or ends after it) is
    closed at the open: FLAT_LATE. Only missing bars can cause it. If the contract
    rolled meanwhile, the price is the held contract's: open + its adjustment - that of the contract
    held.
2.  A pending exit fills at the open, if the bar has volume; else it stays pending. At a roll this
    too is a fill in the contract held, which is left and not rolled.
    A position that goes on into a bar of the next contract is rolled at the open: the contract held
    is closed at its own price and the next one opened at the bar's. The gap between the two is no
    profit, a stop moves by it, and the roll costs two more fills. A roll shows in `adjustment`; one
    with a gap of exactly zero shows nowhere.
3.  A pending entry fills at the open if the bar has the signal's flat deadline, ends by it and has
    volume; else it lapses.
4.  A stop that the open is already beyond (a gap) fills at the open; one that the bar touches fills
    at its level: STOP. Bars without volume touch nothing. A stop set at the open can be hit in the
    same bar.
5.  If the next bar would end after the flat deadline, the position is closed at this bar's close:
    FLAT_TIME, an order by the clock, sent just before the deadline.
6.  Otherwise, at the close: an exit signal, or `max_bars` bars held (entry bar counted), orders an
    exit for the next open; when flat, an entry signal orders an entry, unless the next bar would
    end after the deadline, or this bar already brought a stop, a late close or a lapsed entry: a
    bar issues one order at the most.

After a bar whose successor would end after the deadline, everything is flat and nothing pends,
whatever happened before: that is where two histories of different length meet. Bars between two
such meetings share one deadline, of their session, or of the holiday morning that is part of it.

Prices are raw and before slippage, so costs never change which trades happen. Stops are not
rounded to ticks. `flat_deadline` is in microseconds, like all times.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.market.bars import BarArrays
from rooney_core.strategies import Signals

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class ExitReason(StrEnum):
    """Why a trade ended; the kernel's number is the position in this list, from 1."""

    SIGNAL = "SIGNAL"
    TIME = "TIME"
    STOP = "STOP"
    FLAT_TIME = "FLAT_TIME"
    FLAT_LATE = "FLAT_LATE"


REASONS: Final = (None, *ExitReason)
SIGNAL, TIME, STOP, FLAT_TIME, FLAT_LATE = 1, 2, 3, 4, 5

# What a position remembers from bar to bar ...
SIDE, PENDING_SIDE, PENDING_EXIT = 0, 1, 2
ENTRY_PRICE, HELD_ADJUSTMENT, STOP_PRICE, BARS_HELD, DEADLINE = 3, 4, 5, 6, 7
# ... and what the last bar did: sides or exit reasons, 0 for nothing.
ENTERED, EXITED, EXIT_SIDE, EXIT_PRICE, LAPSED = 8, 9, 10, 11, 12
ENTRY_ORDERED, EXIT_ORDERED = 13, 14
# Of the position held, or just closed: rolls so far, and the sum of their gaps (new - old price).
ROLLS, ROLL_GAP = 15, 16
STATE_SIZE: Final = 17


@njit(cache=True)
def is_last_before_flat(bar_start_us: int, bar_end_us: int, flat_deadline_us: int) -> bool:
    """True when a bar of equal length after this one would end after the deadline."""
    return 2 * bar_end_us - bar_start_us > flat_deadline_us


@njit(cache=True)
def step(
    state: FloatArray,
    bar_start_us: int,
    bar_end_us: int,
    flat_deadline_us: int,
    open_price: float,
    high: float,
    low: float,
    close: float,
    adjustment: float,
    volume: float,
    entry: int,
    leave: bool,
    stop_distance: float,
    max_bars: int,
) -> None:
    """Advance `state` (float64[STATE_SIZE], zeros at the start) by one bar, in place.

    `entry`, `leave` and `stop_distance` are the signals at this bar's close. A stop distance that
    is NaN or not positive means no stop.
    """
    state[ENTERED:ROLLS] = 0.0
    late = flat_deadline_us != state[DEADLINE] or bar_end_us > flat_deadline_us
    last = is_last_before_flat(bar_start_us, bar_end_us, flat_deadline_us)

    if state[SIDE] != 0.0 and late:
        _close(state, FLAT_LATE, open_price + (adjustment - state[HELD_ADJUSTMENT]))
    elif state[PENDING_EXIT] != 0.0 and volume > 0.0:
        _close(state, state[PENDING_EXIT], open_price + (adjustment - state[HELD_ADJUSTMENT]))
    elif state[SIDE] != 0.0 and adjustment != state[HELD_ADJUSTMENT]:
        _roll(state, adjustment)
    elif state[PENDING_SIDE] != 0.0:
        if late or not volume > 0.0:
            state[LAPSED] = state[PENDING_SIDE]
        else:
            state[SIDE] = state[ENTERED] = state[PENDING_SIDE]
            state[ENTRY_PRICE] = open_price
            state[HELD_ADJUSTMENT] = adjustment
            state[ROLLS] = state[ROLL_GAP] = 0.0
            # The distance becomes a level only now that the entry price is known.
            state[STOP_PRICE] = open_price - state[SIDE] * state[STOP_PRICE]
            state[BARS_HELD] = 0.0
        state[PENDING_SIDE] = 0.0

    side = state[SIDE]
    if side != 0.0:
        state[BARS_HELD] += 1.0
        stop = state[STOP_PRICE]
        worst = low if side > 0.0 else high
        if volume > 0.0 and side * (worst - stop) <= 0.0:
            _close(state, STOP, open_price if side * (open_price - stop) < 0.0 else stop)
        elif last:
            _close(state, FLAT_TIME, close)
        elif state[PENDING_EXIT] == 0.0 and (leave or state[BARS_HELD] >= max_bars):
            state[PENDING_EXIT] = state[EXIT_ORDERED] = SIGNAL if leave else TIME
    elif entry != 0 and not last and state[LAPSED] == 0.0 and state[EXITED] != FLAT_LATE:
        state[PENDING_SIDE] = state[ENTRY_ORDERED] = entry
        state[STOP_PRICE] = stop_distance if stop_distance > 0.0 else np.nan
        state[DEADLINE] = flat_deadline_us


@njit(cache=True)
def _close(state: FloatArray, reason: float, price: float) -> None:
    state[EXITED] = reason
    state[EXIT_SIDE] = state[SIDE]
    state[EXIT_PRICE] = price
    state[SIDE] = 0.0
    state[PENDING_EXIT] = 0.0


@njit(cache=True)
def _roll(state: FloatArray, adjustment: float) -> None:
    gap = state[HELD_ADJUSTMENT] - adjustment
    state[HELD_ADJUSTMENT] = adjustment
    state[STOP_PRICE] += gap
    state[ROLLS] += 1.0
    state[ROLL_GAP] += gap


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


def play(bars: BarArrays, signals: Signals) -> RoundTrips:
    """Run one contract through all bars; a trade still open at the end is left out."""
    columns = _play(*_columns(bars), *_opinions(signals))
    return RoundTrips(*columns)


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


def trace(bars: BarArrays, signals: Signals) -> BarEvents:
    """Run one contract through all bars and record each bar."""
    return BarEvents(*_trace(*_columns(bars), *_opinions(signals)))


def _columns(bars: BarArrays) -> tuple[npt.NDArray[np.generic], ...]:
    return (
        bars.bar_start_us,
        bars.bar_end_us,
        bars.flat_deadline_us,
        bars.open,
        bars.high,
        bars.low,
        bars.close,
        bars.adjustment,
        bars.volume,
    )


def _opinions(
    signals: Signals,
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_], FloatArray, int]:
    return signals.entry, signals.exit, signals.stop_distance, signals.max_bars


@njit(cache=True)
def _play(
    bar_start_us: IntArray,
    bar_end_us: IntArray,
    flat_deadline_us: IntArray,
    open_price: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    adjustment: FloatArray,
    volume: FloatArray,
    entry: npt.NDArray[np.int8],
    leave: npt.NDArray[np.bool_],
    stop_distance: FloatArray,
    max_bars: int,
) -> tuple[npt.NDArray[np.generic], ...]:
    n_bars = len(entry)
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
        if entry[bar] == 0 and state[SIDE] == 0.0 and state[PENDING_SIDE] == 0.0:
            continue
        step(
            state,
            bar_start_us[bar],
            bar_end_us[bar],
            flat_deadline_us[bar],
            open_price[bar],
            high[bar],
            low[bar],
            close[bar],
            adjustment[bar],
            volume[bar],
            np.int64(entry[bar]),
            leave[bar],
            stop_distance[bar],
            max_bars,
        )
        if state[ENTERED] != 0.0:
            entered = bar
        if state[EXITED] != 0.0:
            side[n_trades] = np.int8(state[EXIT_SIDE])
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
def _trace(
    bar_start_us: IntArray,
    bar_end_us: IntArray,
    flat_deadline_us: IntArray,
    open_price: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    adjustment: FloatArray,
    volume: FloatArray,
    entry: npt.NDArray[np.int8],
    leave: npt.NDArray[np.bool_],
    stop_distance: FloatArray,
    max_bars: int,
) -> tuple[npt.NDArray[np.int8], ...]:
    n_bars = len(entry)
    events = np.zeros((8, n_bars), np.int8)
    recorded = (ENTERED, EXITED, LAPSED, ENTRY_ORDERED, EXIT_ORDERED, EXIT_SIDE, SIDE, PENDING_EXIT)
    state = np.zeros(STATE_SIZE)
    for bar in range(n_bars):
        step(
            state,
            bar_start_us[bar],
            bar_end_us[bar],
            flat_deadline_us[bar],
            open_price[bar],
            high[bar],
            low[bar],
            close[bar],
            adjustment[bar],
            volume[bar],
            np.int64(entry[bar]),
            leave[bar],
            stop_distance[bar],
            max_bars,
        )
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
