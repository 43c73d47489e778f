"""One range: downloaded, verified against what the vendor says of it, and committed.

Belongs here: what makes a download whole. Does not belong here: what a range costs and whether it
may be paid (`fetch.py`).

A compressed stream that was cut decodes to fewer bars without any error, so that the number of
records is compared with the vendor's own count for the same request. Nothing else would notice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from rooney_assets.sources.databento.archive import Archive, file_name
from rooney_assets.sources.databento.plan import Days, Request
from rooney_assets.sources.databento.receipt import Name, Receipt
from rooney_assets.sources.dbn import DECODED_SCHEMA
from rooney_core.errors import BarsRejected, VendorUnavailable

if TYPE_CHECKING:
    from databento import DBNStore

    from rooney_assets.sources.databento.client import VendorClient

TRIES: Final = 3
"""Downloads of one range before it is given up; each one may cost money."""

QUIET_DAYS: Final = 10
"""A range whose last bar lies further before its end gets a note: longer than any holiday."""

NAMES_SCHEMA: Final[dict[str, pl.DataType]] = {
    "instrument_id": pl.UInt32(),
    "raw_symbol": pl.String(),
    "start": pl.Date(),
    "end": pl.Date(),
}

State = Literal["new", "unchanged", "restated", "present"]


@dataclass(frozen=True)
class Estimate:
    """What the vendor says of a range before it is downloaded.

    `unlisted`: why there is nothing to download, because the symbol is known only later; None
    where it is known.
    """

    request: Request
    records: int
    cost_usd: float
    unlisted: str | None = None


@dataclass(frozen=True)
class Downloaded:
    """How a range came to be kept. `present`: another process had just fetched it."""

    receipt: Receipt
    state: State


class _NotWhole(Exception):
    """Why a download cannot be believed."""


@dataclass(frozen=True)
class _Records:
    """A decoded download: bars in the vendor's order, and what the metadata says of symbols."""

    bars: pl.DataFrame
    names: tuple[Name, ...]
    notes: tuple[str, ...]


def download(
    estimate: Estimate, client: VendorClient, archive: Archive, *, refresh: bool = False
) -> Downloaded:
    """Bring one range into the archive, verified; at most `TRIES` times, whatever breaks.

    With `refresh`, a range that is kept is downloaded anew: the same content leaves it as it was,
    other content replaces it with the next generation. Raises VendorUnavailable when no download
    was whole (nothing is kept of it), VendorRefused and LakeError.
    """
    request = estimate.request
    with archive.making(request) as path:
        kept = _kept(archive, request)
        if kept is not None and not refresh:
            return Downloaded(kept, "present")
        if estimate.unlisted is not None:
            return _keep(_unlisted(estimate, path), kept, archive, path)
        reasons: list[str] = []
        expected = estimate.records
        for attempt in range(TRIES):
            if attempt:
                expected = client.record_count(request)
            try:
                receipt = _receive(estimate, expected, client, path)
            except _NotWhole as reason:
                reasons.append(str(reason))
                continue
            return _keep(receipt, kept, archive, path)
    raise VendorUnavailable(
        f"{request.label} was downloaded {TRIES} times, and never whole: "
        f"{'; '.join(dict.fromkeys(reasons))}. Nothing of it was kept; what was complete stays. "
        "Try again later; the vendor's status page says whether it knows."
    )


def _kept(archive: Archive, request: Request) -> Receipt | None:
    """The receipt of exactly this range, if it is kept."""
    for piece in archive.cover(request).pieces:
        if piece.receipt.days == request.days:
            return piece.receipt
    return None


def _keep(receipt: Receipt, kept: Receipt | None, archive: Archive, path: Path) -> Downloaded:
    if kept is None:
        archive.commit(path, receipt)
        return Downloaded(receipt, "new")
    if kept.content == receipt.content:
        return Downloaded(kept, "unchanged")
    restated = receipt.model_copy(update={"generation": kept.generation + 1})
    archive.commit(path, restated)
    return Downloaded(restated, "restated")


def _receive(estimate: Estimate, expected: int, client: VendorClient, path: Path) -> Receipt:
    request = estimate.request
    streamed = client.stream(request, path)
    if streamed.torn is not None:
        raise _NotWhole(streamed.torn)
    content = path.read_bytes()
    records = _decode(content, request)
    _require_whole(records.bars, expected, request.days)
    names = records.names
    if request.stype_in == "continuous" and not records.bars.is_empty():
        ids = records.bars["instrument_id"].unique().sort().to_list()
        names = client.raw_symbols(request.dataset, ids, request.days)
    if not request.series.endswith("-raw"):
        _require_names(records.bars, names)
    noted = (*streamed.warnings, *records.notes, *_quiet_end(records.bars, request.days))
    return _receipt(estimate, content, records.bars, names, noted)


def _unlisted(estimate: Estimate, path: Path) -> Receipt:
    """An empty file stands for a range in which the vendor does not know the symbol yet."""
    path.write_bytes(b"")
    note = (f"the vendor knows no such symbol yet: {estimate.unlisted}",)
    return _receipt(estimate, b"", pl.DataFrame(schema=DECODED_SCHEMA), (), note)


def _receipt(
    estimate: Estimate,
    content: bytes,
    bars: pl.DataFrame,
    names: tuple[Name, ...],
    noted: tuple[str, ...],
) -> Receipt:
    request = estimate.request
    sha256 = hashlib.sha256(content).hexdigest()
    return Receipt(
        dataset=request.dataset,
        schema=request.schema,
        series=request.series,
        stype_in=request.stype_in,
        symbols=request.symbols,
        start=request.days.start,
        end=request.days.end,
        file=file_name(request.days, sha256),
        sha256=sha256,
        content=_identity(bars, names),
        rows=bars.height,
        first=bars["time"].min(),
        last=bars["time"].max(),
        names=names,
        warnings=noted,
        cost_usd=estimate.cost_usd,
        downloaded_at=datetime.now(UTC),
    )


def _decode(content: bytes, request: Request) -> _Records:
    from databento import BentoError, DBNStore
    from databento_dbn import DBNError
    from zstandard import ZstdError

    from rooney_assets.sources.dbn import decode_bars

    try:
        store = DBNStore.from_bytes(content)
        _require_asked(store, request)
        return _Records(decode_bars(store), _names(store), _symbol_notes(store, request))
    except (BentoError, DBNError, ZstdError, BarsRejected, ValueError, EOFError) as error:
        raise _NotWhole(f"it cannot be decoded ({error})") from None


def _require_asked(store: DBNStore, request: Request) -> None:
    """Refuse an answer to another question."""
    metadata = store.metadata
    symbols = {*metadata.symbols, *metadata.partial, *metadata.not_found}
    for what, arrived, asked in (
        ("dataset", store.dataset, request.dataset),
        ("schema", str(store.schema), request.schema),
        ("stype_in", str(store.stype_in), request.stype_in),
        ("symbols", symbols, set(request.symbols)),
        ("limit", store.limit, None),
    ):
        if arrived != asked:
            raise _NotWhole(f"its metadata says {what} {arrived}, and {asked} was asked for")


def _require_whole(bars: pl.DataFrame, expected: int, days: Days) -> None:
    if bars.height != expected:
        raise _NotWhole(f"{bars.height:,} records came, and the vendor counts {expected:,}")
    outside = bars.filter(~_during(days).fill_null(False))
    if not outside.is_empty():
        raise _NotWhole(
            f"{outside.height:,} records lie outside the range, the first at {outside['time'][0]}"
        )


def _during(days: Days) -> pl.Expr:
    day = pl.col("time").dt.date()
    return (day >= days.start) & (day < days.end)


def _require_names(bars: pl.DataFrame, names: Iterable[Name]) -> None:
    """Refuse bars of an instrument that has no name on their day, or two."""
    days = bars.select("instrument_id", day=pl.col("time").dt.date()).unique()
    spans = names_frame(names)
    named = days.join(spans, on="instrument_id").filter(
        pl.col("day").is_between("start", "end", closed="left")
    )
    counted = named.group_by("instrument_id", "day").agg(n=pl.col("raw_symbol").n_unique())
    odd = days.join(counted, on=["instrument_id", "day"], how="left").filter(
        pl.col("n").is_null() | (pl.col("n") > 1)
    )
    if not odd.is_empty():
        number, day, n = odd.sort("day").row(0)
        raise _NotWhole(f"instrument {number} has {n or 'no'} symbols on {day}, and needs one")


def names_frame(names: Iterable[Name]) -> pl.DataFrame:
    """Columns of `NAMES_SCHEMA`, one row per name; `end` is exclusive."""
    rows = [(one.instrument_id, one.raw_symbol, one.start, one.end) for one in names]
    return pl.DataFrame(rows, schema=NAMES_SCHEMA, orient="row")


def _names(store: DBNStore) -> tuple[Name, ...]:
    """What the metadata says: for raw symbols, the names; for continuous ones, nothing."""
    if str(store.stype_in) != "raw_symbol":
        return ()
    found = [
        Name(
            instrument_id=int(span["symbol"]),
            raw_symbol=raw,
            start=span["start_date"],
            end=span["end_date"],
        )
        for raw, spans in store.mappings.items()
        for span in spans
        if span["symbol"]
    ]
    return tuple(sorted(found, key=lambda one: (one.instrument_id, one.start)))


def _symbol_notes(store: DBNStore, request: Request) -> tuple[str, ...]:
    """A dated contract need not be listed all year; any other symbol should be known."""
    if request.series.endswith("-contracts"):
        return ()
    unknown = [f"{one} is not known in this range" for one in store.metadata.not_found]
    some = [f"{one} is known on some days of this range only" for one in store.metadata.partial]
    return (*unknown, *some)


def _quiet_end(bars: pl.DataFrame, days: Days) -> tuple[str, ...]:
    last = bars["time"].max()
    if not isinstance(last, datetime):
        return ("no bars in this range",)
    quiet: date = last.date() + timedelta(days=QUIET_DAYS)
    return (f"no bars after {last.date()}",) if quiet < days.end else ()


def _identity(bars: pl.DataFrame, names: Iterable[Name]) -> str:
    """sha256 over the records and their names, whatever the compression."""
    digest = hashlib.sha256()
    for column in bars.get_columns():
        plain = column.to_physical()
        digest.update(plain.is_null().to_numpy().tobytes())
        digest.update(plain.fill_null(0).to_numpy().tobytes())
    for one in names:
        digest.update(one.model_dump_json().encode())
    return digest.hexdigest()
