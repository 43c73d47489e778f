"""A folder of Parquet, CSV and DBN files as a source of bars.

Belongs here: an instrument's series and its witnesses, as the source protocol wants them. Does not
belong here: how files are found (`file_set.py`) and read (`file_bars.py`).

A series is one file, or a folder of files of one kind: `.parquet`, `.csv` (also `.csv.gz`), or
Databento's `.dbn` and `.dbn.zst`, versions 1 to 3. A Parquet or CSV file has one row per bar (and
contract), and needs a time column, open, high, low, close and volume; `contract` and
`open_interest` are optional. The time column is named by `time_column` of universe.yaml, the
others may be renamed by `columns` there. Every other column is ignored, `adj close` and
`adjustment` among them: raw_bars holds prices as they were traded. Rows may come in any order.
Contracts keep the names of their column. Without one, a single file is one contract named like the
symbol, so that nothing rolls, and in a folder each file is named after its contract (`ESZ26.csv`,
`ESZ2026.csv`, `ESZ6.csv`). What a DBN file calls its contracts is in `dbn_names.py`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from rooney_assets.sources import DailyWitness, Reading, Witnesses
from rooney_assets.sources.file_bars import (
    Series,
    counts_by_reason,
    read_series,
    require_bar_length,
    require_few_aside,
    require_session_days,
)
from rooney_assets.sources.file_set import FileSet, find_files
from rooney_assets.sources.file_table import PRICES
from rooney_assets.sources.file_times import same_zone, stated_edge, stated_zone
from rooney_core.errors import BarsRejected, InvalidSetting
from rooney_core.market.bars import validate_bars
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.source_pages import BarFiles, FileFacts

# What else decides how a file is read; costs, names and roles change no bar.
_FACTS = {"symbol", "product_group", "bar_minutes", "contract_months"}
_DAY = 1440
_SHOWN = 3


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
        """sha256 over content and facts of every file of the page, not over their place.

        The files of the witnesses count as well.
        """
        page = _page(instrument)
        digest = hashlib.sha256(instrument.model_dump_json(include=_FACTS).encode())
        digest.update(self._files(instrument, page, flat=True).identity().encode())
        for name in ("daily", "second"):
            facts = getattr(page.witnesses, name)
            if facts is not None:
                identity = self._files(instrument, facts).identity()
                digest.update(f"{name} {identity}".encode())
        return digest.hexdigest()

    def read(self, instrument: Instrument) -> Reading:
        """Validated raw_bars of the instrument's files, and the rows that were set aside.

        `bar_edge` start: bar_end = bar_start + bar_minutes; end: the other way round, and both are
        labelled by the calendar. `session`: each row is that session's one bar, from its scheduled
        open to its scheduled close; a date without a scheduled session gets the ordinary hours.
        A row that cannot be used is never repaired and never believed: it goes to the quarantine,
        and its bar is missing. Too many of them refuse the series (`file_bars.MAX_ASIDE_SHARE`).
        Raises InvalidSetting, MissingArtifact or BarsRejected, naming the file.
        """
        return self._read(self._files(instrument, _page(instrument), flat=True))

    def raw_bars(self, instrument: Instrument) -> pl.DataFrame:
        """The bars of `read` alone."""
        return self.read(instrument).bars

    def witnesses(self, instrument: Instrument) -> Witnesses:
        """The series that the page names below `witnesses`, read as the bars are.

        Rows of `daily` that cannot be used, or have no volume, are left out, and `origin` says how
        many. Its days are sessions for `bar_edge: session`, and UTC dates for starts in UTC.
        """
        stated = _page(instrument).witnesses
        daily = stated.daily and self._daily(instrument, stated.daily)
        second = stated.second and self._read(self._files(instrument, stated.second)).bars
        return Witnesses(daily, second)

    def _files(self, instrument: Instrument, facts: BarFiles, flat: bool = False) -> FileSet:
        return find_files(self.folder, instrument, facts, flat=flat)

    def _read(self, found: FileSet) -> Reading:
        require_session_days(found)
        series = read_series(found)
        require_few_aside(series, found)
        try:
            validate_bars(series.bars, found.files[0].instrument)
        except BarsRejected as refused:
            named = f"{found.files[0].instrument.symbol}: "
            fault = str(refused).removeprefix(named)
            raise BarsRejected(f"{named}{found.place}: {fault}") from None
        if found.files[0].facts.bar_edge != "session":
            require_bar_length(series.bars, found)
        return Reading(series.bars, {**series.notes, **_aside_notes(series)}, series.quarantine)

    def _daily(self, instrument: Instrument, facts: BarFiles) -> DailyWitness:
        found = self._files(instrument.model_copy(update={"bar_minutes": _DAY}), facts)
        is_session = facts.bar_edge == "session"
        if not is_session:
            found = _utc_days_as_sessions(found)
        series = read_series(found)
        bars = series.bars
        # An index has no volume at all; in a future a day without any is a settlement, not a trade.
        if (bars["volume"] > 0).any():
            bars = bars.filter(pl.col("volume") > 0)
        contract = pl.col("contract") if series.has_contracts else pl.lit(None, pl.String)
        days = bars.select("session", contract.alias("contract"), *PRICES, "volume")
        origin = ", ".join(file.origin for file in found.files[:_SHOWN])
        n_out = series.n_rows - days.height
        return DailyWitness(
            days.rename({"session": "day"}),
            "session" if is_session else "utc",
            f"{origin} ({n_out} of {series.n_rows} rows left out)" if n_out else origin,
        )


def _page(instrument: Instrument) -> FileFacts:
    facts = instrument.sources.files
    if facts is None:
        raise InvalidSetting(
            f"{instrument.symbol} has no page `files` below `sources` in universe.yaml, which "
            "says where its file is and what its clock means. Add one, or choose another "
            "ROONEY_SOURCE for it."
        )
    return facts


def _utc_days_as_sessions(found: FileSet) -> FileSet:
    """Daily bars that start at midnight UTC, to be read by their date.

    Raises InvalidSetting for daily bars whose clock says neither a session nor a UTC date.
    """
    facts, file = found.files[0].facts, found.files[0]
    if file.kind == "DBN":
        return found
    if stated_edge(file) != "start" or not same_zone(stated_zone(file), "UTC"):
        raise InvalidSetting(
            f"{file.instrument.symbol}: the daily witness {file.path} has `bar_edge: "
            f"{facts.bar_edge}` and `time_zone: {facts.time_zone}`. Daily bars are read by the "
            "date of their session (`bar_edge: session`), or of the UTC day that they start with "
            "(`bar_edge: start`, `time_zone: UTC`)."
        )
    by_day = facts.model_copy(update={"bar_edge": "session"})
    return replace(found, files=tuple(replace(one, facts=by_day) for one in found.files))


def _aside_notes(series: Series) -> dict[str, str | int]:
    counts = counts_by_reason(series)
    if not counts:
        return {}
    reasons = {f"quarantined {reason}": count for reason, count in counts.items()}
    return {"rows quarantined": series.quarantine.height, **reasons}
