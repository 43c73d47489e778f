"""Ranks, streaks, medians, extremes and bounded memories by slow and obvious routes."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from rooney_core import indicators as ours
from rooney_core.errors import InvalidSetting
from rooney_core.indicators.bounded import memory_of


def _ticks(seed: int, n_values: int = 700) -> np.ndarray:
    """A walk in whole numbers: full of ties."""
    return np.random.default_rng(seed).integers(-2, 3, n_values).cumsum().astype(float)


@pytest.mark.parametrize("n", [1, 2, 5, 50])
def test_extremes_medians_and_deviations_are_those_of_polars(n):
    values = _ticks(1)
    series = pl.Series(values)
    for mine, theirs in (
        (ours.rolling_max(values, n), series.rolling_max(n)),
        (ours.rolling_min(values, n), series.rolling_min(n)),
        (ours.rolling_median(values, n), series.rolling_median(n)),
    ):
        assert mine[n - 1 :].tolist() == theirs[n - 1 :].to_list()
    slow = [values[last - n + 1 : last + 1].std() for last in range(n - 1, 700)]
    assert ours.rolling_std(values, n)[n - 1 :] == pytest.approx(slow, abs=1e-12)


@pytest.mark.parametrize("n", [1, 3, 100])
def test_percent_rank_is_the_share_of_earlier_values_below(n):
    values = _ticks(2)
    slow = [np.mean(values[i - n : i] < values[i]) for i in range(n, 700)]
    assert ours.percent_rank(values, n)[n:].tolist() == slow


def test_a_streak_counts_closes_in_a_row_and_stops_at_its_longest():
    closes = [5.0, 6, 7, 7, 6, 5, 4, 3, 4, np.nan, 5, 6]
    counts = ours.streak(closes, 3)
    assert counts[1:9].tolist() == [1, 2, 0, -1, -2, -3, -3, 1]
    assert np.isnan(counts[[0, 9, 10]]).all()
    assert counts[11] == 1
    assert ours.streak(np.arange(50.0))[-1] == 20


def test_changes_are_differences_and_ratios_over_n_values():
    values = np.array([2.0, 3.0, 5.0, 4.0])
    assert ours.point_change(values, 2)[2:].tolist() == [3.0, 1.0]
    assert ours.rate_of_change(values, 2)[2:] == pytest.approx([150.0, 100 / 3])


def test_keltner_is_its_average_and_its_range():
    close = _ticks(3) + 100
    upper, middle, lower = ours.keltner_channel(close + 1, close - 1, close, 20, 1.5)
    known = slice(20, None)
    width = 1.5 * ours.average_true_range(close + 1, close - 1, close, 20)
    assert middle[known].tolist() == ours.exponential_moving_average(close, 20)[known].tolist()
    assert (upper - middle)[known] == pytest.approx(width[known])
    assert (middle - lower)[known] == pytest.approx(width[known])


@pytest.mark.parametrize("n", [1, 2, 5, 6, 14, 50, 200])
def test_what_a_memory_forgets_weighs_less_than_a_ten_thousandth(n):
    """The weight of all that lies before the window, summed from the recursions' own weights."""
    once, twice = memory_of(n), memory_of(n, smoothings=2)
    weights = (1 / n) * (1 - 1 / n) ** np.arange(3 * twice)
    assert 1 - weights[:once].sum() < 1e-4
    assert 1 - np.convolve(weights, weights)[:twice].sum() < 1e-4
    assert (1 - 2 / (n + 1)) ** once < 1e-4


def test_memories_are_whole_periods_and_never_too_short():
    assert [memory_of(n) for n in (1, 2, 5, 14)] == [50, 50, 50, 140]
    assert memory_of(14, smoothings=2) == 182
    with pytest.raises(InvalidSetting, match="smoothings"):
        memory_of(14, smoothings=3)
    with pytest.raises(InvalidSetting, match="whole number"):
        memory_of(0)


def test_bounded_values_are_close_to_the_endless_ones():
    close = 100 + np.random.default_rng(5).normal(0, 1, 3000).cumsum()
    high, low = close + 0.7, close - 0.9
    pairs = (
        (
            ours.bounded_relative_strength_index(close, 14, memory_of(14)),
            ours.relative_strength_index(close, 14),
            0.1,
        ),
        (
            ours.bounded_average_true_range(high, low, close, 14, memory_of(14)),
            ours.average_true_range(high, low, close, 14),
            1e-3,
        ),
        (
            ours.bounded_exponential_moving_average(close, 20, memory_of(20)),
            ours.exponential_moving_average(close, 20),
            1e-5,
        ),
        (
            ours.bounded_average_directional_index(
                high, low, close, 14, memory_of(14, smoothings=2)
            )[0],
            ours.average_directional_index(high, low, close, 14),
            0.1,
        ),
        (ours.bounded_macd(close, 12, 26, 9, memory_of(26))[2], ours.macd(close)[2], 1e-5),
    )
    for bounded, endless, close_enough in pairs:
        assert np.nanmax(abs(bounded - endless)) < close_enough
