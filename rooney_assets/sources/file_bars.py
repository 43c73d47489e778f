"""One series of files as raw_bars, with the rows that were set aside.

Belongs here: putting files of one series together, and the refusal of a series as a whole. Does
not belong here: finding files (`file_set.py`), cells (`file_table.py`, `file_times.py`), DBN
records (`dbn.py`, `dbn_names.py`), or the fault of one row (`rooney_core.market.quarantine`).
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import polars as pl

from rooney_assets.sources.dbn import decode_bars, open_store, schema_minutes
from rooney_assets.sources.dbn_names import name_contracts
from rooney_assets.sources.file_faults import CellFaults
from rooney_assets.sources.file_set import BarsFile, FileSet
from rooney_assets.sources.file_table import REQUIRED, read_cells, read_raw
from rooney_assets.sources.file_times import same_zone, session_dates, stated_edge, utc_times
from rooney_core.errors import BarsRejected, InputError, InvalidSetting
from rooney_core.market.bars import BARS_SCHEMA, in_slices
from rooney_core.market.calendar import HOURS, day_hours, session_labels
from rooney_core.market.contracts import parse_contract
from rooney_core.market.quarantine import is_in_order, set_aside

MAX_ASIDE_ROWS: Final = 20
MAX_ASIDE_SHARE: Final = 0.01
MAX_ASIDE_SHARE_OF_FEW: Final = 0.2
"""A series is refused when more of its rows would be set aside than the larger of 20 rows and 1 %,
or than 20 %: then not single rows are wrong, but the file. Cboe's own VIX history has 47 opens
outside [low, high] in 9,235 days (0.5 %), the latest in 2006."""

_SHOWN = 3
_COARSER: Final = {1: timedelta(hours=1), 60: timedelta(hours=23)}


@dataclass(frozen=True)
class Series:
    """Bars by (bar_start, contract), with the columns of raw_bars and perhaps `open_interest`.

    `n_rows` counts the rows of the files. `has_contracts` is False when nothing in the files tells
    one contract from another, so that all bars are of the symbol itself.
    """

    bars: pl.DataFrame
    quarantine: pl.DataFrame
    n_rows: int
    has_contracts: bool
    notes: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Part:
    """One file: its readable rows, those with a cell that is not, and how many it had."""

    file: BarsFile
    rows: pl.DataFrame
    broken: pl.DataFrame
    n_rows: int
    contract: str | None
    left_out: tuple[str, ...] = ()
    n_left_out: int = 0


def read_series(found: FileSet) -> Series:
    """The bars of the files, those that cannot be used set aside with their reasons.

    Raises InvalidSetting and BarsRejected for a file that cannot be read or contradicts its page,
    never for one row; `require_few_aside` judges how many there are.
    """
    parts = [_read(file, found.is_folder) for file in found.files]
    _require_apart(parts, found)
    symbol = found.files[0].instrument.symbol
    asides = [_quarantine_broken(part, symbol) for part in parts if part.broken.height]
    bars, aside = _set_aside(parts, symbol)
    columns = [name for name in ("open_interest",) if name in bars.columns]
    bars = bars.select(*(pl.col(name).cast(dtype) for name, dtype in BARS_SCHEMA.items()), *columns)
    quarantine = pl.concat([*asides, aside]) if asides else aside
    if found.files[0].kind == "CSV":
        quarantine = quarantine.with_columns(
            detail=pl.format("line {}: {}", pl.col("row") + 2, "detail")
        )
    return Series(
        bars,
        quarantine,
        sum(part.n_rows for part in parts),
        any(part.contract != symbol for part in parts),
        _notes(parts, found),
    )


def require_few_aside(series: Series, found: FileSet) -> None:
    """Raises BarsRejected when so many rows would be set aside that the files are not to be used.

    See `MAX_ASIDE_SHARE`. The error counts the reasons and shows the first rows.
    """
    n, of = series.quarantine.height, series.n_rows
    if n <= max(MAX_ASIDE_ROWS, MAX_ASIDE_SHARE * of) and n <= MAX_ASIDE_SHARE_OF_FEW * of:
        return
    shown = "; ".join(
        f"{row['origin']} row {row['row']} ({row['reason']}: {row['detail']})"
        for row in series.quarantine.head(_SHOWN).iter_rows(named=True)
    )
    counts = ", ".join(f"{reason} {count}" for reason, count in counts_by_reason(series).items())
    raise BarsRejected(
        f"{found.files[0].instrument.symbol}: {found.place}: {n} of {of} rows cannot be used "
        f"({counts}). First: {shown}. A series may have {MAX_ASIDE_ROWS} such rows or "
        f"{MAX_ASIDE_SHARE:.0%}, and never over {MAX_ASIDE_SHARE_OF_FEW:.0%}. Repair them at the "
        "source; numbers have a decimal point and no thousands separator."
    )


def counts_by_reason(series: Series) -> dict[str, int]:
    """How many rows each reason set aside, most first."""
    counts = series.quarantine["reason"].value_counts(sort=True)
    return dict(zip(counts["reason"].to_list(), counts["count"].to_list(), strict=True))


def require_session_days(found: FileSet) -> None:
    """Refuses daily DBN bars where a session is no UTC day; they can only be a witness."""
    file = found.files[0]
    is_daily_dbn = file.kind == "DBN" and file.instrument.bar_minutes == 1440
    if is_daily_dbn and HOURS[file.instrument.product_group].opens_day_before:
        raise file.refuse(
            "ohlcv-1d bars follow the UTC date, and sessions of "
            f"{file.instrument.product_group} open the evening before, so that each would mix two",
            "Download ohlcv-1h and set `bar_minutes: 60`",
        )


def require_bar_length(bars: pl.DataFrame, found: FileSet) -> None:
    """Bars that overlap, or are never closer than the next longer kind, are of another length."""
    file = found.files[0]
    minutes = file.instrument.bar_minutes
    one = bool((bars["contract"] == bars["contract"][0]).all())
    before = pl.col("bar_start").shift()
    gaps = pl.col("bar_start") - (before if one else before.over("contract"))
    gap = bars.select(gaps.alias("gap"))["gap"]
    overlap = (gap < timedelta(minutes=minutes)).arg_true()
    if len(overlap):
        raise file.refuse(
            f"{len(overlap)} bar(s) start before the one before them has ended (first: "
            f"{bars['bar_start'][overlap[0]]}), so they are not {minutes} minutes long",
            "Set `bar_minutes` in universe.yaml, or aggregate the file",
        )
    closest = gap.min()
    if (
        minutes in _COARSER
        and len(gap) > MAX_ASIDE_ROWS
        and closest
        and closest >= _COARSER[minutes]
    ):
        raise file.refuse(
            f"no two bars are closer than {closest}, so they are not {minutes} minutes long",
            "Set `bar_minutes` in universe.yaml to the length of the file's bars",
        )


def _read(file: BarsFile, in_folder: bool) -> _Part:
    return _read_dbn(file) if file.kind == "DBN" else _read_table(file, in_folder)


def _read_table(file: BarsFile, in_folder: bool) -> _Part:
    edge = stated_edge(file)
    slices = [_read_slice(part, raw, edge) for part, raw in read_raw(file)]
    whole = pl.concat([rows for rows, _ in slices])
    broken = pl.concat([rows for _, rows in slices], how="diagonal")
    n_rows = whole.height + broken.height
    contract = None
    if "contract" not in whole.columns:
        contract = _contract_of(file, whole, in_folder)
        whole, broken = (
            one.with_columns(contract=pl.lit(contract, pl.String)) for one in (whole, broken)
        )
    return _Part(file, whole, broken, n_rows, contract)


def _read_slice(file: BarsFile, raw: pl.DataFrame, edge: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that could be read, and the others."""
    faults = CellFaults()
    cells = read_cells(file, raw, faults)
    times = raw[file.facts.time_column]
    clock = (
        _session_clock(session_dates(times, file, faults), file)
        if edge == "session"
        else _bar_clock(utc_times(times, file, faults), edge, file)
    )
    row = pl.int_range(file.first_row, file.first_row + raw.height, eager=True).alias("row")
    rows = clock.hstack([*cells.get_columns(), row])
    required = [name for name in ("bar_start", *REQUIRED, "contract") if name in rows.columns]
    return faults.split(rows, raw, required)


def _contract_of(file: BarsFile, rows: pl.DataFrame, in_folder: bool) -> str:
    """The whole file's contract: its stem in a folder of contracts, otherwise the symbol."""
    instrument = file.instrument
    if not in_folder or not instrument.contract_months:
        return instrument.symbol
    stem = file.path.name.split(".")[0]
    try:
        on = rows["bar_start"].min()
        return parse_contract(stem.upper(), None if on is None else on.date()).name
    except InputError as error:
        raise file.refuse(
            f"the file has no column contract, and its name tells none ({error})",
            "Name each file of the folder after its contract, such as "
            f"{instrument.symbol}Z26{file.path.suffix}, or map the column that holds it: "
            "`columns: {contract: ...}` in universe.yaml",
        ) from None


def _read_dbn(file: BarsFile) -> _Part:
    _require_dbn_clock(file)
    file.require_readable()
    try:
        store = open_store(file.path)
        with closing(store.reader):
            minutes = schema_minutes(store)
            decoded = decode_bars(store).with_row_index("row")
            if decoded.is_empty():
                raise BarsRejected("the file holds no records. Download it again.")
            named = name_contracts(decoded, store, file.instrument)
    except BarsRejected as refused:
        raise BarsRejected(f"{file.instrument.symbol}: {file.path}: {refused}") from None
    _require_minutes(minutes, file)
    bars = named.bars.drop("instrument_id")
    times = bars["time"]
    clock = (
        _session_clock(times.dt.date(), file)
        if minutes == 1440
        else _bar_clock(times, "start", file)
    )
    rows = clock.hstack(bars.drop("time").get_columns()).with_columns(pl.col("row").cast(pl.Int64))
    return _Part(file, rows, rows.clear(), decoded.height, None, named.left_out, named.n_left_out)


def _require_dbn_clock(file: BarsFile) -> None:
    """A DBN file says itself what its columns and its clock are; a page may only agree."""
    facts = file.facts
    wrong = []
    if facts.time_zone is not None and not same_zone(facts.time_zone, "UTC"):
        wrong.append(f"`time_zone: {facts.time_zone}` (its times are UTC)")
    if facts.bar_edge not in (None, "start"):
        wrong.append(f"`bar_edge: {facts.bar_edge}` (its times are the start of each bar)")
    if facts.columns or facts.time_column != "ts_event":
        wrong.append("names of columns (it has its own)")
    if wrong:
        raise InvalidSetting(
            f"{file.instrument.symbol}: {file.path} is a DBN file, and universe.yaml states "
            f"{' and '.join(wrong)}. Remove that from the page."
        )


def _require_minutes(minutes: int, file: BarsFile) -> None:
    instrument = file.instrument
    if minutes != instrument.bar_minutes:
        raise file.refuse(
            f"its bars are {minutes} minutes long, but universe.yaml states "
            f"{instrument.bar_minutes}",
            "Set `bar_minutes` on its page, or name a file of that length",
        )


def _bar_clock(edge: pl.Series, bar_edge: str, file: BarsFile) -> pl.DataFrame:
    """bar_start, bar_end, session of rows whose time is an edge of the bar."""
    length = timedelta(minutes=file.instrument.bar_minutes)
    starts = (edge if bar_edge == "start" else edge - length).alias("bar_start")
    group = file.instrument.product_group
    sessions = in_slices(starts, lambda part: session_labels(part, group))
    return pl.DataFrame([starts, (starts + length).alias("bar_end"), sessions.alias("session")])


def _session_clock(dates: pl.Series, file: BarsFile) -> pl.DataFrame:
    """bar_start, bar_end, session of rows whose time is the date of a session."""
    # A vendor may keep a bank holiday apart: its bar and the next one must not begin together.
    hours = day_hours(dates, file.instrument.product_group)
    return hours.select(bar_start="opens", bar_end="closes", session="day")


def _quarantine_broken(part: _Part, symbol: str) -> pl.DataFrame:
    return set_aside(part.broken, symbol, part.file.origin)[1]


def _set_aside(parts: list[_Part], symbol: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Files are put together first, because a bar may be in two of them."""
    if len(parts) == 1:
        rows = parts[0].rows
    else:
        origins = pl.Enum([part.file.origin for part in parts])
        rows = pl.concat(
            [part.rows.with_columns(origin=pl.lit(part.file.origin, origins)) for part in parts],
            how="diagonal",
        )
    if not is_in_order(rows):
        rows = rows.sort("bar_start", "contract", maintain_order=True)
    good, aside = set_aside(rows, symbol, parts[0].file.origin)
    return good.with_columns(symbol=pl.lit(symbol), adjustment=pl.lit(0.0)), aside


def _require_apart(parts: list[_Part], found: FileSet) -> None:
    """One contract in two files, each of which is a whole contract: which is right?"""
    by_contract: dict[str, str] = {}
    for part in parts:
        if part.contract is None or part.contract == part.file.instrument.symbol:
            continue
        other = by_contract.setdefault(part.contract, part.file.path.name)
        if other != part.file.path.name:
            raise BarsRejected(
                f"{part.file.instrument.symbol}: {found.place}: {other} and {part.file.path.name} "
                f"are both of contract {part.contract}, and may differ. Keep one of them."
            )


def _notes(parts: list[_Part], found: FileSet) -> dict[str, str | int]:
    notes: dict[str, str | int] = {"files": len(parts)} if found.is_folder else {}
    n_left_out = sum(part.n_left_out for part in parts)
    if n_left_out:
        symbols = sorted({name for part in parts for name in part.left_out})
        notes["rows of spreads and weeklies left out"] = n_left_out
        notes["spreads and weeklies"] = ", ".join(symbols[:_SHOWN])
    if found.ignored:
        notes["files that are no bars"] = ", ".join(found.ignored[:_SHOWN])
    return notes
