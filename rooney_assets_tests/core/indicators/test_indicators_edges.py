"""What indicators say where there is nothing to say: short, flat, unknown or malformed input."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rooney_core import indicators as ours
from rooney_core.errors import InvalidSetting

FLAT = np.full(12, 3.1)


def test_ibs_of_hand_made_bars():
    ibs = ours.internal_bar_strength([10, 10, 5, 2], [8, 10, 1, 2], [9.5, 10, 1, np.nan])
    assert ibs[:3].tolist() == [0.75, 0.5, 0.0]
    assert np.isnan(ibs[3])


def test_a_market_that_stands_still_is_neutral():
    assert ours.relative_strength_index(FLAT, 3)[3:].tolist() == [50.0] * 9
    assert ours.williams_percent_r(FLAT, FLAT, FLAT, 3)[2:].tolist() == [-50.0] * 10
    assert np.isnan(ours.rolling_zscore(FLAT, 3)).all()
    upper, middle, lower = ours.bollinger_bands(FLAT, 3, 2)
    assert np.array_equal(upper, middle, equal_nan=True)
    assert np.array_equal(lower, middle, equal_nan=True)
    assert ours.average_directional_index(FLAT, FLAT, FLAT, 3)[5:].tolist() == [0.0] * 7


def test_zscore_uses_the_sample_deviation_as_polars_does():
    values = np.array([1.0, 4.0, 2.0, 8.0, 5.0, 7.0, -3.0])
    series = pl.Series(values)
    expected = (series - series.rolling_mean(4)) / series.rolling_std(4)
    assert ours.rolling_zscore(values, 4)[3:] == pytest.approx(expected[3:].to_list())
    population = (values[3] - values[:4].mean()) / values[:4].std()
    assert ours.rolling_zscore(values, 4, ddof=0)[3] == pytest.approx(population)


def test_mean_true_range_is_the_plain_mean_of_the_window():
    high, low, close = [5.0, 6.0, 9.0, 8.0], [4.0, 4.5, 7.0, 5.0], [4.5, 5.5, 8.0, 6.0]
    assert ours.true_range(high, low, close)[1:].tolist() == [1.5, 3.5, 3.0]
    assert ours.mean_true_range(high, low, close, 2)[2:].tolist() == [2.5, 3.25]


ONE_INPUT = {
    "sma": lambda x: ours.simple_moving_average(x, 3),
    "ema": lambda x: ours.exponential_moving_average(x, 3),
    "rsi": lambda x: ours.relative_strength_index(x, 3),
    "zscore": lambda x: ours.rolling_zscore(x, 3),
    "bands": lambda x: ours.bollinger_bands(x, 3, 2.0)[0],
    "macd": lambda x: ours.macd(x, 2, 3, 2)[0],
}


@pytest.mark.parametrize("name", ONE_INPUT)
def test_leading_unknowns_only_delay(name):
    values = np.random.default_rng(7).normal(100, 1, 40)
    later = ONE_INPUT[name](np.concatenate(([np.nan] * 5, values)))
    assert np.array_equal(later[5:], ONE_INPUT[name](values), equal_nan=True)


@pytest.mark.parametrize("name", ONE_INPUT)
@pytest.mark.parametrize("n_bars", [0, 1, 2])
def test_too_short_a_history_is_unknown(name, n_bars):
    values = ONE_INPUT[name](np.arange(n_bars, dtype=float))
    assert values.shape == (n_bars,)
    assert np.isnan(values).all()


def test_an_unknown_inside_spoils_its_windows_and_for_ever_the_recursions():
    values = np.arange(12.0) ** 2
    values[5] = np.nan
    assert np.flatnonzero(np.isnan(ours.simple_moving_average(values, 3))).tolist() == [
        0, 1, 5, 6, 7,
    ]  # fmt: skip
    for recursive in (ours.exponential_moving_average, ours.relative_strength_index):
        assert np.isnan(recursive(values, 3)[5:]).all()
    adx = ours.average_directional_index(values + 1, values - 1, values, 2)
    assert np.isfinite(adx[3:5]).all()
    assert np.isnan(adx[5:]).all()


@pytest.mark.parametrize("n", [0, -1, 2.5, True])
def test_a_period_that_is_not_a_count_of_bars_is_refused(n):
    with pytest.raises(InvalidSetting, match="whole number of bars"):
        ours.simple_moving_average(FLAT, n)


def test_arrays_of_different_length_are_refused():
    with pytest.raises(InvalidSetting, match="equal length"):
        ours.internal_bar_strength([1.0, 2.0], [1.0], [1.0])


def test_macd_refuses_a_fast_average_that_is_not_the_faster_one():
    with pytest.raises(InvalidSetting, match="fast < slow"):
        ours.macd(FLAT, 5, 5, 2)
