"""The equity curve: cash plus results, how far below its best it stands, and what is beside it."""

import math
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from rooney_core.portfolio.equity import (
    DAYS_SCHEMA,
    EQUITY_SCHEMA,
    equity_curve,
    published_days,
    window_days,
)
from rooney_core.portfolio.market import MARKET_SCHEMA
from rooney_core.portfolio.periods import (
    BENCHMARKS_SCHEMA,
    REGIMES_SCHEMA,
    YEARS_SCHEMA,
    benchmarks,
    by_regime,
    by_year,
)

FIRST = date(2020, 1, 1)
NO_MARKET = pl.DataFrame(schema=MARKET_SCHEMA)


def window(first: int, *pnl: float) -> pl.DataFrame:
    n = len(pnl)
    return pl.DataFrame(
        {
            "session": [date(2020, 1, first + i) for i in range(n)],
            "daily_pnl_usd": list(pnl),
            "daily_return": [one / 50_000 for one in pnl],
            "daily_costs_usd": [5.0] * n,
            "unfiltered_daily_pnl_usd": [one - 10.0 for one in pnl],
            "unfiltered_daily_return": [(one - 10.0) / 50_000 for one in pnl],
        },
        schema=DAYS_SCHEMA,
    )


def market(n: int, regimes: list[str | None] | None = None) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "session": [FIRST + timedelta(days=i) for i in range(n)],
            "buy_and_hold_daily_pnl_usd": [1.0 + i for i in range(n)],
            "buy_and_hold_daily_return": [0.001 * i for i in range(n)],
            "contract_value_usd": [50_000.0 + i for i in range(n)],
            "volatility_regime": regimes or [None] * n,
            "trend_regime": [None] * n,
        },
        schema=MARKET_SCHEMA,
    )


def test_a_curve_over_two_windows_by_hand() -> None:
    daily = {"train": window(1, -100.0, 0.0, 300.0), "test": window(4, -240.0)}
    table = equity_curve(daily, market(4), "SIM_T", "v1", 1000.0)
    assert table.schema == pl.Schema(EQUITY_SCHEMA)
    assert table["equity_usd"].to_list() == [900.0, 900.0, 1200.0, 960.0]
    assert table["drawdown"].to_list() == pytest.approx([-0.1, -0.1, 0.0, -0.2])
    assert table["window"].to_list() == ["train", "train", "train", "test"]
    assert table["symbol"].unique().to_list() == ["SIM_T"]
    assert table["buy_and_hold_daily_pnl_usd"].to_list() == [1.0, 2.0, 3.0, 4.0]


def test_windows_without_days_leave_no_rows() -> None:
    empty = {"train": window(1), "test": window(1)}
    table = equity_curve(empty, NO_MARKET, "SIM_T", "v1", 1000.0)
    assert table.height == 0
    for made, schema in (
        (benchmarks(table, 1000.0), BENCHMARKS_SCHEMA),
        (by_year(table), YEARS_SCHEMA),
        (by_regime(table), REGIMES_SCHEMA),
    ):
        assert made.schema == pl.Schema(schema)
        assert made.height == 0


def test_a_loss_beyond_the_cash_falls_by_more_than_all() -> None:
    table = equity_curve({"test": window(1, -1500.0)}, market(1), "SIM_T", "v1", 1000.0)
    assert table["equity_usd"][0] == -500.0
    assert table["drawdown"][0] == -1.5


def test_a_session_that_the_market_does_not_know_keeps_the_value_of_before() -> None:
    days = {"train": window(1, 1.0, 2.0, 3.0)}
    known = market(3).filter(pl.col("session") != date(2020, 1, 2))
    table = equity_curve(days, known, "SIM_T", "v1", 1000.0)
    assert table["contract_value_usd"].to_list() == [50_000.0, 50_000.0, 50_002.0]
    assert table["buy_and_hold_daily_pnl_usd"].to_list() == [1.0, 0.0, 3.0]


def trades() -> pl.DataFrame:
    """One that is held overnight, one of a day; costs 8 and 4 USD."""
    return pl.DataFrame(
        {
            "held_sessions": [[date(2020, 1, 2), date(2020, 1, 3)], [date(2020, 1, 3)]],
            "held_pnl_usd": [[100.0, -30.0], [20.0]],
            "held_return": [[0.002, -0.0006], [0.0004]],
            "costs_usd": [8.0, 4.0],
            "label_start": [
                datetime(2020, 1, 2, 14, tzinfo=UTC),
                datetime(2020, 1, 3, 9, tzinfo=UTC),
            ],
        }
    )


def test_a_window_holds_both_strategies_and_the_costs_of_the_filtered_one() -> None:
    sessions = pl.Series("session", [date(2020, 1, day) for day in (1, 2, 3)])
    every = trades()
    table = window_days(every.head(1), every, sessions)
    assert table["daily_pnl_usd"].to_list() == [0.0, 100.0, -30.0]
    assert table["daily_costs_usd"].to_list() == [0.0, 0.0, 8.0]
    assert table["unfiltered_daily_pnl_usd"].to_list() == [0.0, 100.0, -10.0]
    assert table["unfiltered_daily_return"].to_list() == pytest.approx([0.0, 0.002, -0.0002])
    nothing = window_days(every.head(0), every, sessions)
    assert nothing["daily_pnl_usd"].to_list() == [0.0, 0.0, 0.0]
    assert nothing["daily_costs_usd"].to_list() == [0.0, 0.0, 0.0]


def test_a_filtered_session_off_the_calendar_is_a_day_of_both() -> None:
    sessions = pl.Series("session", [date(2020, 1, 1), date(2020, 1, 3)])
    table = window_days(trades().tail(1), trades(), sessions)
    assert table["session"].to_list() == [date(2020, 1, day) for day in (1, 2, 3)]
    assert table["daily_pnl_usd"].to_list() == [0.0, 0.0, 20.0]


def test_published_days_are_those_of_the_evaluation() -> None:
    days = window(1, 5.0, -7.0)
    row = {f"test_{name}": [days[name].to_list()] for name in tuple(DAYS_SCHEMA)[1:]}
    evaluation = pl.DataFrame({"test_sessions": [days["session"].to_list()], **row})
    assert published_days(evaluation).equals(days)


def test_years_and_regimes_add_up_to_the_curve() -> None:
    regimes = ["low", "low", None, "high"]
    daily = {"train": window(1, 100.0, -50.0), "test": window(3, 30.0, -80.0)}
    table = equity_curve(daily, market(4, regimes), "SIM_T", "v1", 1000.0)
    years = by_year(table)
    filtered = years.filter(pl.col("strategy") == "filtered")
    assert filtered.select("window", "net_profit_usd").rows() == [("train", 50.0), ("test", -50.0)]
    # By hand: returns 0.002 and -0.001, mean 0.0005, standard deviation 0.003 / sqrt(2).
    expected = 0.0005 / (0.003 / math.sqrt(2)) * math.sqrt(252)
    assert filtered["annual_sharpe"][0] == pytest.approx(expected)
    assert filtered["max_drawdown"][0] == pytest.approx(-0.001)
    unfiltered = years.filter(pl.col("strategy") == "unfiltered")["net_profit_usd"].sum()
    assert unfiltered == pytest.approx(-40.0)
    rows = by_regime(table).filter(pl.col("strategy") == "filtered")
    assert rows.select("measure", "regime", "window", "n_sessions", "net_profit_usd").rows() == [
        ("volatility", "low", "train", 2, 50.0),
        ("volatility", "high", "test", 1, -80.0),
    ]
    assert rows["annual_sharpe"][1] is None


def test_benchmarks_start_from_the_same_cash() -> None:
    table = equity_curve({"train": window(1, 100.0, -50.0)}, market(2), "SIM_T", "v1", 1000.0)
    beside = benchmarks(table, 1000.0)
    unfiltered = beside.filter(pl.col("strategy") == "unfiltered")
    assert unfiltered["equity_usd"].to_list() == [1090.0, 1030.0]
    assert unfiltered["drawdown"].to_list() == pytest.approx([0.0, -60 / 1090])
    held = beside.filter(pl.col("strategy") == "buy_and_hold")
    assert held["equity_usd"].to_list() == [1001.0, 1003.0]
