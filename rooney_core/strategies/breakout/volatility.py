"""Williams' volatility breakout: a buy stop above the opening by a share of yesterday's range.
Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from rooney_core.strategies.conditions import above, all_of, below
from rooney_core.strategies.day_view import HOUR_US, never, session_of
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class BreakoutVolatilityParams(VariantParams):
    """`range_share`: distance of the stop order from the opening, in ranges of the session before.

    `max_bars`: sessions; 1 leaves at the next opening.
    """

    range_share: Annotated[float, Field(gt=0, le=5)] = 0.8
    max_bars: MaxBars = 1

    @property
    def lookback_sessions(self) -> int:
        """The session before, and the session itself."""
        return 2


def _rule(prices: Prices, params: BreakoutVolatilityParams) -> Signals:
    bars, session = prices.bars, session_of(prices)
    before = prices.sessions.of_session_before(prices.daily.spread)
    level = session.open + params.range_share * before
    # Once touched, the order was filled or missed; from the close on the next opening counts.
    left = (bars.session_close_us - bars.bar_end_us) / HOUR_US
    works = all_of(
        prices,
        below("high of the session so far", session.high, level, "the order's level"),
        above("hours to the session's close", left, 0.0),
    )
    return Signals(
        entry=works.astype(np.int8),
        exit=never(prices),
        stop_distance=None,
        max_bars=params.max_bars,
        entry_level=level,
        order="stop",
        decides=prices.decides,
        overnight=True,
    )


BREAKOUT_VOLATILITY = Variant(
    name="breakout_volatility",
    summary="Buy stop above the session's opening by 0.8 of the range before, out at the next "
    "opening.",
    source="Catalogue E06: Larry Williams, as told on financiallover's blog. Long side; the "
    "opening is that of 18:00 New York, the order works from the second bar on.",
    params_type=BreakoutVolatilityParams,
    axes={"range_share": (0.4, 0.6, 0.8, 1.0, 1.2)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="breakout",
)
