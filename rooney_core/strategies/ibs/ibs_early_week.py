"""IBS on sessions early in the week. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rooney_core.strategies.conditions import all_of, at_most, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.ibs.ibs_daily import IbsDailyParams
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import Signals, Variant

TUESDAY: Final = 2


class IbsEarlyWeekParams(IbsDailyParams):
    """The daily rule's parameters."""

    entry_below: Annotated[float, Field(gt=0, le=0.5)] = 0.25


def _rule(prices: Prices, params: IbsEarlyWeekParams) -> Signals:
    enter = all_of(
        prices,
        below("IBS", prices.daily.ibs, params.entry_below, "entry_below"),
        at_most("weekday", prices.calendar.weekday, TUESDAY, "Tuesday"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=prices.daily.ibs > params.exit_above,
        max_bars=params.max_bars,
    )


IBS_EARLY_WEEK = Variant(
    name="ibs_early_week",
    summary="The daily rule, entered only after the sessions of Monday and Tuesday.",
    source="Catalogue A08: Pagonidis, The IBS Effect (2013), finds the effect stronger early in "
    "the week. Adapted: Monday's session opens on Sunday evening and is labelled Monday.",
    params_type=IbsEarlyWeekParams,
    axes={
        "entry_below": (0.1, 0.15, 0.2, 0.25, 0.3, 0.35),
        "exit_above": (0.6, 0.7, 0.8, 0.9),
        "max_bars": (2, 3, 5),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
)
