"""The rules of `kernel`, told again slowly, trade by trade: the truth that tests compare with.

Belongs here: plain Python that a reader can check against the rules by eye. Does not belong here:
speed, numba, or anything that the kernel uses. Nothing but tests calls it.

The kernel carries a state from bar to bar. This module follows one trade at a time from its signal
to its exit, and then looks for the next signal, so that a mistake in one is unlikely in the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

from rooney_core.market.bars import BarArrays
from rooney_core.strategies import Signals


@dataclass(frozen=True)
class ReferenceTrade:
    """One round trip; prices before slippage, indices of bars, fields as in `kernel.RoundTrips`."""

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
class _Exit:
    index: int
    price: float
    reason: str
    n_bars: int
    # The first bar whose close may bring the next entry.
    resumes: int
    # New minus old price of each roll on the way.
    gaps: tuple[float, ...]


def reference_trades(bars: BarArrays, signals: Signals) -> list[ReferenceTrade]:
    """Every closed trade, oldest first."""
    trades = []
    t = 0
    while t < len(bars) - 1:
        side = int(signals.entry[t])
        if side == 0 or _next_bar_is_too_late(bars, t):
            t += 1
            continue
        fill = t + 1
        same_deadline = bars.flat_deadline_us[fill] == bars.flat_deadline_us[t]
        in_time = bars.bar_end_us[fill] <= bars.flat_deadline_us[fill]
        if not (same_deadline and in_time and bars.volume[fill] > 0):
            t += 2  # the order lapsed during bar t + 1, which then orders nothing
            continue
        end = _follow(bars, signals, fill, side)
        if end is None:
            break
        trades.append(
            ReferenceTrade(
                side=side,
                signal_index=t,
                entry_index=fill,
                exit_index=end.index,
                entry_price=float(bars.open[fill]),
                exit_price=end.price,
                reason=end.reason,
                n_bars=end.n_bars,
                rolls=len(end.gaps),
                roll_gap=sum(end.gaps),
            )
        )
        t = end.resumes
    return trades


def _follow(bars: BarArrays, signals: Signals, fill: int, side: int) -> _Exit | None:
    """From the entry fill to the exit; None when the bars end first."""
    distance = float(signals.stop_distance[fill - 1])
    has_stop = not isnan(distance) and distance > 0
    stop = float(bars.open[fill]) - side * distance
    leaving = ""
    held = float(bars.adjustment[fill])
    gaps: list[float] = []
    for t in range(fill, len(bars)):
        held_before = t - fill
        late = (
            bars.flat_deadline_us[t] != bars.flat_deadline_us[fill]
            or bars.bar_end_us[t] > bars.flat_deadline_us[t]
        )
        traded = bars.volume[t] > 0
        if late or (leaving and traded):
            # The old contract's price: the new one's without the gap of a roll since the last bar.
            price = float(bars.open[t]) + (float(bars.adjustment[t]) - held)
            reason, resumes = ("FLAT_LATE", t + 1) if late else (leaving, t)
            return _Exit(t, price, reason, held_before, resumes, tuple(gaps))
        gap = held - float(bars.adjustment[t])
        if gap != 0.0:
            gaps.append(gap)
            held = float(bars.adjustment[t])
            stop += gap
        if has_stop and traded:
            price = float(bars.open[t])
            is_beyond = side * (price - stop) < 0
            touched = bars.low[t] <= stop if side > 0 else bars.high[t] >= stop
            if is_beyond or touched:
                price = price if is_beyond else stop
                return _Exit(t, price, "STOP", held_before + 1, t + 1, tuple(gaps))
        if _next_bar_is_too_late(bars, t):
            price = float(bars.close[t])
            return _Exit(t, price, "FLAT_TIME", held_before + 1, t + 1, tuple(gaps))
        if not leaving and signals.exit[t]:
            leaving = "SIGNAL"
        if not leaving and held_before + 1 >= signals.max_bars:
            leaving = "TIME"
    return None


def _next_bar_is_too_late(bars: BarArrays, t: int) -> bool:
    length = int(bars.bar_end_us[t]) - int(bars.bar_start_us[t])
    return int(bars.bar_end_us[t]) + length > int(bars.flat_deadline_us[t])
