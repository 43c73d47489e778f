"""How Databento's historical service speaks: times, refusals, DBN bytes and JSON of symbology.

Belongs here: the forms on the wire, in both directions. Does not belong here: what is answered
(`history_answers.py`), or a socket (`historical.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
import zstandard
from databento_dbn import Metadata, Schema, SType

from rooney_live.rehearsal.history_folder import RECORD, Records
from rooney_live.rehearsal.history_symbology import Span, day_of

ENDPOINTS: Final = (
    *("timeseries.get_range", "symbology.resolve"),
    *("metadata.get_record_count", "metadata.get_billable_size", "metadata.get_cost"),
    *("metadata.get_dataset_range", "metadata.get_dataset_condition", "metadata.list_datasets"),
    *("metadata.list_publishers", "metadata.list_schemas", "metadata.list_fields"),
    "metadata.list_unit_prices",
)
"""All that is served: the vendor's names, without its batch downloads."""

_TIME: Final = re.compile(
    r"(?P<clock>\d{4}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?)?)?)?)"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
_NANOSECONDS: Final = re.compile(r"\d{9,20}")
_BLOCK_RECORDS: Final = 2_000  # of 56 bytes: below the 128 KiB of the largest block
_LEAST_BLOCKS: Final = 16  # so that a stream that is cut loses its end, and not all of a small one


@dataclass(frozen=True)
class Answer:
    """An HTTP answer. `stream` yields the body in parts; its end is the end of the body.

    `is_framed`: the body says where it ends; otherwise it ends with the connection.
    """

    status: int
    stream: Iterator[bytes]
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    is_framed: bool = True


class Refusal(Exception):
    """What the service refuses: HTTP status, the vendor's name of the case, and why."""

    def __init__(self, status: int, case: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.case = case

    def answer(self, headers: Mapping[str, str] | None = None) -> Answer:
        """The refusal as the vendor's JSON."""
        detail = {"case": self.case, "message": str(self), "status_code": self.status}
        body = {"detail": detail | {"docs": "", "payload": None}}
        return as_json(body, self.status, headers)


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer in JSON."""
    return Answer(status, iter([json.dumps(value).encode()]), headers=headers or {})


def quality_warning(days: Iterable[str]) -> dict[str, str]:
    """The header that tells of days of reduced quality; none without days."""
    told = ", ".join(f"{day} (degraded)" for day in days)
    message = f"Warning: The request contains one or more days of reduced quality: {told}."
    return {"X-Warning": json.dumps([message])} if told else {}


@dataclass(frozen=True)
class Moment:
    """A time in nanoseconds UTC, and the first one after all that was written of it."""

    ns: int
    next_ns: int


def read_moment(text: str, name: str) -> Moment:
    """ISO 8601, whole or cut after any unit, with or without zone (UTC), or nanoseconds."""
    if _NANOSECONDS.fullmatch(text):
        return Moment(int(text), int(text) + 1)
    found = _TIME.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        clock = np.datetime64(found["clock"].replace(" ", "T"))
        offset = _offset_ns(found["zone"])
        # One more is one more of the last unit that was written: a year, a day, a millisecond.
        ns, next_ns = (int(one.astype("datetime64[ns]").astype("i8")) for one in (clock, clock + 1))
        return Moment(ns - offset, next_ns - offset)
    except ValueError:
        raise Refusal(
            422, "validation_failed", f"`{name}` is {text!r}, which is no ISO 8601 date or time."
        ) from None


def read_day(text: str, name: str) -> date:
    """A UTC date. A time is cut to its date, as the vendor does."""
    return day_of(read_moment(text, name).ns)


def as_time(nanoseconds: int) -> str:
    """A time as the vendor writes it in JSON."""
    whole, rest = divmod(nanoseconds, 1_000_000_000)
    seconds = datetime(1970, 1, 1) + timedelta(seconds=whole)
    return f"{seconds:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def as_text(nanoseconds: int) -> str:
    """A time as the vendor writes it in a message."""
    return as_time(nanoseconds)[:19].replace("T", " ") + "+00:00"


@dataclass(frozen=True)
class Selection:
    """Bars that were asked for, in time order, and how their symbols were resolved."""

    dataset: str
    schema: str
    stype_in: str
    symbols: tuple[str, ...]
    start_ns: int
    end_ns: int
    limit: int | None
    spans: Sequence[Span]
    partial: Sequence[str]
    not_found: Sequence[str]
    records: Records


@dataclass(frozen=True)
class _Interval:
    start_date: date
    end_date: date
    symbol: str


@dataclass(frozen=True)
class _SymbolMapping:
    raw_symbol: str
    intervals: list[_Interval]


def dbn_blocks(selection: Selection) -> Iterator[bytes]:
    """The selection as a DBN stream compressed with zstd, piece by piece.

    The metadata are a block of their own, and the records several, each of whole records; so a
    stream without its end still decodes, to fewer records and without a word.
    """
    compressor = zstandard.ZstdCompressor(level=1).compressobj()
    yield compressor.compress(bytes(_metadata(selection)))
    yield compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    raw = memoryview(selection.records.tobytes())
    n_records = len(selection.records)
    size = RECORD.itemsize * min(_BLOCK_RECORDS, max(1, -(-n_records // _LEAST_BLOCKS)))
    for start in range(0, len(raw), size):
        yield compressor.compress(raw[start : start + size])
        if start + size < len(raw):
            yield compressor.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    yield compressor.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH)


def _metadata(selection: Selection) -> Metadata:
    mappings = [
        _SymbolMapping(
            symbol,
            [_Interval(one.start, one.end, target) for one, target in of_symbol],
        )
        for symbol, of_symbol in _by_symbol(selection.spans, selection.stype_in).items()
    ]
    return Metadata(
        dataset=selection.dataset,
        start=selection.start_ns,
        end=selection.end_ns,
        limit=selection.limit,
        stype_in=SType(selection.stype_in),
        stype_out=SType.INSTRUMENT_ID,
        schema=Schema(selection.schema),
        symbols=list(selection.symbols),
        partial=list(selection.partial),
        not_found=list(selection.not_found),
        mappings=mappings,
        ts_out=False,
    )


def _by_symbol(spans: Sequence[Span], stype_in: str) -> dict[str, list[tuple[Span, str]]]:
    """Spans by the symbol that keys them; an id that was asked for maps to its raw symbol."""
    found: dict[str, list[tuple[Span, str]]] = {}
    for one in spans:
        number = str(one.listing.instrument_id)
        target = one.listing.raw_symbol if stype_in == "instrument_id" else number
        found.setdefault(one.symbol, []).append((one, target))
    return found


def resolution(spans: Sequence[Span], stype_in: str) -> dict[str, list[dict[str, str]]]:
    """The `result` of symbology.resolve."""
    return {
        symbol: [
            {"d0": one.start.isoformat(), "d1": one.end.isoformat(), "s": target}
            for one, target in of_symbol
        ]
        for symbol, of_symbol in _by_symbol(spans, stype_in).items()
    }


def _offset_ns(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return (-1 if zone[0] == "-" else 1) * minutes * 60_000_000_000
