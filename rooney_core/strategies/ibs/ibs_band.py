"""IBS on sessions, far below a recent high. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from rooney_core.indicators import donchian_channel, simple_moving_average
from rooney_core.indicators.arrays import FloatArray
from rooney_core.strategies.conditions import above, all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.ibs.ibs_prior_high_exit import IbsPriorHighExitParams
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.session_indicators import earlier
from rooney_core.strategies.variant import Signals, Variant

HIGH_SESSIONS: Final = 10
RANGE_SESSIONS: Final = 25
TREND_SESSIONS: Final = 200


class IbsBandParams(IbsPriorHighExitParams):
    """`band_ranges`: how far below the highest high of ten sessions the close must be, in mean
    ranges (high minus low) of 25 sessions."""

    entry_below: Annotated[float, Field(gt=0, le=0.5)] = 0.3
    band_ranges: Annotated[float, Field(gt=0, le=20)] = 2.5

    @property
    def lookback_sessions(self) -> int:
        """The trend's window, the longest."""
        return TREND_SESSIONS


def _highest(prices: Prices) -> FloatArray:
    return donchian_channel(prices.sessions.high, prices.sessions.low, HIGH_SESSIONS)[0]


def _rule(prices: Prices, params: IbsBandParams) -> Signals:
    daily = prices.daily
    highest = prices.once("ibs_band.highest", lambda: _highest(prices))
    usual = prices.once(
        "ibs_band.usual", lambda: simple_moving_average(daily.spread, RANGE_SESSIONS)
    )
    band = highest - params.band_ranges * usual
    enter = all_of(
        prices,
        below("IBS", daily.ibs, params.entry_below, "entry_below"),
        below("close", daily.close, band, "the band below the 10-session high"),
        above("close", daily.close, daily.mean_close(TREND_SESSIONS), "its 200-session mean"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=daily.close > earlier(prices.sessions.high),
        max_bars=params.max_bars,
    )


IBS_BAND = Variant(
    name="ibs_band",
    summary="Long after a weak close far below the ten-session high in an upward trend, until a "
    "close above the high of the session before.",
    source="Catalogue A11: quantitativo's rules, as the moshferatu README gives them. Adapted: "
    "sessions of futures; the limit of sessions held is ours.",
    params_type=IbsBandParams,
    axes={
        "entry_below": (0.2, 0.25, 0.3, 0.4),
        "max_bars": (5, 10, 15),
        "band_ranges": (1.5, 2.0, 2.5, 3.0),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
)
