"""Live results beside expectation: intervals by another route; what goes on as ever is no alarm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from rooney_core.feedback.limits import FeedbackLimits
from rooney_core.feedback.performance import Traded, compared

CASH = 100_000.0
NONE = np.empty(0)
EXPECTED = np.array([100.0, -80.0] * 60 + [100.0] * 10)
LIMITS = FeedbackLimits(n_histories=500)


def traded(profits: Any, size: int = 1, slippage: Any = NONE) -> Traded:
    values = np.asarray(profits, float)
    return Traded(values, np.full(len(values), size), np.asarray(slippage, float), 0.5)


def row_of(one: Traded, expected: Any = EXPECTED, limits: FeedbackLimits = LIMITS) -> Any:
    return compared(one, expected, CASH, limits)


@pytest.mark.parametrize(("won", "n"), [(0, 20), (3, 35), (70, 137), (40, 40)])
def test_the_win_rate_s_interval_holds_every_rate_that_it_can_be_of(won: int, n: int) -> None:
    """By another route: of each rate inside, the binomial puts 1 % or more on so few and on so
    many wins; of each rate outside, less."""
    row = row_of(traded([100.0] * won + [-80.0] * (n - won)))
    for rate in np.linspace(0.001, 0.999, 500):
        few, many = binom.cdf(won, n, rate), binom.sf(won - 1, n, rate)
        is_inside = row["win_rate_low"] <= rate <= row["win_rate_high"]
        assert is_inside == (min(few, many) >= 0.01)


def test_nothing_traded_and_nothing_known() -> None:
    empty = row_of(traded([]))
    assert (empty["live_status"], empty["n_trades"]) == ("no_trades", 0)
    unknown = row_of(traded([1.0]), expected=None)
    assert unknown["live_status"] == "no_model"
    assert unknown["net_profit_usd"] == 1.0
    few = row_of(traded([100.0, -80.0]))
    assert few["live_status"] == "too_few"
    assert few["codes"] == []
    assert "is_win_rate_inside" not in few


def test_drawdown_and_averages_by_hand() -> None:
    # Two contracts: 100000 -> 101000 -> 99000 -> 99500 -> 98000; the peak is 101000.
    row = row_of(traded([1000.0, -2000.0, 500.0, -1500.0], size=2))
    assert row["drawdown"] == pytest.approx(98_000 / 101_000 - 1)
    assert row["drawdown_usd"] == -3000.0
    assert row["avg_profit_usd"] == -250.0
    assert row["win_rate"] == 0.5
    assert row["net_profit_usd"] == -2000.0
    assert row["expected_avg_profit_usd"] == pytest.approx(EXPECTED.mean())


def test_a_loss_at_once_is_a_drawdown_from_the_start() -> None:
    row = row_of(traded([-1000.0]))
    assert (row["drawdown"], row["drawdown_usd"]) == (pytest.approx(-0.01), -1000.0)


def test_the_simulated_drawdown_of_one_loss_is_that_loss() -> None:
    """Histories of one trade lose 80 or nothing; that is drawn in 60 of 130 cases."""
    row = row_of(traded([100.0]))
    assert row["simulated_drawdown_p95_usd"] == -80.0
    assert row_of(traded([100.0], size=3))["simulated_drawdown_p95_usd"] == -240.0


def test_a_strategy_that_died_is_told_by_each_sign() -> None:
    row = row_of(traded([-80.0] * 30 + [100.0] * 5))
    assert row["live_status"] == "worse"
    assert row["codes"] == ["WIN_RATE_BELOW", "PROFIT_BELOW", "DRAWDOWN_BEYOND"]
    assert (row["is_win_rate_inside"], row["is_drawdown_inside"]) == (False, False)
    assert "win rate 0.143, " in row["words"]


def test_slippage_above_the_assumed_is_told() -> None:
    usual = [100.0, -80.0] * 15 + [100.0] * 4
    dear = row_of(traded(usual, slippage=[2.0, 3.0] * 12))
    assert dear["codes"] == ["SLIPPAGE_ABOVE"]
    assert dear["live_slippage_ticks"] == 2.5
    noisy = row_of(traded(usual, slippage=[-8.0, 10.0] * 12))
    assert noisy["codes"] == []
    assert noisy["live_status"] == "as_expected"


def test_a_strategy_that_goes_on_as_before_is_rarely_an_alarm() -> None:
    """Drawn from the expectation itself; each of the intervals is left on the bad side in 1 to 5 %
    of all cases, so that at most 7 % are told, and here with noise of 400 draws: below 12 %."""
    generator = np.random.default_rng(7)
    limits = FeedbackLimits(n_histories=200)
    told = [
        row_of(traded(generator.choice(EXPECTED, 60)), limits=limits)["live_status"] == "worse"
        for _ in range(400)
    ]
    assert np.mean(told) < 0.12
