"""One simulated market for all tests of variants, with its peers.

Belongs here: bars that variants are asked about. Does not belong here: assertions.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import polars as pl
import yaml

from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.strategies.peers import Peers, PeerSessions

CHECKOUT = Path(__file__).resolve().parents[3]
SYMBOLS = ("SIM_ES", "SIM_NQ", "SIM_RTY")
METALS = ("SIM_GC", "SIM_SI")
SPAN = SimulatedMarket(first_session=date(2012, 1, 3), last_session=date(2018, 12, 31))


@cache
def universe() -> Universe:
    """The shipped instruments, as the simulated market offers them."""
    document = yaml.safe_load((CHECKOUT / "universe.yaml").read_text())
    return Universe.parse(document, "universe.yaml").offered_by("simulated")


def instrument(symbol: str = SYMBOLS[0]) -> Instrument:
    """The symbol whose signals are looked at; it has a partner."""
    return universe()[symbol]


@cache
def continuous(symbol: str) -> pl.DataFrame:
    """Seven years of hourly bars, rolled."""
    raw = simulate_bars(universe()[symbol], SPAN)
    return stitch(raw, find_rolls(raw))


@cache
def simulated_bars(symbol: str = SYMBOLS[0]) -> BarArrays:
    """Those of `instrument(symbol)`."""
    return BarArrays.from_frame(continuous(symbol), instrument(symbol))


@cache
def simulated_peers(symbols: tuple[str, ...] = SYMBOLS) -> Peers:
    """Sessions of these symbols."""
    return {
        symbol: PeerSessions.from_session_bars(session_bars(continuous(symbol), instrument(symbol)))
        for symbol in symbols
    }
