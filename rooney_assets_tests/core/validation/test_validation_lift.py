"""The lift of a filter and its interval, by arch's bootstrap and by what they promise."""

import json
from pathlib import Path

import numpy as np
import pytest

from rooney_core.errors import InputError, InvalidSetting
from rooney_core.validation.lift import sharpe_lift

# Made by make_sharpe_lifts.py, beside it.
ANSWERS = json.loads((Path(__file__).parent / "answers" / "sharpe_lifts.json").read_text())


def daily_returns(seed, n_days, share, dependence, skill):
    """The recipe of make_sharpe_lifts.py."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_normal(n_days)
    for t in range(1, n_days):
        shocks[t] += dependence * shocks[t - 1]
    unfiltered = np.where(rng.random(n_days) < share, 0.01 * shocks, 0.0)
    taken = skill * np.sign(unfiltered) + rng.standard_normal(n_days) > 0.0
    return np.where(taken, unfiltered, 0.0), unfiltered


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: str(one["case"][0]))
def test_the_interval_agrees_with_arch(answer) -> None:
    found = sharpe_lift(*daily_returns(*answer["case"]), n_resamples=8000)
    assert found.sharpe == pytest.approx(answer["lift"], rel=1e-9)
    assert found.block_length == pytest.approx(answer["block_length"], rel=1e-9)
    # Other random numbers: a 5 % quantile of 8,000 draws has an error of about 1 % of the width.
    width = answer["high"] - answer["low"]
    assert found.low == pytest.approx(answer["low"], abs=0.04 * width)
    assert found.high == pytest.approx(answer["high"], abs=0.04 * width)


def test_the_same_days_are_drawn_for_both() -> None:
    """Twice the size at the same Sharpe on every history: a lift of exactly nothing."""
    _, returns = daily_returns(5, 400, 0.6, 0.2, 0.0)
    found = sharpe_lift(2.0 * returns, returns, n_resamples=300)
    assert (found.sharpe, found.low, found.high) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)


def test_the_interval_covers_as_often_as_it_says() -> None:
    """A filter by coin: its lift is centred on what trading half of everything costs in Sharpe."""
    intervals = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        unfiltered = rng.normal(0.0, 0.01, 500)
        filtered = np.where(rng.random(500) < 0.5, unfiltered, 0.0)
        found = sharpe_lift(filtered, unfiltered, n_resamples=300)
        intervals.append((found.low, found.high))
    covered = np.mean([low <= 0.0 <= high for low, high in intervals])
    # 90 % promised; of 120 seeds its own standard deviation is 2.7 %.
    assert 0.81 <= covered <= 0.99


def test_it_is_seeded() -> None:
    pair = daily_returns(*ANSWERS[1]["case"])
    assert sharpe_lift(*pair) == sharpe_lift(*pair)
    assert sharpe_lift(*pair).low != sharpe_lift(*pair, seed=8).low


def test_what_never_traded_has_no_lift() -> None:
    _, returns = daily_returns(1, 300, 0.5, 0.0, 0.0)
    nothing = sharpe_lift(np.zeros(300), returns)
    assert np.isnan([nothing.sharpe, nothing.low, nothing.high]).all()
    once = np.zeros(300)
    once[7] = 0.01
    rare = sharpe_lift(once, returns)
    # In a third of the histories that one day is not drawn.
    assert np.isfinite(rare.sharpe)
    assert np.isnan([rare.low, rare.high]).all()
    assert np.isnan(sharpe_lift([0.1, -0.1], [0.1, 0.2]).low)


def test_series_of_other_days_are_refused() -> None:
    with pytest.raises(InputError, match="3 filtered and 2 unfiltered"):
        sharpe_lift([0.1, 0.2, 0.3], [0.1, 0.2])
    with pytest.raises(InputError, match="NaN"):
        sharpe_lift([0.1, np.nan], [0.1, 0.2])
    with pytest.raises(InvalidSetting, match="n_resamples"):
        sharpe_lift(*daily_returns(1, 50, 0.5, 0.0, 0.0), n_resamples=0)
