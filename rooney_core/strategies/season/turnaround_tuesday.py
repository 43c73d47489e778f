"""Turnaround Tuesday. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rooney_core.strategies.conditions import all_of, below, equal
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams

MONDAY: Final = 1


class SeasonTurnaroundTuesdayParams(VariantParams):
    """`drop_percent`: Monday's close is below the close before by more than so much of it.

    `max_bars`: sessions held; 1 is Tuesday.
    """

    drop_percent: Annotated[float, Field(ge=0, le=20)] = 0.0
    max_bars: MaxBars = 1

    @property
    def lookback_sessions(self) -> int:
        """Monday and the session before."""
        return 2


def _rule(prices: Prices, params: SeasonTurnaroundTuesdayParams) -> Signals:
    view, calendar = prices.sessions, prices.calendar
    least = -params.drop_percent / 100.0
    enter = all_of(
        prices,
        equal("weekday", calendar.weekday, MONDAY, "Monday"),
        equal("days to the next session", calendar.days_to_next, 1),
        below("change of the close", prices.daily.change, least, "minus drop_percent / 100"),
        below("close", view.close, view.open, "the session's open"),
    )
    return daily_signals(
        prices, enter=enter, leave=calendar.weekday != MONDAY, max_bars=params.max_bars
    )


SEASON_TURNAROUND_TUESDAY = Variant(
    name="season_turnaround_tuesday",
    summary="Long over Tuesday after a Monday that closed below its opening and the close before.",
    source="Catalogue F02: a standard rule. The drop is in percent of the close before.",
    params_type=SeasonTurnaroundTuesdayParams,
    axes={"drop_percent": (0.0, 0.25, 0.5, 1.0)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="season",
)
