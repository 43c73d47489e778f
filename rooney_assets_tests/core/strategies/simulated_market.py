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
HOLIDAYS = SimulatedMarket(first_session=date(2020, 1, 2), last_session=date(2025, 12, 31))
"""Years with a bank holiday more, and with more hours on it."""


@cache
def universe() -> Universe:
    """The shipped instruments, as the simulated market offers them."""
    document = yaml.safe_load((CHECKOUT / "universe.yaml").read_text())
    return Universe.parse(document, "universe.yaml").offered_by("simulated")


def instrument(symbol: str = SYMBOLS[0]) -> Instrument:
    """The symbol whose signals are looked at; it has a partner."""
    return universe()[symbol]


@cache
def continuous(symbol: str, span: SimulatedMarket = SPAN) -> pl.DataFrame:
    """Some years of hourly bars, rolled."""
    raw = simulate_bars(universe()[symbol], span)
    return stitch(raw, find_rolls(raw))


@cache
def simulated_bars(symbol: str = SYMBOLS[0], span: SimulatedMarket = SPAN) -> BarArrays:
    """Those of `instrument(symbol)`."""
    return BarArrays.from_frame(continuous(symbol, span), instrument(symbol))


@cache
def simulated_peers(symbols: tuple[str, ...] = SYMBOLS, span: SimulatedMarket = SPAN) -> Peers:
    """Sessions of these symbols."""
    sessions = {one: session_bars(continuous(one, span), instrument(one)) for one in symbols}
    return {one: PeerSessions.from_session_bars(frame) for one, frame in sessions.items()}
