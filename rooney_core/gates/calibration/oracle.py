"""What a planted edge is truly worth: one fixed strategy on years of markets that nobody searched.

Belongs here: the strategy that stands for the edge, and its Sharpe ratio. Does not belong here: the
chain's own findings, which are what the truth is compared with.

The strategy is the catalogue's best for this edge, after costs, without a model, among those that
trade as often as the ranking's criteria ask (100 to 400 times a year). Which one it is was decided
once, by `benchmarks/calibration.py --oracle`, as the configuration of the full grids with the
highest mean Sharpe on markets of their own; it is measured here on others, so that nothing of that
choice is in the number. A chain that finds it, and filters nothing, has this Sharpe ratio in the
test window, but for luck; it can find a better one too (the model's filter), or a worse one.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np

from rooney_core.backtest import CostModel, run_backtest
from rooney_core.gates.calibration.settings import CalibrationSettings
from rooney_core.gates.calibration.universes import SYMBOL, market_of, seed_of, universe_of
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.simulation import simulate_bars
from rooney_core.validation.sharpe import annual_sharpe

ORACLE_VARIANT: Final = "ibs_filtered"
ORACLE_PARAMS: Final[dict[str, Any]] = {
    "entry_below": 0.25,
    "exit_above": 0.6,
    "max_bars": 12,
    "range_above": 1.0,
    "trend_bars": 200,
}


class TrueSharpe(NamedTuple):
    """`annual`: mean over markets of the annual Sharpe of all their sessions; `standard_error` of
    that mean; `n_markets`."""

    annual: float
    standard_error: float
    n_markets: int


def true_sharpe(reversion_edge: float, settings: CalibrationSettings) -> TrueSharpe:
    """The oracle's annual Sharpe after costs where this much is planted.

    `n_oracle` markets with seeds of their own, from the first to the last session of the settings.
    """
    found = np.array(
        [
            _sharpe_of(reversion_edge, settings, number, ORACLE_VARIANT, ORACLE_PARAMS)
            for number in range(settings.n_oracle)
        ]
    )
    error = float(found.std(ddof=1)) / math.sqrt(len(found))
    return TrueSharpe(float(found.mean()), error, len(found))


def _sharpe_of(
    reversion_edge: float,
    settings: CalibrationSettings,
    number: int,
    variant: str,
    params: dict[str, Any],
) -> float:
    instrument = universe_of(reversion_edge)[SYMBOL]
    seed = seed_of(settings.seed, reversion_edge, number, "oracle")
    raw = simulate_bars(instrument, market_of(settings, seed))
    bars = stitch(raw, find_rolls(raw, instrument), instrument)
    result = run_backtest(bars, variant, params, CostModel.of(instrument), instrument)
    return annual_sharpe(result.daily_returns["daily_return"].to_numpy())
