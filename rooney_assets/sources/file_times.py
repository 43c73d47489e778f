"""The clock of a file: from its time column to UTC, or to session dates.

Belongs here: what a time in a file means, and the refusal of one that contradicts the stated zone.
Does not belong here: which hours a session has (`rooney_core.market.calendar`).

The zone that universe.yaml states is a claim about the file. Times that carry a zone or an offset
of their own must agree with it; times that carry none are read in it. A wrong clock shifts every
session and every deadline, so a contradiction is never resolved silently.
"""

from __future__ import annotations

from datetime import time
from typing import Final

import polars as pl

from rooney_assets.sources.file_table import BarsFile
from rooney_core.market.calendar import UTC_MICROSECONDS

_SHOWN = 3
_YEARS: Final = (1800, 2200)
_UTC_NAMES: Final = frozenset({"UTC", "Etc/UTC", "Zulu", "Etc/Zulu", "GMT", "Etc/GMT"})
_TEXT: Final = (
    r"^(?<date>\d{4}-\d{2}-\d{2})"
    r"(?:[T ](?<clock>\d{2}:\d{2})(?::(?<second>\d{2})(?:\.(?<fraction>\d{1,9}))?)?)?"
    r"\s?(?<offset>Z|UTC|[+-]\d{2}:?\d{2})?$"
)
_FORMS = "2020-01-31, 2020-01-31 17:00, 2020-01-31T17:00:00.000000, and each with +00:00 or Z"


def utc_times(cells: pl.Series, file: BarsFile) -> pl.Series:
    """Each time as Datetime UTC in microseconds; finer fractions are cut off.

    Takes Parquet timestamps with the stated zone or with none, and text in ISO 8601. Raises
    BarsRejected for another zone or offset, a clock time that the zone skips or repeats (only when
    it carries no offset), an unreadable text, a null, or another type.
    """
    times = _from_text(cells, file) if cells.dtype == pl.String else _from_timestamps(cells, file)
    _require_all(~times.dt.year().is_between(*_YEARS), cells, "is in no year of markets", file)
    return times


def _from_timestamps(cells: pl.Series, file: BarsFile) -> pl.Series:
    if not isinstance(cells.dtype, pl.Datetime):
        raise file.refuse(
            f"time column {file.facts.time_column!r} has type {cells.dtype}; a timestamp is needed",
            "Write it as a timestamp, or state `bar_edge: session` when it is a session date",
        )
    _require_all(cells.is_null(), cells, "is null", file)
    zone = cells.dtype.time_zone
    if zone is None:
        return _in_stated_zone(cells.dt.cast_time_unit("us"), cells, file)
    if not _same_zone(zone, file.facts.time_zone):
        raise file.refuse(
            f"wrong time zone: column {file.facts.time_column!r} is in {zone}, but universe.yaml "
            f"states {file.facts.time_zone}",
            "Correct `time_zone` there, or convert the file",
        )
    return cells.dt.convert_time_zone("UTC").cast(UTC_MICROSECONDS)


def session_dates(cells: pl.Series, file: BarsFile) -> pl.Series:
    """Each row's session, named "session", from dates or from midnights of the stated zone.

    Raises BarsRejected as `utc_times` does, and for a time that is not midnight there: read in
    another zone it would be the date before or after.
    """
    if cells.dtype == pl.Date:
        _require_all(cells.is_null(), cells, "is null", file)
        return cells.alias("session")
    local = utc_times(cells, file).dt.convert_time_zone(file.facts.time_zone)
    _require_all(
        local.dt.time() != time(0),
        cells,
        f"is not a session date (midnight in {file.facts.time_zone}): wrong time zone",
        file,
    )
    return local.dt.date().alias("session")


def _from_text(cells: pl.Series, file: BarsFile) -> pl.Series:
    parts = cells.str.strip_chars().str.extract_groups(_TEXT).struct.unnest()
    fraction = pl.col("fraction").fill_null("").str.pad_end(6, "0").str.slice(0, 6)
    second = pl.col("second").fill_null("00")
    parsed = parts.select(
        pl.concat_str("date", pl.lit("T"), pl.col("clock").fill_null("00:00"), pl.lit(":"), second)
        .add(pl.concat_str(pl.lit("."), fraction))
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    ).to_series()
    _require_all(parsed.is_null(), cells, f"is not a time; readable are {_FORMS}", file)
    offset = parts["offset"]
    if offset.is_null().all():
        return _in_stated_zone(parsed, cells, file)
    _require_all(offset.is_null(), cells, "has no offset, while other rows have one", file)
    stated = _offset_minutes(offset)
    utc = (parsed - stated).dt.replace_time_zone("UTC")
    local = utc.dt.convert_time_zone(file.facts.time_zone)
    expected = local.dt.base_utc_offset() + local.dt.dst_offset()
    _require_all(
        expected != stated,
        cells,
        f"has an offset that {file.facts.time_zone} does not have then (wrong time zone; set "
        "`time_zone` in universe.yaml)",
        file,
    )
    return utc


def _offset_minutes(offset: pl.Series) -> pl.Series:
    """Offsets from UTC as durations; Z and UTC are zero."""
    digits = pl.col("offset").str.replace(":", "")
    sign = pl.when(digits.str.starts_with("-")).then(-1).otherwise(1)
    hours = digits.str.slice(1, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = digits.str.slice(3, 2).cast(pl.Int64, strict=False).fill_null(0)
    total = pl.duration(minutes=sign * (60 * hours + minutes), time_unit="us")
    return offset.to_frame("offset").select(total).to_series()


def _in_stated_zone(naive: pl.Series, cells: pl.Series, file: BarsFile) -> pl.Series:
    zone = file.facts.time_zone
    placed = naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    _require_all(
        placed.is_null(),
        cells,
        f"does not exist or exists twice in time zone {zone}, where clocks change",
        file,
    )
    return placed.dt.convert_time_zone("UTC")


def _same_zone(one: str, other: str) -> bool:
    return one == other or {one, other} <= _UTC_NAMES


def _require_all(bad: pl.Series, cells: pl.Series, fault: str, file: BarsFile) -> None:
    rows = bad.arg_true()
    if rows.is_empty():
        return
    shown = "; ".join(
        f"{file.row(i)}: {cells.slice(i, 1).cast(pl.String)[0]}" for i in rows.head(_SHOWN)
    )
    raise file.refuse(
        f"time column {file.facts.time_column!r} {fault}: {len(rows)} row(s): {shown}",
        "Repair the file, or what universe.yaml states about its clock",
    )
