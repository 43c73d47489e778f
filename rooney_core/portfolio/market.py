"""What the market itself did beside a strategy: buy and hold, and the regime of each session.

Belongs here: one contract held all the time, what it is worth, and terciles of volatility and trend
known before the session. Does not belong here: any strategy's days (`equity`), or choosing by them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from rooney_core.backtest.costs import CostModel
from rooney_core.market.instruments import Instrument

FloatArray = npt.NDArray[np.float64]

MARKET_SCHEMA: Final = {
    "session": pl.Date(),
    "buy_and_hold_daily_pnl_usd": pl.Float64(),
    "buy_and_hold_daily_return": pl.Float64(),
    "contract_value_usd": pl.Float64(),
    "volatility_regime": pl.String(),
    "trend_regime": pl.String(),
}
"""One row per session, ascending; a regime is null until enough sessions have been seen."""

TERCILES: Final = ("low", "middle", "high")
VOLATILITY_SESSIONS: Final = 21
TREND_SESSIONS: Final = 63
FEWEST_TO_RANK: Final = 252
"""Sessions of history before a tercile is named: a year."""

FILLS_OF_A_ROLL: Final = 2.0


def market_days(
    session_bars: pl.DataFrame, costs: CostModel, instrument: Instrument
) -> pl.DataFrame:
    """MARKET_SCHEMA for session_bars, oldest first.

    One contract is bought at the first session's open and held for ever, marked at every close; a
    new contract in front is a roll, booked with two fills in its first session. `daily_return` is
    over the contract's value at the close before (the first: at its own open); `contract_value_usd`
    is at the session's close: |raw price| x multiplier, one tick at the least. Slippage counts at
    factor 1: a session has no hour.

    `volatility_regime` and `trend_regime` of a session: the tercile of the last 21 sessions'
    standard deviation, or of the last 63 sessions' summed return, before it, among all such values
    known by then. Nothing of the session itself or later is used.
    """
    if session_bars.is_empty():
        return pl.DataFrame(schema=MARKET_SCHEMA)
    close, opened = (session_bars[name].to_numpy() for name in ("close", "open"))
    value = _value_usd(close, instrument)
    before = np.concatenate((_value_usd(opened[:1], instrument), value[:-1]))
    marks = close + session_bars["adjustment"].to_numpy()
    moved = np.diff(marks, prepend=marks[0]) * instrument.multiplier
    moved[0] = (close[0] - opened[0]) * instrument.multiplier
    contract = session_bars["contract"]
    fills = FILLS_OF_A_ROLL * (contract != contract.shift(1)).fill_null(False).to_numpy()
    fills[0] = 1.0
    fill_usd = (
        costs.slippage(instrument) * instrument.multiplier + costs.commission_per_contract_usd
    )
    pnl = moved - fills * fill_usd
    volatility, trend = _regimes(moved / before)
    return pl.DataFrame(
        {
            "session": session_bars["session"],
            "buy_and_hold_daily_pnl_usd": pnl,
            "buy_and_hold_daily_return": pnl / before,
            "contract_value_usd": value,
            "volatility_regime": volatility,
            "trend_regime": trend,
        },
        schema=MARKET_SCHEMA,
    )


def _value_usd(price: FloatArray, instrument: Instrument) -> FloatArray:
    return np.maximum(np.abs(price), instrument.tick_size) * instrument.multiplier


def _regimes(returns: FloatArray) -> tuple[list[str | None], list[str | None]]:
    series = pl.Series(returns)
    volatility = series.rolling_std(VOLATILITY_SESSIONS, ddof=1).shift(1)
    trend = series.rolling_sum(TREND_SESSIONS).shift(1)
    return _causal_terciles(volatility.to_list()), _causal_terciles(trend.to_list())


def _causal_terciles(measured: list[float | None]) -> list[str | None]:
    """Each value's tercile among itself and those before it; null where too few are known."""
    seen: list[float] = []
    named: list[str | None] = []
    for one in measured:
        if one is None:
            named.append(None)
            continue
        insort(seen, one)
        if len(seen) < FEWEST_TO_RANK:
            named.append(None)
            continue
        below = bisect_left(seen, one)
        named.append(TERCILES[below * len(TERCILES) // len(seen)])
    return named
