"""The turn of the month. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.strategies.conditions import all_of, equal
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class SeasonTurnOfMonthParams(VariantParams):
    """`first_day`: first session held, -1 the last one of a month. `last_day`: last session held,
    counted from 1 in the next month. Sessions are those of the instrument's own schedule."""

    first_day: Annotated[int, Field(ge=-10, le=-1)] = -1
    last_day: Annotated[int, Field(ge=1, le=10)] = 3
    max_bars: MaxBars = 30

    @property
    def lookback_sessions(self) -> int:
        """The session itself."""
        return 1


def _rule(prices: Prices, params: SeasonTurnOfMonthParams) -> Signals:
    calendar = prices.calendar
    left, number = calendar.left_in_month, calendar.number_in_month
    # About the session that comes next, which an order of this one's close would hold.
    held_next = (left <= -params.first_day) | (number < params.last_day)
    enter = all_of(
        prices, equal("sessions left in the month", left, -params.first_day, "minus first_day")
    )
    return daily_signals(prices, enter=enter, leave=~held_next, max_bars=params.max_bars)


SEASON_TURN_OF_MONTH = Variant(
    name="season_turn_of_month",
    summary="Long from the close before a month's last session to the close of the third one of "
    "the next.",
    source="Catalogue F01: McConnell & Xu, Equity Returns at the Turn of the Month (2008). "
    "Maberly & Waggoner (2000): gone in S&P futures after 1990.",
    params_type=SeasonTurnOfMonthParams,
    axes={"first_day": (-4, -3, -2, -1), "last_day": (2, 3, 4)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="season",
)
