"""Every configuration of every variant on one symbol: one row each, walked forward by variant.

Belongs here: the search. Does not belong here: one backtest (`engine`), choosing among the rows
(`ranking`). All bars given are used, and every row is a trial: pass the train window only, and
enter all rows into the trial ledger.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rooney_core.backtest.accounts import books_of, daily_pnl_usd, net_profit_usd
from rooney_core.backtest.costs import CostModel
from rooney_core.backtest.days import FloatArray, TradingDays
from rooney_core.backtest.play import RoundTrips, play
from rooney_core.backtest.robustness import neighbours_keep_sharpe, walk_forward
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.strategies import Variant, find_variant, params_json
from rooney_core.strategies.prices import Prices
from rooney_core.validation.metrics import max_drawdown, profit_factor, win_rate
from rooney_core.validation.sharpe import annual_sharpe, return_moments

DAYS_PER_YEAR = 252
STRESS = 2.0

RESULTS_SCHEMA: dict[str, Any] = {
    "variant": pl.String(),
    "params": pl.String(),
    "annual_sharpe": pl.Float64(),
    "sharpe_per_day": pl.Float64(),
    "n_trades": pl.Int64(),
    "trades_per_year": pl.Float64(),
    "max_drawdown": pl.Float64(),
    "win_rate": pl.Float64(),
    "profit_factor": pl.Float64(),
    "net_profit_usd": pl.Float64(),
    "walk_forward_sharpe": pl.Float64(),
    "is_robust": pl.Boolean(),
    "n_obs": pl.Int64(),
    "skewness": pl.Float64(),
    "kurtosis": pl.Float64(),
}
"""One row per configuration. Sharpe: of daily returns, flat sessions included. max_drawdown: <= 0.
n_obs: sessions. trades_per_year: per 252 sessions. win_rate, profit_factor: net of costs. Undefined
(no trade, returns that never vary) is NaN. walk_forward_sharpe: one per variant, see `robustness`.
is_robust: the walk-forward holds in enough years, the grid neighbours keep enough of the Sharpe,
and doubled costs leave it positive."""


@dataclass(frozen=True)
class Ground:
    """What all configurations share: bars, their days, and how money is counted."""

    bars: BarArrays
    prices: Prices
    days: TradingDays
    costs: CostModel
    instrument: Instrument

    def returns(self, trips: RoundTrips, costs: CostModel, overnight: bool) -> FloatArray:
        """Daily returns f8[n_sessions] of round trips at some costs."""
        books = books_of(self.bars, costs, self.instrument)
        return self.days.daily_returns(daily_pnl_usd(trips, books, marked=overnight))


def sweep(
    bars: pl.DataFrame | BarArrays,
    variants: Iterable[Variant | str],
    costs: CostModel,
    instrument: Instrument,
) -> pl.DataFrame:
    """Backtest every configuration of the variants' grids; columns are RESULTS_SCHEMA.

    Rows in order of variants and of their grids. Raises UnknownName (variant), BarsRejected,
    NotEnoughData (no bars).
    """
    arrays = bars if isinstance(bars, BarArrays) else BarArrays.from_frame(bars, instrument)
    days = TradingDays.of(arrays, instrument)
    ground = Ground(arrays, Prices(arrays, instrument), days, costs, instrument)
    rows = [row for one in variants for row in _sweep_variant(find_variant(one), ground)]
    return pl.DataFrame(rows, schema=RESULTS_SCHEMA, orient="row")


def _sweep_variant(variant: Variant, ground: Ground) -> list[dict[str, Any]]:
    grid = variant.grid()
    returns = np.empty((len(grid), len(ground.days)))
    survives = np.empty(len(grid), np.bool_)
    rows = []
    for index, params in enumerate(grid):
        trips = play(ground.bars, variant.signals_of(ground.prices, params))
        returns[index] = ground.returns(trips, ground.costs, variant.overnight)
        # Costs never change which trades happen, so the stress needs no second run.
        survives[index] = (
            annual_sharpe(ground.returns(trips, ground.costs.times(STRESS), variant.overnight))
            > 0.0
        )
        rows.append(
            {"variant": variant.name, "params": params_json(params)}
            | _facts(trips, returns[index], ground)
        )
    forward = walk_forward(returns, ground.days.sessions)
    sharpes = np.array([row["annual_sharpe"] for row in rows])
    robust = survives & neighbours_keep_sharpe(sharpes, variant.grid_shape) & forward.holds
    for row, is_robust in zip(rows, robust, strict=True):
        row |= {"walk_forward_sharpe": forward.annual_sharpe, "is_robust": bool(is_robust)}
    return rows


def _facts(trips: RoundTrips, returns: FloatArray, ground: Ground) -> dict[str, Any]:
    net = net_profit_usd(trips, books_of(ground.bars, ground.costs, ground.instrument))
    moments = return_moments(returns)
    n_trades = len(net)
    return {
        "annual_sharpe": annual_sharpe(returns),
        "sharpe_per_day": moments.sharpe_per_bar,
        "n_trades": n_trades,
        "trades_per_year": n_trades / len(returns) * DAYS_PER_YEAR,
        "max_drawdown": max_drawdown(returns),
        "win_rate": win_rate(net),
        "profit_factor": profit_factor(net),
        "net_profit_usd": float(net.sum()),
        "n_obs": len(returns),
        "skewness": moments.skewness,
        "kurtosis": moments.kurtosis,
    }
