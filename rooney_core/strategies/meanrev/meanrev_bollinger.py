"""Below the lower Bollinger band. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.indicators import rolling_std
from rooney_core.strategies.conditions import all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant, VariantParams


class BollingerReversionParams(VariantParams):
    """`band_sessions`: closes in the mean. `deviations`: distance of the band from it."""

    band_sessions: Annotated[int, Field(ge=2, le=500)] = 20
    deviations: Annotated[float, Field(gt=0, le=10)] = 2.0
    max_bars: MaxBars = 20

    @property
    def lookback_sessions(self) -> int:
        """The band's window."""
        return self.band_sessions


def _rule(prices: Prices, params: BollingerReversionParams) -> Signals:
    daily, n = prices.daily, params.band_sessions
    deviation = prices.once("daily.deviation", lambda: rolling_std(daily.close, n), n)
    mean = daily.mean_close(n)
    band = mean - params.deviations * deviation
    return daily_signals(
        prices,
        enter=all_of(prices, below("close", daily.close, band, "the lower Bollinger band")),
        leave=daily.close > mean,
        max_bars=params.max_bars,
    )


MEANREV_BOLLINGER = Variant(
    name="meanrev_bollinger",
    summary="Long after a close below the lower Bollinger band, until one above the middle.",
    source="Catalogue C01, a standard rule on Bollinger's bands (2001). Adapted: sessions of "
    "futures; the limit of 20 sessions is ours.",
    params_type=BollingerReversionParams,
    axes={
        "band_sessions": (10, 15, 20, 30, 50),
        "deviations": (1.0, 1.5, 2.0, 2.5, 3.0),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="meanrev",
)
