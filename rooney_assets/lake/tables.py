"""One table's file: does it fit the lake, what does it say it is, does it hold what it says.

Belongs here: reading and judging a single file. Does not belong here: where it lies or when it is
replaced; how its bytes carry their versions is `rooney_core.lineage`'s.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from rooney_assets.lake.layout import Folder
from rooney_core.errors import LakeError
from rooney_core.lineage import Stamp, claimed_stamp, content_version, verified_stamp

_TRAILER_BYTES = 8
"""A Parquet file ends in the length of its footer (4 bytes, little endian) and `PAR1`."""


def stamp_for(frame: pl.DataFrame, sealed: pl.DataFrame | None, folder: Folder) -> Stamp:
    """The stamp of a table about to be written. Raises LakeError when it does not fit."""
    for table in (frame,) if sealed is None else (frame, sealed):
        _check_fits(table, folder)
    try:
        return Stamp.of(frame, sealed)
    except TypeError as error:
        raise LakeError(f"{folder.label} cannot be kept in the lake: {error}") from error


def claimed_by(path: Path) -> Stamp:
    """The stamp in a file's footer, without reading the rest.

    Raises FileNotFoundError, and LakeError when the file has none.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(size - _TRAILER_BYTES, 0))
        footer_bytes = int.from_bytes(file.read(4), "little")
        file.seek(max(size - _TRAILER_BYTES - footer_bytes, 0))
        return claimed_stamp(file.read(), str(path))


def some_columns(path: Path, names: Sequence[str]) -> pl.DataFrame:
    """Those of the named columns that the table has, after the checksum of all its bytes.

    Raises FileNotFoundError, and LakeError when a bit is not as it was written.
    """
    data = path.read_bytes()
    verified_stamp(data, str(path))
    known = pl.read_parquet_schema(data)
    kept = [name for name in names if name in known]
    return pl.read_parquet(data, columns=kept, hive_partitioning=False)


def version_or_none(path: Path) -> str | None:
    """The data version that a file claims; None when it is absent or has none."""
    try:
        return claimed_by(path).data_version
    except (LakeError, FileNotFoundError, NotADirectoryError):
        return None


def claims(path: Path, stamp: Stamp) -> bool:
    """True when a file is there whose footer carries this stamp; its rows are not looked at."""
    try:
        return claimed_by(path) == stamp
    except (LakeError, OSError):
        return False


def holds(path: Path, stamp: Stamp) -> bool:
    """True when a file is there, whole to the last bit, and made with exactly this stamp."""
    try:
        return verified_stamp(path.read_bytes(), str(path)) == stamp
    except (LakeError, FileNotFoundError):
        return False


def require_version(stamp: Stamp, version: str, path: Path) -> None:
    """Raise LakeError unless a file is the version that its name promises."""
    if stamp.data_version != version:
        raise LakeError(
            f"{path} should hold version {version}, but says it is {stamp.data_version}. "
            "Somebody moved files inside the lake; materialize the asset again."
        )


def require_content(stamp: Stamp, frame: pl.DataFrame, path: Path) -> None:
    """Raise LakeError unless the rows hash to the version that the stamp names."""
    actual = content_version(frame)
    if actual != stamp.content_version:
        raise LakeError(
            f"{path} promises content {stamp.content_version}, but this installation reads "
            f"{actual} from it. Materialize the asset again."
        )


def _check_fits(frame: pl.DataFrame, folder: Folder) -> None:
    """Raise LakeError unless the table carries its partition and keeps its times in us, UTC."""
    if folder.partition is not None:
        column, key = folder.partition
        if frame.schema.get(column) != pl.String or not (frame[column] == key).all():
            raise LakeError(
                f"The table for {folder.label} must have a String column {column!r} that is "
                f"{key!r} in every row; it has the columns {', '.join(frame.columns)}."
            )
        if frame[column].null_count():
            raise LakeError(f"The table for {folder.label} has rows whose {column!r} is null.")
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Datetime) and dtype != pl.Datetime("us", "UTC"):
            raise LakeError(
                f"Column {name!r} of {folder.label} is {dtype}; every time in the lake is "
                "Datetime('us', 'UTC')."
            )
