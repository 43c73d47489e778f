"""The simulated market as a source of bars.

Belongs here: handing out what `rooney_core.market.simulation` draws. Does not belong here: how it
is drawn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import polars as pl

from rooney_assets.sources import Reading, Witnesses
from rooney_core.errors import InvalidSetting
from rooney_core.market.bars import validate_bars
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

# What the draws depend on; costs, names and roles change no bar.
_FACTS = {"symbol", "product_group", "tick_size", "contract_months", "bar_minutes"}


@dataclass(frozen=True)
class SimulatedSource:
    """Bars of a random-number generator: they show and test the machine, nothing else."""

    market: SimulatedMarket = field(default_factory=SimulatedMarket)

    @property
    def name(self) -> str:
        """`simulated`."""
        return "simulated"

    @property
    def is_simulated(self) -> bool:
        """True."""
        return True

    def offers(self, universe: Universe) -> Universe:
        """The SIM_ instruments."""
        return universe.offered_by(self.name)

    def fingerprint(self, instrument: Instrument) -> str:
        """sha256 over the market's parameters and the facts of the symbol that shape its bars."""
        planted = instrument.sources.simulated
        if planted is None:
            raise InvalidSetting(
                f"{instrument.symbol} is not in the simulated market: it has no page `simulated` "
                "below `sources` in universe.yaml. Choose another ROONEY_SOURCE for it."
            )
        facts = instrument.model_dump_json(include=_FACTS)
        known = (self.market.model_dump_json(), planted.model_dump_json(), facts)
        return hashlib.sha256("\n".join(known).encode()).hexdigest()

    def read(self, instrument: Instrument) -> Reading:
        """The drawn bars; the note says that they are simulated."""
        bars = simulate_bars(instrument, self.market)
        validate_bars(bars, instrument)
        return Reading(bars, {"simulated": "a random-number generator made these bars"})

    def raw_bars(self, instrument: Instrument) -> pl.DataFrame:
        """The bars of `read` alone."""
        return self.read(instrument).bars

    def witnesses(self, instrument: Instrument) -> Witnesses:
        """None: nobody else has seen this market."""
        return Witnesses()
