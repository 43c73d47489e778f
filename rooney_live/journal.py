"""The trader's memory: one SQLite file that survives a kill at any instruction.

Belongs here: opening, writing and reading the journal. Does not belong here: deciding what is
written. Writes are idempotent: a fact recorded twice is recorded once, and a fact that contradicts
what is recorded stops the process, because then either the bars or the code are not the same.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from rooney_core.errors import RefusedError
from rooney_live.journal_schema import SCHEMA, SCHEMA_VERSION

Row = dict[str, Any]

WAL_BYTES: Final = 16 * 2**20
"""Of the log, reserved: some thousand commits."""

_OTHER_SCHEMA: Final = (
    "It is no journal of Rooney: move the file away to start one, or point ROONEY_STATE at another "
    "folder.",
    "Journals before schema 4 are of rehearsals, from before rooney-live could trade: no order, "
    "position or fill of a broker is in it. Nothing is lost without it: `mv {0} {1}`, and start "
    "again.",
    "A newer Rooney wrote it, and positions may stand in it: go on with that version, and begin no "
    "new journal beside them.",
)
"""Of a schema of 0, below ours and above it: what to do about a file {0}, and a name {1} for it."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    "decisions": ("run_id", "symbol", "bar_end_us"),
    "orders": ("order_id",),
    "fills": ("order_id", "source"),
    "trades": ("entry_order_id",),
    "events": ("run_id", "at_us", "symbol", "code"),
    "positions": ("opened_by",),
}


class JournalRefused(RefusedError):
    """A journal of another schema, damaged, locked, read-only, or contradicting what is written."""


@dataclass(frozen=True)
class Run:
    """What is traded; `run_id` is derived from the rest, so the same again is the same run.

    `mode`: "live", "rehearsal" (the whole trader against stand-ins) or "replay" (the engine alone).
    """

    run_id: str
    release_id: str
    rebalance_month: str
    code_version: str
    bars_version: str
    symbols: tuple[str, ...]
    first_session: date | None
    last_session: date | None
    mode: str = "replay"


class Journal:
    """An open journal. One writer at a time; every write happens inside `transaction()`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._file = _file_at(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the journal, creating file, folder and schema when there is none.

        Raises JournalRefused for a file that cannot be opened or written, is not a journal, or has
        another schema version.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=10.0, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise JournalRefused(_unusable(path, error)) from None
        journal = cls(connection, path)
        try:
            journal._prepare()
            journal._file = _file_at(path)
        except sqlite3.Error as error:
            connection.close()
            raise JournalRefused(_unusable(path, error)) from None
        except JournalRefused:
            connection.close()
            raise
        return journal

    def _prepare(self) -> None:
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA foreign_keys = ON")
        with self.transaction():
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if version == 0 and tables == 0:
                for statement in _statements(SCHEMA):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            else:
                self._refuse_schema(version)

    def check_schema(self) -> None:
        """Raise JournalRefused for a journal of another schema than this code's."""
        (row,) = self.query("PRAGMA user_version")
        self._refuse_schema(row["user_version"])

    def _refuse_schema(self, version: int) -> None:
        if version == SCHEMA_VERSION:
            return
        aside = f"{self._path}.schema-{version}"
        raise JournalRefused(
            f"{self._path} has journal schema {version}; this trader writes {SCHEMA_VERSION}. "
            + _OTHER_SCHEMA[(version > 0) + (version > SCHEMA_VERSION)].format(self._path, aside)
            + " Nothing was changed."
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside become durable together, or none does.

        IMMEDIATE takes the write lock at the start: a deferred transaction that reads first fails
        at once with "database is locked" instead of waiting its turn.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise JournalRefused(_unusable(self._path, error)) from None
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()

    def begin(self, run: Run, started_at: str) -> None:
        """Record that a run starts, or starts again after a kill; a finished run stays finished."""
        with self.transaction():
            self._connection.execute(
                "INSERT INTO runs VALUES (?,?,?,?,?,?,?,?,?,'running',?,NULL) "
                "ON CONFLICT (run_id) DO NOTHING",
                (
                    run.run_id,
                    run.mode,
                    run.release_id,
                    run.rebalance_month,
                    run.code_version,
                    run.bars_version,
                    json.dumps(run.symbols),
                    _iso(run.first_session),
                    _iso(run.last_session),
                    started_at,
                ),
            )

    def finish(self, run_id: str, finished_at: str) -> None:
        """Record that every bar of the run was decided."""
        with self.transaction():
            self._connection.execute(
                "UPDATE runs SET status = 'finished', finished_at = ? "
                "WHERE run_id = ? AND status = 'running'",
                (finished_at, run_id),
            )

    def put(self, table: str, row: Row) -> bool:
        """Record one row inside a transaction; True when it is new, False when it was there.

        Raises JournalRefused when the key is recorded with other values.
        """
        inserted = self._connection.execute(_insert(table, tuple(row)), tuple(row.values()))
        if inserted.rowcount == 1:
            return True
        stored = self._stored(table, row)
        if stored != row:
            differs = {name: (stored.get(name), row[name]) for name in row}
            changed = {name: both for name, both in differs.items() if both[0] != both[1]}
            raise JournalRefused(
                f"{self._path}: {table} already holds {[row[key] for key in _KEYS[table]]} with "
                f"other values (recorded, now): {changed}. The bars or the code changed under a "
                "run of the same name; move the journal away to start a new one."
            )
        return False

    def _stored(self, table: str, row: Row) -> Row:
        where = " AND ".join(f"{key} = ?" for key in _KEYS[table])
        found = self._connection.execute(
            f"SELECT {', '.join(row)} FROM {table} WHERE {where}",
            tuple(row[key] for key in _KEYS[table]),
        ).fetchone()
        return dict(found) if found is not None else {}

    @property
    def in_transaction(self) -> bool:
        """True inside `transaction()`."""
        return self._connection.in_transaction

    def execute(self, sql: str, arguments: tuple[object, ...] = ()) -> int:
        """Run one statement that writes, inside a transaction; how many rows it changed."""
        try:
            return self._connection.execute(sql, arguments).rowcount
        except sqlite3.Error as error:
            raise JournalRefused(_unusable(self._path, error)) from None

    def check(self) -> None:
        """Raise JournalRefused unless every page and every reference is sound."""
        found = [row["quick_check"] for row in self.query("PRAGMA quick_check")]
        found = [one for one in found if one != "ok"]
        strays = self.query("PRAGMA foreign_key_check")
        if found or strays:
            fault = found[0] if found else "a row lacks the one that it belongs to"
            raise JournalRefused(
                f"The journal {self._path} is damaged: {fault}. Stop here: move it away, restore "
                "the last backup, and reconcile positions with the broker before trading on."
            )

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    @property
    def is_in_place(self) -> bool:
        """False when the file was moved, removed or replaced: others read and write another one."""
        return _file_at(self._path) == self._file

    def reserve(self, n_bytes: int = WAL_BYTES) -> None:
        """Make commits quick: give the log its size ahead, and keep checkpoints out of them.

        A commit then writes over bytes that are there, and the disk has no file to grow. From here
        on somebody has to call `checkpoint` of another connection now and then.
        """
        self._connection.execute("PRAGMA wal_autocheckpoint = 0")
        with self.transaction():
            # Nobody else can write now, so that what lies behind the log's end is nobody's.
            try:
                with open(f"{self._path}-wal", "ab") as log:
                    log.write(bytes(max(0, n_bytes - log.tell())))
                    log.flush()
                    os.fsync(log.fileno())
            except OSError as error:
                raise JournalRefused(_unusable(self._path, error)) from None

    @staticmethod
    def checkpoint(path: Path) -> None:
        """Move what was committed from the log into the file, beside whoever writes."""
        with suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=0.0)) as connection:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def query(self, sql: str, arguments: tuple[object, ...] = ()) -> list[Row]:
        """Rows of a SELECT, as dictionaries."""
        try:
            return [dict(row) for row in self._connection.execute(sql, arguments)]
        except sqlite3.Error as error:
            raise JournalRefused(_unusable(self._path, error)) from None


@cache
def _insert(table: str, names: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(names))
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT DO NOTHING"


def _statements(script: str) -> list[str]:
    # executescript() would commit the transaction that makes creation atomic.
    return [part for part in script.split(";\n") if part.strip()]


def _file_at(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _unusable(path: Path, error: Exception) -> str:
    return (
        f"The journal {path} cannot be used: {error}. Check that the folder is writable, the disk "
        "is not full and no other process holds the file; point ROONEY_STATE (or --state) at "
        "another folder, or move a damaged file away."
    )
