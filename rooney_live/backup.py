"""Copies of the journal that can be trusted, made while the trader writes.

Belongs here: SQLite's own backup, checked and put in place whole. Does not belong here: restoring
(a person does, see deploy/RUNBOOK.md), or sending copies elsewhere.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rooney_core.errors import MissingArtifact, RefusedError

PAGES_AT_ONCE = 512
"""Between two of such steps the trader may write."""
NAME = "journal-%Y%m%dT%H%M%S.%fZ.sqlite"
_BUSY_SECONDS = 10.0


class BackupFailed(RefusedError):
    """No copy was made, or it is not sound; the journal and older copies are as they were."""


@dataclass(frozen=True)
class Backup:
    """A copy: its file, how many bytes, and which older ones were removed."""

    path: Path
    n_bytes: int
    removed: tuple[Path, ...]


def back_up(journal: Path, folder: Path, keep: int, now: datetime | None = None) -> Backup:
    """Copy the journal into `folder`, check the copy, and keep the newest `keep` of its copies.

    The copy is of one moment, however long it takes, and has its name only when it is whole and on
    the disk. Raises MissingArtifact without a journal, BackupFailed for everything that goes wrong
    then; a copy that was begun is removed.
    """
    if not journal.is_file():
        raise MissingArtifact(f"There is no journal at {journal}; nothing was copied.")
    name = (now or datetime.now(UTC)).strftime(NAME)
    begun = folder / f".{name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        os.close(os.open(begun, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
        _copy(journal, begun)
        _sync(begun)
        os.replace(begun, folder / name)
        _sync(folder)
    except (OSError, sqlite3.Error) as error:
        # Where it could not even be looked for there is nothing to remove.
        with suppress(OSError):
            begun.unlink(missing_ok=True)
        raise BackupFailed(
            f"The journal {journal} was not copied to {folder}: {error}. Nothing was changed; "
            "check the disk and the folder's permissions, or give another --to."
        ) from None
    path = folder / name
    return Backup(path, path.stat().st_size, _remove_old(folder, keep))


def _copy(journal: Path, begun: Path) -> None:
    source = sqlite3.connect(
        f"{journal.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS
    )
    with closing(source), closing(sqlite3.connect(begun)) as copy:
        source.backup(copy, pages=PAGES_AT_ONCE)
        # A copy with one file is easier to keep than one with a log beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
        (found,) = copy.execute("PRAGMA integrity_check").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(f"the copy is not sound ({found}), so the journal is not")


def _remove_old(folder: Path, keep: int) -> tuple[Path, ...]:
    copies = sorted(folder.glob("journal-*Z.sqlite"), reverse=True)
    removed = tuple(copies[keep:])
    for old in removed:
        old.unlink(missing_ok=True)
    return removed


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
