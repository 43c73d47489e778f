"""Near the low of several sessions. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from rooney_core.indicators import williams_percent_r
from rooney_core.strategies.conditions import all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class WilliamsReversionParams(VariantParams):
    """`entry_below`, `exit_above`: Williams %R in [-100, 0], both exclusive.

    `range_sessions`: sessions whose highest high and lowest low it measures against.
    """

    range_sessions: Annotated[int, Field(ge=2, le=200)] = 5
    entry_below: Annotated[float, Field(gt=-100, lt=0)] = -90.0
    exit_above: Annotated[float, Field(gt=-100, lt=0)] = -30.0
    max_bars: MaxBars = 20

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        if self.entry_below >= self.exit_above:
            raise ValueError("entry_below must be smaller than exit_above")
        return self

    @property
    def lookback_sessions(self) -> int:
        """The range's window."""
        return self.range_sessions


def _rule(prices: Prices, params: WilliamsReversionParams) -> Signals:
    view, n = prices.sessions, params.range_sessions
    percent_r = prices.once(
        "daily.williams", lambda: williams_percent_r(view.high, view.low, view.close, n), n
    )
    return daily_signals(
        prices,
        enter=all_of(prices, below("Williams %R", percent_r, params.entry_below, "entry_below")),
        leave=percent_r > params.exit_above,
        max_bars=params.max_bars,
    )


MEANREV_WILLIAMS = Variant(
    name="meanrev_williams",
    summary="Long after a close near the low of several sessions, until one near their high.",
    source="Catalogue C08, a standard rule on Williams' %R. Adapted: sessions of futures; the "
    "limit of 20 sessions is ours.",
    params_type=WilliamsReversionParams,
    axes={
        "range_sessions": (2, 5, 10, 14),
        "entry_below": (-95.0, -90.0, -80.0),
        "exit_above": (-50.0, -30.0, -20.0),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="meanrev",
)
