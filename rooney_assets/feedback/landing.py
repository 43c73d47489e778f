"""The trader's journal as of one instant, as a file of the lake: what the live tables are made of.

Belongs here: the copy, by SQLite's own backup, and what is known of it. Does not belong here: the
rows (`reading`). The trader goes on writing meanwhile; the copy is whole, or it is the one before.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rooney_assets.lake import Lake, durable
from rooney_core.errors import RefusedError

FOLDER: Final = "_live"
"""Below the lake's root; no asset's name begins with an underscore."""
FILE: Final = "journal.sqlite"
PAGE: Final = "journal.json"
PROBLEM: Final = "refused.txt"
LOCK: Final = ".lock"
SCHEMAS: Final = (3, 4)
"""Versions of the trader's journal that are understood."""
_WAIT_S: Final = 10.0


@dataclass(frozen=True)
class Landed:
    """A copy of a journal. `digest`: of its bytes; `schema`: the journal's own version."""

    path: Path
    digest: str
    schema: int


def landed(lake: Lake) -> Landed | None:
    """The copy that the lake holds; None without one."""
    page = _page(lake)
    if page is None:
        return None
    return Landed(lake.root / FOLDER / FILE, str(page["digest"]), int(page["schema"]))


def land(journal: Path, lake: Lake) -> Landed | None:
    """Copy the journal into the lake unless nothing was written since; what the lake holds then.

    A journal that is not there changes nothing. Raises RefusedError for one that cannot be read, is
    damaged, or has a schema that is not understood; then the copy before stays.
    """
    if not journal.is_file():
        return landed(lake)
    folder = lake.root / FOLDER
    with durable.refusing(lake.root, f"land {journal}"):
        durable.make_folder(folder)
        with durable.alone(folder / LOCK):
            marks = marks_of(journal)
            page = _page(lake)
            if page is None or page["marks"] != marks:
                _copy(journal, folder, marks)
    return landed(lake)


def try_to_land(journal: Path, lake: Lake) -> str | None:
    """As `land`; what is wrong instead of an error. It is kept for `problem` until a landing."""
    place = lake.root / FOLDER / PROBLEM
    try:
        land(journal, lake)
    except RefusedError as refused:
        with durable.refusing(lake.root, f"keep what is wrong with {journal}"):
            durable.publish(place, str(refused).encode())
        return str(refused)
    place.unlink(missing_ok=True)
    return None


def problem(lake: Lake) -> str | None:
    """Why the journal could not be landed last; None when it was, or is not there."""
    try:
        return (lake.root / FOLDER / PROBLEM).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def is_behind(journal: Path, lake: Lake) -> bool:
    """Whether the journal was written since it was landed."""
    page = _page(lake)
    return journal.is_file() and (page is None or page["marks"] != marks_of(journal))


def _copy(journal: Path, folder: Path, marks: list[Any]) -> None:
    with durable.temporary_name(folder) as temporary:
        schema = _backed_up(journal, temporary)
        data = temporary.read_bytes()
        descriptor = os.open(temporary, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(temporary, folder / FILE)
    page = {
        "journal": str(journal),
        "marks": marks,
        "digest": hashlib.sha256(data).hexdigest()[:32],
        "schema": schema,
    }
    # After the copy: killed in between, the next landing copies again.
    durable.publish(folder / PAGE, json.dumps(page, indent=1).encode())


def _backed_up(journal: Path, target: Path) -> int:
    """A backup that was looked through; the version of its schema."""
    try:
        source = sqlite3.connect(
            f"{journal.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT_S
        )
        with closing(source), closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            # One file: no reader shall need a second one beside it.
            copy.execute("PRAGMA journal_mode = DELETE")
            (found,) = copy.execute("PRAGMA quick_check").fetchone()
            (schema,) = copy.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error as error:
        raise RefusedError(
            f"The journal {journal} cannot be read: {error}. What was landed before stays; "
            "ROONEY_LIVE_JOURNAL must name a trader's journal.sqlite on this host, or a whole copy."
        ) from None
    if found != "ok":
        raise RefusedError(
            f"The journal {journal} is damaged ({found}). What was landed before stays; restore a "
            "backup of it (`rooney-live backup`)."
        )
    if schema not in SCHEMAS:
        raise RefusedError(
            f"The journal {journal} has schema {schema}; this version reads "
            f"{' and '.join(map(str, SCHEMAS))}. Run the factory and the trader of one version."
        )
    return int(schema)


def marks_of(journal: Path) -> list[Any]:
    """What changes with every commit: size and time of the file and of its write-ahead log."""
    marks: list[Any] = [str(journal)]
    for path in (journal, journal.with_name(f"{journal.name}-wal")):
        try:
            found = path.stat()
        except FileNotFoundError:
            marks.append(None)
        else:
            # An empty log is none: whoever opens the journal may make or remove one.
            marks.append([found.st_size, found.st_mtime_ns] if found.st_size else None)
    return marks


def _page(lake: Lake) -> dict[str, Any] | None:
    try:
        page = json.loads((lake.root / FOLDER / PAGE).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    return page if (lake.root / FOLDER / FILE).is_file() else None
