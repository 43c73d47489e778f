"""Files in Databento's format, made of generated bars by the vendor's own encoder.

Belongs here: writing records and metadata. Does not belong here: what is expected of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import databento_dbn as dbn
import zstandard

FIRST = datetime(2024, 3, 4, tzinfo=UTC)
UNDEFINED = 2**63 - 1
Bar = tuple[int, datetime, float, float, float, float, int]
"""instrument id, start, open, high, low, close, volume."""


def hourly(instrument_id: int, n: int, first: datetime = FIRST, price: float = 5000.0) -> list[Bar]:
    """Hours from `first` on, without 22:00 UTC, the daily break in winter."""
    starts = [first + timedelta(hours=i) for i in range(2 * n)]
    return [
        (instrument_id, start, price + i, price + i + 2, price + i - 1, price + i + 1.25, 100 + i)
        for i, start in enumerate([one for one in starts if one.hour != 22][:n])
    ]


def encode(
    bars: Sequence[Bar],
    mappings: Sequence[tuple[str, date, date, int]] = (),
    *,
    schema: str = "ohlcv-1h",
    stype_in: str = "raw_symbol",
    version: int = 3,
) -> bytes:
    """A DBN file; `mappings` are symbol, first day, day after the last, instrument id."""
    symbols = list(dict.fromkeys(symbol for symbol, *_ in mappings))
    metadata = dbn.Metadata(
        dataset="GLBX.MDP3",
        start=_ns(min((bar[1] for bar in bars), default=FIRST)),
        end=_ns(max((bar[1] for bar in bars), default=FIRST)) + 1,
        stype_in=dbn.SType.from_str(stype_in),
        stype_out=dbn.SType.INSTRUMENT_ID,
        schema=dbn.Schema.from_str(schema),
        symbols=symbols,
        mappings=[_mapping(symbol, mappings) for symbol in symbols],
        version=version,
    )
    rtype = dbn.RType.from_schema(dbn.Schema.from_str(schema))
    return bytes(metadata) + b"".join(_record(bar, rtype) for bar in bars)


def write_dbn(content: bytes, path: Path) -> Path:
    """Compressed where the name ends in .zst."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zstandard.compress(content) if path.suffix == ".zst" else content)
    return path


def _mapping(symbol: str, mappings: Sequence[tuple[str, date, date, int]]) -> SimpleNamespace:
    spans = [
        SimpleNamespace(start_date=first, end_date=last, symbol=str(number))
        for name, first, last, number in mappings
        if name == symbol
    ]
    return SimpleNamespace(raw_symbol=symbol, intervals=spans)


def _record(bar: Bar, rtype: dbn.RType) -> bytes:
    number, start, *prices, volume = bar
    # NaN stands for the vendor's undefined price.
    units = [UNDEFINED if price != price else round(price * 1e9) for price in prices]
    return bytes(dbn.OHLCVMsg(rtype, 1, number, _ns(start), *units, volume))


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000
