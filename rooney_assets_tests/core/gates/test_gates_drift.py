"""Distances between samples, against other routes; and whether drift is found, and noise is not."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy import stats

from rooney_core.errors import InputError
from rooney_core.features import PRIOR_TRADE_FEATURES
from rooney_core.gates.drift import DriftLimits, Witness, compared_features, drift_of
from rooney_core.gates.drift.distances import (
    block_distances,
    false_discovery_adjusted,
    population_stability_index,
    two_sample_p,
)
from rooney_core.gates.promises import Calibration, calibration_z

NOISE = np.random.default_rng(20100104)


def test_index_by_hand() -> None:
    """Halves of 1..10 are two bins; of the recent values, one of four is in the lower one."""
    index = population_stability_index(np.arange(1, 11), [2, 7, 8, 9], n_bins=2)
    by_hand = (0.25 - 0.5) * math.log(0.25 / 0.5) + (0.75 - 0.5) * math.log(0.75 / 0.5)
    assert index == pytest.approx(by_hand, abs=1e-12)


def test_index_of_a_feature_that_goes_missing() -> None:
    """All 20 known values become unknown; empty bins count half a value, as the module says."""
    index = population_stability_index(np.arange(20.0), [math.nan] * 10, n_bins=2)
    known = (0.5 / 10 - 0.5) * math.log((0.5 / 10) / 0.5)
    unknown = (1 - 0.5 / 20) * math.log(1 / (0.5 / 20))
    assert index == pytest.approx(2 * known + unknown, abs=1e-12)


def test_index_of_the_same_values_is_nothing() -> None:
    values = NOISE.normal(size=500)
    assert population_stability_index(values, values) == 0
    assert math.isnan(population_stability_index(values, []))
    # A feature that has one value only has one bin.
    assert population_stability_index(np.ones(50), np.ones(9)) == 0


@pytest.mark.parametrize("n_recent", [60, 240])
def test_index_of_noise_has_the_mean_that_theory_gives(n_recent: int) -> None:
    """(1/n + 1/m)(bins - 1): Yurdakul 2018, chi-square approximation."""
    found = [
        population_stability_index(NOISE.normal(size=4000), NOISE.normal(size=n_recent))
        for _ in range(400)
    ]
    theory = (1 / 4000 + 1 / n_recent) * 9
    assert np.mean(found) == pytest.approx(theory, rel=0.25)


def test_blocks_are_compared_with_the_whole() -> None:
    values, block = NOISE.normal(size=300), np.repeat([3, 4, 9], 100)
    found = block_distances(values, block)
    one_by_one = [population_stability_index(values, values[block == b]) for b in (3, 4, 9)]
    assert found == pytest.approx(one_by_one, abs=1e-12)
    with pytest.raises(InputError, match="299 block numbers arrived for 300"):
        block_distances(values, block[1:])


def test_two_samples_as_scipy_has_them() -> None:
    for shift in (0.0, 0.1, 0.5):
        before, now = NOISE.normal(size=800), NOISE.normal(shift, size=300)
        theirs = stats.ks_2samp(before, now, method="asymp")
        assert two_sample_p(before, now) == pytest.approx(
            stats.kstwobign.sf(theirs.statistic * math.sqrt(800 * 300 / 1100)), abs=1e-12
        )
        assert two_sample_p(before, now) == pytest.approx(theirs.pvalue, rel=0.2, abs=0.01)
    assert math.isnan(two_sample_p([1.0], [math.nan]))


def test_adjusted_p_values_as_scipy_has_them() -> None:
    p_values = NOISE.uniform(size=40) ** 3
    assert false_discovery_adjusted(p_values) == pytest.approx(
        stats.false_discovery_control(p_values), abs=1e-15
    )
    with_unknown = false_discovery_adjusted([0.01, math.nan, 0.04])
    assert with_unknown == pytest.approx([0.02, math.nan, 0.04], nan_ok=True)


def test_calibration_by_hand() -> None:
    """Four coins, one head: expected 2, variance 1."""
    assert calibration_z([0.5] * 4, [1, 0, 0, 0]) == pytest.approx(-1.0)
    assert math.isnan(calibration_z([], []))
    assert math.isnan(calibration_z([1.0], [1]))
    with pytest.raises(InputError, match="others arrived"):
        calibration_z([1.2], [1])


def test_calibration_of_true_promises_is_standard_normal() -> None:
    found = []
    for _ in range(500):
        promised = NOISE.uniform(0.3, 0.8, size=100)
        found.append(calibration_z(promised, NOISE.uniform(size=100) < promised))
    assert stats.kstest(found, "norm").pvalue > 0.001


class FourFeatures:
    """Stands where a model would; of the last one, which tells of results, nobody has a value."""

    features = ("a", "b", "c", "d", "prior_return")


FIRST, LAST = date(2024, 1, 1), date(2024, 5, 5)


def witness(n: int, won: int) -> Calibration:
    """`n` trades that were promised 0.6 each, of which so many won."""
    return Calibration.of(np.full(n, 0.6), np.arange(n) < won, FIRST, LAST)


def trades(begin: date, n: int, shift: float) -> pl.DataFrame:
    """The signal of a trade a day, four features of which the first two are shifted."""
    start = datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
    columns = {name: NOISE.normal(shift if name in "ab" else 0.0, size=n) for name in "abcd"}
    starts = [start + timedelta(days=day) for day in range(n)]
    return pl.DataFrame({"label_start": starts, **columns}).with_columns(
        pl.col("label_start").cast(pl.Datetime("us", "UTC"))
    )


def report(
    shift: float, n: int = 126, told: dict[Witness, Calibration] | None = None
) -> tuple[dict, pl.DataFrame]:
    learnt = trades(date(2010, 1, 1), 2000, 0.0)
    recent = trades(FIRST, n, shift)
    table, features = drift_of(
        "ES",
        FourFeatures(),  # type: ignore[arg-type]
        "v",
        learnt,
        recent,
        recent["label_start"].dt.date(),
        told or {},
        DriftLimits(),
    )
    return table.row(0, named=True), features


def test_noise_is_no_drift() -> None:
    for _ in range(20):
        row, features = report(0.0, told={Witness.LIVE: witness(126, 76)})
        assert not row["has_feature_drift"]
        assert not row["has_calibration_drift"]
        assert features.height == 4


def test_moved_features_are_found_and_named() -> None:
    row, features = report(1.5)
    assert (row["n_drifted"], row["drifted_share"], row["has_feature_drift"]) == (2, 0.5, True)
    assert set(features.filter("has_drifted")["feature"]) == {"a", "b"}
    assert row["worst_feature"] in {"a", "b"}
    assert not row["has_calibration_drift"]


def test_what_is_made_of_results_is_not_compared() -> None:
    """Of the newest trades these values would tell what came of them."""
    assert compared_features(FourFeatures()) == ("a", "b", "c", "d")  # type: ignore[arg-type]
    row, features = report(0.0)
    assert row["n_features"] == features.height == 4
    assert not set(features["feature"]) & {one.name for one in PRIOR_TRADE_FEATURES}


def test_an_edge_that_dies_breaks_the_promise() -> None:
    row, _ = report(0.0, told={Witness.LIVE: witness(100, 45)})
    assert row["calibration_z"] == pytest.approx((45 - 60) / math.sqrt(100 * 0.6 * 0.4))
    told = (row["calibration_of"], row["calibration_trades"], row["recent_win_rate"])
    assert told == ("live", 100, 0.45)
    assert (row["calibration_first_session"], row["calibration_last_session"]) == (FIRST, LAST)
    assert row["has_calibration_drift"]
    assert not row["has_feature_drift"]


def test_the_first_witness_that_knows_of_enough_trades_is_believed() -> None:
    """Live money before what an evaluation published; and nobody who knows of a few trades only."""
    both = {Witness.EVALUATION: witness(200, 60), Witness.LIVE: witness(30, 18)}
    row, _ = report(0.0, told=both)
    assert (row["calibration_of"], row["has_calibration_drift"]) == ("live", False)
    row, _ = report(0.0, told={**both, Witness.LIVE: witness(29, 0)})
    assert (row["calibration_of"], row["has_calibration_drift"]) == ("evaluation", True)
    row, _ = report(0.0, told={one: witness(29, 0) for one in Witness})
    assert (row["calibration_of"], row["has_calibration_drift"]) == (None, False)
    assert row["calibration_note"] == (
        "outcomes are known of 29 of the model's recent live trades and 29 of those that its "
        "evaluation published; nothing is said of fewer than 30"
    )


def test_few_trades_say_nothing() -> None:
    row, features = report(3.0, n=29)
    assert row["note"].startswith("29 recent and 2000 earlier trades")
    assert row["drifted_share"] is None
    assert row["calibration_z"] is None
    assert not row["has_feature_drift"]
    assert not row["has_calibration_drift"]
    assert features.is_empty()


def test_only_the_newest_sessions_count() -> None:
    learnt = trades(date(2010, 1, 1), 1000, 0.0)
    old, new = trades(date(2024, 1, 1), 300, 4.0), trades(date(2025, 1, 1), 126, 0.0)
    sessions = pl.concat([old["label_start"], new["label_start"]]).dt.date()
    recent = pl.concat([old, new])
    table, _ = drift_of("ES", FourFeatures(), "v", learnt, recent, sessions, {}, DriftLimits())  # type: ignore[arg-type]
    assert table["n_recent_trades"][0] == 126
    assert table["n_drifted"][0] == 0
