"""A lake with a release of twelve symbols, which the live benchmarks trade; not a benchmark itself.

Each symbol is a draw of the simulated index with an edge, under a name of its own; each has a model
that was really trained, of the size that the search allows (150 trees), and a threshold so low that
most signals are approved: what is measured is the way to an order, not the orders. References of
1-minute bars can stand beside them: decisions fall on hours, and the feed has sixty times the bars.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import yaml

from rooney_core.backtest import CostModel
from rooney_core.features import FeedNames, Feeds, feature_names
from rooney_core.labeling import build_training_set
from rooney_core.lineage import Stamp, table_to_bytes
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.modeling.settings import TuningSettings
from rooney_core.modeling.training import train_meta_model
from rooney_core.release import ReleaseTerms, build_release
from rooney_core.release.limits import LiveLimits
from rooney_core.strategies import VARIANTS, params_json

CHECKOUT = Path(__file__).resolve().parent.parent
MARKET = SimulatedMarket(first_session=date(2017, 1, 3), last_session=date(2021, 3, 31))
# As rich as a benchmark: no bad day halts it before the last session.
LIMITS = LiveLimits(
    capital_usd=1e9,
    max_daily_loss_usd=1e8,
    max_heat_usd=1e8,
    max_notional_usd=1e9,
    max_correlated_notional_usd=1e9,
    max_orders_per_hour=500,
)
TERMS = ReleaseTerms(
    approved_until=date(2021, 7, 9), mandate_version="of-a-benchmark", live_limits=LIMITS
)
VARIANT = "ibs_baseline"
LOW_THRESHOLD = 0.05
MINUTES_FROM = date(2020, 10, 1)
MINUTES_PER_HOUR = 60
SETTINGS = TuningSettings(
    n_random_trials=1,
    n_bayesian_trials=0,
    n_folds=4,
    n_search_trees=5,
    n_trees=150,
    min_train_trades=20,
    min_validation_trades=5,
)


def universe(n_symbols: int, n_minute_references: int = 0) -> Universe:
    """SIM_B01, SIM_B02, ...: the simulated index A under other names, without a partner.

    SIM_M01, ...: references of 1-minute bars.
    """
    shipped = Universe.parse(yaml.safe_load((CHECKOUT / "universe.yaml").read_text()), "shipped")
    page = shipped["SIM_ES"].model_dump() | {"partner": None}
    by_minute = {"role": "reference", "bar_minutes": 1}
    pages = [page | {"symbol": f"SIM_B{number:02d}"} for number in range(1, n_symbols + 1)]
    for number in range(1, n_minute_references + 1):
        pages.append(page | by_minute | {"symbol": f"SIM_M{number:02d}"})
    return Universe(instruments=tuple(Instrument.model_validate(one) for one in pages))


def make_lake(lake: Path, n_symbols: int, n_minute_references: int = 0) -> None:
    """Write bars and release below `lake`; one that is there is kept."""
    config = lake / "production_config" / "current.parquet"
    if config.is_file():
        return
    known = universe(n_symbols, n_minute_references)
    continuous, sessions = {}, {}
    for one in known.instruments:
        continuous[one.symbol] = _continuous(one)
        sessions[one.symbol] = session_bars(continuous[one.symbol], one)
        _write(continuous[one.symbol], lake, "continuous_bars", one.symbol)
        _write(sessions[one.symbol], lake, "session_bars", one.symbol)
    models = {name: _model(known[name], known, continuous, sessions) for name in known.tradable}
    params = params_json(VARIANTS[VARIANT].parse_params({}))
    strategy = pl.DataFrame({"variant": [VARIANT], "params": [params]})
    tables = build_release(
        rebalance_month="2021-04",
        members=pl.DataFrame({"symbol": list(models), "size": [1] * n_symbols}),
        reasons=dict.fromkeys(models, "chosen"),
        meta_models=models,
        best_strategies=dict.fromkeys(models, strategy),
        universe=known,
        max_positions=n_symbols,
        data_through=MARKET.last_session,
        terms=TERMS,
    )
    version = tables.production_config["production_model_version"][0]
    path = lake / "production_model" / "versions" / f"{version}.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(table_to_bytes(tables.production_model, Stamp.of(tables.production_model)))
    config.parent.mkdir(parents=True)
    config.write_bytes(table_to_bytes(tables.production_config, Stamp.of(tables.production_config)))


def _continuous(one: Instrument) -> pl.DataFrame:
    hourly = one.model_copy(update={"bar_minutes": 60})
    raw = simulate_bars(hourly, MARKET)
    bars = stitch(raw, find_rolls(raw, hourly), hourly)
    if one.bar_minutes == MINUTES_PER_HOUR:
        return bars
    return _by_minute(bars.filter(pl.col("session") >= MINUTES_FROM), one.tick_size)


def _by_minute(hours: pl.DataFrame, tick_size: float) -> pl.DataFrame:
    """Each hour's bar as sixty, in a line from its open to its close, on the tick grid."""
    minute = pl.col("minute")
    move = (pl.col("close") - pl.col("open")) / MINUTES_PER_HOUR
    start = pl.col("bar_start") + pl.duration(minutes=minute)
    edges = {"open": pl.col("open") + move * minute, "close": pl.col("open") + move * (minute + 1)}
    return (
        hours.with_columns(minute=pl.lit(list(range(MINUTES_PER_HOUR))))
        .explode("minute")
        .with_columns(
            bar_start=start,
            bar_end=start + pl.duration(minutes=1),
            volume=(pl.col("volume") / MINUTES_PER_HOUR).ceil(),
            **{name: (price / tick_size).round() * tick_size for name, price in edges.items()},
        )
        .with_columns(
            high=pl.max_horizontal("open", "close"), low=pl.min_horizontal("open", "close")
        )
        .select(pl.col(name).cast(kind) for name, kind in hours.schema.items())
    )


def _model(
    one: Instrument,
    known: Universe,
    continuous: dict[str, pl.DataFrame],
    sessions: dict[str, pl.DataFrame],
) -> pl.DataFrame:
    names = FeedNames.of(known, one.symbol)
    labelled = build_training_set(
        continuous[one.symbol],
        VARIANT,
        VARIANTS[VARIANT].parse_params({}),
        CostModel.of(one),
        one,
        Feeds.from_tables(names, continuous, sessions),
    ).filter(pl.col("split") != "test")
    trained = train_meta_model(labelled, feature_names(names), SETTINGS)
    return replace(trained.model, threshold=LOW_THRESHOLD).to_row(one.symbol)


def _write(frame: pl.DataFrame, lake: Path, table: str, symbol: str) -> None:
    path = lake / table / f"symbol={symbol}" / "current.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(table_to_bytes(frame, Stamp.of(frame)))
