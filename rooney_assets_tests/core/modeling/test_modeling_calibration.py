"""Calibration against other solvers, and the curve against scikit-learn's and a loop."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression

from rooney_core.errors import InputError
from rooney_core.modeling.calibration import (
    MIN_CALIBRATION_ROWS,
    RELIABILITY_SCHEMA,
    Calibration,
    fit_calibration,
    reliability_curve,
)


def drawn(seed: int, n: int = 800, slope: float = 0.6, intercept: float = -0.3):
    """Overconfident for slope < 1: wins follow sigmoid(slope * logit(p) + intercept)."""
    rng = np.random.default_rng(seed)
    probability = rng.beta(3, 3, n)
    margin = slope * np.log(probability / (1 - probability)) + intercept
    label = (rng.random(n) < 1 / (1 + np.exp(-margin))).astype(np.int64)
    return probability, label, rng.uniform(0.2, 1.0, n)


def smoothed(label: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Platt's targets, from effective counts of mean weight 1."""
    share = weight / weight.mean()
    wins, losses = share[label == 1].sum(), share[label == 0].sum()
    return np.where(label == 1, (wins + 1) / (wins + 2), 1 / (losses + 2)), share


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_maximum_of_the_likelihood(seed: int) -> None:
    probability, label, weight = drawn(seed)
    target, share = smoothed(label, weight)
    logit = np.log(probability / (1 - probability))

    def loss(place: np.ndarray) -> float:
        stated = 1 / (1 + np.exp(-(place[0] * logit + place[1])))
        return -np.sum(share * (target * np.log(stated) + (1 - target) * np.log(1 - stated)))

    expected = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead", tol=1e-12).x
    fitted = fit_calibration(probability, label, weight)
    assert (fitted.slope, fitted.intercept) == pytest.approx(tuple(expected), abs=1e-5)


def test_it_is_scikit_learns_logistic_regression_on_rows_that_win_in_part() -> None:
    """A target of 0.9 is 0.9 of a win and 0.1 of a loss."""
    probability, label, weight = drawn(9)
    target, share = smoothed(label, weight)
    logit = np.log(probability / (1 - probability))[:, np.newaxis]
    regression = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000, solver="newton-cg").fit(
        np.vstack((logit, logit)),
        np.repeat([1, 0], len(label)),
        np.concatenate((share * target, share * (1 - target))),
    )
    fitted = fit_calibration(probability, label, weight)
    assert fitted.slope == pytest.approx(regression.coef_[0, 0], abs=1e-6)
    assert fitted.intercept == pytest.approx(regression.intercept_[0], abs=1e-6)


def test_what_was_planted_is_found() -> None:
    fitted = fit_calibration(*drawn(1, n=200_000))
    assert fitted.slope == pytest.approx(0.6, abs=0.03)
    assert fitted.intercept == pytest.approx(-0.3, abs=0.03)


def test_only_proportions_of_weights_count() -> None:
    probability, label, weight = drawn(3)
    one, other = (fit_calibration(probability, label, k * weight) for k in (1.0, 1e-6))
    assert (one.slope, one.intercept) == pytest.approx((other.slope, other.intercept), abs=1e-9)


def test_mean_probability_becomes_the_base_rate() -> None:
    """The gradient of the intercept: what is stated on average is what happens on average."""
    probability, label, weight = drawn(5)
    target, share = smoothed(label, weight)
    calibrated = fit_calibration(probability, label, weight).apply(probability)
    assert np.average(calibrated, weights=share) == pytest.approx(
        np.average(target, weights=share), abs=1e-9
    )


def test_outcomes_that_contradict_the_order_leave_the_base_rate() -> None:
    probability, label, weight = drawn(2)
    fitted = fit_calibration(probability, 1 - label, weight)
    said = fitted.apply(probability)
    assert fitted.slope == 0.0
    assert np.ptp(said) == 0.0
    assert said[0] == pytest.approx(np.average(1 - label, weights=weight), abs=0.002)


def test_perfect_separation_stays_finite() -> None:
    probability = np.linspace(0.01, 0.99, 400)
    label = (probability > 0.5).astype(np.int64)
    fitted = fit_calibration(probability, label, np.ones(400))
    said = fitted.apply(np.array([0.0, 0.4, 0.6, 1.0]))
    assert np.isfinite(fitted.slope)
    assert fitted.slope > 1.0
    assert 0.0 <= said[0] <= said[1] < 0.2 < 0.8 < said[2] <= said[3] <= 1.0


@pytest.mark.parametrize(
    ("probability", "label"),
    [
        (np.full(400, 0.5), np.tile([0, 1], 200)),
        (np.linspace(0.1, 0.9, 400), np.ones(400)),
        (np.linspace(0.1, 0.9, 400), np.zeros(400)),
        (np.linspace(0.1, 0.9, MIN_CALIBRATION_ROWS - 1), np.arange(MIN_CALIBRATION_ROWS - 1) % 2),
        (np.empty(0), np.empty(0)),
    ],
    ids=["never varies", "wins only", "losses only", "too few", "none"],
)
def test_nothing_to_fit_changes_nothing(probability: np.ndarray, label: np.ndarray) -> None:
    fitted = fit_calibration(probability, label, np.ones(len(label)))
    assert fitted == Calibration.IDENTITY
    assert fitted.apply(probability).tobytes() == probability.tobytes()


def test_it_keeps_the_order_and_one_row_is_as_many() -> None:
    fitted = fit_calibration(*drawn(1))
    asked = np.sort(np.concatenate(([0.0, 1.0], np.random.default_rng(1).random(500))))
    said = fitted.apply(asked)
    assert np.all(np.diff(said) >= 0)
    assert np.all((said >= 0) & (said <= 1))
    assert [float(fitted.apply(asked[i : i + 1])[0]) for i in range(502)] == said.tolist()


@pytest.mark.parametrize(
    ("probability", "label", "weight", "what"),
    [
        ([0.5, np.nan], [0, 1], [1, 1], "NaN or outside"),
        ([0.5, 1.1], [0, 1], [1, 1], "NaN or outside"),
        ([0.5, 0.6], [0, 2], [1, 1], "neither 0 nor 1"),
        ([0.5, 0.6], [0, 1], [1, 0], "above 0"),
        ([0.5, 0.6], [0, 1], [1, np.inf], "above 0"),
        ([0.5], [0, 1], [1, 1], "1 probabilities, 2 labels"),
    ],
)
def test_impossible_rows_are_refused(probability, label, weight, what) -> None:
    with pytest.raises(InputError, match=what):
        fit_calibration(np.array(probability), np.array(label), np.array(weight, dtype=float))


@pytest.mark.parametrize(("slope", "intercept"), [(-0.1, 0.0), (np.nan, 0.0), (1.0, np.inf)])
def test_an_impossible_calibration_is_refused(slope: float, intercept: float) -> None:
    with pytest.raises(InputError, match="slope at least 0"):
        Calibration(slope, intercept)


@pytest.mark.parametrize("n_bins", [1, 4, 10])
def test_the_curve_is_scikit_learns(n_bins: int) -> None:
    probability, label, _ = drawn(6)
    curve = reliability_curve(probability, label, n_bins)
    share, mean = calibration_curve(label, probability, n_bins=n_bins, strategy="quantile")
    np.testing.assert_allclose(curve["win_share"], share, rtol=0, atol=1e-12)
    np.testing.assert_allclose(curve["mean_probability"], mean, rtol=0, atol=1e-12)
    assert dict(curve.schema) == RELIABILITY_SCHEMA


def test_the_curve_counts_every_row_once_between_its_edges() -> None:
    rng = np.random.default_rng(8)
    probability, label = np.round(rng.beta(3, 3, 500), 1), rng.integers(0, 2, 500)
    curve = reliability_curve(probability, label)
    assert curve["n"].sum() == 500
    for i, row in enumerate(curve.iter_rows(named=True)):
        above = probability >= row["low"] if i == 0 else probability > row["low"]
        inside = above & (probability <= row["high"])
        assert row["n"] == inside.sum() > 0
        assert row["win_share"] == pytest.approx(label[inside].mean())
        assert row["mean_probability"] == pytest.approx(probability[inside].mean())


def test_the_curve_of_nothing_and_of_one_probability() -> None:
    assert reliability_curve(np.empty(0), np.empty(0)).height == 0
    one = reliability_curve(np.full(8, 0.5), np.tile([0, 1], 4))
    assert one.rows() == [(0.5, 0.5, 8, 0.5, 0.5)]
    with pytest.raises(InputError, match="n_bins=0"):
        reliability_curve(np.full(8, 0.5), np.tile([0, 1], 4), 0)
