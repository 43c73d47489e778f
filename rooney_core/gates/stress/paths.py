"""Drawn paths without an edge, on the times and the volumes of real bars.

Belongs here: prices that nobody can predict, as volatile as the real ones. Does not belong here:
the simulated market (`rooney_core.market.simulation`), in which an edge may be planted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from rooney_core.gates.stress.report import FloatArray
from rooney_core.market.bars import BarArrays
from rooney_core.validation.sharpe import DAYS_PER_YEAR

N_STEPS: Final = 6
"""Of the price within a bar."""
DEGREES: Final = 5.0
"""Of freedom of a step's Student-t."""
LARGEST_DEVIATION: Final = 0.1
"""Standard deviation of a step at most, fraction of the price."""
VOLATILITY_SPREAD: Final = 0.35
"""Standard deviation of the log of a session's volatility."""
VOLATILITY_PERSISTENCE: Final = 0.97
"""Of it, from one session to the next (first-order autoregression): half of it is gone in 23."""
LARGEST_MOVE: Final = 0.5
"""Fraction of the price that a step moves at most: a price stays above 0."""
FEWEST_OF_HOUR: Final = 20
"""Bars of an hour of the session below which its volatility is that of all bars."""
HOUR_US: Final = 3_600_000_000


@dataclass(frozen=True)
class Volatility:
    """Standard deviation of fractions of the price: inside a bar, and between it and the last.

    Both f8[n_hours], by whole hours since the session's open; index 0 of `gaps` is the break.
    """

    inside: FloatArray
    gaps: FloatArray

    @classmethod
    def of(cls, bars: BarArrays) -> Volatility:
        """As these bars have it, root mean squares about 0: a trend in them is no volatility."""
        hour = hours_of(bars)
        price = np.maximum(np.abs(bars.close), np.median(np.abs(bars.close)) / 2.0)
        inside = (bars.close - bars.open) / price
        roll = np.diff(bars.adjustment, prepend=bars.adjustment[0])
        gaps = (bars.open - np.concatenate((bars.open[:1], bars.close[:-1])) + roll) / price
        return cls(_by_hour(inside, hour), _by_hour(gaps, hour))


@dataclass(frozen=True)
class Jumps:
    """Merton's jumps: a Poisson number a bar, each normal with mean 0; fractions of the price."""

    a_year: float
    deviation: float


def hours_of(bars: BarArrays) -> npt.NDArray[np.int64]:
    """Whole hours from the session's open to each bar's start, never below 0."""
    hours: npt.NDArray[np.int64] = (bars.bar_start_us - bars.session_open_us) // HOUR_US
    return np.maximum(0, hours)


def drawn_path(
    bars: BarArrays,
    volatility: Volatility,
    jumps: Jumps | None,
    tick_size: float,
    rng: np.random.Generator,
) -> BarArrays:
    """Bars at the times of these, with prices that are a martingale from the first open on.

    Every step has mean 0 whatever came before, so no rule earns anything but by luck, before
    costs. Steps are Student-t with the hour's standard deviation times the session's, whose log is
    an autoregression: fat tails and calm and wild months. Between two steps the path is a Brownian
    bridge, and high and low are its own: on a path with holes a stop would fill where no price was,
    and earn money for it. `jumps` (Merton 1976, "Option pricing when underlying stock returns are
    discontinuous", with mean 0) come between two bars. Prices are on the tick grid; gaps of rolls,
    times and volume are those of the real bars.
    """
    n, hour = len(bars), np.minimum(hours_of(bars), len(volatility.inside) - 1)
    level = _session_volatility(bars, rng)
    steps, deviation = np.empty((n, N_STEPS + 1)), np.zeros((n, N_STEPS + 1))
    steps[:, 0] = volatility.gaps[hour] * level * rng.standard_normal(n)
    if jumps is not None:
        steps[:, 0] += _jumps(bars, jumps, rng)
    of_step = (volatility.inside[hour] * level / math.sqrt(N_STEPS))[:, None]
    # A Student-t draw is a normal one whose variance is drawn first; the bridge has that variance.
    variance = (DEGREES - 2.0) / rng.chisquare(DEGREES, (n, N_STEPS))
    deviation[:, 1:] = np.minimum(of_step * np.sqrt(variance), LARGEST_DEVIATION)
    steps[:, 1:] = deviation[:, 1:] * rng.standard_normal((n, N_STEPS))
    np.clip(steps, -LARGEST_MOVE, LARGEST_MOVE, out=steps)
    start = max(abs(float(bars.open[0])), tick_size)
    path = start * np.cumprod(1.0 + steps, dtype=np.float64).reshape(n, N_STEPS + 1)
    high, low = _extremes(path, deviation[:, 1:], rng)
    shift = bars.adjustment[0] - bars.adjustment
    opened, high, low, close = (
        np.round((one + shift) / tick_size) * tick_size
        for one in (path[:, 0], high, low, path[:, -1])
    )
    return replace(bars, open=opened, high=high, low=low, close=close)


def _extremes(
    path: FloatArray, deviation: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Highest and lowest price of each bar, f8[n] each, of a path f8[n, N_STEPS + 1].

    P(max > m) of a Brownian bridge from a to b of variance v is exp(-2 (m - a)(m - b) / v)
    (Karatzas & Shreve 1991, 4.3.40), solved for m at a uniform draw; the minimum mirrors it.
    """
    begin, end = path[:, :-1], path[:, 1:]
    variance = (begin * deviation) ** 2
    middle, apart = (begin + end) / 2.0, (end - begin) ** 2
    above, below = (
        np.sqrt(apart + 2.0 * variance * rng.standard_exponential(variance.shape)) / 2.0
        for _ in range(2)
    )
    return (middle + above).max(axis=1), (middle - below).min(axis=1)


def _session_volatility(bars: BarArrays, rng: np.random.Generator) -> FloatArray:
    """A factor per bar with a mean square of 1, the same within a session."""
    of_bar = np.cumsum(np.diff(bars.session, prepend=bars.session[:1]) != 0)
    noise = rng.standard_normal(int(of_bar[-1]) + 1)
    logs = np.empty(len(noise))
    logs[0] = noise[0]
    fresh = math.sqrt(1.0 - VOLATILITY_PERSISTENCE**2)
    for session in range(1, len(noise)):
        logs[session] = VOLATILITY_PERSISTENCE * logs[session - 1] + fresh * noise[session]
    factors: FloatArray = np.exp(VOLATILITY_SPREAD * logs - VOLATILITY_SPREAD**2)
    of_bars: FloatArray = factors[of_bar]
    return of_bars


def _jumps(bars: BarArrays, jumps: Jumps, rng: np.random.Generator) -> FloatArray:
    n_sessions = len(np.unique(bars.session))
    expected = jumps.a_year * n_sessions / DAYS_PER_YEAR / len(bars)
    number = rng.poisson(expected, len(bars))
    sizes: FloatArray = jumps.deviation * np.sqrt(number) * rng.standard_normal(len(bars))
    return sizes


def _by_hour(values: FloatArray, hour: npt.NDArray[np.int64]) -> FloatArray:
    squares = np.bincount(hour, values**2)
    counts = np.bincount(hour)
    usual = math.sqrt(float(np.mean(values**2)))
    by_hour: FloatArray = np.where(
        counts >= FEWEST_OF_HOUR, np.sqrt(squares / np.maximum(counts, 1)), usual
    )
    return by_hour
