"""A factory whose lake holds simulated bars and nothing else: enough for a backtest, and quick.

Belongs here: writing it. Does not belong here: assertions.
"""

from __future__ import annotations

from datetime import date

from e2e_factory import Factory

from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.settings import Settings, load_universe
from rooney_core.market.instruments import Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

SPAN = SimulatedMarket(first_session=date(2016, 1, 4), last_session=date(2021, 6, 30))
FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")


def universe_of(factory: Factory) -> Universe:
    """The symbols of the factory."""
    return load_universe(Settings.from_environment(factory.environment()))


def fill_with_bars(factory: Factory) -> Lake:
    """Write continuous and session bars of every symbol of the factory, past the validation end."""
    lake = Lake(factory.lake)
    for one in universe_of(factory).instruments:
        raw = simulate_bars(one, SPAN)
        bars = stitch(raw, find_rolls(raw))
        partition = ("symbol", one.symbol)
        lake.write("continuous_bars", partition, bars, FACTS)
        lake.write("session_bars", partition, session_bars(bars, one), FACTS)
    return lake
