"""The threshold: best on validation days, never from a handful of trades, flat among ties."""

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.optimize import brentq

from rooney_core.errors import InputError
from rooney_core.modeling.rows import SampleRows, TradingCalendar
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.threshold import choose_threshold

SETTINGS = TuningSettings(min_validation_trades=30)
FIRST = date(2019, 1, 1)


def rows(returns: np.ndarray) -> SampleRows:
    """One trade a day from FIRST on."""
    days = pl.Series([FIRST + timedelta(days=i) for i in range(len(returns))], dtype=pl.Date)
    n = len(returns)
    return SampleRows(
        features=np.empty((n, 0)),
        label=(returns > 0).astype(np.int64),
        weight=np.ones(n),
        label_start=days.cast(pl.Datetime("us", "UTC")),
        label_end=days.cast(pl.Datetime("us", "UTC")),
        held_sessions=pl.Series([[day] for day in days], dtype=pl.List(pl.Date)),
        held_return=pl.Series([[one] for one in returns], dtype=pl.List(pl.Float64)),
    )


def choose(probability: np.ndarray, returns: np.ndarray, n_days: int = 500):
    samples = rows(returns)
    sessions = pl.Series([FIRST + timedelta(days=i) for i in range(n_days)], dtype=pl.Date)
    calendar = TradingCalendar.of(samples, sessions)
    return choose_threshold(probability, samples, calendar, SETTINGS)


def by_hand(probability, returns, threshold, n_days=500) -> float:
    days = np.zeros(n_days)
    for i, (p, r) in enumerate(zip(probability, returns, strict=True)):
        days[i] = r if p >= threshold else 0.0
    return days.mean() / days.std(ddof=1) * math.sqrt(252)


def drawn(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probability = rng.uniform(0.35, 0.75, n)
    return probability, 0.004 * rng.normal(size=n) + 0.02 * (probability - 0.55)


def test_grid_is_forty_to_seventy_percent_by_one() -> None:
    assert SETTINGS.thresholds.tolist() == [round(0.40 + i / 100, 2) for i in range(31)]


def test_table_counts_flat_days_and_every_threshold() -> None:
    probability, returns = drawn(1)
    table = choose(probability, returns).table
    assert table.height == 31
    assert table["n_obs"].unique().to_list() == [500]
    for row in table.iter_rows(named=True):
        assert row["n_trades"] == sum(probability >= row["threshold"])
        expected = by_hand(probability, returns, row["threshold"])
        assert row["annual_sharpe"] == pytest.approx(expected, rel=1e-9)
        assert row["sharpe_per_day"] == pytest.approx(expected / math.sqrt(252), rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_choice_ties_with_the_best_and_has_trades_enough(seed: int) -> None:
    choice = choose(*drawn(seed))
    judged = choice.table.filter(pl.col("n_trades") >= 30)
    chosen = judged.filter(pl.col("threshold") == choice.threshold)
    assert chosen["annual_sharpe"][0] >= judged["annual_sharpe"].max() - 0.05
    assert "best of" in choice.reason


def test_few_splendid_trades_do_not_count() -> None:
    rng = np.random.default_rng(3)
    probability = np.concatenate((np.full(29, 0.65), np.full(100, 0.45)))
    returns = np.concatenate((0.01 + 0.0001 * rng.random(29), 0.001 * rng.normal(size=100)))
    assert choose(probability, returns).threshold <= 0.45


def test_a_probability_equal_to_the_threshold_is_taken() -> None:
    probability, returns = np.full(60, 0.55), 0.001 * np.random.default_rng(1).normal(size=60)
    table = choose(probability, returns).table
    taken = dict(table.select("threshold", "n_trades").iter_rows())
    assert taken[0.55] == 60
    assert taken[0.56] == 0


def test_equal_neighbours_take_the_lowest() -> None:
    probability, returns = np.full(60, 0.9), 0.001 * np.random.default_rng(1).normal(size=60)
    assert choose(probability, returns).threshold == 0.40


def test_a_tie_goes_to_the_flatter_neighbourhood() -> None:
    plateau = 0.001 + 0.002 * np.random.default_rng(7).normal(size=60)
    # From 0.46 on the plateau; 0.45 a hair better; below it a cliff.
    probability = np.concatenate((np.full(60, 0.9), [0.455], [0.445, 0.445]))
    returns = np.concatenate((plateau, [0.0003], [-0.02, -0.02]))
    at = {one: by_hand(probability, returns, one) for one in (0.44, 0.45, 0.46, 0.70)}
    assert at[0.44] < at[0.46] == at[0.70] < at[0.45] < at[0.46] + 0.05
    # 0.48 is the first with nothing but the plateau two steps to each side.
    assert choose(probability, returns).threshold == 0.48


def test_a_lonely_peak_loses_to_a_plateau_as_high() -> None:
    """0.42 sheds one loss and keeps the win that makes up for 0.43's: the best, and all alone."""
    good = 0.001 + 0.002 * np.random.default_rng(7).normal(size=60)
    probability = np.concatenate((np.full(60, 0.9), [0.435], [0.425], [0.415]))

    def returns(win: float) -> np.ndarray:
        return np.concatenate((good, [-0.002], [win], [-0.002]))

    def lead(win: float) -> float:
        at_peak = by_hand(probability, returns(win), 0.42)
        return at_peak - by_hand(probability, returns(win), 0.46) - 0.02

    drawn_returns = returns(brentq(lead, 0.0, 0.006))
    at = {one: by_hand(probability, drawn_returns, one) for one in (0.40, 0.42, 0.43, 0.44, 0.70)}
    assert max(at[0.40], at[0.43]) + 0.05 < at[0.44] == at[0.70] < at[0.42] < at[0.44] + 0.05
    assert choose(probability, drawn_returns).threshold == 0.46


def test_a_neighbour_without_trades_enough_is_no_plateau() -> None:
    """All Sharpes tie; from 0.51 on too few trades are left to judge, and that side is unknown."""
    rng = np.random.default_rng(2)
    returns = 0.001 + 0.002 * rng.normal(size=40)
    probability = np.concatenate((np.full(20, 0.9), np.full(20, 0.505)))
    choice = choose(probability, returns)
    assert choice.table.filter(pl.col("threshold") > 0.5)["n_trades"].max() == 20
    assert choice.threshold == 0.40


def test_impossible_probabilities_are_refused() -> None:
    returns = drawn(1, 60)[1]
    with pytest.raises(InputError, match="1 of them NaN"):
        choose(np.where(np.arange(60) == 3, math.nan, 0.5), returns)
    with pytest.raises(InputError, match="59 probabilities arrived for 60 rows"):
        choose(np.full(59, 0.5), returns)


@pytest.mark.parametrize("n", [0, 29])
def test_too_few_trades_fall_back_to_one_half_and_say_so(n: int) -> None:
    choice = choose(*drawn(1, n))
    assert choice.threshold == 0.5
    assert f"takes 30 of the {n} validation trades" in choice.reason
    assert choice.table.height == 31
