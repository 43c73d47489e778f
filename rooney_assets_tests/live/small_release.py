"""A small real release on simulated bars, laid out as a lake: what live tests trade.

Belongs here: making it, once, with a model that was really trained. Does not belong here: tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import yaml

from rooney_core.backtest import CostModel
from rooney_core.features import FeedNames, Feeds, feature_names
from rooney_core.labeling import build_training_set
from rooney_core.lineage import Stamp, table_to_bytes
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.training import train_meta_model
from rooney_core.release import ReleaseTables, ReleaseTerms, build_release
from rooney_core.strategies import VARIANTS, params_json

CHECKOUT = Path(__file__).resolve().parents[2]
MARKET = SimulatedMarket(first_session=date(2017, 1, 3), last_session=date(2021, 3, 31))
STRATEGIES = {"SIM_CL": "ibs_adaptive_exit", "SIM_ES": "ibs_baseline"}
PARAMS = {"SIM_CL": {"stop_ranges": 0.5}, "SIM_ES": {}}
REFERENCES = ("SIM_ZN", "SIM_TLT")
OUT = "SIM_NQ"
TERMS = ReleaseTerms(approved_until=date(2021, 7, 9), mandate_version="of-a-test")
SMALL = TuningSettings(
    n_random_trials=1,
    n_bayesian_trials=0,
    n_folds=4,
    n_search_trees=5,
    n_trees=10,
    min_train_trades=20,
    min_validation_trades=5,
)


def universe() -> Universe:
    """Two symbols that are traded, the partner of one that stays out, two references."""
    shipped = Universe.parse(yaml.safe_load((CHECKOUT / "universe.yaml").read_text()), "shipped")
    wanted = (*STRATEGIES, OUT, *REFERENCES)
    return Universe(instruments=tuple(one for one in shipped.instruments if one.symbol in wanted))


@dataclass(frozen=True)
class Parts:
    """All that goes into a release."""

    continuous: dict[str, pl.DataFrame]
    sessions: dict[str, pl.DataFrame]
    models: dict[str, pl.DataFrame]
    strategies: dict[str, pl.DataFrame]

    def feeds(self, symbol: str) -> Feeds:
        """What informs the features of a symbol, of all the bars there are."""
        names = FeedNames.of(universe(), symbol)
        return Feeds.from_tables(names, self.continuous, self.sessions)

    def release(self, sizes: dict[str, int], max_positions: int = 2) -> ReleaseTables:
        """A release of these sizes, in that order of priority."""
        known = universe()
        return build_release(
            rebalance_month="2021-04",
            members=pl.DataFrame(
                {"symbol": list(sizes), "size": list(sizes.values())},
                schema={"symbol": pl.String, "size": pl.Int64},
            ),
            reasons={one: "chosen" if one in sizes else "verdict: fail" for one in known.tradable},
            meta_models=self.models,
            best_strategies=self.strategies,
            universe=known,
            max_positions=max_positions,
            data_through=MARKET.last_session,
            terms=TERMS,
        )

    def write_bars(self, lake: Path) -> None:
        for symbol, frame in self.continuous.items():
            write(frame, lake / "continuous_bars" / f"symbol={symbol}" / "current.parquet")
        for symbol, frame in self.sessions.items():
            write(frame, lake / "session_bars" / f"symbol={symbol}" / "current.parquet")


def write_release(tables: ReleaseTables, lake: Path) -> Path:
    """Write both tables as the lake does; returns the file of the models."""
    version = tables.production_config["production_model_version"][0]
    models = lake / "production_model" / "versions" / f"{version}.parquet"
    write(tables.production_model, models)
    write(tables.production_config, lake / "production_config" / "current.parquet")
    return models


def write(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(table_to_bytes(frame, Stamp.of(frame)))


def make_parts() -> Parts:
    """Simulate, label and train; seeded, so always the same."""
    known = universe()
    raw = {one.symbol: simulate_bars(one, MARKET) for one in known.instruments}
    continuous = {symbol: stitch(bars, find_rolls(bars)) for symbol, bars in raw.items()}
    parts = Parts(
        continuous=continuous,
        sessions={symbol: session_bars(continuous[symbol], known[symbol]) for symbol in continuous},
        models={},
        strategies={},
    )
    for symbol, name in STRATEGIES.items():
        params = VARIANTS[name].parse_params(PARAMS[symbol])
        parts.strategies[symbol] = pl.DataFrame(
            {"variant": [name], "params": [params_json(params)]}
        )
        instrument = known[symbol]
        labelled = build_training_set(
            continuous[symbol],
            name,
            params,
            CostModel.of(instrument),
            instrument,
            parts.feeds(symbol),
        ).filter(pl.col("split") != "test")
        trained = train_meta_model(labelled, feature_names(FeedNames.of(known, symbol)), SMALL)
        parts.models[symbol] = trained.model.to_row(symbol)
    return parts
