"""A small simulated market whose factory is run once for all tests of the factory.

Belongs here: its bars, and the three assets made from them. Does not belong here: assertions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl
import yaml

from rooney_assets.assets.factory import best_strategy, strategy_ranking, strategy_results
from rooney_assets.graph.declaration import Here, Made
from rooney_core.backtest.ranking import RankingCriteria
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

ROOT = Path(__file__).resolve().parents[3]
# Two months beyond the train window, so that using them would show.
MARKET = SimulatedMarket(first_session=date(2015, 1, 2), last_session=date(2019, 2, 28))
ES, NQ = "SIM_ES", "SIM_NQ"


@cache
def universe() -> Universe:
    """The two indices of the simulated market."""
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    kept = [one for one in document["instruments"] if one["symbol"] in (ES, NQ)]
    return Universe.parse({"instruments": kept}, "a test").offered_by("simulated")


@cache
def continuous(symbol: str) -> pl.DataFrame:
    """Four years of hourly bars, rolled."""
    raw = simulate_bars(universe()[symbol], MARKET)
    return stitch(raw, find_rolls(raw, universe()[symbol]), universe()[symbol])


@cache
def sessions(symbol: str) -> pl.DataFrame:
    """Its sessions."""
    return session_bars(continuous(symbol), universe()[symbol])


def here(asset: str = "strategy_results") -> Here:
    """A place without a lake: the factory needs none."""
    nothing = {"source": None, "lake": None, "state_folder": None, "input_versions": {}}
    return Here(
        asset=asset,
        partition=ES,
        universe=universe(),
        params=RankingCriteria(),
        run_id="r",
        code_version="c",
        **nothing,  # type: ignore[arg-type]
    )


@dataclass(frozen=True)
class Factory:
    """What the three assets made."""

    results: Made
    ranking: Made
    best: Made

    @property
    def beside_results(self) -> Here:
        """Where a check of strategy_results looks."""
        return replace(here(), beside=self.results.beside)


@cache
def factory() -> Factory:
    """Results, ranking and best of SIM_ES with SIM_NQ beside it."""
    results = searched(continuous(ES), {NQ: sessions(NQ)})
    ranking = made(strategy_ranking.body(here("strategy_ranking"), results.table))
    best = made(best_strategy.body(here("best_strategy"), ranking.table))
    return Factory(results, ranking, best)


def searched(bars: pl.DataFrame, peers: dict[str, pl.DataFrame]) -> Made:
    """strategy_results of these bars."""
    return made(strategy_results.body(here(), bars, peers))


def made(one: pl.DataFrame | Made) -> Made:
    """With what a bare table leaves out."""
    return one if isinstance(one, Made) else Made(one)
