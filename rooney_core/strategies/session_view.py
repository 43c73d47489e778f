"""One symbol's finished sessions, seen from its finer bars: what a daily rule decides on.

Belongs here: aggregating bars into sessions as they were known at the session's last bar, and
taking a session's opinion back to that bar. Does not belong here: a rule, or an indicator.

A session's decision bar is its first bar that ends at or after the scheduled close. What trades
later in that session is in no session of this view, so a live window that ends at the decision bar
gives the same bits as the whole history. The first session of a window may be cut and is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from numba import njit

from rooney_core.indicators.arrays import FloatArray
from rooney_core.market.bars import BarArrays

MAX_BARS_PER_SESSION: Final = 24
"""Hourly bars that a session has at the most."""


@dataclass(frozen=True, eq=False)
class SessionView:
    """Finished or unfinished sessions, oldest first; all arrays f8[m] of adjusted prices.

    `session`: days since 1970-01-01. `decision`: position of the decision bar in the bars, -1 for
    a session that never had one (its bars are complete all the same once a later one decides).
    `before`: for every bar, the position here of the session before its own, -1 for none.
    `first_bar`: for every bar, the position in the bars of its session's first one.
    """

    session: npt.NDArray[np.int32]
    decision: npt.NDArray[np.int64]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    before: npt.NDArray[np.int64]
    first_bar: npt.NDArray[np.int64]

    @classmethod
    def of(cls, bars: BarArrays) -> SessionView:
        """The sessions of some bars but the first, which may be cut."""
        return cls(
            *_aggregate(
                bars.session,
                bars.bar_end_us,
                bars.session_close_us,
                bars.open + bars.adjustment,
                bars.high + bars.adjustment,
                bars.low + bars.adjustment,
                bars.close + bars.adjustment,
                bars.volume,
            )
        )

    def __len__(self) -> int:
        return len(self.session)

    def at_decisions(self, values: npt.NDArray[np.generic], n_bars: int) -> npt.NDArray[np.generic]:
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
    open_price: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
) -> tuple[npt.NDArray[np.generic], ...]:
    n_bars = len(session)
    days = np.empty(n_bars, np.int32)
    decision = np.empty(n_bars, np.int64)
    opens, highs = np.empty(n_bars), np.empty(n_bars)
    lows, closes, volumes = np.empty(n_bars), np.empty(n_bars), np.empty(n_bars)
    before = np.empty(n_bars, np.int64)
    first_bar = np.empty(n_bars, np.int64)
    # -1: the session that may be cut, of which nothing is kept.
    at = -2
    for bar in range(n_bars):
        if bar == 0 or session[bar] != session[bar - 1]:
            at += 1
            first = bar
            if at >= 0:
                days[at] = session[bar]
                decision[at] = -1
                opens[at], highs[at] = open_price[bar], high[bar]
                lows[at], closes[at], volumes[at] = low[bar], close[bar], 0.0
        first_bar[bar] = first
        before[bar] = max(at - 1, -1)
        if at >= 0 and decision[at] < 0:
            highs[at] = max(highs[at], high[bar])
            lows[at] = min(lows[at], low[bar])
            closes[at] = close[bar]
            volumes[at] += volume[bar]
            if bar_end_us[bar] >= session_close_us[bar]:
                decision[at] = bar
    m = max(at + 1, 0)
    return (
        days[:m],
        decision[:m],
        opens[:m],
        highs[:m],
        lows[:m],
        closes[:m],
        volumes[:m],
        before,
        first_bar,
    )
