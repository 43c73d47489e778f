"""One symbol's finished sessions, seen from its finer bars: what a daily rule decides on.

Belongs here: aggregating bars into sessions as they were known at the session's last bar, and
taking a session's opinion back to that bar. Does not belong here: a rule, or an indicator.

A session mostly has one contract: aggregating raw prices and adjusting them afterwards gives the
same bits as the other way round. Where a vendor's chain changes the contract during a session, the
bars before are moved onto the last one's prices, so raw prices are of one contract all the same.

A session's decision bar is its first bar that ends at or after the scheduled close. What trades
later in that session is in no session of this view, so a live window that ends at the decision bar
gives the same bits as the whole history. The first session of a window may be cut and is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.indicators.arrays import FloatArray
from rooney_core.market.bars import BarArrays

Number = TypeVar("Number", bound=np.generic)

MAX_BARS_PER_SESSION: Final = 24
"""Hourly bars that the calendar gives one day of trading at the most. Real bars of 2009 hold a
stray one more here and there, which the session that a look-back has to spare covers."""
HOLIDAY_BARS: Final = 23
"""What the hours of a bank holiday add at the most to the session that they belong to: since 2022
currencies trade them in full."""
SESSIONS_PER_HOLIDAY: Final = 9
"""Sessions between two bank holidays at the least: June 19 and July 4."""


def bars_of_sessions(n_sessions: int) -> int:
    """Hourly bars that any `n_sessions` sessions in a row have at the most; 0 for 0."""
    holidays = 1 + n_sessions // SESSIONS_PER_HOLIDAY if n_sessions else 0
    return n_sessions * MAX_BARS_PER_SESSION + holidays * HOLIDAY_BARS


@dataclass(frozen=True, eq=False)
class SessionView:
    """Finished or unfinished sessions, oldest first; all arrays f8[m].

    `open`, `high`, `low`, `close`: adjusted prices. `raw_high`, `raw_low`, `raw_close`: as traded;
    what is made of one session's prices alone, or divides by a price, uses these, because rolls
    that come later move the adjusted ones.

    `session`: days since 1970-01-01. `decision`: position of the decision bar in the bars, -1 for
    a session that never had one (its bars are complete all the same once a later one decides).
    `before`: for every bar, the position here of the session before its own, -1 for none.
    `opening`: for every bar, the position in the bars of the first one of its session.
    `first_bar`: the same of its day of trading, the bars that share its flat deadline: the hours of
    a bank holiday are a day of their own.
    """

    session: npt.NDArray[np.int32]
    decision: npt.NDArray[np.int64]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    before: npt.NDArray[np.int64]
    opening: npt.NDArray[np.int64]
    first_bar: npt.NDArray[np.int64]
    raw_high: FloatArray
    raw_low: FloatArray
    raw_close: FloatArray

    @classmethod
    def of(cls, bars: BarArrays) -> SessionView:
        """The sessions of some bars but the first, which may be cut."""
        days, decision, prices, adjustment, volume, before, firsts = _aggregate(
            bars.session,
            bars.bar_end_us,
            bars.session_close_us,
            bars.flat_deadline_us,
            bars.open,
            bars.high,
            bars.low,
            bars.close,
            bars.adjustment,
            bars.volume,
        )
        opens, highs, lows, closes = prices + adjustment
        opening, first_bar = firsts
        return cls(
            session=days,
            decision=decision,
            open=opens,
            high=highs,
            low=lows,
            close=closes,
            volume=volume,
            before=before,
            opening=opening,
            first_bar=first_bar,
            raw_high=prices[1],
            raw_low=prices[2],
            raw_close=prices[3],
        )

    def __len__(self) -> int:
        return len(self.session)

    def at_decisions(self, values: npt.NDArray[Number], n_bars: int) -> npt.NDArray[Number]:
        """Values of sessions at their decision bars, zero (False) at every other bar."""
        spread = np.zeros(n_bars, values.dtype)
        has = self.decision >= 0
        spread[self.decision[has]] = values[has]
        return spread

    def spread_prices(self, values: FloatArray, n_bars: int) -> FloatArray:
        """The same for prices and distances: NaN at every other bar."""
        spread = np.full(n_bars, np.nan)
        has = self.decision >= 0
        spread[self.decision[has]] = values[has]
        return spread

    def of_session_before(self, values: FloatArray) -> FloatArray:
        """For every bar, the value of the session before its own; NaN where there is none."""
        padded = np.append(values, np.nan)
        taken: FloatArray = padded[self.before]
        return taken


@njit(cache=True)
def _aggregate(
    session: npt.NDArray[np.int32],
    bar_end_us: npt.NDArray[np.int64],
    session_close_us: npt.NDArray[np.int64],
    flat_deadline_us: npt.NDArray[np.int64],
    open_price: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    adjustments: FloatArray,
    volume: FloatArray,
) -> tuple[npt.NDArray[Any], ...]:
    n_bars = len(session)
    days = np.empty(n_bars, np.int32)
    decision = np.empty(n_bars, np.int64)
    prices = np.empty((4, n_bars))
    adjustment, volumes = np.empty(n_bars), np.empty(n_bars)
    before = np.empty(n_bars, np.int64)
    firsts = np.empty((2, n_bars), np.int64)
    # -1: the session that may be cut, of which nothing is kept.
    at, opening, first = -2, 0, 0
    for bar in range(n_bars):
        if bar == 0 or session[bar] != session[bar - 1]:
            at += 1
            opening = bar
            if at >= 0:
                days[at] = session[bar]
                decision[at] = -1
                prices[0, at], prices[1, at] = open_price[bar], high[bar]
                prices[2, at], volumes[at] = low[bar], 0.0
                adjustment[at] = adjustments[bar]
        if bar == 0 or flat_deadline_us[bar] != flat_deadline_us[bar - 1]:
            first = bar
        firsts[0, bar], firsts[1, bar] = opening, first
        before[bar] = max(at - 1, -1)
        if at >= 0 and decision[at] < 0:
            # A vendor's chain may change the contract during a session: the last one's prices.
            if adjustments[bar] != adjustment[at]:
                prices[:3, at] += adjustment[at] - adjustments[bar]
            prices[1, at] = max(prices[1, at], high[bar])
            prices[2, at] = min(prices[2, at], low[bar])
            prices[3, at] = close[bar]
            adjustment[at] = adjustments[bar]
            volumes[at] += volume[bar]
            if bar_end_us[bar] >= session_close_us[bar]:
                decision[at] = bar
    m = max(at + 1, 0)
    # Contiguous, as every array that is handed to other kernels.
    kept = prices[:, :m].copy()
    return days[:m], decision[:m], kept, adjustment[:m], volumes[:m], before, firsts
