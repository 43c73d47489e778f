"""Published days drawn again: which days, how much is taken off for luck, in what order."""

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from rooney_core.errors import NotEnoughData
from rooney_core.gates.stress import StressLimits
from rooney_core.gates.stress.kinds import Scenario, ScenarioKind
from rooney_core.gates.stress.luck import allowance_usd, lowered
from rooney_core.gates.stress.published import PublishedDays, published_outcome
from rooney_core.gates.stress.report import Outcome, fan_of, report_row

FIRST, START_USD = date(2018, 1, 1), 250_000.0
WINDOWS = {"train": 366, "validation": 200, "test": 400}
AS_IT_WAS = StressLimits(luck_errors=0.0, horizon_sessions=252)


def equity_curve(pnl: np.ndarray) -> pl.DataFrame:
    """One row a day; volatility is low on even days and high on odd ones, the trend is unknown."""
    n = len(pnl)
    return pl.DataFrame(
        {
            "session": [FIRST + timedelta(days=i) for i in range(n)],
            "window": [name for name, length in WINDOWS.items() for _ in range(length)],
            "equity_usd": START_USD + np.cumsum(pnl),
            "daily_pnl_usd": pnl,
            "volatility_regime": ["low" if i % 2 == 0 else "high" for i in range(n)],
            "trend_regime": pl.Series([None] * n, dtype=pl.String),
        }
    )


@pytest.fixture(scope="module")
def pnl() -> np.ndarray:
    """Every held day has a result of its own, by which it is known again; a third is flat."""
    rng = np.random.default_rng(3)
    results = rng.normal(50.0, 800.0, sum(WINDOWS.values())).round(6)
    results[rng.random(len(results)) < 1 / 3] = 0.0
    return results


@pytest.fixture(scope="module")
def days(pnl: np.ndarray) -> PublishedDays:
    return PublishedDays.of(equity_curve(pnl), trained_on_validation=False)


def drawn(kind: ScenarioKind, days: PublishedDays, limits=AS_IT_WAS, order=0, seed=1) -> Outcome:
    return published_outcome(Scenario(kind, order, seed), days, limits)


def test_days_are_those_that_the_model_was_not_trained_on(pnl: np.ndarray) -> None:
    curve = equity_curve(pnl)
    assert PublishedDays.of(curve, trained_on_validation=False).pnl.tolist() == pnl[366:].tolist()
    assert PublishedDays.of(curve, trained_on_validation=True).pnl.tolist() == pnl[566:].tolist()
    assert PublishedDays.of(curve, trained_on_validation=True).starting_cash_usd == START_USD


def test_too_few_days_are_refused(pnl: np.ndarray) -> None:
    with pytest.raises(NotEnoughData, match="30 published days"):
        PublishedDays.of(equity_curve(pnl).head(366 + 30), trained_on_validation=False)


def test_a_year_is_made_of_blocks_of_published_days(days: PublishedDays) -> None:
    outcome = drawn(ScenarioKind.BLOCK_BOOTSTRAP, days)
    assert len(outcome.daily_pnl_usd) == 252
    assert set(outcome.daily_pnl_usd) <= set(days.pnl)
    assert outcome.allowance_usd == 0.0
    again = drawn(ScenarioKind.BLOCK_BOOTSTRAP, days)
    other = drawn(ScenarioKind.BLOCK_BOOTSTRAP, days, seed=2)
    assert again.daily_pnl_usd.tolist() == outcome.daily_pnl_usd.tolist()
    assert other.daily_pnl_usd.tolist() != outcome.daily_pnl_usd.tolist()


def test_a_year_longer_than_the_past_is_drawn_in_turns(days: PublishedDays) -> None:
    long = StressLimits(luck_errors=0.0, horizon_sessions=2000)
    assert len(drawn(ScenarioKind.BLOCK_BOOTSTRAP, days, long).daily_pnl_usd) == 2000


def test_a_regime_is_days_of_one_regime(pnl: np.ndarray, days: PublishedDays) -> None:
    even, odd = set(pnl[366::2]), set(pnl[367::2])
    for order, allowed in ((0, even), (1, odd), (2, even)):
        outcome = drawn(ScenarioKind.REGIME, days, order=order)
        assert set(outcome.daily_pnl_usd) <= allowed
        assert len(outcome.daily_pnl_usd) == 252


def test_without_a_regime_days_enough_any_day_is_drawn(pnl: np.ndarray) -> None:
    curve = equity_curve(pnl).with_columns(volatility_regime=pl.lit(None, pl.String))
    days = PublishedDays.of(curve, trained_on_validation=False)
    outcome = drawn(ScenarioKind.REGIME, days)
    assert set(outcome.daily_pnl_usd) <= set(pnl[366:])


def test_correlated_positions_multiply_every_day(days: PublishedDays) -> None:
    one = StressLimits(correlated_positions=1)
    three = StressLimits(correlated_positions=3)
    single, triple = (drawn(ScenarioKind.CORRELATION_ONE, days, limits) for limits in (one, three))
    assert triple.daily_pnl_usd.tolist() == (3 * single.daily_pnl_usd).tolist()
    assert triple.allowance_usd == 3 * single.allowance_usd > 0.0


def test_a_crisis_is_its_days_in_order_and_as_they_were(
    pnl: np.ndarray, days: PublishedDays
) -> None:
    # Of the seven, 2018-02, 2018-12, 2020-03 and 2020-04 are inside 2018-01-01 to 2020-08-23.
    assert [one.name[:7] for one in days.crises] == ["2020-03", "2018-02", "2018-12", "2020-04"]
    first = (date(2020, 2, 20) - FIRST).days
    last = (date(2020, 4, 7) - FIRST).days
    outcome = drawn(ScenarioKind.CRISIS, days, StressLimits())
    assert outcome.daily_pnl_usd.tolist() == pnl[first : last + 1].tolist()
    assert outcome.allowance_usd == 0.0


def test_luck_is_taken_off_the_held_days_and_lowers_the_mean(pnl: np.ndarray) -> None:
    off = allowance_usd(pnl, 1.645)
    after = lowered(pnl, off)
    error = np.std(pnl, ddof=1) / math.sqrt(len(pnl))
    assert after.mean() == pytest.approx(pnl.mean() - 1.645 * error, rel=1e-12)
    assert ((after == 0.0) == (pnl == 0.0)).all()
    held = pnl != 0.0
    np.testing.assert_allclose(pnl[held] - after[held], off, rtol=1e-9)


def test_where_nothing_varies_there_is_no_luck() -> None:
    assert allowance_usd(np.full(100, 5.0), 1.645) == 0.0
    assert allowance_usd(np.zeros(100), 1.645) == 0.0
    assert allowance_usd(np.array([3.0]), 1.645) == 0.0


def test_the_allowance_is_told_and_off_the_profit_already(days: PublishedDays) -> None:
    plain = drawn(ScenarioKind.BLOCK_BOOTSTRAP, days)
    less = drawn(ScenarioKind.BLOCK_BOOTSTRAP, days, StressLimits())
    n_held = np.count_nonzero(plain.daily_pnl_usd)
    assert less.n_trades == plain.n_trades == n_held
    assert less.allowance_usd == pytest.approx(n_held * allowance_usd(days.pnl, 1.645))
    assert less.daily_pnl_usd.sum() == pytest.approx(plain.daily_pnl_usd.sum() - less.allowance_usd)


def test_the_numbers_of_a_row() -> None:
    # 1000 -> 1100 -> 880 -> 968 -> 484: falls of 20 % and of 56 %, at worst 48.4 % of the start.
    scenario = Scenario(ScenarioKind.GAPS, 0, 7)
    row = report_row(scenario, Outcome(np.array([100.0, -220, 88, -484]), 5, "x", 2.5), 1000.0)
    returns = [0.1, -0.22, 0.088, -0.484]
    mean = sum(returns) / 4
    deviation = math.sqrt(sum((one - mean) ** 2 for one in returns) / 3)
    assert row["annual_sharpe"] == pytest.approx(mean / deviation * math.sqrt(252))
    assert row["max_drawdown"] == pytest.approx(484 / 1100 - 1)
    assert row["worst_loss"] == pytest.approx(-0.516)
    assert (row["net_profit_usd"], row["total_return"]) == pytest.approx((-516.0, -0.516))
    assert (row["kind"], row["seed"], row["n_trades"], row["n_sessions"]) == ("gaps", 7, 5, 4)
    assert row["luck_allowance_usd"] == 2.5
    flat = report_row(scenario, Outcome(np.zeros(4), 0, "x"), 1000.0)
    assert (flat["annual_sharpe"], flat["max_drawdown"], flat["worst_loss"]) == (None, 0.0, 0.0)


def test_the_fan_is_quantiles_of_whole_scenarios() -> None:
    paths = [np.array([1.0, 1.0]) * i for i in range(101)]
    fan = fan_of([Outcome(one, 0, "") for one in (*paths, np.array([9e9]))], 1000.0)
    assert fan["session_number"].to_list() == [0, 1, 2]
    assert fan["p50"].to_list() == [1000.0, 1050.0, 1100.0]
    assert fan.row(2, named=True) == pytest.approx(
        {"session_number": 2, "p05": 1010, "p25": 1050, "p50": 1100, "p75": 1150, "p95": 1190}
    )
    assert fan_of([], 1000.0).is_empty()
