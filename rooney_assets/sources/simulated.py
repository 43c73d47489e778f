"""The simulated market as a source of bars.

Belongs here: handing out what `rooney_core.market.simulation` draws, and the page of a market that
grows. Does not belong here: how it is drawn.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from pydantic import ValidationError

from rooney_assets.sources import Reading, Witnesses
from rooney_assets.yaml_pages import parse_yaml
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
        """sha256 over the market's parameters and the facts of the symbol that shape its bars.

        An edge that has not ended by the market's last session shapes none yet.
        """
        planted = instrument.sources.simulated
        if planted is None:
            raise InvalidSetting(
                f"{instrument.symbol} is not in the simulated market: it has no page `simulated` "
                "below `sources` in universe.yaml. Choose another ROONEY_SOURCE for it."
            )
        facts = instrument.model_dump_json(include=_FACTS)
        ends = planted.edge_ends
        has_ended = ends is not None and ends < self.market.last_session
        drawn = planted.model_dump_json(exclude=set() if has_ended else {"edge_ends"})
        known = (self.market.model_dump_json(), drawn, facts)
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


MARKET_PAGE = (
    "`simulated:FILE` takes a YAML page of the simulated market: last_session, a date, which grows "
    "the market when somebody moves it; or first_session, seed, path."
)


def market_of_page(path: Path) -> SimulatedMarket:
    """The market that a page states; what it leaves out is as in the embedded market.

    Read anew at every use, so that a page that changes while a daemon runs is new bars to it.
    Raises InvalidSetting for a page that cannot be read, an unknown name or an impossible value.
    """
    document = parse_yaml(path, "market", "ROONEY_SOURCE", MARKET_PAGE)
    try:
        return SimulatedMarket.model_validate({} if document is None else document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the page"
        raise InvalidSetting(f"The market {path}: {where}: {first['msg']}. {MARKET_PAGE}") from None
