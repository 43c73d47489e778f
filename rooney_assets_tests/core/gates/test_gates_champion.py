"""Challenger against champion: on planted differences, and on days counted by hand."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from rooney_core.gates.champion import DAYS_SCHEMA, champion_test, portfolio_days
from rooney_core.gates.settings import PromotionLimits

LIMITS = PromotionLimits()
N_DAYS = 756


def days(pnl, first=date(2021, 1, 4)) -> pl.DataFrame:
    sessions = [first + timedelta(days=index) for index in range(len(pnl))]
    return pl.DataFrame({"session": sessions, "daily_pnl_usd": np.asarray(pnl, float)})


@pytest.fixture
def noise():
    return np.random.default_rng(7).normal(0.0, 1000.0, N_DAYS)


def test_itself_is_no_worse(noise):
    found = champion_test(days(noise), days(noise), LIMITS)
    assert found.passed
    assert (found.n_common, found.worse_share) == (N_DAYS, 0.0)
    by_hand = noise.mean() / noise.std(ddof=1) * math.sqrt(252)
    assert found.challenger_sharpe == pytest.approx(by_hand)


def test_a_better_one_passes_and_a_worse_one_does_not(noise):
    # 100 USD a day on a deviation of 1000: 1.6 of annual Sharpe.
    better = days(noise + 100.0)
    assert champion_test(better, days(noise), LIMITS).passed
    found = champion_test(days(noise), better, LIMITS)
    assert not found.passed
    assert found.champion_sharpe - found.challenger_sharpe == pytest.approx(1.59, abs=0.1)
    assert found.worse_share > 0.99


def test_a_small_shortfall_may_be_and_a_sure_one_may_not(noise):
    # 6 USD a day less: 0.1 of annual Sharpe, below the allowed 0.2, but the same on every resample.
    sure = champion_test(days(noise - 6.0), days(noise), LIMITS)
    assert not sure.passed
    assert sure.worse_share > 0.99
    assert champion_test(
        days(noise - 6.0), days(noise), LIMITS.model_copy(update={"max_worse_share": 1.0})
    ).passed


def test_only_common_sessions_are_compared(noise):
    late = days(noise[:100], first=date(2021, 1, 4) + timedelta(days=N_DAYS - 59))
    found = champion_test(late, days(noise), LIMITS)
    assert not found.passed
    assert found.n_common == 59
    assert "59 common published sessions; at least 60" in found.reason


def test_a_champion_that_never_traded_earned_nothing(noise):
    idle = days(np.zeros(N_DAYS))
    assert champion_test(days(np.abs(noise)), idle, LIMITS).passed
    assert not champion_test(days(-np.abs(noise)), idle, LIMITS).passed
    # One that never traded there says nothing for itself.
    assert not champion_test(idle, days(noise), LIMITS).passed


def test_days_of_a_portfolio_are_contracts_times_days_where_all_are_known():
    first = date(2021, 1, 4)
    of_a = days([1.0, 2.0, 4.0], first).with_columns(symbol=pl.lit("A"))
    of_b = days([10.0, 30.0], first + timedelta(days=1)).with_columns(symbol=pl.lit("B"))
    # B begins a day later and lacks nothing; A has a hole on the last day but one.
    known = pl.concat([of_a, of_b]).select(tuple(DAYS_SCHEMA))
    holed = known.filter(~((pl.col("symbol") == "B") & (pl.col("daily_pnl_usd") == 10.0)))
    sizes = {"A": 3, "B": 2, "C": 0}
    assert portfolio_days(known, sizes)["daily_pnl_usd"].to_list() == [
        3 * 2 + 2 * 10,
        3 * 4 + 2 * 30,
    ]
    assert portfolio_days(holed, sizes)["daily_pnl_usd"].to_list() == [3 * 4 + 2 * 30]
    assert portfolio_days(known, {"A": 1, "C": 1}).is_empty()
    assert portfolio_days(known, {}).is_empty()
