"""One configuration, from signals to numbers, in one compiled pass that holds no lock.

Belongs here: trades, booked days and the metrics of a sweep's row, for one configuration, without
a frame or an allocation that grows with the bars. Does not belong here: the search (`sweep`), or
what a metric means: `rooney_core.validation` defines each, and tests hold the two equal.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from rooney_core.backtest.accounts import Books, book
from rooney_core.backtest.compiled import njit_across_files
from rooney_core.backtest.kernel import FloatArray
from rooney_core.backtest.play import TripBuffer, find_trips, new_cursor
from rooney_core.backtest.tape import IntArray, Opinions, Tape

DAYS_PER_YEAR: Final = 252
# The costs at which a Sharpe is reported beside the one at the costs themselves.
STRESSES: Final = (2.0, 5.0)
# So many trades at a time stay in the processor's cache.
TRADES_AT_ONCE: Final = 1024

SCORES: Final = (
    "annual_sharpe",
    "sharpe_per_day",
    "n_trades",
    "trades_per_year",
    "max_drawdown",
    "win_rate",
    "profit_factor",
    "net_profit_usd",
    "n_obs",
    "skewness",
    "kurtosis",
    "sharpe_at_double_costs",
    "sharpe_at_five_costs",
)


class Desk(NamedTuple):
    """One thread's working memory, used again for every configuration."""

    trips: TripBuffer
    cursor: IntArray
    net: FloatArray
    pnl: FloatArray
    costs: FloatArray
    stressed: FloatArray

    @classmethod
    def for_sessions(cls, n_sessions: int) -> Desk:
        """Working memory for bars of so many sessions."""
        return cls(
            trips=TripBuffer.of_size(TRADES_AT_ONCE),
            cursor=new_cursor(),
            net=np.empty(TRADES_AT_ONCE),
            pnl=np.empty(n_sessions),
            costs=np.empty(n_sessions),
            stressed=np.empty(n_sessions),
        )


@njit_across_files
def score(
    tape: Tape,
    signals: Opinions,
    books: Books,
    notional: FloatArray,
    marked: bool,
    desk: Desk,
    returns: FloatArray,
    scores: FloatArray,
) -> None:
    """Write daily returns f8[n_sessions] and SCORES of one configuration.

    `notional`: what a session's P&L is a return on; `marked`: see `accounts`.
    """
    trips, net, pnl, costs = desk.trips, desk.net, desk.pnl, desk.costs
    pnl[:] = 0.0
    costs[:] = 0.0
    desk.cursor[:] = 0
    total, n_wins, gains, losses, n_all = 0.0, 0, 0.0, 0.0, 0
    n_trades = TRADES_AT_ONCE
    while n_trades == TRADES_AT_ONCE:
        n_trades = find_trips(tape, signals, desk.cursor, trips)
        book(trips, n_trades, books, marked, net, pnl, costs)
        n_all += n_trades
        for i in range(n_trades):
            total += net[i]
            if net[i] > 0.0:
                n_wins += 1
                gains += net[i]
            else:
                losses -= net[i]
    n_days = len(pnl)
    for day in range(n_days):
        returns[day] = pnl[day] / notional[day]
    sharpe, mean, variance = _sharpe(returns)
    skewness, kurtosis = _shape(returns, mean, variance)
    scores[0], scores[1] = sharpe * np.sqrt(DAYS_PER_YEAR), sharpe
    scores[2], scores[3] = n_all, n_all / n_days * DAYS_PER_YEAR
    scores[4] = _deepest_fall(returns)
    scores[5] = n_wins / n_all if n_all else np.nan
    scores[6] = gains / losses if losses > 0.0 else (np.inf if gains > 0.0 else np.nan)
    scores[7], scores[8], scores[9], scores[10] = total, n_days, skewness, kurtosis
    # Costs never change which trades happen, so the stress needs no second run.
    for number in range(len(STRESSES)):
        for day in range(n_days):
            extra = (STRESSES[number] - 1.0) * costs[day]
            desk.stressed[day] = (pnl[day] - extra) / notional[day]
        scores[11 + number] = _sharpe(desk.stressed)[0] * np.sqrt(DAYS_PER_YEAR)


@njit_across_files
def _sharpe(returns: FloatArray) -> tuple[float, float, float]:
    """Sharpe per day (ddof 1), mean, and variance (ddof 0); all NaN where returns never vary."""
    n = len(returns)
    lowest, highest = returns[0], returns[0]
    # Two sums side by side: each waits for itself only.
    even, odd = 0.0, 0.0
    for day in range(0, n - 1, 2):
        one, two = returns[day], returns[day + 1]
        even += one
        odd += two
        # Not min() and max(), which ask about NaN every time.
        lower, higher = (one, two) if one < two else (two, one)
        lowest = lower if lower < lowest else lowest
        highest = higher if higher > highest else highest
    if n % 2:
        even += returns[n - 1]
        lowest = returns[n - 1] if returns[n - 1] < lowest else lowest
        highest = returns[n - 1] if returns[n - 1] > highest else highest
    if lowest == highest:
        return np.nan, np.nan, np.nan
    mean = (even + odd) / n
    even, odd = 0.0, 0.0
    for day in range(0, n - 1, 2):
        one, two = returns[day] - mean, returns[day + 1] - mean
        even += one * one
        odd += two * two
    if n % 2:
        even += (returns[n - 1] - mean) ** 2
    return mean / np.sqrt((even + odd) / (n - 1)), mean, (even + odd) / n


@njit_across_files
def _shape(returns: FloatArray, mean: float, variance: float) -> tuple[float, float]:
    """Skewness and Pearson kurtosis (population moments), as `validation.return_moments`."""
    if np.isnan(mean):
        return np.nan, np.nan
    # Scaled to order 1 so that powers of tiny returns do not underflow.
    scale = 1.0 / np.sqrt(variance)
    third, fourth = 0.0, 0.0
    for value in returns:
        deviation = (value - mean) * scale
        square = deviation * deviation
        third += square * deviation
        fourth += square * square
    return third / len(returns), fourth / len(returns)


@njit_across_files
def _deepest_fall(returns: FloatArray) -> float:
    """Drawdown of compounded returns, <= 0; the start is a peak too, and ruin is final."""
    wealth, peak, trough, deepest = 1.0, 1.0, 1.0, 0.0
    for value in returns:
        wealth *= 1.0 + value if value > -1.0 else 0.0
        if wealth > peak:
            # The deepest fall from a peak is to its lowest point: one division for each peak.
            deepest = min(deepest, trough / peak - 1.0)
            peak = trough = wealth
        elif wealth < trough:
            trough = wealth
    return min(deepest, trough / peak - 1.0)
