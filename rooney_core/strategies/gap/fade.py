"""Fading a gap, down and up. Facts only; behaviour is in `variant`.

Futures trade nearly around the clock, so at 18:00 New York there is hardly a gap but after
weekends. The gap meant here is what the stock market sees: from the session's close (17:00) to the
price at 09:00, the opening of the bar that holds the stock exchange's own. It is known at that
bar's end, so the entry is an hour late: only while the close is still missed.
"""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from pydantic import Field

from rooney_core.indicators.bounded import memory_of
from rooney_core.strategies.conditions import above, all_of, equal
from rooney_core.strategies.day_view import US_DAY_OPENS, day_of, never
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_view import MAX_BARS_PER_SESSION
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams

RANGE_SESSIONS: Final = 14


class GapFadeParams(VariantParams):
    """`gap_above`: least gap, in average true ranges of 14 sessions. `stop_ranges`: distance of the
    stop from the entry, in the same. The target is the close that was left."""

    gap_above: Annotated[float, Field(gt=0, le=10)] = 0.3
    stop_ranges: Annotated[float, Field(gt=0, le=20)] = 1.0
    max_bars: MaxBars = MAX_BARS_PER_SESSION

    @property
    def lookback_sessions(self) -> int:
        """What the average true range of the sessions before remembers, and the session itself."""
        return memory_of(RANGE_SESSIONS) + 1


def _fade(prices: Prices, params: GapFadeParams, side: int) -> Signals:
    bars, view = prices.bars, prices.sessions
    left = view.of_session_before(view.close)
    usual = view.of_session_before(prices.daily.average_true_range(RANGE_SESSIONS))
    # Above 0 where price is on the far side of the close that was left.
    gap = side * (left - (bars.open + bars.adjustment))
    missed = side * (left - prices.close)
    enter = all_of(
        prices,
        equal("New York hour of the bar's start", day_of(prices).hour, US_DAY_OPENS),
        above("gap from the close before", gap, params.gap_above * usual, "gap_above mean ranges"),
        above("way back to that close", missed, 0.0),
        side=side,
    )
    return Signals(
        entry=enter.astype(np.int8) * np.int8(side),
        exit=never(prices),
        stop_distance=params.stop_ranges * usual,
        max_bars=params.max_bars,
        target_level=left,
    )


def _fade_down(prices: Prices, params: GapFadeParams) -> Signals:
    return _fade(prices, params, 1)


def _fade_up(prices: Prices, params: GapFadeParams) -> Signals:
    return _fade(prices, params, -1)


_SOURCE = (
    "Studies of gaps that fill, small samples on blogs. The gap to 09:00 New York, entered at the "
    "next bar's opening, flat by the flat time instead of the close."
)
_AXES: Final = {"gap_above": (0.1, 0.2, 0.3, 0.5), "stop_ranges": (0.5, 1.0, 1.5)}

GAP_DOWN_FADE = Variant(
    name="gap_down_fade",
    summary="Long after an opening 0.3 average ranges below the close before, back to that close.",
    source=f"Catalogue G01: {_SOURCE}",
    params_type=GapFadeParams,
    axes=_AXES,
    rule=_fade_down,
    family="gap",
)

GAP_UP_FADE = Variant(
    name="gap_up_fade",
    summary="Short after an opening 0.3 average ranges above the close before, back to that close.",
    source=f"Catalogue G02, the mirror of G01: {_SOURCE}",
    params_type=GapFadeParams,
    axes=_AXES,
    rule=_fade_up,
    sides=(-1,),
    family="gap",
)
