"""One backtest in a dozen numbers, and month by month.

Belongs here: putting a result's metrics together. Does not belong here: how a metric is defined
(`rooney_core.validation`), a search's rows (`scores`), or what they look like on a page.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Final

import polars as pl

from rooney_core.backtest.engine import BacktestResult
from rooney_core.validation.metrics import max_drawdown, profit_factor, win_rate
from rooney_core.validation.sharpe import (
    DAYS_PER_YEAR,
    probabilistic_sharpe_ratio,
    return_moments,
    sharpe_standard_error,
)

MONTHS_PER_YEAR: Final = 12


@dataclass(frozen=True)
class Summary:
    """Net of costs, of one contract. Undefined is NaN.

    `annual_sharpe`: of daily returns, flat sessions included; `annual_sharpe_error` its standard
    error; `psr` the probability that the true Sharpe is above 0, before any deflation.
    `max_drawdown`: fraction <= 0. `exposure`: share of bars with a position. `trades_per_year`:
    per 252 sessions. `exit_reasons`: trades by reason, most frequent first. `sharpe_per_day` is
    what the trial ledger keeps.
    """

    first_session: date
    last_session: date
    n_sessions: int
    n_bars: int
    n_trades: int
    n_long: int
    win_rate: float
    profit_factor: float
    annual_sharpe: float
    annual_sharpe_error: float
    psr: float
    sharpe_per_day: float
    max_drawdown: float
    net_profit_usd: float
    exposure: float
    trades_per_year: float
    exit_reasons: dict[str, int]


def summarize(result: BacktestResult, n_bars: int) -> Summary:
    """The numbers of a backtest over so many bars."""
    trades, days = result.trades, result.daily_returns
    profits, returns = trades["net_profit_usd"].to_numpy(), days["daily_return"].to_numpy()
    moments = return_moments(returns)
    a_year = math.sqrt(DAYS_PER_YEAR)
    counts = trades.group_by("exit_reason").len()
    reasons = counts.sort("len", "exit_reason", descending=[True, False])
    return Summary(
        first_session=days["session"][0],
        last_session=days["session"][-1],
        n_sessions=days.height,
        n_bars=n_bars,
        n_trades=trades.height,
        n_long=int((trades["side"] > 0).sum()),
        win_rate=win_rate(profits),
        profit_factor=profit_factor(profits),
        annual_sharpe=moments.sharpe_per_bar * a_year,
        annual_sharpe_error=sharpe_standard_error(*moments) * a_year,
        psr=probabilistic_sharpe_ratio(*moments),
        sharpe_per_day=moments.sharpe_per_bar,
        max_drawdown=max_drawdown(returns),
        net_profit_usd=float(profits.sum()),
        exposure=float(trades["n_bars"].sum()) / n_bars,
        trades_per_year=trades.height / days.height * DAYS_PER_YEAR,
        exit_reasons=dict(reasons.iter_rows()),
    )


def monthly_returns(result: BacktestResult) -> pl.DataFrame:
    """Columns: year, month (1 to 12), monthly_return: compounded daily returns, -1 at the least."""
    growth = (1.0 + pl.col("daily_return")).clip(lower_bound=0.0).product()
    return (
        result.daily_returns.group_by(
            pl.col("session").dt.year().alias("year"), pl.col("session").dt.month().alias("month")
        )
        .agg((growth - 1.0).alias("monthly_return"))
        .sort("year", "month")
    )
