"""What is traded or watched: one frozen page of facts per instrument, and the universe of them.

Belongs here: facts from `universe.yaml`, validated. Does not belong here: prices, or code that
differs per instrument. Adding an instrument is an entry in the file, never a line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rooney_core.errors import InvalidSetting, UnknownName

Role = Literal["tradable", "reference"]
ProductGroup = Literal[
    "equity_index", "energy", "metals", "fx", "rates", "us_equity", "volatility_index"
]
PositiveFloat = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Facts(BaseModel):
    """Base of every page of facts: frozen, keyword-only, refusing unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class SimulatedFacts(Facts):
    """How the simulated market draws this symbol; the truth that research has to find.

    `annual_volatility` is a fraction (0.2 = 20 %). `market_beta` in [-1, 1] is the correlation of
    its returns with the common factor of the simulated market. `reversion_edge` >= 0 is the planted
    short-horizon mean reversion; 0 plants nothing. `data_version` never depends on other symbols.
    """

    start_price: PositiveFloat
    annual_volatility: Annotated[float, Field(gt=0, le=2)]
    market_beta: Annotated[float, Field(ge=-1, le=1)] = 0.0
    reversion_edge: Annotated[float, Field(ge=0, le=5)] = 0.0
    carry_per_roll: Annotated[float, Field(ge=-0.2, le=0.2)] = 0.002


class FileFacts(Facts):
    """Where a folder of files keeps this symbol, and what its clock means.

    `path` is relative to the folder, without or with ending: `.parquet` and `.csv` are tried.
    `columns` maps our names to the file's. `bar_edge`: the time column is a bar's `start`, its
    `end`, or the `session` date it belongs to (daily bars).
    """

    path: str
    time_column: str = "ts_event"
    time_zone: str
    bar_edge: Literal["start", "end", "session"]
    columns: Mapping[str, str] = {}

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        return _existing_zone(zone)


class SourceFacts(Facts):
    """How each source provides the symbol; a source that is absent does not have it."""

    simulated: SimulatedFacts | None = None
    files: FileFacts | None = None


class FlatTime(Facts):
    """The wall-clock time by which hourly positions are flat, in its own zone."""

    at: time = time(15, 0)
    zone: str = "America/New_York"

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        return _existing_zone(zone)


class Instrument(Facts):
    """One page of facts.

    `multiplier`: USD per 1.0 of price and contract. `tick_size`: price. `bar_minutes`: 60 for
    hourly bars, 1440 for one bar a session. Commission is per contract and side; slippage in ticks
    per side.
    """

    symbol: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9_]{0,15}$")]
    name: str
    role: Role
    exchange: str
    currency: Literal["USD"] = "USD"
    product_group: ProductGroup
    multiplier: PositiveFloat
    tick_size: PositiveFloat
    commission_per_contract_usd: NonNegativeFloat = 0.0
    slippage_ticks: NonNegativeFloat = 0.0
    contract_months: Annotated[str, Field(pattern=r"^[FGHJKMNQUVXZ]*$")] = ""
    bar_minutes: Literal[60, 1440] = 60
    flat_time: FlatTime = FlatTime()
    sources: SourceFacts

    @property
    def tick_value_usd(self) -> float:
        """USD one tick is worth, per contract."""
        return self.tick_size * self.multiplier

    @property
    def is_simulated(self) -> bool:
        """True for a symbol that only the simulated market knows; its name starts with SIM_."""
        return self.symbol.startswith("SIM_")

    @model_validator(mode="after")
    def _simulated_is_named_so(self) -> Self:
        if (self.sources.simulated is not None) != self.is_simulated:
            raise ValueError(
                f"{self.symbol}: a symbol of the simulated market is named SIM_..., and no other is"
            )
        return self


class Universe(Facts):
    """Every instrument known, tradable and reference, in the order of the file."""

    instruments: tuple[Instrument, ...]

    @model_validator(mode="after")
    def _symbols_are_unique(self) -> Self:
        symbols = [one.symbol for one in self.instruments]
        twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
        if twice:
            raise ValueError(f"symbols listed twice: {', '.join(twice)}")
        return self

    @classmethod
    def parse(cls, document: object, origin: str) -> Universe:
        """Validate a parsed YAML document; `origin` names it in errors.

        Raises InvalidSetting naming each entry and field that is wrong, and what is allowed.
        """
        if not isinstance(document, Mapping) or not isinstance(document.get("instruments"), list):
            raise InvalidSetting(
                f"{origin} must be a mapping with a list `instruments`; "
                f"a {type(document).__name__} arrived. Copy an entry of the shipped universe.yaml."
            )
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise InvalidSetting(_explain(document, error, origin)) from None

    def offered_by(self, source: str) -> Universe:
        """The instruments that the source (`simulated` or `files`) provides."""
        kept = tuple(one for one in self.instruments if getattr(one.sources, source) is not None)
        return Universe(instruments=kept)

    @property
    def symbols(self) -> tuple[str, ...]:
        """All symbols, in file order."""
        return tuple(one.symbol for one in self.instruments)

    @property
    def tradable(self) -> tuple[str, ...]:
        """Symbols that strategies may trade."""
        return tuple(one.symbol for one in self.instruments if one.role == "tradable")

    @property
    def reference(self) -> tuple[str, ...]:
        """Symbols that only inform features."""
        return tuple(one.symbol for one in self.instruments if one.role == "reference")

    def __getitem__(self, symbol: str) -> Instrument:
        for one in self.instruments:
            if one.symbol == symbol:
                return one
        raise UnknownName.among("symbol", symbol, self.symbols)


def _existing_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        message = f"{zone!r} is not a time zone; use a name such as America/New_York"
        raise ValueError(message) from None
    return zone


def _explain(document: Mapping[str, Any], error: ValidationError, origin: str) -> str:
    lines = [f"{origin} is not valid:"]
    for problem in error.errors():
        where = list(problem["loc"])
        if len(where) > 1 and where[0] == "instruments" and isinstance(where[1], int):
            entry = document["instruments"][where[1]]
            named = entry.get("symbol", f"entry {where[1]}") if isinstance(entry, dict) else "entry"
            where = [named, *where[2:]]
        lines.append(f"  {'.'.join(str(part) for part in where)}: {problem['msg']}")
    return "\n".join(lines)
