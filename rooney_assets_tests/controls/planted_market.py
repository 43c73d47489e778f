"""Simulated markets with nothing in them, or with an edge that depends on a known condition.

Belongs here: bars, and the training sets, models and evaluations made of them by the public calls.
Does not belong here: assertions.

The market is the simulation's null: prices without drift. Trades are those of `ibs_baseline`, which
asks for shapes of single bars alone, and are free of costs: with costs noise would fail by them. An
edge is planted between bars: after the first bar held, the price jumps in favour of the trade where
the condition held at its signal, and against it elsewhere, so much that all trades together earn
nothing; after the trade it jumps back. Bars keep their shapes, so the same trades happen; only what
they earn is another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

import numpy as np
import polars as pl

from rooney_core.backtest import CostModel, run_backtest
from rooney_core.features import NO_FEEDS, compute_features, feature_names
from rooney_core.gates.evaluation import Trials, evaluate
from rooney_core.labeling import build_training_set
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.market.source_pages import SimulatedFacts, SourceFacts
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.training import TrainedModel, train_meta_model
from rooney_core.validation.sharpe import null_sharpe_variance

VARIANT, PARAMS = "ibs_baseline", {"entry_below": 0.05, "exit_above": 0.6, "max_bars": 3}
FREE = CostModel(commission_per_contract_usd=0.0, slippage_ticks=0.0)
FIRST, LAST = date(2015, 1, 2), date(2023, 12, 29)
SETTINGS = TuningSettings(
    n_random_trials=2, n_bayesian_trials=1, n_folds=4, n_search_trees=20, n_trees=40
)
KEPT = 4
"""One trade of so many is in the sample: a training then takes a second."""

INSTRUMENT = Instrument(
    symbol="SIM_T",
    name="Test",
    role="tradable",
    exchange="SIMULATED",
    product_group="equity_index",
    multiplier=50,
    tick_size=0.25,
    contract_months="HMUZ",
    sources=SourceFacts(simulated=SimulatedFacts(start_price=4000, annual_volatility=0.2)),
)
NAMES = feature_names(NO_FEEDS.names)
Condition = Callable[[np.ndarray], np.ndarray]
"""Of a feature's values at the signals, whether each trade is to win."""


@dataclass(frozen=True)
class Sample:
    """A training set with its test rows open, and all sessions of its bars."""

    table: pl.DataFrame
    sessions: pl.Series

    @property
    def known(self) -> pl.DataFrame:
        """What training may see."""
        return self.table.filter(pl.col("split") != "test")

    @property
    def test(self) -> pl.DataFrame:
        """What the evaluation alone sees."""
        return self.table.filter(pl.col("split") == "test")


@cache
def null_table(seed: int) -> pl.DataFrame:
    """Nine years of hourly bars (continuous_bars), rolled, with nothing planted."""
    market = SimulatedMarket(seed=seed, first_session=FIRST, last_session=LAST)
    raw = simulate_bars(INSTRUMENT, market)
    return stitch(raw, find_rolls(raw, INSTRUMENT), INSTRUMENT)


@cache
def null_bars(seed: int) -> BarArrays:
    """The same as arrays."""
    return BarArrays.from_frame(null_table(seed), INSTRUMENT)


@cache
def null_sample(seed: int) -> Sample:
    """The training set of a market without an edge."""
    return _sample(null_bars(seed))


def planted_sample(seed: int, feature: str, wins: Condition, jump: float) -> Sample:
    """The same market, with `jump` (a fraction of the price) for each trade that is to win."""
    return _sample(planted_bars(seed, feature, wins, jump))


def planted_bars(seed: int, feature: str, wins: Condition, jump: float) -> BarArrays:
    """`null_bars` with the jumps between them."""
    bars = null_bars(seed)
    trades = run_backtest(bars, VARIANT, PARAMS, FREE, INSTRUMENT).trades
    # Held over at least one bar: there is a moment between two bars to jump at.
    held = trades.filter(pl.col("exit_index") > pl.col("entry_index"))
    at_signal = compute_features(bars, held["signal_index"].to_numpy())[:, NAMES.index(feature)]
    moves, is_to_win = np.zeros(len(bars)), wins(at_signal)
    size = jump * bars.close.mean()
    balancing = -size * is_to_win.mean() / (1.0 - is_to_win.mean())
    tick = INSTRUMENT.tick_size
    sized = np.round(np.where(is_to_win, size, balancing) / tick) * tick
    moves[held["entry_index"].to_numpy() + 1] += sized
    # The exit is filled: nobody holds the way back.
    moves[np.minimum(held["exit_index"].to_numpy() + 1, len(bars) - 1)] -= sized
    level = np.cumsum(moves)
    prices = {name: getattr(bars, name) + level for name in ("open", "high", "low", "close")}
    return replace(bars, **prices)


def shuffled(sample: Sample, seed: int) -> Sample:
    """What became of a trade given to another one of its window, at random; test rows stay."""
    generator = np.random.default_rng(seed)
    outcomes = ["meta_label", "net_profit_usd", "return", "held_pnl_usd", "held_return"]
    parts = []
    for window in ("train", "validation"):
        rows = sample.table.filter(pl.col("split") == window)
        order = generator.permutation(rows.height)
        parts.append(rows.with_columns(rows.select(outcomes)[order]))
    return Sample(pl.concat([*parts, sample.test]).select(sample.table.columns), sample.sessions)


def trained(sample: Sample, settings: TuningSettings = SETTINGS) -> TrainedModel:
    """A quick search, a fit and a threshold, on what training may see."""
    return train_meta_model(sample.known, NAMES, settings, sessions=sample.sessions)


def evaluated(sample: Sample, model: TrainedModel) -> dict[str, object]:
    """The row of the one evaluation. N counts this training alone: the mildest of all deflations,
    so that nothing fails for a large count's sake."""
    n_trials = model.trials.height + model.thresholds.height
    variance = null_sharpe_variance([*model.trials["n_obs"], *model.thresholds["n_obs"]])
    row = model.model.to_row(INSTRUMENT.symbol)
    trials = Trials(n_trials, variance)
    return evaluate(row, sample.known, sample.test, sample.sessions, trials).row(0, named=True)


def _sample(bars: BarArrays) -> Sample:
    table = build_training_set(bars, VARIANT, PARAMS, FREE, INSTRUMENT).gather_every(KEPT)
    sessions = pl.Series("session", np.unique(bars.session)).cast(pl.Date)
    return Sample(table, sessions)
