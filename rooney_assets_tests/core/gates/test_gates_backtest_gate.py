"""Gate 1 as in its table: four tiers, each threshold from both sides."""

import math

import pytest

from rooney_core.errors import InvalidSetting
from rooney_core.gates.backtest_gate import BacktestCode, backtest_gate, tier_for
from rooney_core.gates.verdict import judge

PASSED = judge(2.1, 1.8, 1.6, 1.9, 0.97, 0.56, 240)
FAILED = judge(2.1, 1.8, 0.6, 1.9, 0.97, 0.56, 240)


@pytest.mark.parametrize(
    ("n_trials", "tier"),
    [
        (0, "early"),
        (49, "early"),
        (50, "middle"),
        (199, "middle"),
        (200, "late"),
        (499, "late"),
        (500, "mature"),
        (100_000, "mature"),
    ],
)
def test_tiers_start_at_their_count(n_trials, tier):
    assert tier_for(n_trials).name == tier


@pytest.mark.parametrize(
    ("n_trials", "total_return", "annual_sharpe", "max_drawdown", "failed"),
    [
        (10, -0.49, -9.0, -0.99, set()),
        (10, -0.50, 9.0, 0.0, {BacktestCode.TOTAL_RETURN}),
        (100, -0.19, -0.49, -0.99, set()),
        (100, -0.20, -0.50, 0.0, {BacktestCode.TOTAL_RETURN, BacktestCode.ANNUAL_SHARPE}),
        (300, -0.09, 0.01, -0.99, set()),
        (300, -0.10, 0.0, 0.0, {BacktestCode.TOTAL_RETURN, BacktestCode.ANNUAL_SHARPE}),
        (3000, 0.01, 0.31, -0.149, set()),
        (3000, 0.01, 0.31, -0.15, {BacktestCode.MAX_DRAWDOWN}),
        (3000, 0.0, 0.3, -0.1, {BacktestCode.TOTAL_RETURN, BacktestCode.ANNUAL_SHARPE}),
        (3000, math.nan, 2.0, -0.1, {BacktestCode.TOTAL_RETURN}),
    ],
)
def test_thresholds_tighten_with_the_trials(
    n_trials, total_return, annual_sharpe, max_drawdown, failed
):
    found = backtest_gate(n_trials, total_return, annual_sharpe, max_drawdown, PASSED)
    assert {row.code for row in found.rows if not row.passed} == failed
    assert found.passed == (not failed)


def test_rows_are_only_what_the_tier_asks_and_the_verdict():
    assert [row.code for row in backtest_gate(10, 0.1, 1.0, -0.1, PASSED).rows] == [
        BacktestCode.TOTAL_RETURN,
        BacktestCode.VERDICT,
    ]
    assert len(backtest_gate(1000, 0.1, 1.0, -0.1, PASSED).rows) == 4


def test_a_failed_verdict_fails_the_gate_and_says_why():
    found = backtest_gate(1000, 0.4, 1.5, -0.1, FAILED)
    row = found.rows[-1]
    assert not found.passed
    assert (row.gate, row.code, row.value, row.threshold) == ("backtest", "verdict", 0.0, 1.0)
    assert row.reason.startswith("model verdict fail: test Sharpe 0.6 is not above 1.2")


def test_a_row_carries_its_numbers():
    row = backtest_gate(300, -0.25, 1.0, -0.3, PASSED).rows[0]
    assert (row.value, row.threshold, row.passed) == (-0.25, -0.10, False)
    assert row.reason == "total return -0.25 is not above -0.1 for a study of 300 trials (late)"


def test_impossible_input_is_refused():
    with pytest.raises(InvalidSetting, match="n_trials"):
        tier_for(-1)
    with pytest.raises(InvalidSetting, match="max_drawdown"):
        backtest_gate(10, 0.1, 1.0, 0.15, PASSED)
