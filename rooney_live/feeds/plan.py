"""What a release has to follow: one leg per symbol, by dataset and schema.

Belongs here: the vendor's names of what the trader needs. Does not belong here: asking for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rooney_core.errors import InvalidSetting
from rooney_core.market.instruments import Instrument
from rooney_core.release import Release

STAND_IN_DATASET: Final = "SIM.MARKET"
"""Where a rehearsal serves symbols that have no vendor."""

SCHEMAS: Final[Mapping[int, str]] = {1: "ohlcv-1m", 60: "ohlcv-1h", 1440: "ohlcv-1d"}
"""Minutes of a bar to the vendor's schema."""

MINUTE_US: Final = 60_000_000
DAY_MINUTES: Final = 1440
_CONTINUOUS: Final = {"volume": "v", "calendar": "c", "open_interest": "n"}


@dataclass(frozen=True)
class Leg:
    """One symbol: where its bars come from, and what they are for.

    `vendor_symbol` in the spelling of `stype` (continuous or raw_symbol). `is_traded`: decided on.
    `hourly`, `daily`, `peer`: what it tells about others. `is_stand_in`: see FeedSettings.
    """

    symbol: str
    instrument: Instrument
    dataset: str
    vendor_symbol: str
    stype: str
    is_traded: bool = False
    hourly: bool = False
    daily: bool = False
    peer: bool = False
    is_stand_in: bool = False

    @property
    def minutes(self) -> int:
        """Minutes of a bar."""
        return self.instrument.bar_minutes

    @property
    def schema(self) -> str:
        """The vendor's schema of its bars."""
        return SCHEMAS[self.minutes]

    @property
    def interval_us(self) -> int:
        """Microseconds of a bar."""
        return self.minutes * MINUTE_US

    @property
    def informs(self) -> bool:
        """True when others' features or rules read it."""
        return self.hourly or self.daily or self.peer


def schema_of(minutes: int) -> str:
    """The vendor's schema of bars of so many minutes."""
    return SCHEMAS[minutes]


def legs_of(release: Release, stand_in: bool) -> tuple[Leg, ...]:
    """Every symbol that the release needs: traded ones in order of priority, then the others.

    Raises InvalidSetting for a symbol that no live dataset has.
    """
    config = release.config
    named, known = config.feed_names, config.instruments
    peers = {one.symbol for one in config.peer_instruments}
    others = sorted({*named.daily, *named.hourly, *peers} - release.bundles.keys())
    legs = []
    for symbol in (*release.bundles, *others):
        bundle = release.bundles.get(symbol)
        instrument = bundle.instrument if bundle is not None else known[symbol]
        dataset, name, stype = _at_vendor(instrument, stand_in)
        legs.append(
            Leg(
                symbol=symbol,
                # Live, the vendor's own chain is followed, whatever the release was made from.
                instrument=instrument.model_copy(update={"chain": "delivered"}),
                dataset=dataset,
                vendor_symbol=name,
                stype=stype,
                is_traded=bundle is not None,
                hourly=symbol in named.hourly,
                daily=symbol in named.daily,
                peer=symbol in peers,
                is_stand_in=stand_in,
            )
        )
    return tuple(legs)


def streams_of(legs: tuple[Leg, ...]) -> dict[str, dict[str, tuple[Leg, ...]]]:
    """Legs by dataset, then by schema, the longest bars first."""
    found: dict[str, dict[str, tuple[Leg, ...]]] = {}
    for leg in sorted(legs, key=lambda one: -one.minutes):
        schemas = found.setdefault(leg.dataset, {})
        schemas[leg.schema] = (*schemas.get(leg.schema, ()), leg)
    return found


def _at_vendor(instrument: Instrument, stand_in: bool) -> tuple[str, str, str]:
    """(dataset, symbol, stype) of an instrument's bars now."""
    page = instrument.sources.databento
    if stand_in:
        dataset = STAND_IN_DATASET if page is None else page.feeds[-1].dataset
        return dataset, f"{instrument.symbol}.v.0", "continuous"
    if page is None:
        raise InvalidSetting(
            f"{instrument.symbol} has no page `databento` below `sources` in universe.yaml, so "
            "that nobody delivers it live. Add one, or rehearse: `rooney-live rehearse`."
        )
    if page.series == "raw":
        return page.feeds[-1].dataset, page.symbol, "raw_symbol"
    if page.series not in _CONTINUOUS:
        raise InvalidSetting(
            f"{instrument.symbol}: `series: {page.series}` cannot be followed live, where the "
            "vendor chooses the front contract. Set `series: volume` on its page, and release anew."
        )
    return page.feeds[-1].dataset, f"{page.symbol}.{_CONTINUOUS[page.series]}.0", "continuous"
