"""Reading the cells of one file of bars, and words for what is wrong with them.

Belongs here: Parquet and CSV, column names, and numbers. Does not belong here: time zones
(`file_times.py`), or whether a price is possible (`rooney_core.market.bars`).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from rooney_core.errors import BarsRejected, InvalidSetting
from rooney_core.market.instruments import Instrument
from rooney_core.market.source_pages import FileFacts

ENDINGS: Final = (".parquet", ".csv")
PRICES: Final = ("open", "high", "low", "close")
REQUIRED: Final = (*PRICES, "volume")
_SHOWN = 3


@dataclass(frozen=True)
class BarsFile:
    """One file, whose bars it holds, and what universe.yaml says about it."""

    path: Path
    instrument: Instrument
    facts: FileFacts

    @property
    def is_csv(self) -> bool:
        """True for .csv, in any case; otherwise the file is Parquet."""
        return self.path.suffix.lower() == ".csv"

    def content(self) -> bytes:
        """The file's bytes. Raises BarsRejected when the system refuses them."""
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise self.refuse(error.strerror or "not readable", "Make it readable") from None

    def row(self, index: int) -> str:
        """How a reader finds a row: the line of a CSV (header is line 1), or a row from 0 on."""
        return f"line {index + 2}" if self.is_csv else f"row {index}"

    def refuse(self, fault: str, advice: str) -> BarsRejected:
        """The error that says which file, what arrived and what to do."""
        return BarsRejected(f"{self.instrument.symbol}: {self.path}: {fault}. {advice}.")


def read_table(file: BarsFile) -> pl.DataFrame:
    """Columns time (as it is in the file), open high low close (Float64), volume (Int64), contract.

    Rows stay in the file's order. Raises BarsRejected for a file that is not what its ending says,
    is empty, lacks a column or has it twice, or holds something that is not a number; and
    InvalidSetting for a mapping of a column that does not exist here.
    """
    columns = _mapping(file)
    raw = _read(file)
    _require_columns(columns, raw, file)
    if raw.is_empty():
        raise file.refuse("the file is empty: it has columns, but no rows", "Export it again")
    _require_one_series(columns, raw, file)
    contract = columns.get("contract")
    symbol = pl.repeat(file.instrument.symbol, raw.height, dtype=pl.String, eager=True)
    return pl.DataFrame(
        {
            "time": raw[columns["time"]],
            **{name: _number(raw[columns[name]], file) for name in PRICES},
            "volume": _whole_number(raw[columns["volume"]], file),
            "contract": raw[contract].cast(pl.String) if contract else symbol,
        }
    )


def _mapping(file: BarsFile) -> dict[str, str]:
    """Our names to the file's; `contract` stays only when it is mapped or in the file."""
    allowed = (*REQUIRED, "contract")
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


def _read(file: BarsFile) -> pl.DataFrame:
    content = file.content()
    if not content:
        raise file.refuse("the file is empty: 0 bytes arrived", "Export it again")
    return _read_csv(content, file) if file.is_csv else _read_parquet(content, file)


def _read_csv(content: bytes, file: BarsFile) -> pl.DataFrame:
    try:
        content.decode("utf-8")
        # As text, so that a cell that is no number can be shown with its line.
        return pl.read_csv(content, infer_schema=False)
    except UnicodeDecodeError as error:
        raise _unreadable("CSV", f"byte {error.start} is not UTF-8", file) from None
    except pl.exceptions.PolarsError as error:
        raise _unreadable("CSV", str(error), file) from None


def _read_parquet(content: bytes, file: BarsFile) -> pl.DataFrame:
    # By pyarrow, because a damaged page makes polars' own reader abort the whole process; imported
    # here, because most commands read no Parquet of a user's.
    import pyarrow as pa
    from pyarrow import parquet

    try:
        table = parquet.read_table(pa.BufferReader(content), page_checksum_verification=True)
        frame = pl.from_arrow(table)
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise _unreadable("Parquet", str(error), file) from None
    assert isinstance(frame, pl.DataFrame)
    return frame


def _unreadable(kind: str, reason: str, file: BarsFile) -> BarsRejected:
    first = reason.strip().splitlines()[0]
    return file.refuse(f"not a readable {kind} file ({first})", f"Export it again as {kind}")


def _require_columns(columns: dict[str, str], raw: pl.DataFrame, file: BarsFile) -> None:
    if "contract" not in columns and "contract" in raw.columns:
        columns["contract"] = "contract"
    missing = {name: theirs for name, theirs in columns.items() if theirs not in raw.columns}
    if missing:
        listed = ", ".join(repr(theirs) for theirs in missing.values())
        raise file.refuse(
            f"column(s) {listed} missing; {', '.join(raw.columns)} arrived",
            _did_you_mean(missing, raw.columns, columns),
        )
    # polars renames the second of two equal CSV headers; which of them is meant is not ours to say.
    twice = [theirs for theirs in columns.values() if f"{theirs}_duplicated_0" in raw.columns]
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


def _require_one_series(columns: Mapping[str, str], raw: pl.DataFrame, file: BarsFile) -> None:
    """Several symbols in one file are several series; which row is ours must be said."""
    if "contract" in columns or "symbol" not in raw.columns or raw["symbol"].n_unique() == 1:
        return
    shown = ", ".join(map(str, raw["symbol"].unique(maintain_order=True).head(_SHOWN)))
    raise file.refuse(
        f"column symbol holds {raw['symbol'].n_unique()} names ({shown}, ...), and there is no "
        "column contract",
        "If they are contracts of one instrument, set `columns: {contract: symbol}` in "
        "universe.yaml; otherwise split the file",
    )


def _number(cells: pl.Series, file: BarsFile) -> pl.Series:
    if cells.dtype == pl.String:
        text = cells.str.strip_chars()
        numbers = text.cast(pl.Float64, strict=False)
    elif cells.dtype.is_numeric():
        numbers = cells.cast(pl.Float64)
    else:
        raise file.refuse(
            f"column {cells.name!r} has type {cells.dtype}; a number is needed",
            "Map the right column in `columns` of universe.yaml",
        )
    _require_all(numbers.is_null(), cells, "is not a number", file)
    return numbers


def _whole_number(cells: pl.Series, file: BarsFile) -> pl.Series:
    numbers = _number(cells, file)
    fraction = ~numbers.is_finite() | (numbers != numbers.round())
    _require_all(fraction, cells, "is not a whole number of contracts", file)
    return numbers.cast(pl.Int64)


def _require_all(bad: pl.Series, cells: pl.Series, fault: str, file: BarsFile) -> None:
    rows = bad.arg_true()
    if rows.is_empty():
        return
    shown = "; ".join(f"{file.row(i)}: {cells[i]!r}" for i in rows.head(_SHOWN))
    raise file.refuse(
        f"column {cells.name!r} {fault} in {len(rows)} row(s): {shown}",
        "Repair or drop those rows; numbers have a decimal point and no thousands separator",
    )
