"""Where bars come from: the simulated market, a folder of files, or Databento.

Belongs here: reading a vendor's or a user's bars and bringing them into the one shape of
`rooney_core.market.bars`, or refusing them. Does not belong here: Dagster, the lake, rolls, or an
opinion about prices. A source is chosen by one setting (`selection.py`); all are one protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import polars as pl

from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.quarantine import no_quarantine


@dataclass(frozen=True)
class Reading:
    """Validated raw_bars (`bars.BARS_SCHEMA`), and what a reader of them should know.

    `notes` are facts for metadata; empty when there is nothing to tell. `quarantine` holds the rows
    that were refused, each with its reason (`quarantine.QUARANTINE_SCHEMA`).
    """

    bars: pl.DataFrame
    notes: Mapping[str, str | int] = field(default_factory=dict)
    quarantine: pl.DataFrame = field(default_factory=no_quarantine)


@dataclass(frozen=True)
class DailyWitness:
    """A vendor's daily bars of a symbol, to compare with days built from finer bars.

    `bars`: columns day (Date), contract (String, null where the vendor does not say it), open,
    high, low, close (Float64), volume (Int64). `day_is`: the exchange `session`, or the `utc` date.
    """

    bars: pl.DataFrame
    day_is: Literal["session", "utc"]
    origin: str


@dataclass(frozen=True)
class Witnesses:
    """Other series of the same symbol: compared in checks, never used in place of the bars.

    `second` has the columns of raw_bars and comes from another vendor or file.
    """

    daily: DailyWitness | None = None
    second: pl.DataFrame | None = None


class BarSource(Protocol):
    """One place that bars come from."""

    @property
    def name(self) -> str:
        """The key below `sources` in universe.yaml."""
        ...

    @property
    def is_simulated(self) -> bool:
        """True when a random-number generator makes the bars."""
        ...

    def offers(self, universe: Universe) -> Universe:
        """The instruments of the universe that have a page for this source; touches no bar."""
        ...

    def fingerprint(self, instrument: Instrument) -> str:
        """Identity of what would be read, as sha256 hex: equal content and facts, equal identity.

        Cheaper than reading the bars, and independent of folders and machines. Raises what
        `read` raises for a missing file or page.
        """
        ...

    def read(self, instrument: Instrument) -> Reading:
        """The instrument's bars with notes.

        Raises InvalidSetting when the instrument has no page for this source, MissingArtifact when
        what the page names is not there, and BarsRejected when it is not usable.
        """
        ...

    def raw_bars(self, instrument: Instrument) -> pl.DataFrame:
        """The bars of `read` alone; raises the same."""
        ...

    def witnesses(self, instrument: Instrument) -> Witnesses:
        """What else this source knows of the symbol; empty when nothing.

        Part of the fingerprint. Raises as `read` does.
        """
        ...
