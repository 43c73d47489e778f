"""Small simulated universes: which ones there are, and what is in each.

Belongs here: instruments, seeds, the thinned grids of their search. Does not belong here: how bars
are drawn (`rooney_core.market.simulation`), or what the chain makes of them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from rooney_core.gates.calibration.settings import CalibrationSettings
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.simulation import SimulatedMarket
from rooney_core.market.source_pages import SimulatedFacts, SourceFacts
from rooney_core.strategies import VARIANTS, Variant

SYMBOL: Final = "SIM_EDGE"
"""The symbol that is researched; the other one is only compared with."""
PARTNER: Final = "SIM_BESIDE"
NULL, PLANTED = "null", "planted"
# As of the E-mini S&P 500 and Nasdaq-100, whose costs and hours the simulated indices have too.
_SHARED: Final = {
    "role": "tradable",
    "exchange": "SIMULATED",
    "product_group": "equity_index",
    "tick_size": 0.25,
    "commission_per_contract_usd": 1.25,
    "slippage_ticks": 0.5,
    "contract_months": "HMUZ",
    "expiry": "third_friday",
}


@dataclass(frozen=True)
class SmallUniverse:
    """One draw of a market. `reversion_edge` 0 plants nothing; `number` counts from 0 within it."""

    reversion_edge: float
    number: int
    seed: int

    @property
    def kind(self) -> str:
        """`null` or `planted`."""
        return PLANTED if self.reversion_edge > 0.0 else NULL

    @property
    def universe(self) -> Universe:
        """Two indices of one product group: one to research, one to compare it with."""
        return universe_of(self.reversion_edge)


def universe_of(reversion_edge: float) -> Universe:
    """The two instruments, with this much planted in the first."""
    return Universe(
        instruments=(
            _instrument(SYMBOL, PARTNER, 50.0, 0.17, 0.8, reversion_edge),
            _instrument(PARTNER, SYMBOL, 20.0, 0.22, 0.75, 0.0),
        )
    )


def universes_of(settings: CalibrationSettings) -> tuple[SmallUniverse, ...]:
    """Every universe of a calibration, strengths taking turns; no two share a seed.

    Taking turns, what is finished when a run is stopped speaks of every strength.
    """
    found = [
        ((number + 0.5) / count, SmallUniverse(edge, number, seed_of(settings.seed, edge, number)))
        for edge, count in settings.counts.items()
        for number in range(count)
    ]
    return tuple(one for _, one in sorted(found, key=lambda pair: pair[0]))


def seed_of(seed: int, reversion_edge: float, number: int, stream: str = "universe") -> int:
    """A market's seed below 2^63: sha256 of what it is for, so that no stream meets another."""
    text = f"{seed}|{stream}|{reversion_edge!r}|{number}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1


def market_of(settings: CalibrationSettings, seed: int) -> SimulatedMarket:
    """The market of a seed between the dates of the settings, without an edge for any order."""
    return SimulatedMarket(
        seed=seed,
        first_session=settings.first_session,
        last_session=settings.last_session,
        path="continuous",
    )


def thinned(variants: Sequence[Variant], values_per_axis: int) -> tuple[Variant, ...]:
    """The variants with at most so many values on each axis of the grid, spread evenly."""
    return tuple(
        replace(one, axes={name: _spread(axis, values_per_axis) for name, axis in one.axes.items()})
        for one in variants
    )


def small_search(settings: CalibrationSettings) -> tuple[Variant, ...]:
    """What is searched: every variant of the catalogue, on a thinned grid."""
    return thinned(tuple(VARIANTS.values()), settings.values_per_axis)


def _spread(values: tuple[float, ...], at_most: int) -> tuple[float, ...]:
    if len(values) <= at_most:
        return values
    # The middles of as many equal stretches: the ends of a grid are its least likely values.
    places = (np.arange(at_most) + 0.5) * len(values) / at_most
    return tuple(values[int(place)] for place in places)


def _instrument(
    symbol: str, partner: str, multiplier: float, volatility: float, beta: float, edge: float
) -> Instrument:
    drawn = SimulatedFacts(
        start_price=4000.0, annual_volatility=volatility, market_beta=beta, reversion_edge=edge
    )
    return Instrument(
        symbol=symbol,
        name=f"Simulated index of a calibration, beside {partner}",
        partner=partner,
        multiplier=multiplier,
        sources=SourceFacts(simulated=drawn),
        **_SHARED,
    )
