"""Bars in Databento's binary format (DBN), from a file or a download, as frames.

Belongs here: decoding records, and the names that the metadata gives to instrument ids. Does not
belong here: folders (`files.py`), asking the vendor for anything, or whether a price is possible
(`rooney_core.market.quarantine`).

The vendor's client reads versions 1 to 3, compressed or not; bars have one layout in all three.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rooney_core.errors import BarsRejected
from rooney_core.market.calendar import UTC_MICROSECONDS

if TYPE_CHECKING:
    from databento import DBNStore

SCHEMA_MINUTES: Final = {"ohlcv-1m": 1, "ohlcv-1h": 60, "ohlcv-1d": 1440}
"""Schemas whose bars Rooney keeps, and their minutes. ohlcv-1d follows the UTC date."""

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


def _bar_schema(store: DBNStore) -> str:
    schema = store.schema
    if schema is None or not str(schema).startswith("ohlcv-"):
        found = "records of several schemas" if schema is None else f"schema {schema}"
        raise BarsRejected(
            f"{found} arrived, and bars are needed. Export one of {', '.join(SCHEMA_MINUTES)}."
        )
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
    # Arrow takes the arrays as they are; polars would copy each.
    frame = pl.from_arrow(pa.table({name: pa.chunked_array(part) for name, part in parts.items()}))
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
