"""What else could have happened: resampled histories of returns and of trades.

Belongs here: the stationary bootstrap, its block length, the Monte Carlo of a trade list.
Does not belong here: scenarios that change the market itself (the stress gate), tests of a
search (overfitting.py). Everything is seeded: the same call gives the same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rooney_core.errors import InvalidSetting, NotEnoughData
from rooney_core.validation.samples import FloatArray, finite_vector

BAND_QUANTILES = (0.05, 0.5, 0.95)
MIN_OBS_BLOCK_LENGTH = 10


@dataclass(frozen=True)
class MonteCarloTrades:
    """What `n_resamples` reshuffled histories of one trade list came to.

    `final_equity_usd` f8[n_resamples]; `max_drawdown` f8[n_resamples], a fraction of the earlier
    peak in [-1, 0], starting equity included; `ruined` bool[n_resamples], equity was <= 0 at any
    time; `equity_bands_usd` f8[3, n_trades + 1], the BAND_QUANTILES of equity after each trade.
    """

    starting_equity_usd: float
    final_equity_usd: FloatArray
    max_drawdown: FloatArray
    ruined: npt.NDArray[np.bool_]
    equity_bands_usd: FloatArray

    @property
    def probability_of_ruin(self) -> float:
        """Share of histories that lost everything at some time."""
        return float(self.ruined.mean())

    def probability_of_drawdown(self, limit: float) -> float:
        """Share of histories at or beyond a drawdown of `limit`, a negative fraction."""
        return float(np.mean(self.max_drawdown <= limit))


def stationary_bootstrap(
    returns: npt.ArrayLike, n_resamples: int, mean_block_length: float, seed: int
) -> FloatArray:
    """Resampled histories f8[n_resamples, n] of returns f8[n] per day.

    Politis & Romano 1994: blocks start anywhere with equal chance, have geometric lengths of mean
    `mean_block_length` (days; 1 and below: single days), and wrap around the end. Resample days,
    not overlapping trades.

    Raises:
        InputError: NaN or infinite returns.
        NotEnoughData: no returns.
        InvalidSetting: n_resamples below 1 or a mean block length that is not positive.
    """
    vector = finite_vector(returns, "returns")
    return vector[stationary_bootstrap_indices(len(vector), n_resamples, mean_block_length, seed)]


def stationary_bootstrap_indices(
    n_obs: int, n_resamples: int, mean_block_length: float, seed: int
) -> npt.NDArray[np.int64]:
    """Row numbers i8[n_resamples, n_obs] of `stationary_bootstrap`; to resample columns jointly."""
    _require_resamples(n_resamples, n_obs, "returns")
    if not mean_block_length > 0.0:
        raise InvalidSetting(f"mean_block_length={mean_block_length} arrived; more than 0 days.")
    generator = np.random.default_rng(seed)
    shape = (n_resamples, n_obs)
    begins = generator.random(shape) < 1.0 / mean_block_length
    begins[:, 0] = True
    starts = generator.integers(0, n_obs, size=shape)
    position = np.arange(n_obs)
    block_begin = np.maximum.accumulate(np.where(begins, position, 0), axis=1)
    picked: npt.NDArray[np.int64] = np.take_along_axis(starts, block_begin, axis=1)
    return (picked + position - block_begin) % n_obs


def monte_carlo_trades(
    trade_pnl: npt.ArrayLike,
    n_resamples: int,
    seed: int,
    starting_equity_usd: float,
    replace: bool = True,
) -> MonteCarloTrades:
    """Histories made of the same trades (net USD, f8[n_trades]) in other draws.

    `replace=True` draws n_trades with replacement, so totals vary. `replace=False` shuffles: that
    never changes the total, only the path to it. Trades are treated as independent and of fixed
    size; equity is marked at exits only; a ruined history trades on, so that its total stays true.

    Raises:
        InputError: NaN or infinite results.
        NotEnoughData: no trades.
        InvalidSetting: n_resamples below 1, or a starting equity that is not positive and finite.
    """
    pnl = finite_vector(trade_pnl, "trade_pnl")
    _require_resamples(n_resamples, len(pnl), "trades")
    if not (math.isfinite(starting_equity_usd) and starting_equity_usd > 0.0):
        raise InvalidSetting(f"starting_equity_usd={starting_equity_usd} arrived; more than 0 USD.")
    generator = np.random.default_rng(seed)
    if replace:
        drawn = pnl[generator.integers(0, len(pnl), size=(n_resamples, len(pnl)))]
    else:
        drawn = generator.permuted(np.tile(pnl, (n_resamples, 1)), axis=1)
    return _summary_of_paths(drawn, starting_equity_usd)


def optimal_block_length(returns: npt.ArrayLike) -> float:
    """Mean block length (periods) for the stationary bootstrap of f8[n] returns.

    Politis & White 2004 with the correction of Patton, Politis & White 2009:
    (2 G^2 / D)^(1/3) n^(1/3), G the sum of |k| lambda(k/M) R(k), D = 2 g(0)^2, lambda the flat-top
    window, M = 2 m; capped at min(3 sqrt n, n / 3). As in Patton's published code, m is the first
    lag from which max(5, log10 n) autocorrelations in a row are below 2 sqrt(log10 n / n).

    The estimate is given as it is: below 1 says that no dependence was found (the bootstrap then
    draws single days). Returns that never vary give 1.

    Raises:
        InputError: NaN or infinite returns.
        NotEnoughData: fewer than MIN_OBS_BLOCK_LENGTH returns.
    """
    vector = finite_vector(returns, "returns")
    n_obs = len(vector)
    if n_obs < MIN_OBS_BLOCK_LENGTH:
        raise NotEnoughData(f"{n_obs} returns arrived; at least {MIN_OBS_BLOCK_LENGTH} are needed.")
    if np.ptp(vector) == 0.0:
        return 1.0
    n_quiet = max(5, int(math.log10(n_obs)))
    max_lag = min(math.ceil(math.sqrt(n_obs)) + n_quiet, n_obs - 2)
    autocovariance, autocorrelation = _autocovariance(vector - vector.mean(), max_lag)
    bandwidth = min(2 * _first_quiet_lag(autocorrelation, n_obs, n_quiet, max_lag), max_lag)
    lags = np.arange(1, bandwidth + 1)
    weighted = np.minimum(1.0, 2.0 * (1.0 - lags / bandwidth)) * autocovariance[1 : bandwidth + 1]
    curvature = 2.0 * float(np.sum(lags * weighted))
    long_run_variance = float(autocovariance[0] + 2.0 * np.sum(weighted))
    if long_run_variance == 0.0:
        return _longest_block(n_obs)
    return min(float(np.cbrt((curvature / long_run_variance) ** 2 * n_obs)), _longest_block(n_obs))


def _longest_block(n_obs: int) -> float:
    return float(math.ceil(min(3.0 * math.sqrt(n_obs), n_obs / 3.0)))


def _autocovariance(deviation: FloatArray, max_lag: int) -> tuple[FloatArray, FloatArray]:
    """Autocovariances (divided by n) and |autocorrelations| at lags 0 to max_lag.

    The correlation is scaled by the two overlapping pieces' own spread, each one value shorter
    than the overlap, as in the published code: this decides ties at the significance band.
    """
    n_obs = len(deviation)
    products = np.array([deviation[k:] @ deviation[: n_obs - k] for k in range(max_lag + 1)])
    spreads = [
        math.sqrt(
            float(np.sum(deviation[k + 1 :] ** 2)) * float(np.sum(deviation[: n_obs - k - 1] ** 2))
        )
        for k in range(max_lag + 1)
    ]
    scale = np.array(spreads)
    correlation = np.divide(
        np.abs(products), scale, out=np.full(max_lag + 1, math.inf), where=scale > 0.0
    )
    return products / n_obs, correlation


def _first_quiet_lag(autocorrelation: FloatArray, n_obs: int, n_quiet: int, max_lag: int) -> int:
    """First lag that opens a run of `n_quiet` insignificant ones; `max_lag` where none does."""
    quiet = autocorrelation < 2.0 * math.sqrt(math.log10(n_obs) / n_obs)
    runs = np.lib.stride_tricks.sliding_window_view(quiet[:max_lag], n_quiet).all(axis=1)
    return max(int(np.argmax(runs)), 1) if runs.any() else max_lag


def _summary_of_paths(drawn: FloatArray, starting_equity_usd: float) -> MonteCarloTrades:
    """Equity paths f8[n_resamples, n_trades + 1] of the drawn results, reduced."""
    start = np.full((len(drawn), 1), starting_equity_usd)
    equity = np.concatenate((start, starting_equity_usd + np.cumsum(drawn, axis=1)), axis=1)
    drawdown = np.min(equity / np.maximum.accumulate(equity, axis=1) - 1.0, axis=1)
    return MonteCarloTrades(
        starting_equity_usd=starting_equity_usd,
        final_equity_usd=equity[:, -1],
        max_drawdown=np.maximum(drawdown, -1.0),
        ruined=np.any(equity <= 0.0, axis=1),
        equity_bands_usd=np.quantile(equity, BAND_QUANTILES, axis=0),
    )


def _require_resamples(n_resamples: int, n_obs: int, what: str) -> None:
    if n_resamples < 1:
        raise InvalidSetting(f"n_resamples={n_resamples} arrived; at least 1.")
    if n_obs < 1:
        raise NotEnoughData(f"No {what} arrived; there is nothing to resample.")
