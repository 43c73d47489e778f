"""A short dip, in deviations, in an upward trend. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rooney_core.strategies.conditions import above, all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.meanrev.meanrev_zscore import ZscoreReversionParams
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import Signals, Variant


class ZscoreUptrendParams(ZscoreReversionParams):
    """`trend_sessions`: enter only above the mean close of so many sessions."""

    score_sessions: Annotated[int, Field(ge=3, le=500)] = 5
    entry_below: Annotated[float, Field(ge=-10, lt=0)] = -1.5
    trend_sessions: Annotated[int, Field(ge=2, le=500)] = 200

    @property
    def lookback_sessions(self) -> int:
        """The longer of the trend's and the score's window."""
        return max(self.trend_sessions, self.score_sessions)


def _rule(prices: Prices, params: ZscoreUptrendParams) -> Signals:
    daily = prices.daily
    score = daily.zscore(params.score_sessions)
    trend = daily.mean_close(params.trend_sessions)
    enter = all_of(
        prices,
        above("close", daily.close, trend, f"its {params.trend_sessions}-session mean"),
        below("z-score", score, params.entry_below, "entry_below"),
    )
    return daily_signals(
        prices,
        enter=enter,
        leave=score > params.exit_above,
        max_bars=params.max_bars,
    )


MEANREV_ZSCORE_UPTREND = Variant(
    name="meanrev_zscore_uptrend",
    summary="Long after a short dip in an upward trend, until a close above the short mean.",
    source="Catalogue C04, a standard rule. Adapted: sessions of futures; the limit of 20 sessions "
    "is ours. Among five closes no sample z-score is below -1.79.",
    params_type=ZscoreUptrendParams,
    axes={
        "score_sessions": (5, 7, 10),
        "entry_below": (-1.5, -1.25, -1.0),
        "trend_sessions": (100, 200),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
    family="meanrev",
)
