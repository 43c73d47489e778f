"""The user's own bars in a folder, as the local Databento serves them: records by contract.

Belongs here: finding files, reading them, and the schemas that follow from them. Does not belong
here: symbology (`history_symbology.py`), or anything that knows a request.

A folder holds one Parquet file a symbol, `<ROOT>.parquet` or the lake's `symbol=<ROOT>/
current.parquet`, also below `<schema>/`, `<DATASET>/` or `<DATASET>/<schema>/`. A file outside of a
dataset's folder is served in every dataset. Columns: `ts_event` or `bar_start` (UTC, start of the
bar), open, high, low, close, volume, and `contract` or `symbol` where there are several. Files are
read when they are asked for, kept, and read again when they change.

`datasets.yaml` beside them may say more: by name of a dataset, its `roots` (of the files outside of
its folder), the UTC day of its `start` and the day of its `end` (exclusive), and `degraded` days.
With it, no other dataset is served.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Final, TypeVar, cast

import numpy as np
import polars as pl
import yaml
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from rooney_core.errors import BarsRejected, InvalidSetting, MissingArtifact
from rooney_core.market.source_pages import Facts

BAR_NS: Final = {
    "ohlcv-1m": 60_000_000_000,
    "ohlcv-1h": 3_600_000_000_000,
    "ohlcv-1d": 86_400_000_000_000,
}
"""Nanoseconds of a bar by schema, finest first: all that is served."""

RTYPES: Final = {"ohlcv-1m": 33, "ohlcv-1h": 34, "ohlcv-1d": 35}
"""The vendor's record type by schema."""

RECORD: Final = np.dtype(
    [
        *(("length", "u1"), ("rtype", "u1"), ("publisher_id", "<u2"), ("instrument_id", "<u4")),
        *(("ts_event", "<u8"), ("open", "<i8"), ("high", "<i8"), ("low", "<i8"), ("close", "<i8")),
        ("volume", "<u8"),
    ]
)
"""One bar as the vendor sends it: 56 bytes, prices in 1e-9."""

IN_FRONT: Final = "in_front"
"""A column that makes a file a chain of front contracts: the continuous symbol is those bars."""

UNDEFINED_PRICE: Final = 2**63 - 1
EPOCH: Final = date(1970, 1, 1)
Records = NDArray[np.void]
Made = TypeVar("Made")

_PRICES: Final = ("open", "high", "low", "close")
_DATASET: Final = re.compile(r"[A-Z0-9]+\.[A-Z0-9]+")
_LENGTH_UNITS: Final = 4  # a record's own length is told in words of four bytes


@dataclass(frozen=True)
class BarFile:
    """Where the bars of one root are. None: every dataset; the schema that the bars have."""

    root: str
    path: Path
    dataset: str | None
    schema: str | None


class DatasetPage(Facts):
    """What datasets.yaml says of one dataset; days are UTC, `end` is exclusive."""

    roots: tuple[str, ...] | None = None
    start: date | None = None
    end: date | None = None
    degraded: tuple[date, ...] = ()


@dataclass(frozen=True)
class _Cover:
    """Schema of a file, and the UTC days of its bars; `end` is exclusive."""

    schema: str
    start: date
    end: date


@dataclass(frozen=True)
class RootBars:
    """Bars of one root and schema. `records` by contract, rising in time, instrument_id 0.

    `frame` has the same rows in time order: ts (Int64, ns), contract, prices and volume as
    integers, and open_interest and in_front where the file has them. `fronts`: of a chain, the
    records that are in front, by contract; empty for other files.
    """

    root: str
    schema: str
    frame: pl.DataFrame
    records: Mapping[str, Records]
    fronts: Mapping[str, Records] = field(default_factory=dict)


class HistoryFolder:
    """All bars below `path`. Raises MissingArtifact when there is no file of bars at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pages = _read_pages(path / "datasets.yaml")
        self._kept: dict[object, tuple[tuple[int, int], object]] = {}
        if not self._files():
            raise MissingArtifact(
                f"{path} holds no bars that could be served. One Parquet file a symbol is needed, "
                "such as ES.parquet, or GLBX.MDP3/ohlcv-1h/ES.parquet."
            )

    def datasets(self, known: Iterable[str]) -> list[str]:
        """Datasets with bars: those on a page or with a folder, or all `known` without such."""
        if self._pages is not None:
            return sorted(self._pages)
        named = {one.dataset for one in self._files()}
        everywhere = set(known) if None in named else set()
        return sorted(everywhere | {one for one in named if one is not None})

    def page(self, dataset: str) -> DatasetPage:
        """What is said of a dataset."""
        return (self._pages or {}).get(dataset, DatasetPage())

    def roots(self, dataset: str) -> list[str]:
        """Roots with bars in a dataset."""
        return sorted({one.root for one in self._of(dataset)})

    def bars(self, dataset: str, root: str, schema: str) -> RootBars | None:
        """Bars of a root, made from finer ones where there are no others; None: there are none."""
        found = {self._cover(one).schema: one for one in self._of(dataset) if one.root == root}
        for name in (one for one in reversed(BAR_NS) if BAR_NS[one] <= BAR_NS[schema]):
            if name in found:
                return self._served(found[name], schema, self.page(dataset))
        return None

    def ranges(self, dataset: str) -> dict[str, tuple[date, date]]:
        """UTC days of which there are bars, by schema, finest first; the second is exclusive."""
        page = self.page(dataset)
        found: dict[str, tuple[date, date]] = {}
        for cover in (self._cover(one) for one in self._of(dataset)):
            start, end = (
                max(cover.start, page.start or date.min),
                min(cover.end, page.end or date.max),
            )
            for schema in (one for one in BAR_NS if BAR_NS[one] >= BAR_NS[cover.schema]):
                if start < end:
                    before = found.get(schema, (start, end))
                    found[schema] = min(start, before[0]), max(end, before[1])
        return {schema: found[schema] for schema in BAR_NS if schema in found}

    def _of(self, dataset: str) -> list[BarFile]:
        own = [one for one in self._files() if one.dataset == dataset]
        named = {(one.root, one.schema) for one in own}
        roots = self.page(dataset).roots
        shared = [
            one
            for one in self._files()
            if one.dataset is None and (roots is None or one.root in roots)
        ]
        return own + [one for one in shared if (one.root, one.schema) not in named]

    def _files(self) -> list[BarFile]:
        paths = sorted(self.path.rglob("*.parquet"))
        found = (_bar_file(path, path.relative_to(self.path).parts) for path in paths)
        return [one for one in found if one is not None]

    def _cover(self, file: BarFile) -> _Cover:
        """Read of the times alone, so that what is never asked for is never loaded."""
        return self._kept_or(file, (file.path, "cover"), _cover)

    def _served(self, file: BarFile, schema: str, page: DatasetPage) -> RootBars | None:
        """In a schema, and only the days of the dataset."""
        bounds = (page.start, page.end)
        native = self._kept_or(file, (file.path, "bars"), read_bars)
        if native.schema == schema and bounds == (None, None):
            return native
        return self._kept_or(
            file,
            (file.path, schema, *bounds),
            lambda _: _within(_aggregated(native, schema), *bounds),
        )

    def _kept_or(self, file: BarFile, key: object, make: Callable[[BarFile], Made]) -> Made:
        """What was made of a file before, or made now when the file is another since."""
        facts = file.path.stat()
        state = (facts.st_mtime_ns, facts.st_size)
        kept = self._kept.get(key)
        if kept is None or kept[0] != state:
            kept = self._kept[key] = (state, make(file))
        return cast(Made, kept[1])


def read_bars(file: BarFile) -> RootBars:
    """Read one file of bars. Raises BarsRejected for a missing column, no rows or a naive time."""
    table = _scan(file)
    names = table.collect_schema().names()
    contract = next((one for one in ("contract", "symbol") if one in names), None)
    frame = table.select(
        _start(names).dt.timestamp("ns").alias("ts"),
        (pl.lit(file.root) if contract is None else pl.col(contract)).alias("contract"),
        *(_fixed(name) for name in _PRICES),
        pl.col("volume").fill_null(0).cast(pl.Int64),
        *([pl.col("open_interest").cast(pl.Int64)] if "open_interest" in names else []),
        *([pl.col(IN_FRONT)] if IN_FRONT in names else []),
    )
    rows = _collected(frame.sort("ts", "contract", maintain_order=True), file)
    return _root_bars(file.root, file.schema or _schema_of(rows["ts"]), rows)


def _cover(file: BarFile) -> _Cover:
    table = _scan(file)
    start = _start(table.collect_schema().names()).dt.timestamp("ns").alias("ts")
    times = _collected(table.select(start), file)["ts"]
    if times.is_empty():
        raise BarsRejected(f"{file.path} cannot be served: it has no rows.")
    days = (times // BAR_NS["ohlcv-1d"]).to_numpy()
    first, last = (EPOCH + timedelta(days=int(one)) for one in (days.min(), days.max()))
    return _Cover(file.schema or _schema_of(times), first, last + timedelta(days=1))


def _scan(file: BarFile) -> pl.LazyFrame:
    """The table, when its columns are those of bars."""
    try:
        table = pl.scan_parquet(file.path, hive_partitioning=False)
        types = table.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BarsRejected(f"{file.path} cannot be read as Parquet: {error}.") from None
    time = _start(types.names()).meta.output_name()
    lacking = [one for one in (time, *_PRICES, "volume") if one not in types]
    if lacking:
        raise BarsRejected(
            f"{file.path} cannot be served: {', '.join(lacking)} missing; needed are "
            "ts_event or bar_start, open, high, low, close and volume."
        )
    kind = types[time]
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        raise BarsRejected(
            f"{file.path}: {time} has type {kind}; a time with a zone is needed, since a bar's "
            "start is UTC. Convert it first."
        )
    return table


def _collected(table: pl.LazyFrame, file: BarFile) -> pl.DataFrame:
    try:
        return table.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise BarsRejected(f"{file.path} cannot be read as bars: {error}.") from None


def _start(names: Iterable[str]) -> pl.Expr:
    return pl.col("bar_start" if "bar_start" in names else "ts_event")


def _bar_file(path: Path, parts: tuple[str, ...]) -> BarFile | None:
    """What a path says; None for a file in a folder that means nothing here."""
    *folders, name = parts
    root = name.removesuffix(".parquet")
    if folders and folders[-1].startswith("symbol="):
        root = folders.pop().removeprefix("symbol=")
    dataset = folders.pop(0) if folders and _DATASET.fullmatch(folders[0]) else None
    schema = folders.pop(0) if folders and folders[0] in BAR_NS else None
    return None if folders else BarFile(root, path, dataset, schema)


def _fixed(name: str) -> pl.Expr:
    """A price as the vendor writes it: whole billionths; what is no number is undefined."""
    price = pl.col(name).cast(pl.Float64)
    known = pl.when(price.is_finite()).then((price * 1e9).round())
    return known.cast(pl.Int64).fill_null(UNDEFINED_PRICE).alias(name)


def _schema_of(times: pl.Series) -> str:
    """The coarsest schema on whose grid every bar starts."""
    for schema in reversed(BAR_NS):
        if bool((times % BAR_NS[schema] == 0).all()):
            return schema
    return "ohlcv-1m"


def _root_bars(root: str, schema: str, frame: pl.DataFrame) -> RootBars:
    records = {
        str(part["contract"][0]): _records(part, schema)
        for part in frame.partition_by("contract", maintain_order=True)
    }
    if IN_FRONT not in frame.columns:
        return RootBars(root, schema, frame, records)
    fronts = {
        str(part["contract"][0]): _records(part, schema)
        for part in frame.filter(IN_FRONT).partition_by("contract", maintain_order=True)
    }
    return RootBars(root, schema, frame, records, fronts)


def _records(frame: pl.DataFrame, schema: str) -> Records:
    made = np.zeros(frame.height, dtype=RECORD)
    made["length"] = RECORD.itemsize // _LENGTH_UNITS
    made["rtype"] = RTYPES[schema]
    made["ts_event"] = frame["ts"].to_numpy()
    for name in (*_PRICES, "volume"):
        made[name] = frame[name].to_numpy()
    return made


def _aggregated(bars: RootBars, schema: str) -> RootBars:
    """Coarser bars, by the UTC clock: a day begins at 00:00 UTC, whatever the session."""
    if bars.schema == schema:
        return bars
    length = BAR_NS[schema]
    kept = [pl.col("open_interest").last()] if "open_interest" in bars.frame.columns else []
    frame = (
        bars.frame.group_by((pl.col("ts") // length * length).alias("ts"), "contract")
        .agg(
            *(pl.col("open").first(), pl.col("high").max(), pl.col("low").min()),
            *(pl.col("close").last(), pl.col("volume").sum(), *kept),
        )
        .sort("ts", "contract")
    )
    return _root_bars(bars.root, schema, frame)


def _within(bars: RootBars, start: date | None, end: date | None) -> RootBars | None:
    """Bars that start in [start, end); None when there are none."""
    day = pl.from_epoch(pl.col("ts"), "ns").dt.date()
    frame = bars.frame.filter(day >= (start or date.min), day < (end or date.max))
    return None if frame.is_empty() else _root_bars(bars.root, bars.schema, frame)


def _read_pages(path: Path) -> dict[str, DatasetPage] | None:
    if not path.is_file():
        return None
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return TypeAdapter(dict[str, DatasetPage]).validate_python(document)
    except (yaml.YAMLError, ValidationError) as error:
        raise InvalidSetting(
            f"{path} says nothing usable of datasets: {error}. Needed is NAME: {{roots: [ES], "
            "start: 2010-06-06, end: 2026-01-01, degraded: [2020-04-20]}}, all optional."
        ) from None
