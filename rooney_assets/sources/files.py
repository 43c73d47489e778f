"""A folder of Parquet and CSV files as a source of bars.

Belongs here: finding an instrument's file and bringing its rows into raw_bars. Does not belong
here: reading a file's cells (`file_table.py`), or turning its clock into UTC (`file_times.py`).

A file has one row per bar (and contract), and needs a time column, open, high, low, close and
volume; `contract` is optional, and without it the whole file is one contract named like the
symbol, so that nothing rolls. The time column is named by `time_column` of universe.yaml, the
others may be renamed by `columns` there. Every other column is ignored, `adj close` and
`adjustment` among them: raw_bars holds prices as they were traded. Rows may come in any order.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import polars as pl

from rooney_assets.sources import Reading, Witnesses
from rooney_assets.sources.file_table import ENDINGS, PRICES, BarsFile, read_table
from rooney_assets.sources.file_times import session_dates, utc_times
from rooney_core.errors import BarsRejected, InvalidSetting, MissingArtifact
from rooney_core.market.bars import BARS_SCHEMA, validate_bars
from rooney_core.market.calendar import session_hours, session_labels
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.source_pages import FileFacts

MAX_LEFT_OUT: Final = 0.01
"""Share of a daily reference series' rows that may be left out because open or close lies outside
[low, high]. Cboe's own VIX history has 47 such opens in 9,235 days (0.5 %), the latest in 2006. A
reference only informs features, so a missing session is honest: the feature is null. A tradable
symbol gets no such tolerance, because its opens are fills."""


@dataclass(frozen=True)
class FileSource:
    """Bars from `folder`: `<folder>/<path>` of universe.yaml, or flat `<folder>/<SYMBOL>`."""

    folder: Path

    @property
    def name(self) -> str:
        """`files`."""
        return "files"

    @property
    def is_simulated(self) -> bool:
        """False: what is in the files is the user's word."""
        return False

    def offers(self, universe: Universe) -> Universe:
        """Instruments with a `files` page; a file that is missing is told when it is read.

        It does not drop out silently: a reference that vanished would change every model.
        """
        return universe.offered_by(self.name)

    def fingerprint(self, instrument: Instrument) -> str:
        """sha256 over the file's content and the facts by which it is read, not over its place."""
        file = self._file(instrument)
        facts = instrument.model_dump_json(include=_FACTS)
        digest = hashlib.sha256(facts.encode())
        digest.update(file.facts.model_dump_json(exclude={"path"}).encode())
        digest.update(file.content())
        return digest.hexdigest()

    def read(self, instrument: Instrument) -> Reading:
        """Validated raw_bars of the instrument's file.

        `bar_edge` start: bar_end = bar_start + bar_minutes; end: the other way round, and both are
        labelled by the calendar. `session`: each row is that session's one bar, from its scheduled
        open to its scheduled close; a date without a scheduled session gets the ordinary hours.
        Rows of a daily reference are left out up to `MAX_LEFT_OUT`, and counted in the notes.
        Raises InvalidSetting, MissingArtifact or BarsRejected, naming the file.
        """
        file = self._file(instrument)
        table = read_table(file)
        by_session = file.facts.bar_edge == "session"
        bars = _by_session(table, file) if by_session else _by_clock(table, file)
        bars = (
            bars.with_columns(symbol=pl.lit(instrument.symbol), adjustment=pl.lit(0.0))
            .select(pl.col(name).cast(dtype) for name, dtype in BARS_SCHEMA.items())
            .sort("bar_start", "contract", maintain_order=True)
        )
        bars, notes = _leave_out(bars, file) if by_session else (bars, {})
        try:
            validate_bars(bars, instrument)
        except BarsRejected as refused:
            raise BarsRejected(f"{file.path}: {refused}") from None
        if not by_session:
            _require_bar_length(bars, file)
        return Reading(bars, notes)

    def raw_bars(self, instrument: Instrument) -> pl.DataFrame:
        """The bars of `read` alone."""
        return self.read(instrument).bars

    def witnesses(self, instrument: Instrument) -> Witnesses:
        """The series that the page names below `witnesses`."""
        return Witnesses()

    def _file(self, instrument: Instrument) -> BarsFile:
        facts = instrument.sources.files
        if facts is None:
            raise InvalidSetting(
                f"{instrument.symbol} has no page `files` below `sources` in universe.yaml, which "
                "says where its file is and what its clock means. Add one, or choose another "
                "ROONEY_SOURCE for it."
            )
        tried = self._candidates(instrument.symbol, facts)
        found = [path for path in tried if path.is_file()]
        if not found:
            raise MissingArtifact(
                f"{instrument.symbol}: no file of bars. Tried {', '.join(map(str, tried))}. Put "
                "one there, correct `path` in universe.yaml, or remove the entry."
            )
        if len(found) > 1:
            raise BarsRejected(
                f"{instrument.symbol}: {' and '.join(map(str, found))} could both be meant, and "
                "may differ. Keep one of them."
            )
        return BarsFile(found[0], instrument, facts)

    def _candidates(self, symbol: str, facts: FileFacts) -> list[Path]:
        """Paths to try, each once, the one that universe.yaml names first."""
        stated = [facts.path]
        if Path(facts.path).suffix.lower() not in ENDINGS:
            stated = [facts.path + ending for ending in ENDINGS]
        flat = [symbol + ending for ending in ENDINGS]
        return list(dict.fromkeys(self.folder / name for name in (*stated, *flat)))


# What else decides how a file is read; costs, names and roles change no bar.
_FACTS = {"symbol", "product_group", "bar_minutes", "role"}


def _by_clock(table: pl.DataFrame, file: BarsFile) -> pl.DataFrame:
    """Adds bar_start, bar_end, session to rows whose time is an edge of the bar."""
    length = timedelta(minutes=file.instrument.bar_minutes)
    edge = utc_times(table["time"], file)
    starts = edge if file.facts.bar_edge == "start" else edge - length
    return table.with_columns(
        bar_start=starts,
        bar_end=starts + length,
        session=session_labels(starts, file.instrument.product_group),
    )


def _by_session(table: pl.DataFrame, file: BarsFile) -> pl.DataFrame:
    """Adds bar_start, bar_end, session to rows whose time is the date of a session."""
    dates = session_dates(table["time"], file)
    hours = session_hours(dates, file.instrument.product_group)
    return table.with_columns(
        bar_start=hours["session_open"], bar_end=hours["session_close"], session=hours["session"]
    )


def _leave_out(bars: pl.DataFrame, file: BarsFile) -> tuple[pl.DataFrame, dict[str, str | int]]:
    if file.instrument.role != "reference":
        return bars, {}
    body_out = pl.any_horizontal(
        ~pl.col(name).is_between(pl.col("low"), pl.col("high")) for name in ("open", "close")
    )
    # A high below the low, or a NaN, is worse than a bad print: validate_bars refuses the file.
    whole = pl.all_horizontal(pl.col(*PRICES).is_finite()) & (pl.col("high") >= pl.col("low"))
    faulty = bars.filter(body_out & whole)
    if faulty.is_empty() or faulty.height > MAX_LEFT_OUT * bars.height:
        return bars, {}
    days = faulty["session"].dt.to_string()
    return bars.join(faulty, on=["bar_start", "contract"], how="anti", maintain_order="left"), {
        "rows left out": faulty.height,
        "why left out": "open or close outside [low, high] in a daily reference series",
        "sessions left out": ", ".join(days),
    }


def _require_bar_length(bars: pl.DataFrame, file: BarsFile) -> None:
    """Bars that overlap are of another length than stated: minutes read as hours, for example."""
    overlap = pl.col("bar_start") < pl.col("bar_end").shift().over("contract")
    found = bars.filter(overlap)
    if not found.is_empty():
        raise file.refuse(
            f"{found.height} bar(s) start before the one before them has ended (first: "
            f"{found['bar_start'][0]}), so they are not {file.instrument.bar_minutes} minutes long",
            "Set `bar_minutes` in universe.yaml, or aggregate the file",
        )
