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


@pytest.mark.parametrize("n", [0, -1, 2.5, True])
def test_a_period_that_is_not_a_count_of_bars_is_refused(n):
    with pytest.raises(InvalidSetting, match="whole number of bars"):
        ours.simple_moving_average(FLAT, n)


def test_arrays_of_different_length_are_refused():
    with pytest.raises(InvalidSetting, match="equal length"):
        ours.internal_bar_strength([1.0, 2.0], [1.0], [1.0])


@pytest.mark.parametrize("values", [["a"], [1.0, [2.0]], [object()]])
def test_what_is_no_number_is_refused(values):
    with pytest.raises(InvalidSetting, match="x is not made of numbers"):
        ours.simple_moving_average(values, 1)


def test_macd_refuses_a_fast_average_that_is_not_the_faster_one():
    with pytest.raises(InvalidSetting, match="fast < slow"):
        ours.macd(FLAT, 5, 5, 2)
