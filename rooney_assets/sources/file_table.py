"""Reading the cells of one Parquet or CSV file of bars, and words for what is wrong with them.

Belongs here: Parquet and CSV, column names, and numbers. Does not belong here: time zones
(`file_times.py`), DBN (`dbn.py`), or whether a price is possible (`rooney_core.market.quarantine`).
"""

from __future__ import annotations

import difflib
import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import IO, Final

import polars as pl

from rooney_assets.sources.file_faults import CellFaults
from rooney_assets.sources.file_set import BarsFile
from rooney_core.errors import BarsRejected, InvalidSetting

PRICES: Final = ("open", "high", "low", "close")
REQUIRED: Final = (*PRICES, "volume")
OPTIONAL: Final = ("contract", "open_interest")
_SHOWN = 3
_SLICE_BYTES: Final = 32 * 2**20
_MOST: Final = 2.0**53


def read_raw(file: BarsFile) -> Iterator[tuple[BarsFile, pl.DataFrame]]:
    """The file's columns as they are, in one slice or, of a long CSV, in several.

    All of a CSV, as text, and of Parquet those that are needed. Each slice comes with the file as
    it begins there (`first_row`). Raises BarsRejected for a file that is not what its ending says,
    is empty, lacks a column or has it twice, or holds several symbols of which none is said to be
    a contract; and InvalidSetting for a mapping of a column that does not exist here.
    """
    mapping = _stated_columns(file)
    file.require_readable()
    slices = _read_csv(file) if file.kind == "CSV" else iter([_read_parquet(file, mapping)])
    n_rows, symbols = 0, pl.Series(dtype=pl.String)
    for raw in slices:
        _require_columns(mapping, raw.columns, file)
        if raw.is_empty():
            raise file.refuse("the file is empty: it has columns, but no rows", "Export it again")
        if "symbol" in raw.columns and "contract" not in column_names(file, raw):
            symbols = symbols.append(raw["symbol"].cast(pl.String)).unique(maintain_order=True)
            _require_one_series(symbols, file)
        yield replace(file, first_row=n_rows), raw
        n_rows += raw.height


def column_names(file: BarsFile, raw: pl.DataFrame) -> dict[str, str]:
    """Our names to the file's; contract and open_interest only when they are mapped or there."""
    found = {name: name for name in OPTIONAL if name in raw.columns}
    return {**found, **_stated_columns(file)}


def read_cells(file: BarsFile, raw: pl.DataFrame, faults: CellFaults) -> pl.DataFrame:
    """Columns open high low close (Float64), volume (Int64), and contract and open_interest if any.

    Rows stay in the file's order; a cell that cannot be read is null and noted in `faults`. Raises
    BarsRejected for a column that cannot hold numbers.
    """
    columns = column_names(file, raw)
    read = {name: _number(raw[columns[name]], file, faults) for name in PRICES}
    for name in ("volume", "open_interest"):
        if name in columns:
            read[name] = _whole_number(raw[columns[name]], file, faults)
    if "contract" in columns:
        read["contract"] = raw[columns["contract"]].cast(pl.String)
    return pl.DataFrame(read)


def _stated_columns(file: BarsFile) -> dict[str, str]:
    """Our names to the file's, as universe.yaml maps them, without the optional ones."""
    allowed = (*REQUIRED, *OPTIONAL)
    for name in file.facts.columns:
        if name not in allowed:
            raise InvalidSetting(
                f"{file.instrument.symbol}: `columns` in universe.yaml maps {name!r}; allowed are "
                f"{', '.join(allowed)}, each to a column of the file. The time column is named by "
                "`time_column`."
            )
    return {
        **{name: name for name in REQUIRED},
        **file.facts.columns,
        "time": file.facts.time_column,
    }


def _read_csv(file: BarsFile) -> Iterator[pl.DataFrame]:
    is_packed = file.path.suffix.lower() == ".gz"
    try:
        with gzip.open(file.path) if is_packed else file.path.open("rb") as opened:
            for content in _csv_slices(opened):
                content.decode("utf-8")
                # As text, so that a cell that is no number can be shown with its line.
                yield pl.read_csv(content, infer_schema=False)
    except UnicodeDecodeError as error:
        raise _unreadable("CSV", f"byte {error.start} is not UTF-8", file) from None
    except pl.exceptions.PolarsError as error:
        raise _unreadable("CSV", str(error), file) from None
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable("gzip" if is_packed else "CSV", str(error), file) from None


def _csv_slices(opened: IO[bytes]) -> Iterator[bytes]:
    """The header with a part of the lines, as often as needed; the header alone if there are none.

    Text takes four times the memory of numbers, so that a long file is read bit by bit.
    """
    header = opened.readline()
    part = opened.read(_SLICE_BYTES)
    while True:
        part += opened.readline()
        # A line may end within a quoted cell.
        while part.count(b'"') % 2 and (line := opened.readline()):
            part += line
        yield header + part
        part = opened.read(_SLICE_BYTES)
        if not part:
            return


def _read_parquet(file: BarsFile, mapping: Mapping[str, str]) -> pl.DataFrame:
    # By pyarrow, because a damaged page makes polars' own reader abort the whole process; imported
    # here, because most commands read no Parquet of a user's.
    import pyarrow as pa
    from pyarrow import parquet

    wanted = {*mapping.values(), *OPTIONAL, "symbol"}
    try:
        with file.path.open("rb") as opened:
            whole = parquet.ParquetFile(opened, page_checksum_verification=True)
            names = whole.schema_arrow.names
            _require_columns(mapping, names, file)
            table = whole.read(columns=[name for name in names if name in wanted])
        frame = pl.from_arrow(table)
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise _unreadable("Parquet", str(error), file) from None
    assert isinstance(frame, pl.DataFrame)
    return frame


def _unreadable(kind: str, reason: str, file: BarsFile) -> BarsRejected:
    first = (reason.strip().splitlines() or ["no reason was given"])[0]
    return file.refuse(f"not a readable {kind} file ({first})", f"Export it again as {kind}")


def _require_columns(columns: Mapping[str, str], arrived: list[str], file: BarsFile) -> None:
    missing = {name: theirs for name, theirs in columns.items() if theirs not in arrived}
    if missing:
        listed = ", ".join(repr(theirs) for theirs in missing.values())
        raise file.refuse(
            f"column(s) {listed} missing; {', '.join(arrived)} arrived",
            _did_you_mean(missing, arrived, columns),
        )
    # polars renames the second of two equal CSV headers; which of them is meant is not ours to say.
    twice = [
        theirs
        for theirs in columns.values()
        if f"{theirs}_duplicated_0" in arrived or arrived.count(theirs) > 1
    ]
    if twice:
        raise file.refuse(f"column(s) {', '.join(twice)} arrived twice", "Keep one of them")


def _did_you_mean(missing: Mapping[str, str], arrived: list[str], used: Mapping[str, str]) -> str:
    free = {name.strip().lower(): name for name in arrived if name not in used.values()}
    hints = []
    for ours, theirs in missing.items():
        near = difflib.get_close_matches(theirs.lower(), free, n=1, cutoff=0.6)
        if near and ours == "time":
            hints.append(f"time_column: {free[near[0]]}")
        elif near:
            hints.append(f"columns: {{{ours}: {free[near[0]]}}}")
    if hints:
        return f"Did you mean `{'` and `'.join(hints)}` in universe.yaml"
    return "Name the file's columns by `time_column` and `columns` in universe.yaml"


def _require_one_series(symbols: pl.Series, file: BarsFile) -> None:
    """Several symbols in one file are several series; which row is ours must be said."""
    if len(symbols) <= 1:
        return
    shown = ", ".join(map(str, symbols.head(_SHOWN)))
    raise file.refuse(
        f"column symbol holds {len(symbols)} names ({shown}, ...), and there is no column contract",
        "If they are contracts of one instrument, set `columns: {contract: symbol}` in "
        "universe.yaml; otherwise split the file",
    )


def _number(cells: pl.Series, file: BarsFile, faults: CellFaults) -> pl.Series:
    if cells.dtype == pl.String:
        text = cells.str.strip_chars()
        numbers = text.cast(pl.Float64, strict=False)
        faults.note(numbers.is_null() & (text != ""), cells, "is not a number")
        return numbers
    # A column that is empty throughout has no type of its own.
    if cells.dtype.is_numeric() or cells.dtype == pl.Null:
        return cells.cast(pl.Float64)
    raise file.refuse(
        f"column {cells.name!r} has type {cells.dtype}; a number is needed",
        "Map the right column in `columns` of universe.yaml",
    )


def _whole_number(cells: pl.Series, file: BarsFile, faults: CellFaults) -> pl.Series:
    if cells.dtype.is_signed_integer():
        return cells.cast(pl.Int64)
    numbers = _number(cells, file, faults)
    wrong = ~numbers.is_finite() | (numbers != numbers.round()) | (numbers.abs() > _MOST)
    faults.note(wrong, cells, "is not a whole number of contracts")
    return pl.select(pl.when(~wrong).then(numbers)).to_series().cast(pl.Int64)
