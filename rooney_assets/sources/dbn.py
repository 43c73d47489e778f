"""Bars in Databento's binary format (DBN), from a file or a download, as frames.

Belongs here: decoding records, and the names that the metadata gives to instrument ids. Does not
belong here: folders (`files.py`), asking the vendor for anything, or whether a price is possible
(`rooney_core.market.quarantine`).

The vendor's client reads versions 1 to 3, compressed or not; bars have one layout in all three.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rooney_core.errors import BarsRejected
from rooney_core.market.calendar import UTC_MICROSECONDS

if TYPE_CHECKING:
    from databento import DBNStore

SCHEMA_MINUTES: Final = {"ohlcv-1m": 1, "ohlcv-1h": 60, "ohlcv-1d": 1440}
"""Schemas whose bars Rooney keeps, and their minutes. ohlcv-1d follows the UTC date."""

_ALLOWED: Final = f"Download one of {', '.join(SCHEMA_MINUTES)}."

DECODED_SCHEMA: Final[dict[str, pl.DataType]] = {
    "instrument_id": pl.UInt32(),
    "time": UTC_MICROSECONDS,
    "open": pl.Float64(),
    "high": pl.Float64(),
    "low": pl.Float64(),
    "close": pl.Float64(),
    "volume": pl.Int64(),
}

_PRICES: Final = ("open", "high", "low", "close")
_UNITS_PER_PRICE: Final = 1e9
_UNDEFINED_PRICE: Final = (2**63 - 1) / _UNITS_PER_PRICE
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"
_LONGEST_HEADER: Final = 18
_RUN_LENGTH: Final = 1
_BATCH: Final = 32_768
"""Records converted at a time, 1.8 MB: they are still in the processor's cache when read again."""


def decode_bars(store: DBNStore) -> pl.DataFrame:
    """Columns of `DECODED_SCHEMA`: one row per record, in the store's order.

    `time` is ts_event, the inclusive start, UTC. Prices are in quote units; an undefined price is
    null, and so is an undefined time. No records give an empty frame. Raises BarsRejected when the
    schema is not ohlcv-*, for records of another type, and for a store that ends amid a record. A
    compressed stream that was cut shows no fault here: compare the number of rows.
    """
    schema = _bar_schema(store)
    # Imported here, because most commands decode nothing.
    from databento import BentoError
    from databento.common.error import BentoWarning
    from zstandard import ZstdError

    try:
        with warnings.catch_warnings():
            # The client only warns of a record that is cut, and goes on.
            warnings.simplefilter("error", BentoWarning)
            columns = _columns(store, schema)
    except (BentoError, BentoWarning, ZstdError, OSError) as error:
        raise BarsRejected(f"The {schema} records cannot be decoded ({error}).") from None
    return _undefined_is_null(columns)


def schema_minutes(store: DBNStore) -> int:
    """Minutes of the store's bars. Raises BarsRejected for a schema that Rooney has no bars of."""
    schema = _bar_schema(store)
    if schema not in SCHEMA_MINUTES:
        raise BarsRejected(f"schema {schema} arrived. {_ALLOWED}")
    return SCHEMA_MINUTES[schema]


def open_store(path: Path) -> DBNStore:
    """The vendor's reader of a file; close its `reader` afterwards.

    Raises BarsRejected for what is no DBN, and for a compressed file that was cut short.
    """
    from databento import BentoError, DBNStore
    from databento_dbn import DBNError

    require_whole(path)
    try:
        with path.open("rb") as opened:
            head = opened.read(8)
            if head.startswith(_ZSTD_MAGIC):
                return DBNStore.from_bytes(head + opened.read())
            # A header that is damaged would leave the file open in the vendor's reader.
            DBNStore.from_bytes(head + opened.read(int.from_bytes(head[4:], "little")))
        return DBNStore.from_file(path)
    except (BentoError, DBNError, OSError, ValueError) as error:
        raise BarsRejected(f"not a readable DBN file ({error}). Download it again.") from None


def require_whole(path: Path) -> None:
    """Raises BarsRejected for a .zst file that ends before its last block.

    The vendor's client takes what there is of a stream that was cut, without a word. Walks over
    the blocks by their headers (RFC 8878) and decompresses nothing.
    """
    size = path.stat().st_size
    with path.open("rb") as opened:
        if opened.read(4) != _ZSTD_MAGIC:
            return
        at = 0
        while at < size:
            at = _frame_end(opened, at, size)
    if at > size:
        raise BarsRejected("the compressed stream was cut short. Download the file again.")


def _frame_end(opened: BinaryIO, at: int, size: int) -> int:
    """Where the frame at `at` ends by its own account: after `size` when the file was cut."""
    import zstandard

    opened.seek(at)
    head = opened.read(_LONGEST_HEADER)
    if head[1:4] == _SKIPPABLE and head[0] >> 4 == 5:
        return at + 8 + int.from_bytes(head[4:8], "little")
    try:
        checksum_bytes = 4 if zstandard.get_frame_parameters(head).has_checksum else 0
        at += zstandard.frame_header_size(head)
    except zstandard.ZstdError as error:
        raise BarsRejected(f"no zstd frame at byte {at} ({error}). Download it again.") from None
    while at + 3 <= size:
        opened.seek(at)
        block = int.from_bytes(opened.read(3), "little")
        is_last, kind, n_bytes = block & 1, block >> 1 & 3, block >> 3
        at += 3 + (1 if kind == _RUN_LENGTH else n_bytes)
        if is_last:
            return at + checksum_bytes
    return size + 1


def _bar_schema(store: DBNStore) -> str:
    schema = store.schema
    if schema is None or not str(schema).startswith("ohlcv-"):
        found = "records of several schemas" if schema is None else f"schema {schema}"
        raise BarsRejected(f"{found} arrived, and bars are needed. {_ALLOWED}")
    return str(schema)


def _columns(store: DBNStore, schema: str) -> pl.DataFrame:
    import pyarrow as pa
    from databento_dbn import RType, Schema

    rtype = int(RType.from_schema(Schema.from_str(schema)))
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in DECODED_SCHEMA}
    for records in store.to_ndarray(count=_BATCH):
        _require_type(records["rtype"], rtype, schema)
        parts["instrument_id"].append(records["instrument_id"].copy())
        parts["time"].append((records["ts_event"] // 1000).view("M8[us]"))
        for name in _PRICES:
            parts[name].append(records[name] / _UNITS_PER_PRICE)
        parts["volume"].append(records["volume"].astype(np.int64))
    if not parts["time"]:
        return pl.DataFrame(schema=DECODED_SCHEMA)
    # Arrow takes the arrays as they are, batch by batch; one array of all would be a copy.
    columns = {name: pa.chunked_array(part) for name, part in parts.items()}
    frame = pl.from_arrow(pa.table(columns), rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(pl.col("time").dt.replace_time_zone("UTC"))


def _require_type(rtypes: NDArray[np.uint8], expected: int, schema: str) -> None:
    if rtypes.size and not rtypes.min() == rtypes.max() == expected:
        raise BarsRejected(
            f"records of type {rtypes.min()} to {rtypes.max()} arrived among {schema}, whose type "
            f"is {expected}. The file is damaged, or mixes schemas: export it again."
        )


def _undefined_is_null(frame: pl.DataFrame) -> pl.DataFrame:
    undefined = frame.select((pl.col(_PRICES) == _UNDEFINED_PRICE).any())
    gone = [name for name in _PRICES if undefined[name].item()]
    # 2**64 - 1 ns, cut to microseconds; no market trades in 2554.
    late = pl.col("time") >= pl.lit(2**64 // 1000 - 1, pl.Int64).cast(UTC_MICROSECONDS)
    columns = [pl.when(pl.col(name) != _UNDEFINED_PRICE).then(name).alias(name) for name in gone]
    if frame.select(late.any()).item():
        columns.append(pl.when(~late).then("time").alias("time"))
    return frame.with_columns(columns) if columns else frame
