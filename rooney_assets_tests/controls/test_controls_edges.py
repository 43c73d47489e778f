"""Controls on the simulated market: noise and shuffled labels fail, a planted edge is found.

False passes. Noise passes the verdict only with a deflated z above 1. With N = 34, of one quick
training (3 sets, 31 thresholds), that is a test Sharpe of 3.1 standard errors: one market of noise
in a thousand, if Sharpes of noise are what they should be, which is tested beside. Of the N_NULL
seeds here none may pass; that alone bounds the true rate, at 95 %, by FALSE_PASS_BOUND, 26 %. The
factory's N is a hundred times as large and deflates more.
"""

from __future__ import annotations

import numpy as np
import pytest
from planted_market import (
    NAMES,
    Sample,
    evaluated,
    null_sample,
    planted_sample,
    shuffled,
    trained,
)

from rooney_core.gates.verdict import ReasonCode
from rooney_core.modeling.training import TrainedModel

NULL_SEEDS = range(1, 11)
N_NULL = len(NULL_SEEDS)
SHUFFLES = range(1, 6)
FALSE_PASS_BOUND = 1.0 - 0.05 ** (1.0 / N_NULL)
JUMP = 0.0016
"""Of the price: half of what such a trade earns or loses by chance."""

CONDITIONS = {
    "early": ("session_progress", lambda value: value < 0.5),
    "late": ("session_progress", lambda value: value >= 0.5),
    "heavy": ("volume_z_20", lambda value: value > 0.0),
}


@pytest.fixture(scope="module")
def null_rows() -> list[dict[str, object]]:
    return [evaluated(null_sample(seed), trained(null_sample(seed))) for seed in NULL_SEEDS]


@pytest.fixture(scope="module", params=CONDITIONS)
def planted(request) -> tuple[Sample, TrainedModel, np.ndarray]:
    """A planted market, the model of it, and which test trades win."""
    feature, wins = CONDITIONS[request.param]
    sample = planted_sample(1, feature, wins, JUMP)
    return sample, trained(sample), wins(sample.test[feature].to_numpy())


def codes(row: dict[str, object]) -> set[str]:
    return {one["code"] for one in row["reasons"]}


def test_pure_noise_fails_the_verdict(null_rows) -> None:
    assert [row["verdict"] for row in null_rows] == ["fail"] * N_NULL
    assert not any(row["significant"] for row in null_rows)
    assert all(ReasonCode.DEFLATED_SHARPE_TOO_LOW in codes(row) for row in null_rows)
    assert round(FALSE_PASS_BOUND, 2) == 0.26


def test_sharpes_of_noise_are_standard_normal_in_their_errors(null_rows) -> None:
    """Three years of test days: mean 0 and deviation 1, as far as ten of them can tell."""
    years = np.array([row["test_n_obs"] / 252 for row in null_rows])
    scores = np.array([row["test_sharpe"] for row in null_rows]) * np.sqrt(years)
    assert abs(scores.mean()) < 3 / np.sqrt(N_NULL)
    # Chi-squared of 9 degrees: outside of this once in a thousand, on either side.
    assert 0.35 < scores.std(ddof=1) < 1.76


def test_a_filter_of_noise_lifts_nothing(null_rows) -> None:
    """The lifts are about 0 together, and their 90 % intervals miss it no oftener than by chance:
    of ten, more than four would happen once in six hundred."""
    lifts = np.array([row["lift_sharpe"] for row in null_rows])
    assert abs(lifts.mean()) < 3 * lifts.std(ddof=1) / np.sqrt(N_NULL)
    missed = [not row["lift_sharpe_low"] <= 0.0 <= row["lift_sharpe_high"] for row in null_rows]
    assert sum(missed) <= 4


def test_a_planted_condition_is_found_and_the_lift_has_its_sign(planted) -> None:
    sample, model, wins = planted
    said = model.model.probability(sample.test.select(NAMES).to_numpy())
    taken = said >= model.model.threshold
    assert taken[wins].mean() > 0.3
    assert taken[wins].mean() > 3 * taken[~wins].mean()
    row = evaluated(sample, model)
    assert row["lift_sharpe"] > 1.0
    assert row["lift_sharpe_low"] > 0.0
    assert row["test_win_rate"] > row["unfiltered_test_win_rate"]
    assert (row["verdict"], row["significant"]) == ("pass", True)


def test_the_opposite_filter_would_lift_the_other_way(planted) -> None:
    """The sign is the condition's: what the model leaves out loses."""
    sample, model, _ = planted
    said = model.model.probability(sample.test.select(NAMES).to_numpy())
    left_out = said < model.model.threshold
    returns = sample.test["return"].to_numpy()
    assert returns[left_out].mean() < 0.0 < returns[~left_out].mean()


@pytest.mark.parametrize("seed", SHUFFLES)
def test_shuffled_labels_fail_where_the_true_ones_pass(seed) -> None:
    """The same market, the same edge in its test window; only what was learned is noise."""
    feature, wins = CONDITIONS["early"]
    sample = shuffled(planted_sample(1, feature, wins, JUMP), seed)
    row = evaluated(sample, trained(sample))
    assert row["verdict"] == "fail"
    assert not row["significant"]
