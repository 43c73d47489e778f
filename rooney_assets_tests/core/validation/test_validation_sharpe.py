"""Sharpe inference against the numbers printed in the papers, and its edges."""

import math

import numpy as np
import polars as pl
import pytest
from scipy import stats

from rooney_core.errors import InputError, InvalidSetting
from rooney_core.validation.sharpe import (
    annual_sharpe,
    deflated_sharpe,
    expected_maximum_sharpe,
    minimum_track_record_length,
    null_sharpe_variance,
    probabilistic_sharpe_ratio,
    return_moments,
    sharpe_standard_error,
    trial_sharpe_variance,
)

NAN = math.nan


@pytest.fixture
def skewed_returns():
    return np.random.default_rng(7).gamma(2.0, 0.01, 500) - 0.018


def test_annual_sharpe_of_a_hand_worked_week():
    # mean 0.01, deviations -1 0 +1 -1 +1 (in %): sum of squares 4, / (5 - 1) = 1, so sd 0.01
    returns = [0.0, 0.01, 0.02, 0.0, 0.02]
    assert annual_sharpe(returns) == pytest.approx(math.sqrt(252))


def test_annual_sharpe_counts_flat_days():
    busy = np.tile([0.02, -0.01], 50)
    with_flat_days = np.concatenate((busy, np.zeros(300)))
    assert annual_sharpe(with_flat_days) < annual_sharpe(busy)


def test_annual_sharpe_agrees_with_empyrical(skewed_returns):
    empyrical = pytest.importorskip("empyrical")
    assert annual_sharpe(skewed_returns) == pytest.approx(empyrical.sharpe_ratio(skewed_returns))


def test_moments_agree_with_scipy(skewed_returns):
    sharpe, n_obs, skewness, kurtosis = return_moments(skewed_returns)
    assert n_obs == 500
    assert sharpe == pytest.approx(skewed_returns.mean() / skewed_returns.std(ddof=1))
    assert skewness == pytest.approx(stats.skew(skewed_returns))
    assert kurtosis == pytest.approx(stats.kurtosis(skewed_returns, fisher=False))


def test_moments_survive_tiny_returns(skewed_returns):
    tiny = return_moments(skewed_returns * 1e-120)
    assert tiny[2:] == pytest.approx(return_moments(skewed_returns)[2:])


def test_polars_series_are_returns_too(skewed_returns):
    assert annual_sharpe(pl.Series(skewed_returns)) == annual_sharpe(skewed_returns)


@pytest.mark.parametrize("returns", [[], [0.01], np.zeros(100), np.full(100, 0.1)])
def test_a_sharpe_without_spread_is_undefined(returns):
    assert math.isnan(annual_sharpe(returns))
    assert return_moments(returns).n_obs == len(returns)


@pytest.mark.parametrize("bad", [NAN, math.inf, -math.inf])
def test_unknown_returns_are_refused(bad):
    with pytest.raises(InputError, match=r"daily_returns: 1 of 3 values .* first at \(1,\)"):
        annual_sharpe([0.01, bad, 0.02])


def test_a_null_and_a_matrix_are_refused():
    with pytest.raises(InputError):
        annual_sharpe(pl.Series([0.01, None, 0.02]))
    with pytest.raises(InputError, match="dimension"):
        annual_sharpe(np.zeros((3, 2)))
    with pytest.raises(InputError, match="not numeric"):
        annual_sharpe(["up", "down"])


def test_standard_error_of_normal_returns_is_the_one_of_lo():
    # Lo 2002, table 1: daily (per-period) Sharpe 1.0, T = 60 -> 0.158; 3.0, T = 12 -> 0.677
    assert sharpe_standard_error(1.0, 60, 0.0, 3.0) == pytest.approx(0.158, abs=5e-4)
    assert sharpe_standard_error(3.0, 12, 0.0, 3.0) == pytest.approx(0.677, abs=5e-4)


def test_standard_error_matches_the_spread_of_simulated_sharpes():
    draws = stats.gamma(4.0).rvs((20_000, 400), random_state=3) - 3.8
    sharpes = draws.mean(axis=1) / draws.std(axis=1, ddof=1)
    true_sharpe = 0.2 / 2.0  # mean 4 - 3.8, sd sqrt(4)
    formula = sharpe_standard_error(true_sharpe, 400, 2 / math.sqrt(4), 3 + 6 / 4)
    assert sharpes.std() == pytest.approx(formula, rel=0.03)


@pytest.mark.parametrize(
    ("skewness", "kurtosis", "published"), [(0.0, 3.0, 0.982), (-2.448, 10.164, 0.913)]
)
def test_psr_of_the_hedge_fund_example(skewness, kurtosis, published):
    # The Sharpe Ratio Efficient Frontier (2012), 24 months, monthly Sharpe 0.458
    psr = probabilistic_sharpe_ratio(0.458, 24, skewness, kurtosis)
    assert psr == pytest.approx(published, abs=6e-4)


@pytest.mark.parametrize(
    ("periods_per_year", "skewness", "kurtosis", "published_years"),
    [(250, 0.0, 3.0, 2.73), (52, 0.0, 3.0, 2.83), (12, 0.0, 3.0, 3.24), (12, -0.72, 5.78, 4.99)],
)
def test_track_record_lengths_of_the_paper(periods_per_year, skewness, kurtosis, published_years):
    # The Sharpe Ratio Efficient Frontier (2012): annual Sharpe 2 against 1, 95 % confidence
    scale = math.sqrt(periods_per_year)
    length = minimum_track_record_length(2 / scale, skewness, kurtosis, 1 / scale)
    assert length / periods_per_year == pytest.approx(published_years, abs=5e-3)


def test_track_record_length_is_where_the_psr_reaches_the_confidence():
    length = minimum_track_record_length(0.1, -0.5, 6.0, 0.02, confidence=0.99)
    below = probabilistic_sharpe_ratio(0.1, math.floor(length), -0.5, 6.0, 0.02)
    above = probabilistic_sharpe_ratio(0.1, math.ceil(length), -0.5, 6.0, 0.02)
    assert below < 0.99 <= above


def test_track_record_length_edges():
    assert minimum_track_record_length(0.1, 0.0, 3.0, benchmark_sharpe=0.1) == math.inf
    assert math.isnan(minimum_track_record_length(NAN, NAN, NAN))
    for confidence in (0.49, 1.0, NAN):
        with pytest.raises(InvalidSetting, match="confidence"):
            minimum_track_record_length(0.1, 0.0, 3.0, confidence=confidence)


def test_dsr_of_the_paper():
    # The Deflated Sharpe Ratio (2014), numerical example: annual Sharpe 2.5 over 1,250 days of
    # 250 a year, skewness -3, kurtosis 10, 100 trials, annual V = 1/2
    found = deflated_sharpe(2.5 / math.sqrt(250), 1250, -3.0, 10.0, 100, 0.5 / 250)
    assert found.prob == pytest.approx(0.9004, abs=5e-5)
    assert found.sr0 == pytest.approx(0.1132, abs=5e-5)
    assert stats.norm.cdf(found.z) == pytest.approx(found.prob)


@pytest.mark.parametrize(("n_trials", "skewness", "kurtosis"), [(46, -3.0, 10.0), (88, 0.0, 3.0)])
def test_dsr_of_the_paper_at_its_two_limits(n_trials, skewness, kurtosis):
    found = deflated_sharpe(2.5 / math.sqrt(250), 1250, skewness, kurtosis, n_trials, 0.5 / 250)
    assert found.prob == pytest.approx(0.9505, abs=5e-5)


@pytest.mark.parametrize("n_trials", [10, 100, 1000])
def test_expected_maximum_against_simulated_maxima(n_trials):
    draws = np.random.default_rng(n_trials).normal(0.0, 0.05, (4000, n_trials))
    expected = expected_maximum_sharpe(n_trials, 0.05**2)
    assert draws.max(axis=1).mean() == pytest.approx(expected, rel=0.03)


def test_one_trial_needs_no_deflation():
    assert expected_maximum_sharpe(1, 0.3) == 0.0
    assert expected_maximum_sharpe(1, NAN) == 0.0
    alone = deflated_sharpe(0.1, 250, 0.0, 3.0, 1, NAN)
    assert alone.prob == probabilistic_sharpe_ratio(0.1, 250, 0.0, 3.0)


def test_more_trials_never_lower_the_hurdle():
    hurdles = [expected_maximum_sharpe(n, 0.01) for n in (1, 1.2, 1.5, 2, 3, 10, 1e3, 1e6, 1e12)]
    assert hurdles == sorted(hurdles)
    assert all(math.isfinite(hurdle) for hurdle in hurdles)


@pytest.mark.parametrize("n_trials", [0, -5, 0.9, NAN, math.inf])
def test_an_impossible_number_of_trials_is_refused(n_trials):
    with pytest.raises(InvalidSetting, match="n_trials"):
        expected_maximum_sharpe(n_trials, 0.1)


@pytest.mark.parametrize("variance", [-0.1, math.inf])
def test_an_impossible_variance_is_refused(variance):
    with pytest.raises(InvalidSetting, match="variance"):
        expected_maximum_sharpe(10, variance)


def test_undefined_input_stays_undefined():
    assert math.isnan(expected_maximum_sharpe(10, NAN))
    assert math.isnan(probabilistic_sharpe_ratio(NAN, 100, NAN, NAN))
    assert math.isnan(probabilistic_sharpe_ratio(0.1, 1, 0.0, 3.0))
    assert math.isnan(sharpe_standard_error(0.1, 0, 0.0, 3.0))
    # Skewness 3 with kurtosis 3 belongs to no distribution: the variance would be negative.
    assert math.isnan(sharpe_standard_error(1.0, 100, 3.0, 3.0))
    nothing = deflated_sharpe(*return_moments([0.0, 0.0]), 10, 0.1)
    assert math.isnan(nothing.prob)
    assert math.isnan(nothing.z)


def test_trials_that_never_traded_say_nothing_on_the_variance():
    assert trial_sharpe_variance([0.1, NAN, 0.3]) == pytest.approx(0.02)
    assert math.isnan(trial_sharpe_variance([0.1]))


def test_worthless_trials_vary_as_their_number_of_periods_says():
    assert null_sharpe_variance([100, 400]) == pytest.approx((0.01 + 0.0025) / 2)
    assert math.isnan(null_sharpe_variance([]))
    with pytest.raises(InvalidSetting, match="period"):
        null_sharpe_variance([100, 0])
    noise = np.random.default_rng(11).standard_t(5, (500, 4000))
    sharpes = noise.mean(axis=0) / noise.std(axis=0, ddof=1)
    assert null_sharpe_variance([500] * 4000) == pytest.approx(
        trial_sharpe_variance(sharpes), rel=0.05
    )


def test_the_best_of_54_noise_trials_passes_as_rarely_as_measured_elsewhere():
    # shared/spec/statistics.md: best of 54 on 1,008 noise days has prob >= 0.95 in 0 to 5 % of
    # the cases, z > 1 in 2 to 15 %, prob > 0.5 in about half.
    draw = np.random.default_rng(4)
    variance = null_sharpe_variance([1008] * 54)
    z = []
    for _ in range(400):
        noise = draw.normal(size=(1008, 54))
        sharpes = noise.mean(axis=0) / noise.std(axis=0, ddof=1)
        moments = return_moments(noise[:, sharpes.argmax()])
        z.append(deflated_sharpe(*moments, 54, variance).z)
    best = np.array(z)
    assert (best > stats.norm.ppf(0.95)).mean() <= 0.05
    assert 0.02 <= (best > 1.0).mean() <= 0.15
    assert 0.35 <= (best > 0.0).mean() <= 0.65
