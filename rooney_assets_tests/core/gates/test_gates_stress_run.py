"""A whole report: complete, repeatable, and passed by an edge and not by noise."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from stressed_market import Made, make, without_model

from rooney_core.backtest.costs import CostModel
from rooney_core.gates.stress import STRESS_SCHEMA, ScenarioKind, StressLimits, stress_gate
from rooney_core.gates.stress.kinds import plan
from rooney_core.gates.stress.published import PublishedDays
from rooney_core.gates.stress.report import by_kind
from rooney_core.gates.stress.run import Stressed, run_scenario, run_scenarios
from rooney_core.gates.stress.trades import BANDS_SCHEMA, SEQUENCE_SCHEMA, trade_sequence

LIMITS = StressLimits(n_scenarios=40)
START_USD = 250_000.0


def published(sessions: pl.Series, pnl: np.ndarray) -> PublishedDays:
    """Days of the validation and the test window, with regimes that say nothing."""
    is_test = sessions > date(2020, 12, 31)
    table = pl.DataFrame(
        {
            "session": sessions,
            "window": is_test.replace_strict({True: "test", False: "validation"}),
            "equity_usd": START_USD + np.cumsum(pnl),
            "daily_pnl_usd": pnl,
            "volatility_regime": pl.Series([None] * len(pnl), dtype=pl.String),
            "trend_regime": ["low" if i % 2 else "high" for i in range(len(pnl))],
        }
    )
    return PublishedDays.of(table, trained_on_validation=False)


def days_of(made: Made) -> PublishedDays:
    sessions = pl.Series(made.history.sessions).cast(pl.Date)
    return published(sessions, made.history.daily_pnl_usd)


@pytest.fixture(scope="module")
def made() -> Made:
    return make()


@pytest.fixture(scope="module")
def stressed(made: Made) -> Stressed:
    return run_scenarios("SIM_ES", "m1", days_of(made), made.history, LIMITS)


def test_every_row_says_what_it_is(stressed: Stressed) -> None:
    report = stressed.report
    assert report.schema == pl.Schema(STRESS_SCHEMA)
    assert report["scenario"].to_list() == list(range(40))
    assert set(report["kind"]) == set(map(str, ScenarioKind))
    assert report.select(
        "symbol", "model_version", "contracts", "starting_cash_usd"
    ).unique().rows() == [("SIM_ES", "m1", 1, START_USD)]
    assert report["detail"].str.len_chars().min() > 0
    assert report["seed"].n_unique() == 40
    assert report.drop("annual_sharpe").null_count().sum_horizontal()[0] == 0


def test_the_same_call_gives_the_same_tables(made: Made, stressed: Stressed) -> None:
    heard: list[str] = []
    again = run_scenarios("SIM_ES", "m1", days_of(made), made.history, LIMITS, heard.append)
    assert again.report.equals(stressed.report)
    assert again.fan.equals(stressed.fan)
    assert len(heard) == 40


def test_a_row_can_be_run_alone(made: Made, stressed: Stressed) -> None:
    days = days_of(made)
    planned = plan(40, LIMITS.seed, "SIM_ES", len(days.crises))
    for number in (0, 13, 20, 27, 39):
        outcome = run_scenario(planned[number], days, made.history, LIMITS)
        row = stressed.report.row(number, named=True)
        assert outcome.daily_pnl_usd.sum() == row["net_profit_usd"]
        assert planned[number].seed == row["seed"]


def test_kinds_are_summed_up(stressed: Stressed) -> None:
    kinds = by_kind(stressed.report)
    gaps = stressed.report.filter(pl.col("kind") == "gaps")
    row = kinds.filter(pl.col("kind") == "gaps").row(0, named=True)
    assert row["n_scenarios"] == gaps.height
    assert row["profitable_share"] == sum(one > 0 for one in gaps["net_profit_usd"]) / gaps.height
    assert row["worst_drawdown"] == min(gaps["max_drawdown"])
    assert kinds["n_scenarios"].sum() == 40


def test_the_trade_sequence_by_hand() -> None:
    """Two trades, +3 and -2, from 10: with replacement four histories of equal chance."""
    limits = StressLimits(n_reshuffles=40_000, max_drawdown=0.19)
    trades, bands = trade_sequence(np.array([3.0, -2.0]), 10.0, limits)
    assert trades.schema == pl.Schema(SEQUENCE_SCHEMA)
    assert bands.schema == pl.Schema(BANDS_SCHEMA)
    redrawn, reordered = trades.rows(named=True)
    # Falls: -2 -2 of 40 %, -2 +3 of 20 %, +3 -2 of 2/13 = 15 %, +3 +3 of nothing.
    assert redrawn["probability_of_drawdown_limit"] == pytest.approx(0.5, abs=0.01)
    assert reordered["probability_of_drawdown_limit"] == pytest.approx(0.5, abs=0.01)
    assert redrawn["probability_of_ruin"] == reordered["probability_of_ruin"] == 0.0
    assert (redrawn["net_profit_p05_usd"], redrawn["net_profit_p95_usd"]) == (-4.0, 6.0)
    assert (reordered["net_profit_p05_usd"], reordered["net_profit_p95_usd"]) == (1.0, 1.0)
    assert redrawn["drawdown_p05"] == pytest.approx(-0.4)
    assert bands.filter(pl.col("trade") == 0).select("p05", "p50", "p95").rows() == [(10,) * 3] * 2
    assert bands["trade"].to_list() == [0, 1, 2, 0, 1, 2]


def test_ruin_is_equity_at_zero() -> None:
    """Trades of -6 and +1 from 10: -6 -6 of the four redrawn histories ruins."""
    limits = StressLimits(n_reshuffles=40_000)
    trades, _ = trade_sequence(np.array([-6.0, 1.0]), 10.0, limits)
    assert trades["probability_of_ruin"].to_list() == pytest.approx([0.25, 0.0], abs=0.01)


def test_no_trade_is_no_sequence() -> None:
    trades, bands = trade_sequence(np.empty(0), 10.0, LIMITS)
    assert trades.is_empty()
    assert bands.is_empty()


def passes(seed: int, edge: float, costs: CostModel | None = None) -> bool:
    """Gate 2 for the plain strategy, on what it earned from 2019 to 2023.

    Test days count as published here: nothing was chosen on them.
    """
    history, bars = without_model(seed, edge, costs)
    sessions = np.unique(bars.session[history.first :])
    whole = replace(history.whole, bars=bars, sessions=sessions)
    pnl = history.strategy.daily_pnl_usd(history.strategy.trades(whole), whole)
    days = published(pl.Series(sessions).cast(pl.Date), pnl)
    report = run_scenarios("SIM_ES", "m1", days, history, LIMITS).report
    return all(row.passed for row in stress_gate(report, LIMITS))


@pytest.mark.slow
def test_strong_edges_pass() -> None:
    assert all(passes(seed, edge=1.5) for seed in range(4))


@pytest.mark.slow
def test_noise_hardly_passes_even_without_costs() -> None:
    """Free of costs noise is as often above 0 as below; with them it fails by itself."""
    free = CostModel(commission_per_contract_usd=0.0, slippage_ticks=0.0)
    assert sum(passes(seed, edge=0.0, costs=free) for seed in range(12)) <= 1
