"""What is known of one download, and is kept beside it.

Belongs here: the receipt's fields and its JSON. Does not belong here: where it is (`archive.py`).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from rooney_assets.sources.databento.plan import Days, Request


class Name(BaseModel):
    """The raw symbol of an instrument id on the UTC days from `start` until before `end`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    instrument_id: int
    raw_symbol: str
    start: date
    end: date


class Receipt(BaseModel):
    """One verified download: the request, what came, and what the vendor said about it.

    `file` lies beside the receipt and has `sha256`; `content` identifies the records alone, so that
    two downloads can be compared whatever their compression. `generation` counts from 0 how often
    the vendor changed the content. `last` is the start of the last bar, null without one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dataset: str
    schema_: Annotated[str, Field(alias="schema")]
    series: str
    stype_in: str
    symbols: tuple[str, ...]
    start: date
    end: date
    file: str
    sha256: str
    content: str
    rows: Annotated[int, Field(ge=0)]
    first: datetime | None
    last: datetime | None
    names: tuple[Name, ...]
    warnings: tuple[str, ...] = ()
    cost_usd: float | None = None
    generation: Annotated[int, Field(ge=0)] = 0
    downloaded_at: datetime

    @property
    def days(self) -> Days:
        """The UTC days that it covers."""
        return Days(self.start, self.end)

    @property
    def request(self) -> Request:
        """What was asked for."""
        return Request(
            self.dataset, self.schema_, self.series, self.stype_in, self.symbols, self.days
        )
