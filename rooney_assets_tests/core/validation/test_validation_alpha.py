"""Alpha and beta against scipy's line, and the interval against what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import linregress

from rooney_core.errors import InputError, InvalidSetting
from rooney_core.validation.alpha import alpha_against


def series(seed: int, n: int, beta: float, daily_alpha: float):
    random = np.random.default_rng(seed)
    market = random.normal(0.0, 0.01, n)
    return daily_alpha + beta * market + random.normal(0.0, 0.004, n), market


def test_alpha_and_beta_are_those_of_the_least_squares_line():
    own, market = series(1, 60, 0.4, 0.001)
    line = linregress(market, own)
    found = alpha_against(own, market, 0.9)
    assert found.annual == pytest.approx(line.intercept * 252, rel=1e-12)
    assert found.beta == pytest.approx(line.slope, rel=1e-12)
    assert found.low < found.annual < found.high


def test_the_same_call_gives_the_same_interval_and_more_confidence_a_wider_one():
    own, market = series(2, 40, 0.0, 0.0)
    one, same, wider = (alpha_against(own, market, c) for c in (0.8, 0.8, 0.98))
    assert one == same
    assert wider.low < one.low < one.high < wider.high


def test_the_interval_is_as_wide_as_that_of_the_line():
    """Independent days: the bootstrap's width is close to the classical one."""
    own, market = series(3, 400, 0.5, 0.0005)
    found = alpha_against(own, market, 0.9)
    classical = 2 * 1.645 * linregress(market, own).intercept_stderr * 252
    assert found.high - found.low == pytest.approx(classical, rel=0.15)


def test_a_90_percent_interval_misses_about_one_time_in_ten():
    truth, missed = 0.0005 * 252, 0
    for seed in range(200):
        found = alpha_against(*series(seed, 60, 0.5, 0.0005), 0.9, n_resamples=300)
        missed += not found.low <= truth <= found.high
    assert 0.05 < missed / 200 < 0.19


def test_a_market_that_stands_still_explains_nothing():
    own = np.array([0.01, -0.002, 0.003, 0.0])
    found = alpha_against(own, np.zeros(4), 0.9)
    assert found.beta == 0.0
    assert found.annual == pytest.approx(own.mean() * 252)


def test_one_day_says_nothing():
    found = alpha_against([0.01], [0.02], 0.9)
    assert all(math.isnan(one) for one in (found.annual, found.low, found.high, found.beta))


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="2 returns and 1"):
        alpha_against([0.0, 0.1], [0.0], 0.9)
    with pytest.raises(InvalidSetting, match="confidence=1"):
        alpha_against([0.0, 0.1], [0.0, 0.1], 1.0)
