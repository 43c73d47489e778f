"""After a narrow or an inside session: stop orders at its extremes. Facts only; behaviour is in
`variant`.

The source places two stop orders and lets the first fill cancel the other. One order works at a
time here: at each bar, the one whose level is nearer to the close.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
from numba import njit
from pydantic import Field

from rooney_core.indicators import rolling_min
from rooney_core.indicators.arrays import FloatArray
from rooney_core.strategies.conditions import Condition, above, all_of, at_most, below
from rooney_core.strategies.day_view import never
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class BreakoutInsideSessionParams(VariantParams):
    """`max_bars`: sessions that a position is held, the entry's own counted."""

    max_bars: MaxBars = 3

    @property
    def lookback_sessions(self) -> int:
        """The inside session, the one before it, and the one in which orders work."""
        return 3


class BreakoutNarrowSessionParams(VariantParams):
    """`narrowest_of`: the session's range is below that of each of the sessions before, so many
    with itself. `max_bars`: sessions that a position is held, the entry's own counted."""

    narrowest_of: Annotated[int, Field(ge=2, le=50)] = 7
    max_bars: MaxBars = 3

    @property
    def lookback_sessions(self) -> int:
        """The sessions compared, and the one in which orders work."""
        return self.narrowest_of + 1


def _narrow_session(prices: Prices, params: BreakoutNarrowSessionParams) -> Signals:
    spread = prices.daily.spread
    before = earlier(rolling_min(spread, params.narrowest_of - 1))
    setup = below("range of the session", spread, before, "the narrowest of those before")
    return _orders_at_extremes(prices, (setup,), params.max_bars)


def _inside_session(prices: Prices, params: BreakoutInsideSessionParams) -> Signals:
    high, low = prices.sessions.high, prices.sessions.low
    inside = (
        below("high of the session", high, earlier(high), "that of the one before"),
        above("low of the session", low, earlier(low), "that of the one before"),
    )
    return _orders_at_extremes(prices, inside, params.max_bars)


def _orders_at_extremes(prices: Prices, setup: tuple[Condition, ...], max_bars: int) -> Signals:
    """Stop orders beyond a session of this `setup`, until one is hit or the next one closes."""
    view = prices.sessions
    known = prices.once("breakout.decided_session", lambda: _decided_session(prices))
    highest, lowest = prices.once("breakout.since_decision", lambda: _since_decision(prices))
    upper, lower = np.append(view.high, np.nan)[known], np.append(view.low, np.nan)[known]
    works = (
        *(one.taken(known) for one in setup),
        below("high since", highest, upper, "its high"),
        above("low since", lowest, lower, "its low"),
    )
    way_up, way_down = upper - prices.close, prices.close - lower
    name, than = "way up to its high", "the way down to its low"
    up = all_of(prices, *works, at_most(name, way_up, way_down, than))
    down = all_of(prices, *works, above(name, way_up, way_down, than), side=-1)
    return Signals(
        entry=up.astype(np.int8) - down.astype(np.int8),
        exit=never(prices),
        stop_distance=None,
        max_bars=max_bars,
        entry_level=np.where(way_up <= way_down, upper, lower),
        order="stop",
        decides=prices.decides,
        overnight=True,
    )


def _decided_session(prices: Prices) -> npt.NDArray[np.int64]:
    """For every bar, the last session that was over by its end: its own, or the one before."""
    bars, view = prices.bars, prices.sessions
    own = np.searchsorted(view.session, bars.session, side="right") - 1
    before = own - (bars.bar_end_us < bars.session_close_us)
    known: npt.NDArray[np.int64] = np.maximum(before, -1)
    return known


def _since_decision(prices: Prices) -> tuple[FloatArray, FloatArray]:
    bars = prices.bars
    highest, lowest = _extremes_since(
        prices.sessions.opening,
        prices.decides,
        bars.high + bars.adjustment,
        bars.low + bars.adjustment,
    )
    return highest, lowest


@njit(cache=True)
def _extremes_since(
    opening: npt.NDArray[np.int64],
    decides: npt.NDArray[np.bool_],
    high: FloatArray,
    low: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Extremes after the last decision bar, or since the session's first bar if later."""
    highest, lowest = np.empty(len(high)), np.empty(len(high))
    top, bottom = -np.inf, np.inf
    decided = False
    for bar in range(len(high)):
        if opening[bar] == bar:
            # Bars after the close belong to the time in which orders work, too.
            if not decided:
                top, bottom = -np.inf, np.inf
            decided = False
        top, bottom = max(top, high[bar]), min(bottom, low[bar])
        if decides[bar]:
            top, bottom = -np.inf, np.inf
            decided = True
        highest[bar], lowest[bar] = top, bottom
    return highest, lowest


BREAKOUT_NARROW_SESSION = Variant(
    name="breakout_narrow_session",
    summary="After the narrowest of seven sessions (NR7): stop orders at its extremes during the "
    "next one, held three sessions.",
    source="Catalogue E04: Crabel (1990), NR4 and NR7, rules as on fractiz's page. One order works "
    "at a time, at the nearer extreme.",
    params_type=BreakoutNarrowSessionParams,
    axes={"narrowest_of": (4, 7, 10), "max_bars": (1, 3, 5)},
    rule=_narrow_session,
    timeframe="session",
    overnight=True,
    sides=(1, -1),
    family="breakout",
)

BREAKOUT_INSIDE_SESSION = Variant(
    name="breakout_inside_session",
    summary="After a session inside the one before: stop orders at its extremes during the next "
    "one, held three sessions.",
    source="Catalogue E05: rules as on fractiz's page on inside days. One order works at a time, "
    "at the nearer extreme.",
    params_type=BreakoutInsideSessionParams,
    axes={"max_bars": (1, 2, 3, 5)},
    rule=_inside_session,
    timeframe="session",
    overnight=True,
    sides=(1, -1),
    family="breakout",
)
