"""A source that tells given bars, and a small universe, for the tests of checks and of impact.

Belongs here: bars by hand-over instead of from a folder. Does not belong here: what is asked of
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl
import yaml

from rooney_assets.sources import Reading, Witnesses
from rooney_core.lineage import content_version
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

ROOT = Path(__file__).resolve().parents[3]
MARKET = SimulatedMarket(first_session=date(2018, 1, 2), last_session=date(2019, 6, 28))


@cache
def universe(*symbols: str) -> Universe:
    """The shipped universe, cut down to some symbols of the simulated market."""
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    kept = [one for one in document["instruments"] if one["symbol"] in symbols]
    return Universe.parse({"instruments": kept}, "a test").offered_by("simulated")


@cache
def drawn(symbol: str) -> pl.DataFrame:
    """A year and a half of simulated raw_bars."""
    return simulate_bars(universe(symbol)[symbol], MARKET)


@dataclass(frozen=True)
class ToldSource:
    """A BarSource of what a test hands over."""

    bars: Mapping[str, pl.DataFrame]
    said: Mapping[str, Witnesses] = field(default_factory=dict)
    is_simulated: bool = False
    name: str = "told"

    def offers(self, universe: Universe) -> Universe:
        """The universe as it is."""
        return universe

    def fingerprint(self, instrument: Instrument) -> str:
        """The content of the bars."""
        return content_version(self.bars[instrument.symbol])

    def read(self, instrument: Instrument) -> Reading:
        """The bars, unvalidated: a test may have broken them."""
        return Reading(self.bars[instrument.symbol])

    def raw_bars(self, instrument: Instrument) -> pl.DataFrame:
        """The bars of `read` alone."""
        return self.read(instrument).bars

    def witnesses(self, instrument: Instrument) -> Witnesses:
        """What the test says that others say."""
        return self.said.get(instrument.symbol, Witnesses())
