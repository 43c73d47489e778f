"""Path metrics against empyrical, and the edges on which libraries differ."""

import math

import numpy as np
import pytest

from rooney_core.errors import InputError
from rooney_core.validation.metrics import calmar, max_drawdown, profit_factor, sortino, win_rate

empyrical = pytest.importorskip("empyrical")


@pytest.fixture(params=range(5))
def returns(request):
    generator = np.random.default_rng(request.param)
    return generator.standard_t(4, 700) * 0.01 + 0.0003


def test_path_metrics_agree_with_empyrical(returns):
    assert max_drawdown(returns) == pytest.approx(empyrical.max_drawdown(returns))
    assert calmar(returns) == pytest.approx(empyrical.calmar_ratio(returns))
    assert sortino(returns) == pytest.approx(empyrical.sortino_ratio(returns))
    assert sortino(returns, mar=0.0004, periods_per_year=52) == pytest.approx(
        empyrical.sortino_ratio(returns, required_return=0.0004, annualization=52)
    )


def test_drawdown_counts_from_the_starting_equity():
    assert max_drawdown([-0.10, 0.05]) == pytest.approx(-0.10)
    assert max_drawdown([0.5, -0.2, -0.5, 3.0, -0.1]) == pytest.approx(-0.6)
    assert max_drawdown([0.1, 0.0, 0.2]) == 0.0


def test_a_return_beyond_all_is_ruin_and_stays_ruin():
    assert max_drawdown([0.1, -3.06, 5.0]) == -1.0
    assert calmar([0.1, -3.06, 5.0]) == -1.0


def test_metrics_of_nothing_are_undefined():
    assert math.isnan(max_drawdown([]))
    assert math.isnan(calmar([]))
    assert math.isnan(calmar([0.01, 0.02]))
    assert math.isnan(sortino([0.01]))
    assert math.isnan(sortino(np.zeros(10)))
    assert sortino([0.01, 0.0, 0.02]) == math.inf
    assert calmar([-1e-9, 1e4]) == math.inf


def test_profit_factor_and_win_rate_by_hand():
    pnl = [100.0, -50.0, 0.0, 25.0, -75.0]
    assert profit_factor(pnl) == pytest.approx(1.0)
    assert win_rate(pnl) == pytest.approx(0.4)


def test_profit_factor_edges():
    assert profit_factor([10.0, 0.0]) == math.inf
    assert profit_factor([-10.0]) == 0.0
    assert math.isnan(profit_factor([]))
    assert math.isnan(profit_factor([0.0, 0.0]))
    assert math.isnan(win_rate([]))


@pytest.mark.parametrize("metric", [max_drawdown, sortino, calmar, profit_factor, win_rate])
def test_unknown_numbers_are_refused(metric):
    with pytest.raises(InputError, match="NaN or infinite"):
        metric([0.1, math.nan])
