"""How good is a Sharpe ratio, after its own noise, its shape and the number of tries?

Belongs here: the Sharpe ratio, its standard error, and the probabilistic and deflated versions.
Does not belong here: metrics of the path (metrics.py), overfitting of a search (overfitting.py),
and the thresholds of a decision (gates).

Conventions: simple returns per period, flat days included; ddof 1; Sharpe per period unless the
name says annual; annual = per day x sqrt(252); `skewness` and `kurtosis` are population moments,
kurtosis is Pearson's (normal = 3). An undefined Sharpe is NaN, NaN moments stay NaN through every
function below, and a gate that compares with NaN fails. Returns themselves must be finite.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from rooney_core.errors import InvalidSetting
from rooney_core.validation.samples import finite_vector

DAYS_PER_YEAR = 252
# The 2025 revision evaluates the variance at the benchmark instead of at the observed Sharpe;
# whoever stores a probability stores this beside it.
PSR_VERSION = "bailey-lopez-de-prado-2012"


class ReturnMoments(NamedTuple):
    """Shape of a return series: all that the functions of this module need of it."""

    sharpe_per_bar: float
    n_obs: int
    skewness: float
    kurtosis: float


@dataclass(frozen=True)
class DeflatedSharpe:
    """`prob` in [0, 1]; `z`, the argument of Phi, unbounded; `sr0`, the hurdle, per period."""

    prob: float
    z: float
    sr0: float


def return_moments(daily_returns: npt.ArrayLike) -> ReturnMoments:
    """Sharpe per period (ddof 1), count, skewness g1 and Pearson kurtosis g4 of f8[n] returns.

    Fewer than two returns, or returns that never vary, leave all but the count NaN.

    Raises:
        InputError: a return that is NaN or infinite.
    """
    returns = finite_vector(daily_returns, "daily_returns")
    n_obs = len(returns)
    # Exact comparison on purpose: the spread of equal floats is exactly 0, their std is not.
    if n_obs < 2 or np.ptp(returns) == 0.0:
        return ReturnMoments(math.nan, n_obs, math.nan, math.nan)
    deviation = returns - returns.mean()
    # Scaled to order 1 so that powers of tiny returns do not underflow.
    scaled = deviation / np.abs(deviation).max()
    variance = float(np.mean(scaled**2))
    return ReturnMoments(
        sharpe_per_bar=float(returns.mean() / returns.std(ddof=1)),
        n_obs=n_obs,
        skewness=float(np.mean(scaled**3)) / variance**1.5,
        kurtosis=float(np.mean(scaled**4)) / variance**2,
    )


def annual_sharpe(daily_returns: npt.ArrayLike) -> float:
    """Mean over standard deviation (ddof 1) of f8[n] daily returns, x sqrt(252).

    Daily, flat days included: a per-trade Sharpe must not be annualised. Excess of cash is the
    caller's business. NaN for fewer than two returns or returns that never vary.

    Raises:
        InputError: a return that is NaN or infinite.
    """
    return return_moments(daily_returns).sharpe_per_bar * math.sqrt(DAYS_PER_YEAR)


def sharpe_standard_error(
    sharpe_per_bar: float, n_obs: int, skewness: float, kurtosis: float
) -> float:
    """Standard error of a per-period Sharpe, sqrt((1 - g3 SR + (g4-1)/4 SR^2) / T).

    Mertens 2002. NaN for n_obs < 1, NaN moments or moments that no distribution has.
    """
    if n_obs < 1:
        return math.nan
    return math.sqrt(_sharpe_variance(sharpe_per_bar, skewness, kurtosis) / n_obs)


def probabilistic_sharpe_ratio(
    sharpe_per_bar: float,
    n_obs: int,
    skewness: float,
    kurtosis: float,
    benchmark_sharpe: float = 0.0,
) -> float:
    """Probability that the true per-period Sharpe exceeds `benchmark_sharpe` (per period too).

    Bailey & Lopez de Prado 2012, "The Sharpe Ratio Efficient Frontier" (variance at the observed
    Sharpe, see PSR_VERSION). NaN for n_obs < 2 or undefined moments.
    """
    return float(ndtr(_psr_z(sharpe_per_bar, n_obs, skewness, kurtosis, benchmark_sharpe)))


def minimum_track_record_length(
    sharpe_per_bar: float,
    skewness: float,
    kurtosis: float,
    benchmark_sharpe: float = 0.0,
    confidence: float = 0.95,
) -> float:
    """Periods needed before PSR(`benchmark_sharpe`) reaches `confidence`; not rounded up.

    1 + (1 - g3 SR + (g4-1)/4 SR^2) (Phi^-1(a) / (SR - SR*))^2, Bailey & Lopez de Prado 2012.
    Infinite where the Sharpe does not exceed the benchmark; NaN for undefined moments.

    Raises:
        InvalidSetting: confidence outside [0.5, 1).
    """
    if not 0.5 <= confidence < 1.0:
        raise InvalidSetting(f"confidence={confidence} arrived; 0.5 <= confidence < 1 is allowed.")
    if sharpe_per_bar <= benchmark_sharpe:
        return math.inf
    distance = float(ndtri(confidence)) / (sharpe_per_bar - benchmark_sharpe)
    return 1.0 + _sharpe_variance(sharpe_per_bar, skewness, kurtosis) * distance**2


def null_sharpe_variance(n_obs: Iterable[int]) -> float:
    """Variance of the per-period Sharpes of worthless trials: the V that the deflation uses.

    The mean of 1 / T over the trials' numbers of periods: Mertens 2002 where the true Sharpe is 0,
    the hypothesis that the deflated Sharpe ratio tests. On noise it is what
    `trial_sharpe_variance` estimates. In a search that found something, that sample contains the
    finding: on simulated markets a stronger edge then gave a *lower* z (benchmarks/deflation.py).
    NaN for no trial.

    Raises:
        InvalidSetting: a trial of less than one period.
    """
    periods = np.asarray(list(n_obs), dtype=np.float64)
    if not (periods >= 1).all():
        raise InvalidSetting("A trial of less than one period has no Sharpe ratio; leave it out.")
    return float(np.mean(1.0 / periods)) if len(periods) else math.nan


def trial_sharpe_variance(sharpes_per_bar: Iterable[float]) -> float:
    """Sample variance (ddof 1) of the per-period Sharpes of all trials: the V of the paper.

    A trial that never traded has a NaN Sharpe: it counts in N, but has nothing to say on V.
    NaN for fewer than two defined Sharpes. Stored and deflated with beside `null_sharpe_variance`.
    """
    sharpes = np.asarray(list(sharpes_per_bar), dtype=np.float64)
    defined = sharpes[np.isfinite(sharpes)]
    return float(defined.var(ddof=1)) if len(defined) > 1 else math.nan


def expected_maximum_sharpe(n_trials: float, trial_sharpe_variance: float) -> float:
    """SR0: the best per-period Sharpe that `n_trials` worthless trials are expected to show.

    sqrt(V) ((1-g) Phi^-1(1 - 1/N) + g Phi^-1(1 - 1/(N e))), g = Euler-Mascheroni, V the sample
    variance of the trials' per-period Sharpes; Bailey & Lopez de Prado 2014. One trial gives 0,
    whatever V is. `n_trials` may be fractional (an effective count); the result is never negative.

    Raises:
        InvalidSetting: n_trials below 1 or not finite, or a negative or infinite variance.
    """
    if not (math.isfinite(n_trials) and n_trials >= 1):
        raise InvalidSetting(
            f"n_trials={n_trials} arrived; count every configuration that was scored, at least 1."
        )
    if trial_sharpe_variance < 0 or math.isinf(trial_sharpe_variance):
        raise InvalidSetting(
            f"trial_sharpe_variance={trial_sharpe_variance} arrived; a finite number >= 0, the "
            "variance of the trials' per-period Sharpes, is allowed."
        )
    if n_trials == 1:
        return 0.0
    # -Phi^-1(p) = Phi^-1(1-p), without losing the digits of a small p.
    maximum = -(1 - np.euler_gamma) * ndtri(1 / n_trials) - np.euler_gamma * ndtri(
        1 / (n_trials * math.e)
    )
    return math.sqrt(trial_sharpe_variance) * max(float(maximum), 0.0)


def deflated_sharpe(
    sharpe_per_bar: float,
    n_obs: int,
    skewness: float,
    kurtosis: float,
    n_trials: float,
    trial_sharpe_variance: float,
) -> DeflatedSharpe:
    """PSR against the best Sharpe that `n_trials` worthless trials would show.

    Bailey & Lopez de Prado 2014, "The Deflated Sharpe Ratio". Every Sharpe is per period of the
    `n_obs` returns. `prob` is the paper's DSR; the thresholds 1.0 and 0.5 of the workflow are
    read on `z`. Undefined input gives NaN.

    Raises:
        InvalidSetting: see `expected_maximum_sharpe`.
    """
    sr0 = expected_maximum_sharpe(n_trials, trial_sharpe_variance)
    z = _psr_z(sharpe_per_bar, n_obs, skewness, kurtosis, sr0)
    return DeflatedSharpe(prob=float(ndtr(z)), z=z, sr0=sr0)


def _psr_z(sharpe: float, n_obs: int, skewness: float, kurtosis: float, benchmark: float) -> float:
    """The argument of Phi in the PSR; NaN where it is undefined."""
    if n_obs < 2:
        return math.nan
    spread = math.sqrt(_sharpe_variance(sharpe, skewness, kurtosis))
    return (sharpe - benchmark) * math.sqrt(n_obs - 1) / spread


def _sharpe_variance(sharpe: float, skewness: float, kurtosis: float) -> float:
    """1 - g3 SR + (g4-1)/4 SR^2; NaN where rounding or impossible moments make it <= 0."""
    variance = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe**2
    return variance if variance > 0.0 else math.nan
