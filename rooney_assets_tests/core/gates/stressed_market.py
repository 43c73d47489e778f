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
from rooney_core.features import FeedNames, Feeds, feature_names
from rooney_core.gates.stress.history import History, Strategy, Tables
from rooney_core.labeling import build_training_set
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.modeling.meta_model import MetaModel
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.training import train_meta_model
from rooney_core.strategies import VARIANTS, params_json

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


def universe() -> Universe:
    shipped = Universe.parse(yaml.safe_load(SHIPPED.read_text()), "shipped")
    wanted = (SYMBOL, *OTHERS)
    return Universe(instruments=tuple(one for one in shipped.instruments if one.symbol in wanted))


@dataclass(frozen=True)
class Made:
    """`labelled`: the training set of all windows, test rows open."""

    history: History
    labelled: pl.DataFrame
    model: MetaModel
    bars: BarArrays

    def without_model(self) -> History:
        """The same bars, and every entry approved."""
        strategy = self.history.strategy
        plain = replace(strategy.bundle, model=None, threshold=0.0)
        return History.of(self.bars, replace(strategy, bundle=plain))


def make(seed: int = 11, last: date = date(2021, 3, 31)) -> Made:
    market = SimulatedMarket(seed=seed, first_session=date(2016, 1, 4), last_session=last)
    known = universe()
    continuous = {}
    for one in known.instruments:
        raw = simulate_bars(one, market)
        continuous[one.symbol] = stitch(raw, find_rolls(raw, one), one)
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
