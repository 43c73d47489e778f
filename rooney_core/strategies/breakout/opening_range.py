"""Opening-range breakouts, plain and after narrow openings. Facts only; behaviour is in `variant`.

The source's range is of the first 15 to 60 minutes. Bars are hourly here, so it is of one hour at
the least: from 09:00 New York, the bar that holds the stock exchange's opening, and not from 18:00,
where sessions of futures begin and nearly nobody trades.
"""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit
from pydantic import Field

from rooney_core.indicators.arrays import FloatArray
from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import Condition, above, all_of, at_least, below, equal
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
        """The day of trading so far."""
        return MAX_BARS_PER_SESSION


class BreakoutNarrowOpeningParams(BreakoutOpeningRangeParams):
    """`narrower_than`: enter only if the range is smaller than so many average true ranges of 14
    sessions."""

    narrower_than: Annotated[float, Field(gt=0, le=5)] = 0.3

    @property
    def lookback_sessions(self) -> int:
        """What the average true range of the sessions before remembers, and the session itself."""
        return memory_of(RANGE_SESSIONS) + 1


class _Opening(NamedTuple):
    """Of each bar: the range so far of its day's opening, NaN before it and without its first bar;
    and how many closes of the day were beyond it before."""

    top: FloatArray
    bottom: FloatArray
    breaks: npt.NDArray[np.int64]


class _Breaks(NamedTuple):
    """What makes a bar a day's first close above the range, and below it; and the range's width."""

    up: tuple[Condition, ...]
    down: tuple[Condition, ...]
    width: FloatArray


def _first_breaks(prices: Prices, range_hours: int) -> _Breaks:
    return prices.once("breakout.first_breaks", lambda: _breaks(prices, range_hours), range_hours)


def _breaks(prices: Prices, range_hours: int) -> _Breaks:
    bars, day = prices.bars, day_of(prices)
    # Raw prices of one contract: nothing that a later roll would round otherwise.
    to_first = bars.adjustment - bars.adjustment[day.first_bar]
    high, low, close = (one + to_first for one in (bars.high, bars.low, bars.close))
    range_ = _Opening(
        *_opening(day.first_bar, day.hour, high, low, close, US_DAY_OPENS, range_hours)
    )
    first = (
        at_least("New York hour", day.hour, US_DAY_OPENS + range_hours, "the range's end"),
        below("New York hour", day.hour, SESSION_OPENS),
        equal("closes beyond the range before", range_.breaks, 0),
    )
    return _Breaks(
        up=(*first, above("close", close, range_.top, "the range's high")),
        down=(*first, below("close", close, range_.bottom, "the range's low")),
        width=range_.top - range_.bottom,
    )


def _sides(prices: Prices, breaks: _Breaks, *filters: Condition) -> npt.NDArray[np.int8]:
    up = all_of(prices, *breaks.up, *filters)
    down = all_of(prices, *breaks.down, *filters, side=-1)
    sides: npt.NDArray[np.int8] = up.astype(np.int8) - down.astype(np.int8)
    return sides


def _opening_range(prices: Prices, params: BreakoutOpeningRangeParams) -> Signals:
    breaks = _first_breaks(prices, params.range_hours)
    return Signals(_sides(prices, breaks), never(prices), None, params.max_bars)


def _narrow_opening(prices: Prices, params: BreakoutNarrowOpeningParams) -> Signals:
    breaks = _first_breaks(prices, params.range_hours)
    usual = prices.sessions.of_session_before(prices.daily.average_true_range(RANGE_SESSIONS))
    most = params.narrower_than * usual
    narrow = below("width of the range", breaks.width, most, "narrower_than average ranges")
    return Signals(_sides(prices, breaks, narrow), never(prices), None, params.max_bars)


@njit(cache=True)
def _opening(
    first_bar: npt.NDArray[np.int64],
    hour: npt.NDArray[np.int64],
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    opens: int,
    range_hours: int,
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int64]]:
    tops, bottoms = np.full(len(close), np.nan), np.full(len(close), np.nan)
    breaks = np.zeros(len(close), np.int64)
    top, bottom, opened, broken = -np.inf, np.inf, False, 0
    for bar in range(len(close)):
        if first_bar[bar] == bar:
            top, bottom, opened, broken = -np.inf, np.inf, False, 0
        breaks[bar] = broken
        if opens <= hour[bar] < opens + range_hours:
            # Without the opening bar itself there is no opening range.
            opened = opened or hour[bar] == opens
            top, bottom = max(top, high[bar]), min(bottom, low[bar])
        if opened:
            tops[bar], bottoms[bar] = top, bottom
            beyond = close[bar] > top or close[bar] < bottom
            broken += beyond and opens + range_hours <= hour[bar] < SESSION_OPENS
    return tops, bottoms, breaks


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
