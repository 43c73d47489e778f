"""What happens to a position during one bar. One compiled `step`, used by backtest and live alike.

Belongs here: the order of events inside a bar, and which price each gets. Does not belong here:
signals (`rooney_core.strategies`), running through many bars (`play`), costs (`costs`), money
(`engine`), a model's veto (`rooney_core.decision`).

Nothing fills in a bar without volume: no entry, no exit of any kind, no roll. One bar of one
contract, in this order:

1.  A position that is late (the bar has another flat deadline than its entry, or ends after it) is
    closed at the open: FLAT_LATE. Only bars that are missing or without volume can cause it. If the
    contract rolled meanwhile, the price is the held contract's: open + its adjustment - that of the
    contract held.
2.  A pending exit fills at the open; without volume it stays pending. At a roll this too is a fill
    in the contract held, which is left and not rolled.
    A position that goes on into a bar of the next contract is rolled at the open, or at that of the
    first such bar that has volume: the contract held is closed at its own price and the next one
    opened at the bar's. The gap between the two is no profit, stop, target and best close move by
    it, and the roll costs two more fills. A roll shows in `adjustment`; one with a gap of exactly
    zero shows nowhere.
3.  A pending entry needs a bar of the signal's flat deadline that ends by it and has volume. A
    market order fills at the open. A stop order to buy fills at its level when the bar reaches it,
    or at an open at or above it; a limit order to buy fills at its level when the bar trades below
    it, or at an open below it; sales mirror both. Otherwise the order lapses.
4.  With volume, and in this order: a stop that the open is beyond (a gap) and a target that the
    open is beyond fill at the open; a stop that the bar touches fills at its level; a target that
    the bar trades through (a touch is not enough) fills at its level. STOP, TARGET, or TRAIL where
    the trailing stop is the tighter one. What was set at the open can be hit in the same bar.
    After a fill inside the bar what is left of the bar is unknown, and the worse is believed: the
    target is not granted, and the stop is taken as hit if the bar touches it at any time; only
    where the bar opened beyond the stop, on its way to the entry, the close has to be beyond it.
5.  If the next bar would end after the flat deadline, the position is closed at this bar's close:
    FLAT_TIME, an order by the clock, sent just before the deadline. Without volume the order stays
    pending, and whatever it fills as, at a later open, is FLAT_LATE.
6.  Otherwise, at the close: an exit signal, or `max_bars` decisions held (the entry's bar counted),
    orders an exit for the next open. The trailing stop follows the best close since the entry, of
    bars with volume, and takes effect with the next bar; it starts from the entry price.
    When flat, an entry signal orders an entry, unless the next bar would end after the deadline, or
    this bar already brought a stop, a target, a late close or a lapsed market order: a bar issues
    one order at the most. A stop or limit order that lapsed may be given anew.

With `overnight` there is no deadline: 1 and 5 never happen, and an entry fills in any bar.

After a bar with volume whose successor would end after the deadline, everything is flat and nothing
pends, whatever happened before: that is where two histories of different length meet. Bars between
two such meetings mostly share one deadline, of their session, or of the holiday morning that is
part of it.

Prices are raw and before slippage, so costs never change which trades happen. Levels given as
adjusted prices become prices of the contract at the bar that they work in, to a billionth, so that
adding and taking off an adjustment makes no difference to a touch; nothing is rounded to ticks.
`flat_deadline` is in microseconds, like all times.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

FloatArray = npt.NDArray[np.float64]


class ExitReason(StrEnum):
    """Why a trade ended; the kernel's number is the position in this list, from 1."""

    SIGNAL = "SIGNAL"
    TIME = "TIME"
    STOP = "STOP"
    FLAT_TIME = "FLAT_TIME"
    FLAT_LATE = "FLAT_LATE"
    TARGET = "TARGET"
    TRAIL = "TRAIL"


REASONS: Final = (None, *ExitReason)
SIGNAL, TIME, STOP, FLAT_TIME, FLAT_LATE, TARGET, TRAIL = 1, 2, 3, 4, 5, 6, 7

ORDERS: Final = ("market", "stop", "limit")
MARKET, STOP_ORDER, LIMIT_ORDER = 0, 1, 2

# What a position, or an order for one, remembers from bar to bar. While the order pends, STOP_PRICE
# and TARGET_PRICE are distances, and levels are adjusted prices.
SIDE, PENDING_SIDE, PENDING_EXIT = 0, 1, 2
ENTRY_PRICE, HELD_ADJUSTMENT, STOP_PRICE, BARS_HELD, DEADLINE = 3, 4, 5, 6, 7
TARGET_PRICE, TARGET_LEVEL, TRAIL_DISTANCE, BEST_CLOSE = 8, 9, 10, 11
ORDER, ORDER_LEVEL, DECISIONS_HELD = 12, 13, 14
# ... and what the last bar did: sides or exit reasons, 0 for nothing.
ENTERED, EXITED, EXIT_SIDE, EXIT_PRICE, LAPSED = 15, 16, 17, 18, 19
ENTRY_ORDERED, EXIT_ORDERED = 20, 21
# Of the position held, or just closed: rolls so far, and the sum of their gaps (new - old price).
ROLLS, ROLL_GAP = 22, 23
STATE_SIZE: Final = 24

BILLION: Final = 1e9


@njit(cache=True)
def is_last_before_flat(bar_start_us: int, bar_end_us: int, flat_deadline_us: int) -> bool:
    """True when a bar of equal length after this one would end after the deadline."""
    return 2 * bar_end_us - bar_start_us > flat_deadline_us


@njit(cache=True, nogil=True)
def raw_level(level: float, adjustment: float) -> float:
    """An adjusted price as a price of the contract with this adjustment, to a billionth."""
    return float(np.round((level - adjustment) * BILLION) / BILLION)


@njit(cache=True, nogil=True)
def gap_between(before: float, after: float) -> float:
    """New minus old price at a roll between contracts of these adjustments, to a billionth.

    Adjustments are sums over all later rolls, and their difference has dust of those: a trade that
    rolled earns the same whether later rolls are known yet or not.
    """
    return float(np.round((before - after) * BILLION) / BILLION)


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
    decides: bool,
    stop_distance: float,
    target_distance: float,
    target_level: float,
    trail_distance: float,
    entry_level: float,
    order: int,
    max_bars: int,
    overnight: bool,
) -> None:
    """Advance `state` (float64[STATE_SIZE], zeros at the start) by one bar, in place.

    `entry` to `entry_level` are the signals at this bar's close. A distance that is NaN or not
    positive, and a level that is NaN, means that there is none; an order that needs a level and
    has none is not given. `order` is a position in ORDERS.
    """
    state[ENTERED:ROLLS] = 0.0
    late = not overnight and (flat_deadline_us != state[DEADLINE] or bar_end_us > flat_deadline_us)
    last = not overnight and is_last_before_flat(bar_start_us, bar_end_us, flat_deadline_us)
    traded, entered_inside = volume > 0.0, False

    if traded and state[SIDE] != 0.0 and (late or state[PENDING_EXIT] != 0.0):
        reason = FLAT_LATE if late else state[PENDING_EXIT]
        _close(state, reason, open_price - gap_between(state[HELD_ADJUSTMENT], adjustment))
    elif traded and state[SIDE] != 0.0 and adjustment != state[HELD_ADJUSTMENT]:
        _roll(state, adjustment)
    elif state[PENDING_SIDE] != 0.0:
        order_given, price = int(state[ORDER]), np.nan
        level = raw_level(state[ORDER_LEVEL], adjustment)
        if traded and not late:
            price = entry_price(order_given, state[PENDING_SIDE], level, open_price, high, low)
        if np.isnan(price):
            state[LAPSED] = state[PENDING_SIDE]
        else:
            entered_inside = is_inside(order_given, level, price, open_price)
            _enter(state, price, adjustment)
        state[PENDING_SIDE] = 0.0

    side = state[SIDE]
    if side != 0.0:
        state[BARS_HELD] += 1.0
        if decides:
            state[DECISIONS_HELD] += 1.0
        if traded:
            trail = state[BEST_CLOSE] - side * state[TRAIL_DISTANCE]
            why, price = protection(
                side,
                state[STOP_PRICE],
                trail,
                state[TARGET_PRICE],
                open_price,
                high,
                low,
                close,
                entered_inside,
            )
            if why:
                _close(state, why, price)
        if state[SIDE] != 0.0:
            if last and traded:
                _close(state, FLAT_TIME, close)
            elif last or late:
                if state[PENDING_EXIT] != FLAT_LATE:
                    state[EXIT_ORDERED] = FLAT_LATE if late else FLAT_TIME
                state[PENDING_EXIT] = FLAT_LATE
            elif state[PENDING_EXIT] == 0.0 and (leave or state[DECISIONS_HELD] >= max_bars):
                state[PENDING_EXIT] = state[EXIT_ORDERED] = SIGNAL if leave else TIME
        if traded and side * (close - state[BEST_CLOSE]) > 0.0:
            state[BEST_CLOSE] = close
    elif (
        entry != 0
        and not last
        and not (state[LAPSED] != 0.0 and state[ORDER] == MARKET)
        and state[EXITED] != FLAT_LATE
        and (order == MARKET or not np.isnan(entry_level))
    ):
        state[PENDING_SIDE] = state[ENTRY_ORDERED] = entry
        state[STOP_PRICE] = positive(stop_distance)
        state[TARGET_PRICE] = positive(target_distance)
        state[TRAIL_DISTANCE] = positive(trail_distance)
        state[TARGET_LEVEL] = target_level
        state[ORDER] = order
        state[ORDER_LEVEL] = entry_level
        state[DEADLINE] = flat_deadline_us


@njit(cache=True, nogil=True)
def positive(distance: float) -> float:
    return distance if distance > 0.0 else np.nan


@njit(cache=True, nogil=True)
def entry_price(
    order: int, side: float, level: float, open_price: float, high: float, low: float
) -> float:
    """Where an order fills in a bar with volume; NaN when it does not. `level` is a raw price."""
    if order == MARKET:
        return open_price
    if order == STOP_ORDER:
        if side * (open_price - level) >= 0.0:
            return open_price
        best = high if side > 0.0 else low
        return level if side * (best - level) >= 0.0 else np.nan
    if side * (open_price - level) < 0.0:
        return open_price
    worst = low if side > 0.0 else high
    return level if side * (worst - level) < 0.0 else np.nan


@njit(cache=True, nogil=True)
def is_inside(order: int, level: float, price: float, open_price: float) -> bool:
    """Did the order fill after the open? A limit order at its level may have waited."""
    if order == LIMIT_ORDER:
        return price == level
    return price != open_price


@njit(cache=True, nogil=True)
def nearer_target(side: float, target: float, level: float) -> float:
    """Of two targets the one reached first; NaN is none."""
    # A comparison with NaN is False.
    if np.isnan(target) or side * (level - target) < 0.0:
        return level
    return target


@njit(cache=True, nogil=True)
def protection(
    side: float,
    stop: float,
    trail: float,
    target: float,
    open_price: float,
    high: float,
    low: float,
    close: float,
    entered_inside: bool,
) -> tuple[int, float]:
    """Reason and price of the exit that stop, trail or target bring in a bar with volume; or 0."""
    reason = STOP
    if np.isnan(stop) or side * (trail - stop) > 0.0:
        stop, reason = trail, TRAIL
    worst, best = (low, high) if side > 0.0 else (high, low)
    if entered_inside:
        if side * (open_price - stop) <= 0.0:
            worst = close
        return (reason, stop) if side * (worst - stop) <= 0.0 else (0, np.nan)
    if side * (open_price - stop) < 0.0:
        return reason, open_price
    if side * (open_price - target) > 0.0:
        return TARGET, open_price
    if side * (worst - stop) <= 0.0:
        return reason, stop
    if side * (best - target) > 0.0:
        return TARGET, target
    return 0, np.nan


@njit(cache=True)
def _enter(state: FloatArray, price: float, adjustment: float) -> None:
    side = state[PENDING_SIDE]
    state[SIDE] = state[ENTERED] = side
    state[ENTRY_PRICE] = state[BEST_CLOSE] = price
    state[HELD_ADJUSTMENT] = adjustment
    state[BARS_HELD] = state[DECISIONS_HELD] = 0.0
    state[ROLLS] = state[ROLL_GAP] = 0.0
    # Distances become levels only now that the entry price is known.
    state[STOP_PRICE] = price - side * state[STOP_PRICE]
    state[TARGET_PRICE] = nearer_target(
        side, price + side * state[TARGET_PRICE], raw_level(state[TARGET_LEVEL], adjustment)
    )


@njit(cache=True)
def _close(state: FloatArray, reason: float, price: float) -> None:
    state[EXITED] = reason
    state[EXIT_SIDE] = state[SIDE]
    state[EXIT_PRICE] = price
    state[SIDE] = 0.0
    state[PENDING_EXIT] = 0.0


@njit(cache=True)
def _roll(state: FloatArray, adjustment: float) -> None:
    gap = gap_between(state[HELD_ADJUSTMENT], adjustment)
    state[HELD_ADJUSTMENT] = adjustment
    state[STOP_PRICE] += gap
    state[TARGET_PRICE] += gap
    state[BEST_CLOSE] += gap
    state[ROLLS] += 1.0
    state[ROLL_GAP] += gap
