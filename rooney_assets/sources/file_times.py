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

from rooney_assets.sources.file_faults import CellFaults
from rooney_assets.sources.file_set import BarsFile
from rooney_core.errors import InvalidSetting
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


def utc_times(cells: pl.Series, file: BarsFile, faults: CellFaults) -> pl.Series:
    """Each time as Datetime UTC in microseconds; finer fractions are cut off, null stays null.

    Takes Parquet timestamps with the stated zone or with none, and text in ISO 8601. A text that
    is no time, one without an offset among others that have one, and a year outside 1800 to 2200
    are null and noted in `faults`. Raises BarsRejected for what tells of a wrong clock: another
    zone or offset, a clock time that the zone skips or repeats (only when it carries no offset);
    and for another type.
    """
    if cells.dtype == pl.String:
        times = _from_text(cells, file, faults)
    else:
        times = _from_timestamps(cells, file)
    strange = ~times.dt.year().is_between(*_YEARS)
    if not strange.any():
        return times
    faults.note(strange, cells, "is in no year of markets")
    return pl.select(pl.when(~strange).then(times)).to_series()


def _from_timestamps(cells: pl.Series, file: BarsFile) -> pl.Series:
    if not isinstance(cells.dtype, pl.Datetime):
        raise file.refuse(
            f"time column {file.facts.time_column!r} has type {cells.dtype}; a timestamp is needed",
            "Write it as a timestamp, or state `bar_edge: session` when it is a session date",
        )
    zone = cells.dtype.time_zone
    if zone is None:
        return _in_stated_zone(cells.dt.cast_time_unit("us"), cells, file)
    if not same_zone(zone, stated_zone(file)):
        raise file.refuse(
            f"wrong time zone: column {file.facts.time_column!r} is in {zone}, but universe.yaml "
            f"states {file.facts.time_zone}",
            "Correct `time_zone` there, or convert the file",
        )
    return cells.dt.convert_time_zone("UTC").cast(UTC_MICROSECONDS)


def session_dates(cells: pl.Series, file: BarsFile, faults: CellFaults) -> pl.Series:
    """Each row's session, named "session", from dates or from midnights of the stated zone.

    Notes and raises as `utc_times` does, and refuses a time that is not midnight there: read in
    another zone it would be the date before or after.
    """
    if cells.dtype == pl.Date:
        return cells.alias("session")
    local = utc_times(cells, file, faults).dt.convert_time_zone(stated_zone(file))
    _require_none(
        local.dt.time() != time(0),
        cells,
        f"is not a session date (midnight in {file.facts.time_zone}): wrong time zone",
        file,
    )
    return local.dt.date().alias("session")


def stated_zone(file: BarsFile) -> str:
    """The zone that universe.yaml states. Raises InvalidSetting when it states none."""
    if file.facts.time_zone is None:
        raise InvalidSetting(
            f"{file.instrument.symbol}: {file.path} is a {file.kind} file, and no `time_zone` is "
            "stated for it in universe.yaml. Add the zone that its times are in, such as "
            "`time_zone: UTC` or `time_zone: America/Chicago`."
        )
    return file.facts.time_zone


def stated_edge(file: BarsFile) -> str:
    """start, end or session. Raises InvalidSetting when universe.yaml states none."""
    if file.facts.bar_edge is None:
        raise InvalidSetting(
            f"{file.instrument.symbol}: {file.path} is a {file.kind} file, and no `bar_edge` is "
            "stated for it in universe.yaml. Add `bar_edge: start` when its times are the start of "
            "each bar, `end` when they are its end, or `session` for dates of daily bars."
        )
    return file.facts.bar_edge


def _from_text(cells: pl.Series, file: BarsFile, faults: CellFaults) -> pl.Series:
    text = cells.str.strip_chars()
    parts = text.str.extract_groups(_TEXT).struct.unnest()
    fraction = pl.col("fraction").fill_null("").str.pad_end(6, "0").str.slice(0, 6)
    second = pl.col("second").fill_null("00")
    parsed = parts.select(
        pl.concat_str("date", pl.lit("T"), pl.col("clock").fill_null("00:00"), pl.lit(":"), second)
        .add(pl.concat_str(pl.lit("."), fraction))
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    ).to_series()
    faults.note(parsed.is_null() & (text != ""), cells, f"is not a time; readable are {_FORMS}")
    offset = parts["offset"]
    if offset.is_null().all():
        return _in_stated_zone(parsed, cells, file)
    bare = parsed.is_not_null() & offset.is_null()
    faults.note(bare, cells, "has no offset, while other rows have one")
    stated = _offset_minutes(offset)
    utc = pl.select(pl.when(~bare).then(parsed - stated)).to_series().dt.replace_time_zone("UTC")
    local = utc.dt.convert_time_zone(stated_zone(file))
    expected = local.dt.base_utc_offset() + local.dt.dst_offset()
    _require_none(
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
    zone = stated_zone(file)
    placed = naive.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    _require_none(
        placed.is_null() & naive.is_not_null(),
        cells,
        f"does not exist or exists twice in time zone {zone}, where clocks change",
        file,
    )
    return placed.dt.convert_time_zone("UTC")


def same_zone(one: str, other: str) -> bool:
    """True for equal names, and for any two names of UTC."""
    return one == other or {one, other} <= _UTC_NAMES


def _require_none(bad: pl.Series, cells: pl.Series, fault: str, file: BarsFile) -> None:
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
