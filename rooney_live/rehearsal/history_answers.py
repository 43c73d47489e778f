"""What the local Databento answers to each request, from a folder of bars.

Belongs here: the endpoints, by the vendor's rules. Does not belong here: symbols
(`history_symbology.py`), forms on the wire (`history_protocol.py`), or faults
(`history_faults.py`).

Prices of requests are made up: `USD_PER_GB` for the uncompressed bytes of the records, whatever
the schema, so that plans and limits can be tried. They say nothing about the vendor's prices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from databento.common.publishers import Dataset, Publisher

from rooney_core.errors import RooneyError
from rooney_live.rehearsal.history_catalogue import conditions, fields, publishers
from rooney_live.rehearsal.history_folder import RECORD, HistoryFolder, Records
from rooney_live.rehearsal.history_protocol import (
    Answer,
    Refusal,
    Selection,
    as_json,
    as_text,
    as_time,
    dbn_blocks,
    quality_warning,
    read_day,
    read_moment,
    resolution,
)
from rooney_live.rehearsal.history_symbology import (
    ALL_SYMBOLS,
    STYPES,
    Span,
    Symbology,
    day_of,
    midnight,
)

USD_PER_GB: Final = 100.0
"""The made-up price: USD for 1e9 bytes of records of 56 bytes."""

MAX_SYMBOLS: Final = 2_000
_DAY: Final = timedelta(days=1)
Params = Mapping[str, str]


class HistoryAnswers:
    """The service behind the server: one answer to each request. Not safe for threads."""

    def __init__(self, folder: Path, ends_us: Callable[[], int] | None = None) -> None:
        self._folder = HistoryFolder(folder)
        self._ends_us = ends_us
        self._symbologies: dict[str, Symbology] = {}
        self._is_empty = False
        self._endpoints: dict[str, Callable[[Params], Answer]] = {
            "timeseries.get_range": self._get_range,
            "metadata.get_record_count": lambda asked: as_json(len(self._select(asked).records)),
            "metadata.get_billable_size": lambda asked: as_json(_n_bytes(self._select(asked))),
            "metadata.get_cost": self._get_cost,
            "metadata.get_dataset_range": self._get_dataset_range,
            "metadata.list_datasets": lambda asked: as_json(self._datasets()),
            "metadata.list_publishers": lambda asked: as_json(publishers()),
            "metadata.list_schemas": lambda asked: as_json(
                list(self._folder.ranges(self._dataset(asked)))
            ),
            "metadata.list_fields": lambda asked: as_json(fields(_required(asked, "encoding"))),
            "metadata.list_unit_prices": self._list_unit_prices,
            "metadata.get_dataset_condition": self._get_dataset_condition,
            "symbology.resolve": self._resolve,
        }

    def answer(self, endpoint: str, asked: Params, is_empty: bool = False) -> Answer:
        """The answer to a request; a refusal is an answer too. `is_empty`: as if without bars."""
        known = self._endpoints.get(endpoint)
        self._is_empty = is_empty
        try:
            if known is None:
                raise Refusal(404, "not_found", f"{endpoint} is not served by the local Databento.")
            return known(asked)
        except Refusal as refusal:
            return refusal.answer()
        except RooneyError as error:
            return Refusal(500, "local_bars_unusable", str(error)).answer()

    def _get_range(self, asked: Params) -> Answer:
        selection = self._select(asked)
        first, last = day_of(selection.start_ns), day_of(selection.end_ns - 1)
        degraded = self._folder.page(selection.dataset).degraded
        told = [one.isoformat() for one in degraded if first <= one <= last]
        warning = quality_warning(told)
        return Answer(200, dbn_blocks(selection), "application/octet-stream", warning)

    def _get_cost(self, asked: Params) -> Answer:
        return as_json(_n_bytes(self._select(asked)) / 1e9 * USD_PER_GB)

    def _get_dataset_range(self, asked: Params) -> Answer:
        dataset = self._dataset(asked)
        ranges = self._folder.ranges(dataset)
        start, end = _widest(ranges)
        schemas = {
            name: {"start": as_time(midnight(first)), "end": as_time(self._end_ns(last))}
            for name, (first, last) in ranges.items()
        }
        whole = {"start": as_time(midnight(start)), "end": as_time(self._end_ns(end))}
        return as_json(whole | {"schema": schemas})

    def _list_unit_prices(self, asked: Params) -> Answer:
        prices = dict.fromkeys(self._folder.ranges(self._dataset(asked)), USD_PER_GB)
        modes = ("historical", "historical-streaming")
        return as_json([{"mode": mode, "unit_prices": prices} for mode in modes])

    def _get_dataset_condition(self, asked: Params) -> Answer:
        dataset = self._dataset(asked)
        start, end = _widest(self._folder.ranges(dataset))
        start = read_day(asked["start_date"], "start_date") if "start_date" in asked else start
        end = read_day(asked["end_date"], "end_date") if "end_date" in asked else end - _DAY
        return as_json(conditions(self._folder, dataset, start, end))

    def _resolve(self, asked: Params) -> Answer:
        dataset, stype_in = self._dataset(asked), _one_of(asked, "stype_in", STYPES)
        wanted = "raw_symbol" if stype_in == "instrument_id" else "instrument_id"
        if asked.get("stype_out", "instrument_id") != wanted:
            raise Refusal(
                422,
                "symbology_invalid_request",
                f"`{stype_in}` can be resolved to `{wanted}`, not to `{asked.get('stype_out')}`.",
            )
        start = read_day(_required(asked, "start_date"), "start_date")
        end = read_day(asked["end_date"], "end_date") if "end_date" in asked else start + _DAY
        if end <= start:
            raise Refusal(
                422, "data_time_range_start_on_or_after_end", f"{start} is not before {end}."
            )
        symbols = _symbols(asked)
        spans, partial, not_found = self._spans(dataset, symbols, stype_in, start, end)
        state = 2 if not spans else 1 if partial or not_found else 0
        return as_json(
            {
                "result": resolution(spans, stype_in),
                "symbols": list(symbols),
                "stype_in": stype_in,
                "stype_out": wanted,
                "start_date": start.isoformat(),
                "end_date": end.isoformat(),
                "partial": partial,
                "not_found": not_found,
                "message": ("OK", "Partially resolved", "Not found")[state],
                "status": state,
            }
        )

    def _select(self, asked: Params) -> Selection:
        dataset, schema = self._dataset(asked), _required(asked, "schema")
        ranges = self._folder.ranges(dataset)
        if schema not in ranges:
            raise Refusal(
                422,
                "data_schema_not_supported",
                f"{dataset} has no {schema} here; it has {', '.join(ranges)}.",
            )
        first_day, last_day = _widest(ranges)
        available = (midnight(first_day), self._end_ns(last_day))
        start, end = _time_range(asked, dataset, available)
        stype_in = _one_of(asked, "stype_in", STYPES)
        symbols = _symbols(asked)
        last = day_of(end - 1) + _DAY
        spans, partial, not_found = self._spans(dataset, symbols, stype_in, day_of(start), last)
        if not spans:
            raise Refusal(422, "symbology_invalid_request", _unresolved(stype_in, symbols))
        records = self._records(dataset, schema, spans, start, end)
        limit = int(asked["limit"]) if asked.get("limit") else None
        return Selection(
            *(dataset, schema, stype_in, symbols, start, end, limit),
            *(spans, partial, not_found, records[: 0 if self._is_empty else limit]),
        )

    def _spans(
        self, dataset: str, symbols: Sequence[str], stype_in: str, start: date, end: date
    ) -> tuple[list[Span], list[str], list[str]]:
        """What the symbols name in [start, end); which are not named on every day, and on none."""
        symbology = self._symbologies.setdefault(dataset, Symbology(self._folder, dataset))
        found: list[Span] = []
        partial, not_found = [], []
        for symbol in symbols:
            cut = (one.within(start, end) for one in symbology.spans(symbol, stype_in))
            of_symbol = [one for one in cut if one is not None]
            found += of_symbol
            if not of_symbol:
                not_found.append(symbol)
            elif symbol != ALL_SYMBOLS and not _covers(of_symbol, start, end):
                partial.append(symbol)
        return found, partial, not_found

    def _records(
        self, dataset: str, schema: str, spans: Sequence[Span], start: int, end: int
    ) -> Records:
        parts = []
        roots = {one.listing.root for one in spans}
        by_root = {root: self._folder.bars(dataset, root, schema) for root in roots}
        for one in spans:
            bars = by_root[one.listing.root]
            if bars is None or one.listing.name not in bars.records:
                continue
            rows = bars.records[one.listing.name]
            if one.is_chain:
                rows = bars.fronts[one.listing.name]
            first, last = max(start, one.from_ns), min(end, one.until_ns)
            low, high = np.searchsorted(rows["ts_event"], np.array([first, last], dtype="u8"))
            part = rows[low:high].copy()
            part["instrument_id"] = one.listing.instrument_id
            parts.append(part)
        joined = np.concatenate(parts) if parts else np.empty(0, dtype=RECORD)
        joined["publisher_id"] = _publisher(dataset)
        return _in_order(joined)

    def _end_ns(self, end: date) -> int:
        """Where the service ends: with the folder's last day, or the present."""
        last = midnight(end)
        return last if self._ends_us is None else min(last, self._ends_us() * 1_000)

    def _dataset(self, asked: Params) -> str:
        dataset = _required(asked, "dataset")
        if dataset not in self._datasets():
            raise Refusal(
                400,
                "validation_failed",
                f"Unknown dataset {dataset!r}; served are {', '.join(self._datasets())}.",
            )
        return dataset

    def _datasets(self) -> list[str]:
        return self._folder.datasets([str(one) for one in Dataset])


def _widest(ranges: Mapping[str, tuple[date, date]]) -> tuple[date, date]:
    return min(one[0] for one in ranges.values()), max(one[1] for one in ranges.values())


def _n_bytes(selection: Selection) -> int:
    return int(selection.records.nbytes)


def _time_range(asked: Params, dataset: str, available: tuple[int, int]) -> tuple[int, int]:
    """[start, end) in nanoseconds. Without `end`: up to the end of the unit that `start` names."""
    first, last = available
    start, end = first, last
    if "start" in asked:
        begun = read_moment(asked["start"], "start")
        start, end = begun.ns, begun.next_ns
    if "end" in asked:
        end = read_moment(asked["end"], "end").ns
    if end <= start:
        raise Refusal(
            422,
            "data_time_range_start_on_or_after_end",
            f"`start` ({as_text(start)}) is not before `end` ({as_text(end)}).",
        )
    if end > last:
        raise Refusal(
            422,
            "data_end_after_available_end",
            f"The dataset {dataset} has data available up to '{as_text(last)}'. The `end` in the "
            f"query ('{as_text(end)}') is after that; ask for an earlier `end`.",
        )
    if start < first:
        raise Refusal(
            422,
            "data_start_before_available_start",
            f"The dataset {dataset} has data available from '{as_text(first)}'. The `start` in the "
            f"query ('{as_text(start)}') is before that; ask for a later `start`.",
        )
    return start, end


def _required(asked: Params, name: str) -> str:
    if not asked.get(name):
        raise Refusal(422, "validation_failed", f"`{name}` is missing.")
    return asked[name]


def _one_of(asked: Params, name: str, allowed: Sequence[str]) -> str:
    value = asked.get(name, allowed[0])
    if value not in allowed:
        raise Refusal(
            422, "validation_failed", f"`{name}` is {value!r}; served are {', '.join(allowed)}."
        )
    return value


def _symbols(asked: Params) -> tuple[str, ...]:
    symbols = tuple(dict.fromkeys(_required(asked, "symbols").split(",")))
    if len(symbols) > MAX_SYMBOLS:
        raise Refusal(
            422, "symbology_invalid_request", f"{len(symbols)} symbols; {MAX_SYMBOLS} are allowed."
        )
    return symbols


def _unresolved(stype_in: str, symbols: Sequence[str]) -> str:
    if stype_in in ("parent", "continuous"):
        return f"Could not resolve smart symbols: {', '.join(symbols)}"
    return "None of the symbols could be resolved"


def _covers(spans: Sequence[Span], start: date, end: date) -> bool:
    """Whether the spans together name something on every day."""
    reached = start
    for one in sorted(spans, key=lambda one: one.start):
        if one.start > reached:
            return False
        reached = max(reached, one.end)
    return reached >= end


def _publisher(dataset: str) -> int:
    return next((one.to_int() for one in Publisher if str(one.dataset) == dataset), 0)


def _in_order(records: Records) -> Records:
    """By time, then instrument; what several symbols name, or a file repeats, is sent once."""
    order = np.lexsort((records["instrument_id"], records["ts_event"]))
    rows = records[order]
    if len(rows) > 1:
        same = (rows["ts_event"][1:] == rows["ts_event"][:-1]) & (
            rows["instrument_id"][1:] == rows["instrument_id"][:-1]
        )
        rows = rows[np.concatenate(([True], ~same))]
    return rows
