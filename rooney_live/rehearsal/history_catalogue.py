"""What the local Databento says about itself: publishers, fields of a record, condition of days.

Belongs here: metadata that need no request for bars. Does not belong here: ranges, counts and
costs, which follow from what is asked (`history_answers.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

import numpy as np
from databento.common.publishers import Publisher

from rooney_live.rehearsal.history_folder import RECORD, HistoryFolder
from rooney_live.rehearsal.history_symbology import day_of

_C_TYPES: Final[Mapping[str, str]] = {
    "u1": "uint8_t",
    "u2": "uint16_t",
    "u4": "uint32_t",
    "u8": "uint64_t",
    "i8": "int64_t",
}
_TEXT_TYPES: Final[Mapping[str, str]] = {"u": "integer", "i": "string"}


def publishers() -> list[dict[str, object]]:
    """Every publisher that the vendor's client knows."""
    return [
        {
            "publisher_id": one.to_int(),
            "dataset": str(one.dataset),
            "venue": str(one.venue),
            "description": one.description,
        }
        for one in Publisher
    ]


def fields(encoding: str) -> list[dict[str, str]]:
    """Fields of a bar, whatever its schema."""
    is_binary = encoding == "dbn"
    kinds = {name: RECORD[name].str.lstrip("<|") for name in RECORD.names or ()}
    return [
        {"name": name, "type": _C_TYPES[kind] if is_binary else _TEXT_TYPES[kind[0]]}
        for name, kind in kinds.items()
    ]


def conditions(
    folder: HistoryFolder, dataset: str, start: date, end: date
) -> list[dict[str, str | None]]:
    """Each UTC day of [start, end] with bars, and whether its quality is reduced."""
    degraded = set(folder.page(dataset).degraded)
    days: set[date] = set()
    for root in folder.roots(dataset):
        bars = folder.bars(dataset, root, "ohlcv-1d")
        times = [] if bars is None else np.unique(bars.frame["ts"].to_numpy()).tolist()
        days.update(day_of(one) for one in times)
    return [
        {
            "date": day.isoformat(),
            "condition": "degraded" if day in degraded else "available",
            "last_modified_date": day.isoformat(),
        }
        for day in sorted(days)
        if start <= day <= end
    ]
