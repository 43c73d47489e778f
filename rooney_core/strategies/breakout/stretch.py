"""Crabel's stretch: a buy stop above the opening. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from rooney_core.indicators import simple_moving_average
from rooney_core.indicators.arrays import FloatArray
from rooney_core.strategies.conditions import all_of, below
from rooney_core.strategies.day_view import day_of, never
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_view import MAX_BARS_PER_SESSION
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class BreakoutStretchParams(VariantParams):
    """`stretches`: how far above the opening the stop order is.

    `stretch_sessions`: a stretch is the mean, over so many sessions before, of the distance from
    the opening to the nearer extreme.
    """

    stretches: Annotated[float, Field(gt=0, le=10)] = 1.0
    stretch_sessions: Annotated[int, Field(ge=2, le=100)] = 10
    max_bars: MaxBars = MAX_BARS_PER_SESSION

    @property
    def lookback_sessions(self) -> int:
        """The sessions before, and the session itself."""
        return self.stretch_sessions + 1


def _stretch(prices: Prices, n: int) -> FloatArray:
    """For every bar, the stretch of the n sessions before its own."""

    def compute() -> FloatArray:
        view = prices.sessions
        nearer = np.minimum(view.open - view.low, view.high - view.open)
        return view.of_session_before(simple_moving_average(nearer, n))

    return prices.once("breakout.stretch", compute, n)


def _rule(prices: Prices, params: BreakoutStretchParams) -> Signals:
    day = day_of(prices)
    level = day.open + params.stretches * _stretch(prices, params.stretch_sessions)
    # Once touched, the order was filled or missed: one entry a day.
    untouched = below("high of the day so far", day.high, level, "the order's level")
    return Signals(
        entry=all_of(prices, untouched).astype(np.int8),
        exit=never(prices),
        stop_distance=None,
        max_bars=params.max_bars,
        entry_level=level,
        order="stop",
    )


BREAKOUT_STRETCH = Variant(
    name="breakout_stretch",
    summary="Buy stop one stretch above the day's opening, once a day, to the flat time.",
    source="Catalogue E03: Crabel (1990) by way of Futures Magazine (2012). Long side; the opening "
    "is that of 18:00 New York, the order works from the second bar on, flat by the flat time.",
    params_type=BreakoutStretchParams,
    axes={"stretches": (0.5, 1.0, 1.5, 2.0), "stretch_sessions": (5, 10, 20)},
    rule=_rule,
    family="breakout",
)
