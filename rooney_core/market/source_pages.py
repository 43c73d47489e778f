"""How each source provides an instrument: the pages below `sources` of universe.yaml.

Belongs here: facts about where bars of a symbol are and what their clock means. Does not belong
here: facts about the contract itself (`instruments.py`), or reading anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]
BarMinutes = Literal[1, 60, 1440]
Role = Literal["tradable", "reference", "watched"]
Chain = Literal["chosen", "delivered"]
"""`tradable`: strategies trade it. `reference`: it only informs features, of every symbol.
`watched`: bars, rolls and checks when it is named; neither traded nor in any feature."""


class Facts(BaseModel):
    """Base of every page of facts: frozen, keyword-only, refusing unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class SimulatedFacts(Facts):
    """How the simulated market draws this symbol; the truth that research has to find.

    `annual_volatility` is a fraction (0.2 = 20 %). `market_beta` in [-1, 1] is the correlation of
    its returns with the common factor of the simulated market. `reversion_edge` >= 0 is the planted
    short-horizon mean reversion; 0 plants nothing. `edge_ends`: the last session that has it, None
    for an edge that stays. `data_version` never depends on other symbols.
    """

    start_price: PositiveFloat
    annual_volatility: Annotated[float, Field(gt=0, le=2)]
    market_beta: Annotated[float, Field(ge=-1, le=1)] = 0.0
    reversion_edge: Annotated[float, Field(ge=0, le=5)] = 0.0
    edge_ends: date | None = None
    carry_per_roll: Annotated[float, Field(ge=-0.2, le=0.2)] = 0.002

    @model_validator(mode="after")
    def _only_an_edge_ends(self) -> Self:
        if self.edge_ends is not None and self.reversion_edge == 0:
            raise ValueError(
                f"edge_ends {self.edge_ends} arrived with reversion_edge 0: nothing is planted "
                "that could end. Leave edge_ends out, or plant an edge."
            )
        return self


class BarFiles(Facts):
    """Where a folder keeps one series of bars, and what its clock means.

    `path` is relative to the folder: one file, without or with ending (`.parquet`, `.csv`, `.dbn`,
    `.dbn.zst` are tried), or a folder whose files together are the series, one per contract or per
    year for example. `columns` maps our names to the file's. `bar_edge`: the time column is a bar's
    `start`, its `end`, or the `session` date it belongs to (daily bars). `time_zone` and `bar_edge`
    are required for Parquet and CSV; a DBN file states both itself (UTC, start).
    """

    path: str
    time_column: str = "ts_event"
    time_zone: str | None = None
    bar_edge: Literal["start", "end", "session"] | None = None
    columns: Mapping[str, str] = {}

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str | None) -> str | None:
        return None if zone is None else existing_zone(zone)


class FileWitnesses(Facts):
    """Other series of the same symbol, compared with the bars and never used in their place.

    `daily`: the vendor's bars of whole sessions. `second`: the same bars from another vendor.
    """

    daily: BarFiles | None = None
    second: BarFiles | None = None


class FileFacts(BarFiles):
    """A symbol in a folder of files. `role` and `bar_minutes` replace the instrument's here.

    `chain`: `delivered` where the files hold one contract at a time and change it by themselves, at
    whatever hour; by default the front contract is chosen from all that are there.
    """

    role: Role | None = None
    bar_minutes: BarMinutes | None = None
    chain: Chain = "chosen"
    witnesses: FileWitnesses = FileWitnesses()


class DatabentoFeed(Facts):
    """One dataset, asked from the UTC day `since` on, until the next feed's `since`."""

    dataset: Annotated[str, Field(pattern=r"^[A-Z0-9]+\.[A-Z0-9]+$")]
    since: date


class DatabentoFacts(Facts):
    """A symbol at Databento.

    `feeds`: datasets, oldest first. `symbol`: the vendor's root (ES), or the raw symbol where
    `series` is `raw`. `series`: the vendor's continuous contract by `volume`, `calendar` or
    `open_interest` (ES.v.0, ES.c.0, ES.n.0), every dated contract of `contract_months`
    (`contracts`), or one symbol that never expires (`raw`). `role` and `bar_minutes` replace the
    instrument's here; `bar_minutes` chooses ohlcv-1m, ohlcv-1h or ohlcv-1d.
    """

    feeds: Annotated[tuple[DatabentoFeed, ...], Field(min_length=1)]
    symbol: Annotated[str, Field(min_length=1)]
    series: Literal["volume", "calendar", "open_interest", "contracts", "raw"] = "volume"
    role: Role | None = None
    bar_minutes: BarMinutes | None = None

    @property
    def chain(self) -> Chain:
        """`delivered` where the vendor chooses the front contract, one at a time."""
        return "chosen" if self.series in ("contracts", "raw") else "delivered"

    @model_validator(mode="after")
    def _feeds_follow_each_other(self) -> Self:
        for before, after in pairwise(self.feeds):
            if after.since <= before.since:
                raise ValueError(
                    f"feed {after.dataset} since {after.since} does not come after "
                    f"{before.dataset} since {before.since}; list them oldest first"
                )
        return self


class SourceFacts(Facts):
    """How each source provides the symbol; a source that is absent does not have it."""

    simulated: SimulatedFacts | None = None
    files: FileFacts | None = None
    databento: DatabentoFacts | None = None


def existing_zone(zone: str) -> str:
    """The zone's name, when it is one. Raises ValueError otherwise."""
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        message = f"{zone!r} is not a time zone; use a name such as America/New_York"
        raise ValueError(message) from None
    return zone
