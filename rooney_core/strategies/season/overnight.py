"""The night: from the evening to the American opening. Facts only; behaviour is in `variant`.

The source buys the close at 16:15 and sells the opening at 09:30. These are hourly variants, flat
by the flat time: the evening's first bar ends at 19:00 New York, where the position is opened, and
it is sold at the opening of the 09:00 bar. Monday's night is the one that begins on Sunday.
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from rooney_core.strategies.conditions import Condition, all_of, any_of, below, equal
from rooney_core.strategies.day_view import SESSION_OPENS, US_DAY_OPENS, day_of
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_view import MAX_BARS_PER_SESSION
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class SeasonOvernightParams(VariantParams):
    """`opens_at`, `closes_at`: New York's hours at whose beginning the position is opened and
    closed; the day counts from 18:00."""

    opens_at: Annotated[int, Field(ge=0, le=23)] = SESSION_OPENS + 1
    closes_at: Annotated[int, Field(ge=0, le=23)] = US_DAY_OPENS
    max_bars: MaxBars = MAX_BARS_PER_SESSION

    @model_validator(mode="after")
    def _hours_are_ordered(self) -> Self:
        if not 0 < _elapsed(self.opens_at) < _elapsed(self.closes_at):
            raise ValueError("18:00 must come before opens_at, and opens_at before closes_at")
        return self

    @property
    def lookback(self) -> int:
        """The hour is known from the bar itself."""
        return 1


class SeasonOvernightAfterSelloffParams(SeasonOvernightParams):
    """`ibs_below`: the session before closed in so low a part of its range, in [0, 1]; or
    `drop_percent`: it closed so much of the close before below that."""

    ibs_below: Annotated[float, Field(gt=0, le=1)] = 0.3
    drop_percent: Annotated[float, Field(gt=0, le=20)] = 1.0

    @property
    def lookback_sessions(self) -> int:
        """The session before, the one before that, and the session itself."""
        return 3


def _elapsed(hour: int) -> int:
    return (hour - SESSION_OPENS) % 24


def _night(
    prices: Prices, params: SeasonOvernightParams
) -> tuple[Condition, npt.NDArray[np.bool_]]:
    """(enter, leave): the bars after which to buy, and to sell, at the next one's opening."""
    ends_at = day_of(prices).elapsed + 1
    name = "hours from 18:00 New York to the bar's end"
    return (
        equal(name, ends_at, _elapsed(params.opens_at), "those to opens_at"),
        ends_at >= _elapsed(params.closes_at),
    )


def _overnight(prices: Prices, params: SeasonOvernightParams) -> Signals:
    at_hour, leave = _night(prices, params)
    return Signals(all_of(prices, at_hour).astype(np.int8), leave, None, params.max_bars)


def _after_selloff(prices: Prices, params: SeasonOvernightAfterSelloffParams) -> Signals:
    at_hour, leave = _night(prices, params)
    least = -params.drop_percent / 100.0
    sold_off = any_of(
        below("IBS of the session before", prices.daily.ibs, params.ibs_below, "ibs_below"),
        below("its change", prices.daily.change, least, "minus drop_percent / 100"),
    )
    enter = all_of(prices, at_hour, sold_off.taken(prices.sessions.before))
    return Signals(enter.astype(np.int8), leave, None, params.max_bars)


SEASON_OVERNIGHT = Variant(
    name="season_overnight",
    summary="Long from 19:00 New York to 09:00.",
    source="Catalogue F03: Boyarchenko, Larsen & Whelan, The Overnight Drift (2023): most of it "
    "between 02:00 and 03:00, hence the other hours of the grid; faded since 2021 (New York Fed).",
    params_type=SeasonOvernightParams,
    axes={"opens_at": (2, 19), "closes_at": (3, 9)},
    rule=_overnight,
    family="season",
)

SEASON_OVERNIGHT_AFTER_SELLOFF = Variant(
    name="season_overnight_after_selloff",
    summary="Long from 19:00 New York to 09:00 after a session that closed weak or fell.",
    source="Catalogue F04: Boyarchenko, Larsen & Whelan (2023): the drift is a reversal after "
    "sell-offs. Either a low IBS or a drop in percent of the close before.",
    params_type=SeasonOvernightAfterSelloffParams,
    axes={"ibs_below": (0.1, 0.2, 0.3), "drop_percent": (0.5, 1.0, 1.5)},
    rule=_after_selloff,
    family="season",
)
