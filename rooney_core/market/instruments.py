"""What is traded or watched: one frozen page of facts per instrument, and the universe of them.

Belongs here: facts from `universe.yaml`, validated. Does not belong here: prices, or code that
differs per instrument. Adding an instrument is an entry in the file, never a line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, ValidationError, field_validator, model_validator

from rooney_core.errors import InvalidSetting, UnknownName
from rooney_core.market.source_pages import (
    BarMinutes,
    Chain,
    Facts,
    NonNegativeFloat,
    PositiveFloat,
    Role,
    SourceFacts,
    existing_zone,
)

ProductGroup = Literal[
    "equity_index",
    "energy",
    "metals",
    "fx",
    "rates",
    "us_equity",
    "volatility_index",
    "volatility",
]
ExpiryRule = Literal[
    "third_friday",
    "third_last_business_day",
    "seven_business_days_before_last",
    "two_business_days_before_third_wednesday",
    "three_business_days_before_25th_of_prior_month",
    "four_business_days_before_25th_of_prior_month",
    "third_last_business_day_of_prior_month",
    "fourth_last_business_day_of_prior_month",
    "thirty_days_before_third_friday_of_next_month",
]
"""When a contract trades for the last time, by its contract month; computed in `expiry.py`."""
NoticeRule = Literal["last_business_day_of_prior_month"]
"""First day on which the holder of a contract may be asked to take delivery."""


class FlatTime(Facts):
    """The wall-clock time by which hourly positions are flat, in its own zone."""

    at: time = time(15, 0)
    zone: str = "America/New_York"

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, zone: str) -> str:
        return existing_zone(zone)


class RollFacts(Facts):
    """How the front contract of the continuous series is chosen.

    `volume`: the later contract traded more in the last three sessions together.
    `open_interest`: it had more of it in the session before.
    `calendar`: `sessions_before` sessions before the contract's last safe session, which is the
    earlier of its last trading day and the day before its first notice.
    """

    method: Literal["volume", "calendar", "open_interest"] = "volume"
    sessions_before: Annotated[int, Field(ge=0, le=60)] = 5


class Instrument(Facts):
    """One page of facts.

    `multiplier`: USD per 1.0 of price and contract. `tick_size`: price. `bar_minutes`: 60 for
    hourly bars, 1440 for one bar a session, 1 for minutes (never tradable: strategies decide on
    hourly bars). Commission is per contract and side; slippage in ticks per side, times one of 24
    factors `slippage_by_hour` of the exchange's clock (Chicago; null: 1 at every hour).
    `margin_per_contract_usd`: the initial margin, null where nobody looked it up; reports only.
    `contract_months`: codes of the months that are rolled through, January F to December Z, in that
    order; an exchange may list more, which nobody trades. Empty for what does not expire.
    `chain`: `chosen` by our roll rule, or `delivered` by a vendor who picks the front contract.
    `expiry`, `first_notice`: rules of dates, null where unknown or without meaning.
    `micro_of`: the symbol whose price this contract follows at a fraction of the size.
    `order_ticker`: how TradersPost names a contract, from {root}, {month} (code), {year4}; null for
    what nobody can order. `fact_sources`: the documents where the facts were read.
    """

    symbol: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9_]{0,15}$")]
    name: str
    role: Role
    exchange: Annotated[str, Field(min_length=1)]
    currency: Literal["USD"] = "USD"
    product_group: ProductGroup
    multiplier: PositiveFloat
    tick_size: PositiveFloat
    commission_per_contract_usd: NonNegativeFloat = 0.0
    slippage_ticks: NonNegativeFloat = 0.0
    slippage_by_hour: (
        Annotated[tuple[NonNegativeFloat, ...], Field(min_length=24, max_length=24)] | None
    ) = None
    margin_per_contract_usd: PositiveFloat | None = None
    contract_months: Annotated[str, Field(pattern=r"^[FGHJKMNQUVXZ]*$")] = ""
    expiry: ExpiryRule | None = None
    first_notice: NoticeRule | None = None
    roll: RollFacts = RollFacts()
    chain: Chain = "chosen"
    micro_of: str | None = None
    partner: str | None = None
    order_ticker: str | None = "{root}{month}{year4}"
    bar_minutes: BarMinutes = 60
    flat_time: FlatTime = FlatTime()
    fact_sources: tuple[str, ...] = ()
    sources: SourceFacts

    @property
    def tick_value_usd(self) -> float:
        """USD one tick is worth, per contract."""
        return self.tick_size * self.multiplier

    def from_source(self, source: str) -> Instrument:
        """These facts as the named source provides them; the source must have a page here."""
        page = getattr(self.sources, source)
        stated = {name: getattr(page, name, None) for name in ("role", "bar_minutes", "chain")}
        changed = {name: value for name, value in stated.items() if value is not None}
        return type(self).model_validate(self.model_dump() | changed)

    @property
    def is_simulated(self) -> bool:
        """True for a symbol that only the simulated market knows; its name starts with SIM_."""
        return self.symbol.startswith("SIM_")

    @field_validator("order_ticker")
    @classmethod
    def _ticker_can_be_filled(cls, template: str | None) -> str | None:
        if template is None:
            return None
        try:
            filled = template.format(root="ES", month="Z", year4=2026)
        except (KeyError, IndexError, ValueError):
            filled = ""
        if not filled:
            message = f"{template!r} is no ticker rule; use {{root}}, {{month}} and {{year4}}"
            raise ValueError(message)
        return template

    @field_validator("contract_months")
    @classmethod
    def _months_in_order(cls, months: str) -> str:
        # The codes are alphabetical, so sorting them sorts the year.
        ordered = "".join(sorted(set(months)))
        if months != ordered:
            message = f"{months!r} is not each month once, in order; write {ordered!r}"
            raise ValueError(message)
        return months

    @model_validator(mode="after")
    def _dates_have_contracts(self) -> Self:
        if not self.contract_months and (self.expiry or self.first_notice or self.micro_of):
            raise ValueError(
                f"{self.symbol}: expiry, first_notice and micro_of are facts of dated contracts; "
                "state contract_months too, or remove them"
            )
        if self.roll.method == "calendar" and self.expiry is None:
            raise ValueError(
                f"{self.symbol}: a roll by calendar needs `expiry`, the rule of the last trading "
                "day; state it, or roll by volume"
            )
        return self

    @model_validator(mode="after")
    def _tradable_can_be_traded(self) -> Self:
        if self.role == "tradable" and self.bar_minutes == 1:
            raise ValueError(
                f"{self.symbol}: strategies decide on hourly bars; a symbol of 1-minute bars can "
                "be `role: reference` or `role: watched` only"
            )
        if self.role == "tradable" and self.order_ticker is None:
            raise ValueError(
                f"{self.symbol}: `order_ticker` is null, so nobody can order it; it can be "
                "`role: reference` or `role: watched` only"
            )
        return self

    @model_validator(mode="after")
    def _simulated_is_named_so(self) -> Self:
        if (self.sources.simulated is not None) != self.is_simulated:
            raise ValueError(
                f"{self.symbol}: a symbol of the simulated market is named SIM_..., and no other is"
            )
        return self


class Universe(Facts):
    """Every instrument known, in the order of the file: tradable, reference and watched."""

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
        """The instruments that the source (`simulated`, `files`, `databento`) provides.

        Role, `bar_minutes` and `chain` of the source's page, where it states them, replace the
        instrument's.
        """
        kept = (one for one in self.instruments if getattr(one.sources, source) is not None)
        return Universe(instruments=tuple(one.from_source(source) for one in kept))

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

    @property
    def watched(self) -> tuple[str, ...]:
        """Symbols that have bars and checks, and nothing else."""
        return tuple(one.symbol for one in self.instruments if one.role == "watched")

    def peers_of(self, symbol: str) -> tuple[str, ...]:
        """Other tradable symbols that rules of this one may compare it with, in file order.

        Its partner, and all of its product group.
        """
        own = self[symbol]
        return tuple(
            one.symbol
            for one in self.instruments
            if one.role == "tradable"
            and one.symbol != symbol
            and (one.symbol == own.partner or one.product_group == own.product_group)
        )

    def __getitem__(self, symbol: str) -> Instrument:
        for one in self.instruments:
            if one.symbol == symbol:
                return one
        raise UnknownName.among("symbol", symbol, self.symbols)


def _explain(document: Mapping[str, Any], error: ValidationError, origin: str) -> str:
    lines = [f"{origin} is not valid:"]
    for problem in error.errors():
        where = list(problem["loc"])
        said = problem["msg"]
        if problem["type"] == "extra_forbidden":
            said = str(UnknownName.among("field", str(where[-1]), _fields_beside(where)))
        if len(where) > 1 and where[0] == "instruments" and isinstance(where[1], int):
            entry = document["instruments"][where[1]]
            named = entry.get("symbol", f"entry {where[1]}") if isinstance(entry, dict) else "entry"
            where = [named, *where[2:]]
        lines.append(f"  {'.'.join(str(part) for part in where)}: {said}")
    return "\n".join(lines)


def _fields_beside(where: list[int | str]) -> tuple[str, ...]:
    """Names of the fields that the page at `where[:-1]` has."""
    page: type[Facts] = Universe
    for part in where[:-1]:
        if isinstance(part, str):
            annotation = page.model_fields[part].annotation
            within = (annotation, *get_args(annotation))
            page = next(one for one in within if isinstance(one, type) and issubclass(one, Facts))
    return tuple(page.model_fields)
