"""The summary of a backtest, against numbers worked out by hand."""

from __future__ import annotations

from datetime import date
from math import isnan, sqrt

import polars as pl
import pytest

from rooney_core.backtest.engine import BacktestResult
from rooney_core.backtest.summary import monthly_returns, summarize

SESSIONS = [date(2015, 1, 29), date(2015, 1, 30), date(2015, 2, 2), date(2015, 2, 3)]
RETURNS = [0.02, -0.01, 0.0, 0.03]


def result(returns: list[float], trades: list[tuple[int, float, str, int]]) -> BacktestResult:
    days = pl.DataFrame(
        {
            "session": SESSIONS[: len(returns)],
            "daily_pnl_usd": [1000.0 * one for one in returns],
            "daily_return": returns,
        }
    )
    schema = {
        "side": pl.Int8,
        "net_profit_usd": pl.Float64,
        "exit_reason": pl.String,
        "n_bars": pl.Int64,
    }
    return BacktestResult(pl.DataFrame(trades, schema, orient="row"), days, days)


def test_the_numbers_of_three_trades():
    trades = [(1, 20.0, "SIGNAL", 3), (-1, -10.0, "STOP", 2), (1, 30.0, "SIGNAL", 5)]
    found = summarize(result(RETURNS, trades), n_bars=40)
    # Mean 0.01; squared deviations 1e-4, 4e-4, 1e-4, 4e-4, over three: sqrt(1e-3 / 3).
    per_day = 0.01 / sqrt(1e-3 / 3)
    assert found.sharpe_per_day == pytest.approx(per_day)
    assert found.annual_sharpe == pytest.approx(per_day * sqrt(252))
    # Third moments +1, -8, -1, +8 cancel: no skew; fourth ones 1, 16, 1, 16 over (10/4)^2 * 4.
    kurtosis = (34 / 4) / (10 / 4) ** 2
    error = sqrt((1 + (kurtosis - 1) / 4 * per_day**2) / 4)
    assert found.annual_sharpe_error == pytest.approx(error * sqrt(252))
    assert 0.5 < found.psr < 1.0
    assert (found.n_trades, found.n_long, found.n_sessions) == (3, 2, 4)
    assert found.win_rate == pytest.approx(2 / 3)
    assert found.profit_factor == pytest.approx(5.0)
    assert found.net_profit_usd == pytest.approx(40.0)
    assert found.max_drawdown == pytest.approx(-0.01)
    assert found.exposure == pytest.approx(10 / 40)
    assert found.trades_per_year == pytest.approx(3 / 4 * 252)
    assert list(found.exit_reasons.items()) == [("SIGNAL", 2), ("STOP", 1)]
    assert (found.first_session, found.last_session) == (SESSIONS[0], SESSIONS[-1])


def test_nothing_happened():
    found = summarize(result([0.0] * 4, []), n_bars=40)
    assert (found.n_trades, found.exposure, found.net_profit_usd) == (0, 0.0, 0.0)
    undefined = (found.win_rate, found.profit_factor, found.annual_sharpe, found.psr)
    assert all(isnan(one) for one in undefined)
    assert found.exit_reasons == {}


def test_months_are_compounded():
    found = monthly_returns(result(RETURNS, []))
    assert found.select("year", "month").rows() == [(2015, 1), (2015, 2)]
    assert found["monthly_return"].to_list() == pytest.approx([1.02 * 0.99 - 1, 0.03])


def test_a_month_cannot_lose_more_than_everything():
    found = monthly_returns(result([-1.5, 4.0], []))
    assert found["monthly_return"].to_list() == [-1.0]
