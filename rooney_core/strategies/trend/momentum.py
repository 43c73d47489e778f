"""Time-series momentum: the side of the past move, chosen once a month. Facts only; behaviour is in
`variant`.

The source scales positions by volatility. That is sizing, which is no business of a rule: one
contract here. The sign of the point change on adjusted closes is the sign of the excess return of
holding the rolled contract, also where prices are negative.
"""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
from pydantic import Field

from rooney_core.strategies.conditions import above, all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams

MONTH_SESSIONS: Final = 23
"""Sessions that a month has at the most: its weekdays."""


class TrendMomentumYearParams(VariantParams):
    """`change_sessions`: over how many sessions the move is measured."""

    change_sessions: Annotated[int, Field(ge=1, le=330)] = 252
    max_bars: MaxBars = 500

    @property
    def lookback_sessions(self) -> int:
        """The move, measured at the first session of the month of two sessions ago."""
        return self.change_sessions + MONTH_SESSIONS + 3


class TrendMomentumQuarterParams(TrendMomentumYearParams):
    """The same over a quarter."""

    change_sessions: Annotated[int, Field(ge=1, le=330)] = 63


def _monthly_side(prices: Prices, change_sessions: int) -> npt.NDArray[np.int8]:
    """Sign of the move as of the first session of each session's month; 0 while unknown."""
    view = prices.sessions
    months = view.session.astype("datetime64[D]").astype("datetime64[M]")
    first_of_month = np.searchsorted(months, months, side="left")
    move = (view.close - earlier(view.close, change_sessions))[first_of_month]
    name = f"move over {change_sessions} sessions to the month's first"
    up = all_of(prices, above(name, move, 0.0))
    down = all_of(prices, below(name, move, 0.0), side=-1)
    side: npt.NDArray[np.int8] = up.astype(np.int8) - down.astype(np.int8)
    return side


def _rule(prices: Prices, params: TrendMomentumYearParams) -> Signals:
    n = params.change_sessions
    side = prices.once("trend.monthly_side", lambda: _monthly_side(prices, n), n)
    # The side of a session ago and of two: a change is seen even if one decision bar is missing.
    # The first closes the position, so the new side is taken one session after the old one ends.
    before = np.concatenate((np.zeros(1, np.int8), side[:-1]))
    twice_before = np.concatenate((np.zeros(1, np.int8), before[:-1]))
    return daily_signals(
        prices,
        enter=side,
        leave=(side != before) | (side != twice_before),
        max_bars=params.max_bars,
    )


TREND_MOMENTUM_YEAR = Variant(
    name="trend_momentum_year",
    summary="The side of the move over 252 sessions, chosen at each month's first session.",
    source="Catalogue D06: Moskowitz, Ooi & Pedersen, Time Series Momentum (2012). One contract "
    "instead of positions scaled by volatility; a new side follows one session after the old one.",
    params_type=TrendMomentumYearParams,
    axes={"change_sessions": (200, 225, 252, 300)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    sides=(1, -1),
    family="trend",
)

TREND_MOMENTUM_QUARTER = Variant(
    name="trend_momentum_quarter",
    summary="The side of the move over 63 sessions, chosen at each month's first session.",
    source="Catalogue D07: Moskowitz, Ooi & Pedersen (2012), and Baltas & Kosowski on shorter "
    "look-backs. One contract instead of positions scaled by volatility.",
    params_type=TrendMomentumQuarterParams,
    axes={"change_sessions": (21, 42, 63, 126)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    sides=(1, -1),
    family="trend",
)
