"""Running one contract through all bars: the trades it makes, or what happened in each bar.

Belongs here: loops over bars, and records of what happened. Does not belong here: what happens
inside a bar (`kernel`), money (`accounts`), many configurations at once (`sweep`).

Trades are not found bar by bar with `kernel.step`, but in jumps, from a signal to the exit and on
to the next signal: the same bits, many times faster. `trace` does step through every bar.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from rooney_core.backtest.compiled import njit_across_files
from rooney_core.backtest.kernel import (
    ENTERED,
    ENTRY_ORDERED,
    EXIT_ORDERED,
    EXIT_SIDE,
    EXITED,
    FLAT_LATE,
    FLAT_TIME,
    LAPSED,
    MARKET,
    PENDING_EXIT,
    REASONS,
    SIDE,
    SIGNAL,
    STATE_SIZE,
    TIME,
    FloatArray,
    entry_price,
    gap_between,
    is_inside,
    nearer_target,
    positive,
    protection,
    raw_level,
    step,
)
from rooney_core.backtest.tape import (
    CLOSES_LATE,
    FILLS,
    LAPSES,
    TRADED,
    Columns,
    IntArray,
    Opinions,
    Tape,
    columns_of,
    opinions_of,
    tape_of,
)
from rooney_core.market.bars import BarArrays
from rooney_core.strategies import Signals

# Exits that fill at a bar's open; all others happen within their bar.
AT_THE_OPEN = (SIGNAL, TIME, FLAT_LATE)


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


class TripBuffer(NamedTuple):
    """Room for trades as compiled loops write them; signals are one bar before the entries."""

    side: npt.NDArray[np.int8]
    entry_index: IntArray
    exit_index: IntArray
    entry_price: FloatArray
    exit_price: FloatArray
    reason: npt.NDArray[np.int8]
    rolls: IntArray
    roll_gap: FloatArray

    @classmethod
    def of_size(cls, n_trades: int) -> TripBuffer:
        """Room for so many trades; there are fewer of them than bars."""
        return cls(
            side=np.empty(n_trades, np.int8),
            entry_index=np.empty(n_trades, np.int64),
            exit_index=np.empty(n_trades, np.int64),
            entry_price=np.empty(n_trades),
            exit_price=np.empty(n_trades),
            reason=np.empty(n_trades, np.int8),
            rolls=np.empty(n_trades, np.int64),
            roll_gap=np.empty(n_trades),
        )


def new_cursor() -> IntArray:
    """Where `find_trips` is before the first bar: next bar, decision and roll."""
    return np.zeros(3, np.int64)


def play(bars: BarArrays, signals: Signals) -> RoundTrips:
    """Run one contract through all bars; a trade still open at the end is left out."""
    found = TripBuffer.of_size(len(bars))
    tape = tape_of(bars, overnight=signals.overnight)
    n_trades = find_trips(tape, opinions_of(signals), new_cursor(), found)
    of_trades = {name: getattr(found, name)[:n_trades].copy() for name in TripBuffer._fields}
    at_open = np.isin(of_trades["reason"], AT_THE_OPEN)
    held = of_trades["exit_index"] - of_trades["entry_index"] + ~at_open
    return RoundTrips(signal_index=of_trades["entry_index"] - 1, n_bars=held, **of_trades)


def trace(bars: BarArrays, signals: Signals) -> BarEvents:
    """Run one contract through all bars and record each bar."""
    return BarEvents(*_trace(columns_of(bars), opinions_of(signals)))


@njit_across_files
def _at(values: FloatArray, bar: int) -> float:
    return values[bar] if len(values) else np.nan


@njit_across_files
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


@njit_across_files
def find_trips(tape: Tape, signals: Opinions, cursor: IntArray, trips: TripBuffer) -> int:
    """Write closed trades to `trips` until it is full or the bars end; returns their number.

    `cursor` moves along: called again after a full buffer, it goes on where it was.
    """
    # Bound once: taking an array out of a tuple counts references, which costs more than a bar.
    flags_of, forced_of, roll_bars = tape.flags, tape.forced, tape.roll_bars
    opens, highs, lows = tape.columns.open, tape.columns.high, tape.columns.low
    closes, adjustment = tape.columns.close, tape.columns.adjustment
    entry, leave, decision_bars = signals.entry, signals.leave, signals.decision_bars
    entries, leaves = signals.entry_bits, signals.leave_bits
    sides, entry_index, exit_index = trips.side, trips.entry_index, trips.exit_index
    entry_prices, exit_prices, reasons = trips.entry_price, trips.exit_price, trips.reason
    rolls_of, roll_gaps = trips.rolls, trips.roll_gap
    n_bars, max_bars, is_counted = len(entry), signals.max_bars, len(signals.decides) > 0
    is_market = signals.order == MARKET
    is_protected = (
        len(signals.stop_distance) > 0
        or len(signals.target_distance) > 0
        or len(signals.target_level) > 0
        or len(signals.trail_distance) > 0
    )
    bar, decision, roll = cursor
    n_trades = 0
    while n_trades < len(sides):
        bar = _next_set(entries, bar, n_bars)
        if bar >= n_bars - 1:
            bar = n_bars
            break
        flags = flags_of[bar]
        entered, side = bar + 1, float(entry[bar])
        price, level = opens[entered], np.nan
        if not is_market:
            level = raw_level(_at(signals.entry_level, bar), adjustment[entered])
            if flags & FILLS:
                price = entry_price(
                    signals.order, side, level, price, highs[entered], lows[entered]
                )
            if not flags & FILLS or np.isnan(level) or np.isnan(price):
                bar += 1
                continue
        elif not flags & FILLS:
            # During the bar in which an order lapsed, none is given.
            bar += 2 if flags & LAPSES else 1
            continue
        # The bar whose close ends the position by time, and the bar that ends it by the clock.
        timed = entered + max_bars - 1
        if is_counted:
            while decision < len(decision_bars) and decision_bars[decision] < entered:
                decision += 1
            last_decision = decision + max_bars - 1
            timed = decision_bars[last_decision] if last_decision < len(decision_bars) else n_bars
        forced = int(forced_of[entered])
        is_late = flags_of[entered] & CLOSES_LATE != 0
        # The bar whose close orders the exit, and the bar whose open it fills at.
        ordered = _next_set(leaves, entered, min(timed, forced))
        reason, left = TIME, n_bars
        if ordered < forced:
            reason = SIGNAL if leave[ordered] else TIME
            left = ordered + 1
            while left < n_bars and not flags_of[left] & TRADED:
                left += 1
        if left > forced or (left == forced and is_late):
            left, reason = forced, FLAT_LATE if is_late else FLAT_TIME
        while roll < len(roll_bars) and roll_bars[roll] <= entered:
            roll += 1
        out = np.nan
        if is_protected:
            inside = is_inside(signals.order, level, price, opens[entered])
            target = nearer_target(
                side,
                price + side * positive(_at(signals.target_distance, bar)),
                raw_level(_at(signals.target_level, bar), adjustment[entered]),
            )
            stop = price - side * positive(_at(signals.stop_distance, bar))
            # An exit at an open comes before anything else in its bar, one at the close after it.
            last = left if reason == FLAT_TIME else left - 1
            trail = positive(_at(signals.trail_distance, bar))
            hit, why, out = _protected_until(
                tape, entered, side, price, inside, stop, target, trail, last, roll
            )
            if why:
                left, reason = hit, why
        if left >= n_bars:
            bar = n_bars
            break
        at_open = reason in AT_THE_OPEN
        rolls, gap = 0, 0.0
        while roll < len(roll_bars) and roll_bars[roll] <= left - at_open:
            gap += gap_between(adjustment[roll_bars[roll] - 1], adjustment[roll_bars[roll]])
            rolls += 1
            roll += 1
        if at_open:
            out = opens[left]
            if roll < len(roll_bars) and roll_bars[roll] == left:
                # The position held is of the contract of the bar before.
                out -= gap_between(adjustment[left - 1], adjustment[left])
        elif reason == FLAT_TIME:
            out = closes[left]
        sides[n_trades] = entry[bar]
        entry_index[n_trades], exit_index[n_trades] = entered, left
        entry_prices[n_trades], exit_prices[n_trades] = price, out
        reasons[n_trades] = reason
        rolls_of[n_trades], roll_gaps[n_trades] = rolls, gap
        n_trades += 1
        # An exit that was ordered makes room for the entry signal of the bar that it fills in.
        bar = left if reason in (SIGNAL, TIME) else left + 1
    cursor[0], cursor[1], cursor[2] = bar, decision, roll
    return n_trades


@njit_across_files
def _protected_until(
    tape: Tape,
    entered: int,
    side: float,
    price: float,
    inside: bool,
    stop: float,
    target: float,
    trail_distance: float,
    last: int,
    next_roll: int,
) -> tuple[int, int, float]:
    """Bar, reason and price of the first stop or target up to bar `last`; reason 0 for none."""
    opens, highs, lows = tape.columns.open, tape.columns.high, tape.columns.low
    closes, adjustment = tape.columns.close, tape.columns.adjustment
    flags, roll_bars = tape.flags, tape.roll_bars
    roll, best_close, trail = next_roll, price, price - side * trail_distance
    is_trailing = not np.isnan(trail_distance)
    tighter = trail if np.isnan(stop) or side * (trail - stop) > 0.0 else stop
    for bar in range(entered, min(last + 1, len(opens))):
        if roll < len(roll_bars) and bar == roll_bars[roll]:
            gap = gap_between(adjustment[bar - 1], adjustment[bar])
            stop, target, best_close = stop + gap, target + gap, best_close + gap
            roll += 1
            trail = best_close - side * trail_distance
            tighter = trail if np.isnan(stop) or side * (trail - stop) > 0.0 else stop
        worst, best = (lows[bar], highs[bar]) if side > 0.0 else (highs[bar], lows[bar])
        # A look before the rules are asked: most bars reach neither.
        is_reached = side * (worst - tighter) <= 0.0 or side * (best - target) > 0.0
        if is_reached and flags[bar] & TRADED:
            reason, out = protection(
                side,
                stop,
                trail,
                target,
                opens[bar],
                highs[bar],
                lows[bar],
                closes[bar],
                inside and bar == entered,
            )
            if reason:
                return bar, reason, out
        if is_trailing and flags[bar] & TRADED and side * (closes[bar] - best_close) > 0.0:
            best_close = closes[bar]
            trail = best_close - side * trail_distance
            tighter = trail if np.isnan(stop) or side * (trail - stop) > 0.0 else stop
    return last, 0, np.nan


@intrinsic
def _trailing_zeros(typing_context: Any, word: Any) -> Any:
    """Zeros below the lowest bit of a uint64 that is not 0: one machine instruction."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.true_bit)

    return types.int64(types.uint64), generate


@njit_across_files
def _next_set(bits: npt.NDArray[np.uint64], start: int, stop: int) -> int:
    """The first position in [start, stop) whose bit is set; `stop` if there is none."""
    if start >= stop:
        return stop
    word = start >> 6
    # Most are near: a loop over single bars would guess its end wrong every time.
    found = bits[word] >> np.uint64(start & 63)
    if found:
        return int(min(start + _trailing_zeros(found), stop))
    word += 1
    while word << 6 < stop:
        if bits[word]:
            return int(min((word << 6) + _trailing_zeros(bits[word]), stop))
        word += 1
    return stop


@njit_across_files
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
