"""The rules of `kernel`, told again slowly, trade by trade: the truth that tests compare with.

Belongs here: plain Python that a reader can check against the rules by eye. Does not belong here:
speed, numba, or anything that the kernel uses. Nothing but tests calls it.

The kernel carries a state from bar to bar. This module follows one trade at a time from its signal
to its exit, and then looks for the next signal, so that a mistake in one is unlikely in the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan, nan

import numpy as np
import numpy.typing as npt

from rooney_core.market.bars import BarArrays
from rooney_core.strategies import Signals


@dataclass(frozen=True)
class ReferenceTrade:
    """One round trip; prices before slippage, indices of bars, fields as in `play.RoundTrips`."""

    side: int
    signal_index: int
    entry_index: int
    exit_index: int
    entry_price: float
    exit_price: float
    reason: str
    n_bars: int
    rolls: int = 0
    roll_gap: float = 0.0


@dataclass(frozen=True)
class _Fill:
    """An entry; `inside`: somewhere after the bar's open."""

    price: float
    inside: bool


@dataclass(frozen=True)
class _Exit:
    index: int
    price: float
    reason: str
    n_bars: int
    # The first bar whose close may bring the next entry.
    resumes: int
    # New minus old price of each roll on the way.
    gaps: tuple[float, ...]


@dataclass(frozen=True)
class _Levels:
    """Where a position is protected, in prices of the contract held; NaN for nowhere."""

    stop: float
    target: float
    trail_distance: float
    best_close: float

    def moved(self, gap: float) -> _Levels:
        """The same in the next contract."""
        return _Levels(
            self.stop + gap, self.target + gap, self.trail_distance, self.best_close + gap
        )

    def protecting(self, side: int) -> tuple[float, str]:
        """The tighter of the two stops, and its name."""
        trail = self.best_close - side * self.trail_distance
        if isnan(self.stop) or (not isnan(trail) and side * trail > side * self.stop):
            return trail, "TRAIL"
        return self.stop, "STOP"


def reference_trades(bars: BarArrays, signals: Signals) -> list[ReferenceTrade]:
    """Every closed trade, oldest first."""
    trades = []
    t = 0
    while t < len(bars) - 1:
        side = _ordered_side(signals, t)
        if side == 0 or _next_bar_is_too_late(bars, signals, t):
            t += 1
            continue
        fill = _entry_fill(bars, signals, t, side)
        if fill is None:
            # A market order lapsed during bar t + 1, which then orders nothing; others may return.
            t += 2 if signals.order == "market" else 1
            continue
        end = _follow(bars, signals, t + 1, side, fill)
        if end is None:
            break
        trades.append(
            ReferenceTrade(
                side=side,
                signal_index=t,
                entry_index=t + 1,
                exit_index=end.index,
                entry_price=fill.price,
                exit_price=end.price,
                reason=end.reason,
                n_bars=end.n_bars,
                rolls=len(end.gaps),
                roll_gap=sum(end.gaps),
            )
        )
        t = end.resumes
    return trades


def _ordered_side(signals: Signals, t: int) -> int:
    """The side of the order given at the close of bar t, 0 for none."""
    if signals.order != "market" and isnan(_value(signals.entry_level, t)):
        return 0
    return int(signals.entry[t])


def _entry_fill(bars: BarArrays, signals: Signals, t: int, side: int) -> _Fill | None:
    """What becomes, in bar t + 1, of the order given at bar t."""
    fill = t + 1
    if not signals.overnight:
        same_deadline = bars.flat_deadline_us[fill] == bars.flat_deadline_us[t]
        in_time = bars.bar_end_us[fill] <= bars.flat_deadline_us[fill]
        if not (same_deadline and in_time):
            return None
    if not bars.volume[fill] > 0:
        return None
    opening, high, low = (float(one[fill]) for one in (bars.open, bars.high, bars.low))
    if signals.order == "market":
        return _Fill(opening, inside=False)
    level = _in_contract(_value(signals.entry_level, t), float(bars.adjustment[fill]))
    if signals.order == "stop":
        if opening >= level if side > 0 else opening <= level:
            return _Fill(opening, inside=False)
        reached = high >= level if side > 0 else low <= level
        return _Fill(level, inside=True) if reached else None
    if opening < level if side > 0 else opening > level:
        return _Fill(opening, inside=False)
    traded_through = low < level if side > 0 else high > level
    return _Fill(level, inside=True) if traded_through else None


def _first_levels(signals: Signals, t: int, side: int, price: float, adjustment: float) -> _Levels:
    """Stop and target of a trade signalled at bar t and entered at `price`."""
    stop = price - side * _distance(signals.stop_distance, t)
    targets = [
        price + side * _distance(signals.target_distance, t),
        _in_contract(_value(signals.target_level, t), adjustment),
    ]
    known = [one for one in targets if not isnan(one)]
    nearest = (min(known) if side > 0 else max(known)) if known else nan
    return _Levels(stop, nearest, _distance(signals.trail_distance, t), price)


def _follow(bars: BarArrays, signals: Signals, fill: int, side: int, entry: _Fill) -> _Exit | None:
    """From the entry fill to the exit; None when the bars end first."""
    held = float(bars.adjustment[fill])
    levels = _first_levels(signals, fill - 1, side, entry.price, held)
    leaving, decisions = "", 0
    gaps: list[float] = []
    for t in range(fill, len(bars)):
        held_before = t - fill
        late = not signals.overnight and (
            bars.flat_deadline_us[t] != bars.flat_deadline_us[fill]
            or bars.bar_end_us[t] > bars.flat_deadline_us[t]
        )
        traded = bars.volume[t] > 0
        if traded and (late or leaving):
            # The old contract's price: the new one's without the gap of a roll since the last bar.
            price = float(bars.open[t]) - _gap(held, float(bars.adjustment[t]))
            reason = "FLAT_LATE" if late else leaving
            resumes = t + 1 if reason == "FLAT_LATE" else t
            return _Exit(t, price, reason, held_before, resumes, tuple(gaps))
        gap = _gap(held, float(bars.adjustment[t]))
        if gap != 0.0 and traded:
            gaps.append(gap)
            held = float(bars.adjustment[t])
            levels = levels.moved(gap)
        out = _protection(bars, t, side, levels, t == fill and entry.inside) if traded else None
        if out is not None:
            return _Exit(t, *out, held_before + 1, t + 1, tuple(gaps))
        too_late = _next_bar_is_too_late(bars, signals, t)
        if too_late and traded:
            price = float(bars.close[t])
            return _Exit(t, price, "FLAT_TIME", held_before + 1, t + 1, tuple(gaps))
        if late or too_late:
            # The clock's order finds nobody: it fills where something trades again.
            leaving = "FLAT_LATE"
        decisions += signals.decides is None or bool(signals.decides[t])
        if not leaving and signals.exit[t]:
            leaving = "SIGNAL"
        if not leaving and decisions >= signals.max_bars:
            leaving = "TIME"
        if traded and side * (float(bars.close[t]) - levels.best_close) > 0:
            close = float(bars.close[t])
            levels = _Levels(levels.stop, levels.target, levels.trail_distance, close)
    return None


def _protection(
    bars: BarArrays, t: int, side: int, levels: _Levels, inside: bool
) -> tuple[float, str] | None:
    """Price and reason of a stop or target that closes the position in bar t, which traded."""
    opening, close = float(bars.open[t]), float(bars.close[t])
    highest, lowest = float(bars.high[t]), float(bars.low[t])
    worst, best = (lowest, highest) if side > 0 else (highest, lowest)
    stop, reason = levels.protecting(side)
    if inside:
        # Opened beyond the stop: the bar passed it on its way to the entry. Did it come back?
        came_from_beyond = side * opening <= side * stop
        touched = side * (close if came_from_beyond else worst) <= side * stop
        return (stop, reason) if touched else None
    if side * opening < side * stop:
        return opening, reason
    if side * opening > side * levels.target:
        return opening, "TARGET"
    if side * worst <= side * stop:
        return stop, reason
    if side * best > side * levels.target:
        return levels.target, "TARGET"
    return None


def _next_bar_is_too_late(bars: BarArrays, signals: Signals, t: int) -> bool:
    length = int(bars.bar_end_us[t]) - int(bars.bar_start_us[t])
    too_late = int(bars.bar_end_us[t]) + length > int(bars.flat_deadline_us[t])
    return too_late and not signals.overnight


def _value(values: npt.NDArray[np.float64] | None, t: int) -> float:
    return nan if values is None else float(values[t])


def _distance(values: npt.NDArray[np.float64] | None, t: int) -> float:
    value = _value(values, t)
    return value if value > 0 else nan


def _gap(before: float, after: float) -> float:
    return round((before - after) * 1e9) / 1e9


def _in_contract(level: float, adjustment: float) -> float:
    return level if isnan(level) else round((level - adjustment) * 1e9) / 1e9
