"""The day's first move, followed in its last hours. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from rooney_core.strategies.conditions import above, all_of, at_least, below
from rooney_core.strategies.day_view import HOUR_US, US_DAY_OPENS, day_of, never
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_view import MAX_BARS_PER_SESSION
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class BreakoutIntradayMomentumParams(VariantParams):
    """`move_above_percent`: least move from the close before to 10:00 New York, in percent of that
    close. `last_hours`: how many hours before the flat time the position is opened."""

    move_above_percent: Annotated[float, Field(ge=0, le=10)] = 0.0
    last_hours: Annotated[int, Field(ge=1, le=4)] = 1
    max_bars: MaxBars = MAX_BARS_PER_SESSION

    @property
    def lookback_sessions(self) -> int:
        """The session before, and the session itself."""
        return 2


def _rule(prices: Prices, params: BreakoutIntradayMomentumParams) -> Signals:
    bars, view = prices.bars, prices.sessions
    move = day_of(prices).since_hour(prices.close, US_DAY_OPENS) - view.of_session_before(
        view.close
    )
    least = params.move_above_percent / 100.0 * view.of_session_before(prices.daily.raw_close)
    left, hours = (bars.flat_deadline_us - bars.bar_end_us) / HOUR_US, params.last_hours
    last = (
        at_least("hours to the flat time", left, hours, "last_hours"),
        below("hours to the flat time", left, hours + 1, "last_hours + 1"),
    )
    name, than = "move from the close before to 10:00", "move_above_percent in points"
    up = all_of(prices, *last, above(name, move, least, than))
    down = all_of(prices, *last, below(name, move, -least, f"minus {than}"), side=-1)
    return Signals(up.astype(np.int8) - down.astype(np.int8), never(prices), None, params.max_bars)


BREAKOUT_INTRADAY_MOMENTUM = Variant(
    name="breakout_intraday_momentum",
    summary="The side of the move from the close before to 10:00 New York, held for the last hour "
    "before the flat time.",
    source="Catalogue E07: Gao, Han, Li & Zhou, Market Intraday Momentum (2018): the last half "
    "hour. The last hour, or two or three, before the flat time (15:00), as bars are hourly.",
    params_type=BreakoutIntradayMomentumParams,
    axes={"move_above_percent": (0.0, 0.1, 0.2, 0.4), "last_hours": (1, 2, 3)},
    rule=_rule,
    sides=(1, -1),
    family="breakout",
)
