"""Before the central bank speaks. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from rooney_core.strategies.conditions import all_of, equal
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.fomc import announcement_days
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class SeasonPreFomcParams(VariantParams):
    """`days`: sessions held, the announcement's own counted."""

    days: Annotated[int, Field(ge=1, le=5)] = 1
    max_bars: MaxBars = 5

    @property
    def lookback_sessions(self) -> int:
        """The session itself."""
        return 1


def _rule(prices: Prices, params: SeasonPreFomcParams) -> Signals:
    calendar, announced = prices.calendar, announcement_days()
    until = calendar.sessions_until(announced)
    return daily_signals(
        prices,
        enter=all_of(
            prices, equal("sessions to the next announcement", until, params.days, "days")
        ),
        leave=np.isin(calendar.session, announced),
        max_bars=params.max_bars,
    )


SEASON_PRE_FOMC = Variant(
    name="season_pre_fomc",
    summary="Long from the close before a scheduled announcement of the Federal Reserve to the "
    "close of its day.",
    source="Catalogue F05: Lucca & Moench, The Pre-FOMC Announcement Drift (2015); essentially "
    "disappeared after 2015. From close to close instead of from 14:00 to 14:00.",
    params_type=SeasonPreFomcParams,
    axes={"days": (1, 2, 3)},
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="season",
)
