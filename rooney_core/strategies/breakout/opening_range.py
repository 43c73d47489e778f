"""Opening-range breakouts, plain and after narrow openings. Facts only; behaviour is in `variant`.

The source's range is of the first 15 to 60 minutes. Bars are hourly here, so it is of one hour at
the least: from 09:00 New York, the bar that holds the stock exchange's opening, and not from 18:00,
where sessions of futures begin and nearly nobody trades.
"""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
from numba import njit
from pydantic import Field

from rooney_core.indicators.arrays import FloatArray
from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.day_view import SESSION_OPENS, US_DAY_OPENS, day_of, never
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_view import MAX_BARS_PER_SESSION
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams

RANGE_SESSIONS: Final = 14
"""Sessions of the average true range that an opening is compared with."""


class BreakoutOpeningRangeParams(VariantParams):
    """`range_hours`: hours from 09:00 New York whose highest and lowest price are the range."""

    range_hours: Annotated[int, Field(ge=1, le=4)] = 1
    max_bars: MaxBars = MAX_BARS_PER_SESSION

    @property
    def lookback(self) -> int:
        """The session so far."""
        return MAX_BARS_PER_SESSION


class BreakoutNarrowOpeningParams(BreakoutOpeningRangeParams):
    """`narrower_than`: enter only if the range is smaller than so many average true ranges of 14
    sessions."""

    narrower_than: Annotated[float, Field(gt=0, le=5)] = 0.3

    @property
    def lookback_sessions(self) -> int:
        """What the average true range of the sessions before remembers, and the session itself."""
        return memory_of(RANGE_SESSIONS) + 1


def _first_breaks(prices: Prices, range_hours: int) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """(side, width): the first close of a session beyond its opening range, and the range."""

    def compute() -> tuple[npt.NDArray[np.int8], FloatArray]:
        bars, day = prices.bars, day_of(prices)
        side, width = _breaks(
            day.first_bar, day.hour, bars.high, bars.low, bars.close, US_DAY_OPENS, range_hours
        )
        return side, width

    return prices.once("breakout.first_breaks", compute, range_hours)


def _opening_range(prices: Prices, params: BreakoutOpeningRangeParams) -> Signals:
    side, _ = _first_breaks(prices, params.range_hours)
    # A copy: what is returned is the caller's, what is shared is not.
    return Signals(side.copy(), never(prices), None, params.max_bars)


def _narrow_opening(prices: Prices, params: BreakoutNarrowOpeningParams) -> Signals:
    side, width = _first_breaks(prices, params.range_hours)
    usual = prices.sessions.of_session_before(prices.daily.average_true_range(RANGE_SESSIONS))
    narrow = width < params.narrower_than * usual
    return Signals(side * narrow.astype(np.int8), never(prices), None, params.max_bars)


@njit(cache=True)
def _breaks(
    first_bar: npt.NDArray[np.int64],
    hour: npt.NDArray[np.int64],
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    opens: int,
    range_hours: int,
) -> tuple[npt.NDArray[np.int8], FloatArray]:
    # Raw prices: a session is of one contract, so its bars share one adjustment.
    side, width = np.zeros(len(close), np.int8), np.full(len(close), np.nan)
    top, bottom = -np.inf, np.inf
    opened, broken = False, False
    for bar in range(len(close)):
        if first_bar[bar] == bar:
            top, bottom = -np.inf, np.inf
            opened, broken = False, False
        if opens <= hour[bar] < opens + range_hours:
            # Without the opening bar itself there is no opening range.
            opened = opened or hour[bar] == opens
            top, bottom = max(top, high[bar]), min(bottom, low[bar])
            continue
        beyond = close[bar] > top or close[bar] < bottom
        if opened and not broken and beyond and opens <= hour[bar] < SESSION_OPENS:
            side[bar] = 1 if close[bar] > top else -1
            width[bar] = top - bottom
            broken = True
    return side, width


BREAKOUT_OPENING_RANGE = Variant(
    name="breakout_opening_range",
    summary="The side of the day's first close beyond the range of 09:00 to 10:00 New York, to the "
    "flat time.",
    source="Catalogue E01: Crabel (1990), rules as on fractiz's page on 30-minute ranges. Ranges "
    "of one to three hours, as bars are hourly; flat by the flat time instead of the close.",
    params_type=BreakoutOpeningRangeParams,
    axes={"range_hours": (1, 2, 3)},
    rule=_opening_range,
    sides=(1, -1),
    family="breakout",
)

BREAKOUT_NARROW_OPENING = Variant(
    name="breakout_narrow_opening",
    summary="The opening-range breakout, after openings narrower than 0.3 average true ranges.",
    source="Catalogue E02: a standard rule on top of E01. Ranges of one to three hours, compared "
    "with the average true range of 14 whole sessions before.",
    params_type=BreakoutNarrowOpeningParams,
    axes={"range_hours": (1, 2, 3), "narrower_than": (0.2, 0.3, 0.4, 0.5)},
    rule=_narrow_opening,
    sides=(1, -1),
    family="breakout",
)
