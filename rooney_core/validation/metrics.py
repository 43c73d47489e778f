"""What did the path of returns, or the list of trades, feel like?

Belongs here: drawdown and ratios on one return series or one list of trade results.
Does not belong here: the Sharpe ratio and its inference (sharpe.py), resampled paths.

Returns are simple, per period, f8[n], oldest first, compounded from a starting equity of 1.
A return of -100 % or worse (a short or a negative price can do it) is ruin: equity stays at 0.
Undefined is NaN. Every function raises InputError for NaN or infinite input.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from rooney_core.validation.samples import FloatArray, finite_vector


def max_drawdown(returns: npt.ArrayLike) -> float:
    """Deepest fall below an earlier peak as a fraction in [-1, 0]; NaN for no returns.

    The starting equity is the first peak, so a loss on the first day counts.
    """
    vector = finite_vector(returns, "returns")
    if len(vector) == 0:
        return math.nan
    equity = _equity_from_one(vector)
    return float(np.min(equity / np.maximum.accumulate(equity) - 1.0))


def sortino(returns: npt.ArrayLike, mar: float = 0.0, periods_per_year: float = 252) -> float:
    """Annual Sortino ratio: mean(r - mar) / sqrt(mean(min(r - mar, 0)^2)) x sqrt(periods).

    `mar` is the minimum acceptable return per period. The downside deviation divides by all n
    periods (Sortino & van der Meer 1991), not by the losing ones. Infinite where nothing fell
    below `mar` and something rose above it; NaN for fewer than two returns or none off `mar`.
    """
    excess = finite_vector(returns, "returns") - mar
    if len(excess) < 2 or not excess.any():
        return math.nan
    downside = math.sqrt(np.mean(np.minimum(excess, 0.0) ** 2))
    if downside == 0.0:
        return math.inf
    return float(excess.mean()) / downside * math.sqrt(periods_per_year)


def calmar(returns: npt.ArrayLike, periods_per_year: float = 252) -> float:
    """Compound annual growth over |max drawdown| (Young 1991).

    NaN for no returns or no drawdown: without a fall there is nothing to divide by.
    """
    vector = finite_vector(returns, "returns")
    drawdown = max_drawdown(vector)
    if math.isnan(drawdown) or drawdown == 0.0:
        return math.nan
    with np.errstate(over="ignore"):  # a few huge days annualise to infinity
        growth = np.power(_equity_from_one(vector)[-1], periods_per_year / len(vector)) - 1.0
    return float(growth) / abs(drawdown)


def profit_factor(trade_pnl: npt.ArrayLike) -> float:
    """Sum of gains over |sum of losses| of net results, one per trade, in any one currency.

    No losses gives infinity; no trades, or none that gained or lost anything, gives NaN.
    """
    pnl = finite_vector(trade_pnl, "trade_pnl")
    gains, losses = float(pnl[pnl > 0].sum()), float(-pnl[pnl < 0].sum())
    if losses == 0.0:
        return math.inf if gains > 0.0 else math.nan
    return gains / losses


def win_rate(trade_pnl: npt.ArrayLike) -> float:
    """Share of trades with a net result above 0 (a zero is no win), in [0, 1]; NaN for none."""
    pnl = finite_vector(trade_pnl, "trade_pnl")
    return float(np.mean(pnl > 0)) if len(pnl) else math.nan


def _equity_from_one(returns: FloatArray) -> FloatArray:
    """Equity f8[n + 1] compounded from 1.0; 0 from the first ruinous return on."""
    factors = np.maximum(1.0 + returns, 0.0)
    return np.concatenate(([1.0], np.cumprod(factors)))
