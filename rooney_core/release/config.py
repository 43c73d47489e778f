"""The production config: what the trader may trade, as one frozen page and as rows of the lake.

Belongs here: the types of the hand-off and their exact columns. Does not belong here: choosing
what is released (portfolio, gates), building it (build.py) or judging it (load.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Self

import polars as pl
from pydantic import Field

from rooney_core.features import FeedNames
from rooney_core.lineage import content_version
from rooney_core.market.instruments import Instrument
from rooney_core.market.source_pages import Facts, NonNegativeFloat
from rooney_core.release.terms import ReleaseTerms

PRODUCTION_CONFIG_SCHEMA: Mapping[str, pl.DataType] = {
    "release_id": pl.String(),
    "rebalance_month": pl.String(),
    "symbol": pl.String(),
    "size": pl.Int64(),
    "reason": pl.String(),
    "variant": pl.String(),
    "params": pl.String(),
    "model_version": pl.String(),
    "threshold": pl.Float64(),
    "features": pl.List(pl.String()),
    "peers": pl.List(pl.String()),
    "daily_symbols": pl.List(pl.String()),
    "hourly_symbols": pl.List(pl.String()),
    "partner": pl.String(),
    "production_model_version": pl.String(),
    "max_positions": pl.Int64(),
    "commission_per_contract_usd": pl.Float64(),
    "slippage_ticks": pl.Float64(),
    "instrument": pl.String(),
    "reference_symbols": pl.List(pl.String()),
    "reference_instruments": pl.String(),
    "data_through": pl.Date(),
    "is_simulated": pl.Boolean(),
    "approved_until": pl.Date(),
    "mandate_version": pl.String(),
    "evidence_version": pl.String(),
    "overrides": pl.String(),
    "live_limits": pl.String(),
}

RELEASE_COLUMNS = (
    "release_id",
    "rebalance_month",
    "production_model_version",
    "max_positions",
    "reference_symbols",
    "reference_instruments",
    "data_through",
    "is_simulated",
    "approved_until",
    "mandate_version",
    "evidence_version",
    "overrides",
    "live_limits",
)
AS_JSON = ("reference_instruments", "overrides", "live_limits")
"""Columns of the release that hold a document."""


class ReleaseRow(Facts):
    """One tradable symbol of the universe: how many contracts, and why that many.

    `size`: contracts per entry, 0 = not traded. `params`: the variant's parameters as JSON with
    sorted keys. `variant` and `params` may be absent only when size is 0. `threshold` is a
    probability: an entry needs at least that much. `peers`: symbols, rows of the same release,
    whose sessions the variant compares with. `daily_symbols`, `hourly_symbols`, `partner`: whose
    bars the model's features need, besides the symbol's own; references or rows of the same
    release. Costs are per contract and side.
    """

    symbol: str
    size: Annotated[int, Field(ge=0)]
    reason: Annotated[str, Field(min_length=1)]
    variant: str | None = None
    params: str | None = None
    model_version: str | None = None
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    features: tuple[str, ...] | None = None
    peers: tuple[str, ...] = ()
    daily_symbols: tuple[str, ...] = ()
    hourly_symbols: tuple[str, ...] = ()
    partner: str | None = None
    commission_per_contract_usd: NonNegativeFloat
    slippage_ticks: NonNegativeFloat
    instrument: Instrument

    @property
    def feed_names(self) -> FeedNames:
        """Whose bars the features are made of."""
        return FeedNames(self.daily_symbols, self.hourly_symbols, self.partner)


class ProductionConfig(ReleaseTerms):
    """One release: a row per tradable symbol, traded symbols first, in order of priority.

    `release_id` is the content version of all rows without that column and the evidence's, so that
    a release names itself. `production_model_version` is the content version of the
    production_model table that belongs to it. `data_through` is the last session (inclusive) of the
    bars behind the release. The terms are those of ReleaseTerms.
    """

    release_id: str
    rebalance_month: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
    production_model_version: str
    max_positions: Annotated[int, Field(ge=1)]
    reference_symbols: tuple[str, ...]
    reference_instruments: tuple[Instrument, ...]
    data_through: date
    is_simulated: bool
    rows: tuple[ReleaseRow, ...]

    @property
    def traded(self) -> tuple[ReleaseRow, ...]:
        """Rows with a size above 0, in order of priority."""
        return tuple(row for row in self.rows if row.size > 0)

    @property
    def terms(self) -> ReleaseTerms:
        """What holds for all its symbols."""
        return ReleaseTerms(**{name: getattr(self, name) for name in ReleaseTerms.model_fields})

    @property
    def peer_instruments(self) -> tuple[Instrument, ...]:
        """Facts of every symbol that a traded variant compares with, in order of the rows."""
        named = {peer for row in self.traded for peer in row.peers}
        return tuple(row.instrument for row in self.rows if row.symbol in named)

    @property
    def instruments(self) -> dict[str, Instrument]:
        """Facts of every symbol that this release can name: its rows, and the references."""
        references = {one.symbol: one for one in self.reference_instruments}
        return references | {row.symbol: row.instrument for row in self.rows}

    @property
    def feed_names(self) -> FeedNames:
        """Whose daily and hourly bars the features of all traded symbols together need.

        A partner is named among both; whose partner it is, the rows say.
        """
        of_rows = [row.feed_names for row in self.traded]
        partners = {one.partner for one in of_rows if one.partner is not None}
        return FeedNames(
            daily=(*(name for one in of_rows for name in one.daily), *partners),
            hourly=(*(name for one in of_rows for name in one.hourly), *partners),
        )

    @property
    def reasons(self) -> dict[str, str]:
        """Why each tradable symbol of the universe is in or out."""
        return {row.symbol: row.reason for row in self.rows}

    def to_frame(self) -> pl.DataFrame:
        """The rows of the lake: columns and types of PRODUCTION_CONFIG_SCHEMA, order of `rows`."""
        release = self.model_dump(exclude={"rows"})
        documents = self.model_dump(mode="json", include=set(AS_JSON))
        release |= {name: json.dumps(one, sort_keys=True) for name, one in documents.items()}
        records = [
            release | row.model_dump() | {"instrument": row.instrument.model_dump_json()}
            for row in self.rows
        ]
        return pl.DataFrame(records, schema=dict(PRODUCTION_CONFIG_SCHEMA))

    @classmethod
    def from_frame(cls, frame: pl.DataFrame) -> Self:
        """Rebuild the page from rows with exactly the columns of PRODUCTION_CONFIG_SCHEMA.

        Raises pydantic.ValidationError or ValueError on a value that is not allowed; load_release
        turns both into ReleaseRejected.
        """
        records = frame.to_dicts()
        release: dict[str, Any] = {name: records[0][name] for name in RELEASE_COLUMNS}
        release |= {name: json.loads(release[name]) for name in AS_JSON}
        rows = []
        for record in records:
            row = {name: value for name, value in record.items() if name not in RELEASE_COLUMNS}
            rows.append(row | {"instrument": json.loads(row["instrument"])})
        return cls.model_validate(release | {"rows": rows})

    def named(self) -> Self:
        """The same release under the id that its content gives it."""
        return self.model_copy(update={"release_id": release_id(self.to_frame())})


def release_id(production_config: pl.DataFrame) -> str:
    """Content version of a production_config frame over everything but its own id and evidence.

    So a candidate, what was paper traded, and what is released have one id; the evidence is made
    of them and named last.
    """
    return content_version(production_config.drop("release_id", "evidence_version"))
