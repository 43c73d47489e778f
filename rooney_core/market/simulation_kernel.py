"""The random numbers and the compiled price loop of the simulated market.

Belongs here: draws, volatility, and prices hour by hour. Does not belong here: sessions, contracts
and frames (`simulation.py`).

Every draw is a hash of (key, counter), never the next number of a stream: a draw for one symbol and
hour is the same whatever other symbols, hours or machines exist. The hash is splitmix64 (Steele,
Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

N_STEPS: Final = 6
"""Price steps within an hour; open, high, low and close are taken over them."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_DEGREES = 5.0  # of freedom of a step's Student-t: hourly excess kurtosis of several
_LARGEST_DRAW = 10.0  # standard deviations; keeps one hour's return far above -100 %
_VOLATILITY_HOURS = (6, 36, 240, 1440)  # how long the components of log-volatility last
_VOLATILITY_COMMON = 0.35  # standard deviation of the common part of log-volatility
_VOLATILITY_OWN = 0.30  # standard deviation of the symbol's own part
_EDGE_SCALE = 2.0  # hourly standard deviations of drift at reversion_edge 1 and IBS 0
_EDGE_SPREAD = (0.6, 0.3, 0.1)  # over the next three bars
_EDGE_FROM_WIDTH = 1.2  # only bars wider than so many hourly standard deviations push back ...
_EDGE_LARGEST_BOOST = 1.0  # ... up to here
_OPENING_NOISE = 0.1  # hourly standard deviations between a close and the next open
_FREE_LOG_RANGE = 1.0  # within exp(+-1) of the start price nothing pulls
_PULL_PER_HOUR = 0.5 / 5800.0  # outside: half of the excess a year, so that prices stay sane


@njit(cache=True)
def _uniform(key: np.uint64, counter: np.uint64) -> float:
    """One draw from (0, 1), neither end possible."""
    x = key + (counter + np.uint64(1)) * _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    x = x ^ (x >> np.uint64(31))
    return (float(x >> np.uint64(11)) + 0.5) * 2.0**-53


@njit(cache=True)
def standard_normal(key: np.uint64, counter: np.uint64) -> float:
    """One draw with mean 0 and variance 1 (Box and Muller 1958)."""
    pair = counter * np.uint64(2)
    radius = math.sqrt(-2.0 * math.log(_uniform(key, pair)))
    return radius * math.cos(2.0 * math.pi * _uniform(key, pair + np.uint64(1)))


@njit(cache=True)
def _fat_tailed(key: np.uint64, counter: np.uint64) -> float:
    """One Student-t draw with variance 1 (Bailey 1994, Math. Comp. 62, 779), cut at 10."""
    pair = counter * np.uint64(2)
    radius = math.sqrt(_DEGREES * (_uniform(key, pair) ** (-2.0 / _DEGREES) - 1.0))
    draw = radius * math.cos(2.0 * math.pi * _uniform(key, pair + np.uint64(1)))
    scaled = draw * math.sqrt((_DEGREES - 2.0) / _DEGREES)
    return min(max(scaled, -_LARGEST_DRAW), _LARGEST_DRAW)


@njit(cache=True)
def _variance_behind(key: np.uint64, counter: np.uint64) -> float:
    """A draw of the variance that the normal draw behind `_fat_tailed(key, counter)` had.

    A Student-t draw is a normal one whose variance is drawn first. Given its radius r, the chi
    squared in that variance is gamma with shape (degrees + 2) / 2 and rate (1 + r^2 / degrees) / 2.
    """
    first = _uniform(key, counter * np.uint64(2))
    radius_squared = _DEGREES * (first ** (-2.0 / _DEGREES) - 1.0)
    own, at = key ^ _MIX_2, counter * np.uint64(4)
    # A gamma of shape 3.5: three exponentials, and half the square of a normal.
    gamma = 0.5 * standard_normal(own ^ _MIX_1, at) ** 2
    for exponential in range(3):
        gamma -= math.log(_uniform(own, at + np.uint64(exponential)))
    chi_squared: float = 2.0 * gamma / (1.0 + radius_squared / _DEGREES)
    return (_DEGREES - 2.0) / chi_squared


@njit(cache=True)
def _farthest(begin: float, end: float, variance: float, key: np.uint64, at: np.uint64) -> float:
    """How far a path from begin to end goes: half the sum of both, and this, is a draw of its
    maximum; half the sum less this, of its minimum.

    The path is a Brownian motion of this variance, given both ends; P(max > m) of such a bridge is
    exp(-2 (m - begin) (m - end) / variance) (Karatzas & Shreve 1991, 4.3.40).
    """
    drop = math.log(_uniform(key, at))
    return 0.5 * math.sqrt((end - begin) ** 2 - 2.0 * variance * drop)


@njit(cache=True)
def _log_volatility(key: np.uint64, hour: int) -> float:
    """Mean 0, variance 1, a function of key and hour alone: noise held on lattices of 6 hours to
    60 days, faded from one lattice point to the next so that the variance is the same anywhere."""
    total = 0.0
    for level, length in enumerate(_VOLATILITY_HOURS):
        cell = hour // length
        angle = 0.5 * math.pi * (hour - cell * length) / length
        counter = np.uint64(level) * np.uint64(1 << 40) + np.uint64(cell)
        here = standard_normal(key, counter)
        there = standard_normal(key, counter + np.uint64(1))
        total += here * math.cos(angle) + there * math.sin(angle)
    return total / math.sqrt(len(_VOLATILITY_HOURS))


@njit(cache=True)
def draw_normals(key: np.uint64, counters: NDArray[np.int64]) -> NDArray[np.float64]:
    """Standard normal draws, one per counter (>= 0)."""
    out = np.empty(len(counters))
    for i in range(len(counters)):
        out[i] = standard_normal(key, np.uint64(counters[i]))
    return out


@njit(cache=True)
def draw_prices(
    hour: NDArray[np.int64],
    shape: NDArray[np.float64],
    gap_hours: NDArray[np.float64],
    jump: NDArray[np.float64],
    keys: NDArray[np.uint64],
    start_price: float,
    hourly_volatility: float,
    beta: float,
    edge: NDArray[np.float64],
    tick: float,
    is_continuous: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Prices of the front contract on the tick grid, (n, 4) open high low close, and the log of
    the volatility multiplier (n,).

    hour (n,): hours since 1970 UTC, oldest first. shape (n,): volatility of the hour against the
    average hour. gap_hours (n,): length of the break before this hour in average hours, 0 inside a
    session. jump (n,): factor on the price at this hour's start, 1 where no contract rolls.
    keys (3,): common factor, common volatility, own. hourly_volatility: fraction, average hour.
    beta: correlation with the common factor. edge (n,): planted reversion of each hour, 0 for none;
    it acts from the next bar on, for three bars, and never over a break. tick: price; 0 < tick.
    is_continuous: high and low are those of the path between the steps, not of the steps alone.
    """
    n = len(hour)
    prices = np.empty((n, 4))
    log_multiplier = np.empty(n)
    own_share = math.sqrt(1.0 - beta * beta)
    variance = _VOLATILITY_COMMON**2 + _VOLATILITY_OWN**2
    factor_key, volatility_key, own_key = keys[0], keys[1], keys[2]
    own_volatility_key = own_key ^ _MIX_1
    high_key, low_key = own_key ^ _GOLDEN, own_key ^ _MIX_2
    price = start_price
    push_1 = push_2 = push_3 = 0.0
    for i in range(n):
        z = _VOLATILITY_COMMON * _log_volatility(volatility_key, hour[i])
        z += _VOLATILITY_OWN * _log_volatility(own_volatility_key, hour[i])
        log_multiplier[i] = z
        # exp(z - variance) has a mean square of one: annual volatility is what the facts say.
        around = hourly_volatility * math.exp(z - variance)
        sigma = around * shape[i]
        counter = np.uint64(hour[i]) * np.uint64(8)
        price *= jump[i]
        if gap_hours[i] > 0.0:
            push_1 = push_2 = push_3 = 0.0
            at = counter + np.uint64(N_STEPS)
            draw = beta * _fat_tailed(factor_key, at) + own_share * _fat_tailed(own_key, at)
            price *= 1.0 + math.sqrt(gap_hours[i]) * around * draw
        else:
            at = counter + np.uint64(N_STEPS + 1)
            price *= 1.0 + _OPENING_NOISE * sigma * standard_normal(own_key, at)
        distance = math.log(price / start_price)
        excess = distance - min(max(distance, -_FREE_LOG_RANGE), _FREE_LOG_RANGE)
        push = push_1 * _EDGE_SPREAD[0] + push_2 * _EDGE_SPREAD[1] + push_3 * _EDGE_SPREAD[2]
        drift = (push - _PULL_PER_HOUR * excess) / N_STEPS
        opened = high = low = price
        for step in range(N_STEPS):
            at = counter + np.uint64(step)
            draw = beta * _fat_tailed(factor_key, at) + own_share * _fat_tailed(own_key, at)
            before = price
            price *= 1.0 + drift + sigma / math.sqrt(N_STEPS) * draw
            high = max(high, price)
            low = min(low, price)
            if is_continuous:
                shared = beta**2 * _variance_behind(factor_key, at)
                drawn = shared + own_share**2 * _variance_behind(own_key, at)
                drawn *= (sigma * before) ** 2 / N_STEPS
                middle = 0.5 * (before + price)
                high = max(high, middle + _farthest(before, price, drawn, high_key, at))
                low = min(low, middle - _farthest(before, price, drawn, low_key, at))
        prices[i, 0] = on_tick(opened, tick)
        prices[i, 1] = on_tick(high, tick)
        prices[i, 2] = on_tick(low, tick)
        prices[i, 3] = on_tick(price, tick)
        spread = prices[i, 1] - prices[i, 2]
        bar_strength = (prices[i, 3] - prices[i, 2]) / spread if spread > 0.0 else 0.5
        width = spread / (price * around)
        boost = min(max(width - _EDGE_FROM_WIDTH, 0.0), _EDGE_LARGEST_BOOST)
        push_3, push_2 = push_2, push_1
        push_1 = edge[i] * _EDGE_SCALE * sigma * boost * (0.5 - bar_strength)
    return prices, log_multiplier


@njit(cache=True)
def on_tick(price: float, tick: float) -> float:
    """`price` on the grid of `tick`, at least one tick; exact decimals where 1/tick is whole."""
    steps = max(round(price / tick), 1)
    per_unit = round(1.0 / tick)
    if per_unit > 0 and abs(per_unit * tick - 1.0) < 1e-9:
        return float(steps) / per_unit
    return steps * tick


@njit(cache=True)
def all_on_tick(prices: NDArray[np.float64], tick: float) -> NDArray[np.float64]:
    """Every price of an array of any shape on the grid of `tick`."""
    out = np.empty(prices.size)
    flat = prices.ravel()
    for i in range(prices.size):
        out[i] = on_tick(flat[i], tick)
    return out.reshape(prices.shape)
