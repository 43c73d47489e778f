"""Gate 2's rule from both sides of each limit, on reports that are worked out by hand."""

import math

import polars as pl
import pytest

from rooney_core.gates.stress import StressCode, StressLimits, empty_report, stress_gate

LIMITS = StressLimits(n_scenarios=20)


def report(profits=None, sharpes=None, drawdowns=None, losses=None) -> pl.DataFrame:
    """Twenty scenarios that pass with room, but for what is given."""
    return pl.DataFrame(
        {
            "net_profit_usd": profits or [100.0] * 20,
            "annual_sharpe": sharpes or [1.0] * 20,
            "max_drawdown": drawdowns or [-0.1] * 20,
            "worst_loss": losses or [-0.1] * 20,
        },
        schema=dict.fromkeys(
            ("net_profit_usd", "annual_sharpe", "max_drawdown", "worst_loss"), pl.Float64
        ),
    )


def failed(table: pl.DataFrame, limits: StressLimits = LIMITS) -> set[StressCode]:
    return {row.code for row in stress_gate(table, limits) if not row.passed}


def test_a_good_report_passes_and_every_row_says_its_numbers() -> None:
    rows = stress_gate(report(), LIMITS)
    assert [row.code for row in rows] == list(StressCode)[1:]
    assert all(row.passed and row.reason and row.gate == "stress" for row in rows)


def test_nothing_run_is_no_pass() -> None:
    (row,) = stress_gate(empty_report(), LIMITS)
    assert (row.code, row.passed, row.reason) == (
        StressCode.NOT_RUN,
        False,
        "not run: verdict failed",
    )


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        # 8 of 20 are 40 %, which is enough; a profit of 0 is none.
        (report(profits=[1.0] * 8 + [0.0] * 12), set()),
        (report(profits=[1.0] * 7 + [0.0] * 13), {StressCode.PROFITABLE_SHARE}),
        # The median of 20 is the mean of the 10th and 11th: (-0.1 + 0.2) / 2 and (-0.2 + 0.2) / 2.
        (report(sharpes=[-0.1] * 10 + [0.2] * 10), set()),
        (report(sharpes=[-0.2] * 10 + [0.2] * 10), {StressCode.MEDIAN_SHARPE}),
        # Without a varying day nothing was earned: eleven zeros.
        (report(sharpes=[None] * 11 + [5.0] * 9), {StressCode.MEDIAN_SHARPE}),
        (report(sharpes=[math.nan] * 11 + [5.0] * 9), {StressCode.MEDIAN_SHARPE}),
        # 95 % of 20 stay above: of the sorted, number floor(0.05 * 19) = 0, the deepest.
        (report(drawdowns=[-0.2499] + [-0.1] * 19), set()),
        (report(drawdowns=[-0.25] + [-0.1] * 19), {StressCode.DRAWDOWN}),
        (report(drawdowns=[None] + [-0.1] * 19), {StressCode.DRAWDOWN}),
        # Beyond -90 % fails; -90 % itself is not beyond it.
        (report(losses=[25_000.0 / 250_000.0 - 1.0] + [-0.1] * 19), set()),
        (report(losses=[-0.9001] + [-0.1] * 19), {StressCode.WORST_LOSS}),
        (report(losses=[math.nan] + [-0.1] * 19), {StressCode.WORST_LOSS}),
        (report().head(19), {StressCode.SCENARIOS}),
    ],
)
def test_each_limit_from_both_sides(table: pl.DataFrame, expected: set[StressCode]) -> None:
    assert failed(table) == expected


def test_the_limits_are_the_mandates() -> None:
    strict = StressLimits(
        n_scenarios=20,
        min_profitable_share=0.95,
        min_median_sharpe=1.0,
        max_drawdown=0.05,
        max_loss=0.05,
    )
    assert failed(report(profits=[1.0] * 18 + [-1.0] * 2), strict) == set(StressCode) - {
        StressCode.NOT_RUN,
        StressCode.SCENARIOS,
    }
