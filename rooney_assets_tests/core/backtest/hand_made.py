"""Bars and signals small enough to check by eye: hourly, two sessions, round numbers.

Belongs here: builders for the backtest tests. Does not belong here: assertions, randomness.
"""

from __future__ import annotations

import numpy as np

from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.market.source_pages import SimulatedFacts, SourceFacts
from rooney_core.strategies import Signals

HOUR_US = 3_600_000_000
FIRST_DAY = 18_000  # 2019-04-14

INSTRUMENT = Instrument(
    symbol="SIM_XX",
    name="Test instrument",
    role="tradable",
    exchange="SIMULATED",
    product_group="equity_index",
    multiplier=50,
    tick_size=0.25,
    commission_per_contract_usd=1.25,
    slippage_ticks=1.0,
    sources=SourceFacts(simulated=SimulatedFacts(start_price=100, annual_volatility=0.2)),
)


def bars(
    prices: list[tuple[float, float, float, float]],
    *,
    hours: list[int] | None = None,
    sessions: list[int] | None = None,
    volume: list[float] | None = None,
    adjustment: list[float] | None = None,
    deadline_hour: float = 1000,
) -> BarArrays:
    """One bar per (open, high, low, close); `hours` since the first day say when each starts.

    `deadline_hour` counts from the same moment; `sessions` number the sessions from 0.
    """
    n = len(prices)
    start = FIRST_DAY * 24 * HOUR_US + np.array(hours or range(n), np.int64) * HOUR_US
    session = np.array(sessions or [0] * n, np.int32)
    open_, high, low, close = (np.array(column, float) for column in zip(*prices, strict=True))
    # A deadline per session, a day apart from the second session on.
    deadline = FIRST_DAY * 24 * HOUR_US + int(deadline_hour * HOUR_US)
    deadlines = deadline + session.astype(np.int64) * 24 * HOUR_US
    return BarArrays(
        bar_start_us=start,
        bar_end_us=start + HOUR_US,
        open=open_,
        high=high,
        low=low,
        close=close,
        adjustment=np.array(adjustment or [0.0] * n),
        volume=np.array(volume or [10.0] * n),
        session=FIRST_DAY + session,
        flat_deadline_us=deadlines,
        session_open_us=np.full(n, FIRST_DAY * 24 * HOUR_US),
        session_close_us=deadlines,
    )


def flat_bars(n: int, price: float = 100.0, **timing: object) -> BarArrays:
    """n bars that open at price, price + 1, ... and close half a point higher."""
    prices = [(price + i, price + i + 0.75, price + i - 0.25, price + i + 0.5) for i in range(n)]
    return bars(prices, **timing)


def signals(
    n: int,
    *,
    long: tuple[int, ...] = (),
    short: tuple[int, ...] = (),
    leave: tuple[int, ...] = (),
    stop: float = np.nan,
    max_bars: int = 100,
) -> Signals:
    """Signals at the closes of the bars with these indices."""
    entry = np.zeros(n, np.int8)
    entry[list(long)], entry[list(short)] = 1, -1
    leaving = np.zeros(n, np.bool_)
    leaving[list(leave)] = True
    return Signals(entry, leaving, np.full(n, stop), max_bars)
