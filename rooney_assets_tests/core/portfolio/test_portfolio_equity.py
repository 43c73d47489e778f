"""The equity curve: cash plus results, and how far below its best it stands."""

from datetime import date

import polars as pl
import pytest

from rooney_core.portfolio.equity import EQUITY_SCHEMA, equity_curve


def window(first: int, *pnl: float) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "session": [date(2020, 1, first + i) for i in range(len(pnl))],
            "daily_pnl_usd": list(pnl),
            "daily_return": [one / 50_000 for one in pnl],
        },
        schema={"session": pl.Date, "daily_pnl_usd": pl.Float64, "daily_return": pl.Float64},
    )


def test_a_curve_over_two_windows_by_hand() -> None:
    daily = {"train": window(1, -100.0, 0.0, 300.0), "test": window(4, -240.0)}
    table = equity_curve(daily, "SIM_T", "v1", 1000.0)
    assert table.schema == pl.Schema(EQUITY_SCHEMA)
    assert table["equity_usd"].to_list() == [900.0, 900.0, 1200.0, 960.0]
    assert table["drawdown"].to_list() == pytest.approx([-0.1, -0.1, 0.0, -0.2])
    assert table["window"].to_list() == ["train", "train", "train", "test"]
    assert table["symbol"].unique().to_list() == ["SIM_T"]


def test_windows_without_days_leave_no_rows() -> None:
    assert equity_curve({"train": window(1), "test": window(1)}, "SIM_T", "v1", 1000.0).height == 0


def test_a_loss_beyond_the_cash_falls_by_more_than_all() -> None:
    table = equity_curve({"test": window(1, -1500.0)}, "SIM_T", "v1", 1000.0)
    assert table["equity_usd"][0] == -500.0
    assert table["drawdown"][0] == -1.5
