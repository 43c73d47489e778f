"""IBS on sessions: the classic rule. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from rooney_core.strategies.conditions import all_of, below
from rooney_core.strategies.daily import daily_signals
from rooney_core.strategies.ibs.ibs_baseline import IbsBaselineParams
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import MaxBars, Signals, Variant


class IbsDailyParams(IbsBaselineParams):
    """`entry_below`, `exit_above`: internal bar strength of the session, both exclusive."""

    max_bars: MaxBars = 5

    @property
    def lookback_sessions(self) -> int:
        """The session alone."""
        return 1


def _rule(prices: Prices, params: IbsDailyParams) -> Signals:
    return daily_signals(
        prices,
        enter=all_of(prices, below("IBS", prices.daily.ibs, params.entry_below, "entry_below")),
        leave=prices.daily.ibs > params.exit_above,
        max_bars=params.max_bars,
    )


IBS_DAILY = Variant(
    name="ibs_daily",
    summary="Long after a session that closed in the lowest part of its range, until one in the "
    "highest.",
    source="Catalogue A01: Pagonidis, The IBS Effect (2013). There on daily bars of funds; here on "
    "sessions of futures, evening included, entered at the next session's first bar.",
    params_type=IbsDailyParams,
    axes={
        "entry_below": (0.05, 0.1, 0.15, 0.2, 0.25, 0.3),
        "exit_above": (0.5, 0.6, 0.7, 0.75, 0.8, 0.9),
        "max_bars": (2, 3, 5, 7, 10),
    },
    rule=_rule,
    timeframe="session",
    overnight=True,
)
