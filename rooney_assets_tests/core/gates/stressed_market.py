"""A small simulated market with an edge, and a strategy that decides on it, with a trained model.

Belongs here: making them, seeded. Does not belong here: assertions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl
import yaml

from rooney_core.backtest import CostModel
from rooney_core.decision import DecisionBundle
from rooney_core.features import NO_FEEDS, FeedNames, Feeds, feature_names
from rooney_core.gates.stress.history import History, Strategy, Tables
from rooney_core.labeling import build_training_set
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.market.source_pages import SourceFacts
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.training import train_meta_model
from rooney_core.strategies import VARIANTS, params_json
from rooney_core.strategies.peers import NO_PEERS

SYMBOL, OTHERS = "SIM_ES", ("SIM_NQ", "SIM_ZN")
VARIANT, PARAMS = "ibs_adaptive_exit", {"stop_ranges": 0.5}
SMALL = TuningSettings(
    n_random_trials=1,
    n_bayesian_trials=0,
    n_folds=4,
    n_search_trees=5,
    n_trees=10,
    min_train_trades=20,
    min_validation_trades=5,
)
SHIPPED = Path(__file__).resolve().parents[3] / "universe.yaml"


def universe(edge: float) -> Universe:
    """Three of the shipped instruments, with this much planted in the one that is traded."""
    shipped = Universe.parse(yaml.safe_load(SHIPPED.read_text()), "shipped")
    traded = shipped[SYMBOL]
    facts = traded.sources.simulated
    assert facts is not None
    sources = SourceFacts(simulated=facts.model_copy(update={"reversion_edge": edge}))
    traded = traded.model_copy(update={"sources": sources})
    return Universe(instruments=(traded, *(shipped[one] for one in OTHERS)))


@dataclass(frozen=True)
class Made:
    """`labelled`: the training set of all windows, test rows open; `bars` of all windows too."""

    history: History
    labelled: pl.DataFrame
    model: MetaModel
    bars: BarArrays

    def without_model(self) -> History:
        """The same bars, and every entry approved."""
        strategy = self.history.strategy
        plain = replace(strategy.bundle, model=None, threshold=0.0)
        return History.of(self.bars, replace(strategy, bundle=plain))


def make(seed: int = 11) -> Made:
    """Bars of three symbols, labels, and a model of few trees."""
    known, continuous = universe(1.0), {}
    for one in known.instruments:
        continuous[one.symbol] = bars_of(one, seed, date(2021, 3, 31))
    sessions = {name: session_bars(bars, known[name]) for name, bars in continuous.items()}
    variant, instrument = VARIANTS[VARIANT], known[SYMBOL]
    params, names = variant.parse_params(PARAMS), FeedNames.of(known, SYMBOL)
    bars = BarArrays.from_frame(continuous[SYMBOL], instrument)
    feeds = Feeds.from_tables(names, continuous, sessions)
    costs = CostModel.of(instrument)
    labelled = build_training_set(bars, variant, params, costs, instrument, feeds)
    visible = labelled.filter(pl.col("split") != "test")
    model = train_meta_model(visible, feature_names(names), SMALL).model
    best = pl.DataFrame({"variant": [VARIANT], "params": [params_json(params)]})
    strategy = Strategy.of(SYMBOL, known, best, model, Tables(continuous, sessions))
    return Made(History.of(bars, strategy), labelled, model, bars)


def without_model(
    seed: int, edge: float, costs: CostModel | None = None
) -> tuple[History, BarArrays]:
    """One symbol's history to 2020, and its bars to 2023; every entry is approved."""
    instrument = universe(edge)[SYMBOL]
    bars = BarArrays.from_frame(bars_of(instrument, seed, date(2023, 12, 29)), instrument)
    variant = VARIANTS[VARIANT]
    params, paid = variant.parse_params(PARAMS), costs or CostModel.of(instrument)
    bundle = DecisionBundle(instrument, variant, params, paid)
    return History.of(bars, Strategy(bundle, NO_FEEDS, NO_PEERS)), bars


def bars_of(instrument: Instrument, seed: int, last: date) -> pl.DataFrame:
    """continuous_bars, of a path without holes: through them a stop earns money from nothing."""
    first = date(2016, 1, 4)
    market = SimulatedMarket(seed=seed, first_session=first, last_session=last, path="continuous")
    raw = simulate_bars(instrument, market)
    return stitch(raw, find_rolls(raw, instrument), instrument)
