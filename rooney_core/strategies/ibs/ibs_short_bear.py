"""IBS on sessions, mirrored: sell strength in a downward trend. Facts only; behaviour is in
`variant`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from rooney_core.strategies.conditions import above, all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class IbsShortBearParams(VariantParams):
    """`entry_above`, `exit_below`: strength of the session, both exclusive.

    `trend_sessions`: enter only where the close is below its mean of so many sessions.
    """

    entry_above: Annotated[float, Field(ge=0.5, lt=1)] = 0.9
    exit_below: Annotated[float, Field(gt=0, lt=1)] = 0.3
    max_bars: MaxBars = 5
    trend_sessions: Annotated[int, Field(ge=2, le=500)] = 200

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        if self.exit_below >= self.entry_above:
            raise ValueError("exit_below must be smaller than entry_above")
        return self

    @property
    def lookback_sessions(self) -> int:
        """The trend's window."""
        return self.trend_sessions


def _rule(prices: Prices, params: IbsShortBearParams) -> Signals:
    daily = prices.daily
    trend = daily.mean_close(params.trend_sessions)
    enter = all_of(
        prices,
        above("IBS", daily.ibs, params.entry_above, "entry_above"),
        below("close", daily.close, trend, f"its {params.trend_sessions}-session mean"),
        side=-1,
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=daily.ibs < params.exit_below,
        max_bars=params.max_bars,
        side=-1,
    )


IBS_SHORT_BEAR = Variant(
    name="ibs_short_bear",
    summary="Short after a session that closed near its high below the long mean, until one closed "
    "low.",
    source="Catalogue A09: Pagonidis, The IBS Effect (2013), finds the short side in bear markets "
    "only. Adapted: sessions of futures.",
    params_type=IbsShortBearParams,
    axes={
        "entry_above": (0.75, 0.8, 0.85, 0.9, 0.95),
        "exit_below": (0.2, 0.3, 0.4, 0.5),
        "max_bars": (3, 5, 10),
        "trend_sessions": (100, 200),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    sides=(-1,),
)
