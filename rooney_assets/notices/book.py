"""The memory of notices: each is told once, told again after a while, and never lost in between.

Belongs here: one SQLite file in the state folder, what is in it, and what is due. Does not belong
here: how a notice travels (`channels`). Several processes may use one book: every change is one
transaction that takes the write lock first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from rooney_assets.notices.records import CONDITIONS, MERELY_TOLD, Notice, NoticeKind
from rooney_core.errors import InvalidSetting

FOLDER: Final = "notices"
"""Below ROONEY_STATE."""
FILE: Final = "notices.sqlite"

QUIET: Final = timedelta(hours=6)
"""The same thing happening again within this time is counted, and not told."""
REMINDER: Final = timedelta(hours=24)
"""A condition that lasts is told again after this time."""
KEPT: Final = timedelta(days=90)
"""What is over and older is forgotten."""
MOST_ATTEMPTS: Final = 6
PATIENCE: Final = timedelta(minutes=1)
"""Until the second attempt; each further one waits four times as long."""
PATIENCE_GROWS: Final = 4

_SCHEMA: Final = (
    """CREATE TABLE IF NOT EXISTS notices (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        words TEXT NOT NULL,
        link TEXT NOT NULL,
        first_at_us INTEGER NOT NULL,      -- when it was raised, microseconds since 1970 UTC
        last_at_us INTEGER NOT NULL,       -- when it was raised last
        told_at_us INTEGER NOT NULL,       -- when it was last put on its way
        n_times INTEGER NOT NULL,          -- how often it was raised
        is_open INTEGER NOT NULL           -- 0: it is over
    ) STRICT""",
    "CREATE INDEX IF NOT EXISTS notices_of_key ON notices (key, is_open)",
    """CREATE TABLE IF NOT EXISTS deliveries (
        notice_id INTEGER NOT NULL REFERENCES notices ON DELETE CASCADE,
        channel TEXT NOT NULL,             -- name without a secret
        n_attempts INTEGER NOT NULL,
        due_at_us INTEGER NOT NULL,
        problem TEXT,                      -- of the last attempt
        PRIMARY KEY (notice_id, channel)
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
)
_COLUMNS: Final = "id, kind, subject, words, link, first_at_us, last_at_us, n_times, is_open"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOCK_WAIT_S: Final = 10.0


@dataclass(frozen=True)
class Kept:
    """A notice as the book has it. `n_times`: how often it was raised since `first_at`."""

    id: int
    notice: Notice
    first_at: datetime
    last_at: datetime
    n_times: int
    is_open: bool


@dataclass(frozen=True)
class Due:
    """A notice that a channel has not got yet."""

    kept: Kept
    channel: str
    n_attempts: int


class NoticeBook:
    """The book below a state folder; the file is made with the first notice."""

    def __init__(self, state: Path) -> None:
        self.path = state / FOLDER / FILE

    def raise_(self, notice: Notice, channels: Iterable[str], now: datetime) -> bool:
        """Keep a notice, and put it on its way to these channels unless it was told just now.

        True when it is on its way. The same notice within QUIET is counted instead; a condition
        that lasts is told again after REMINDER.
        """
        names, now_us = tuple(channels), _us(now)
        pause = REMINDER if notice.kind in CONDITIONS else QUIET
        with self._transaction() as book:
            row = book.execute(
                "SELECT id, told_at_us FROM notices WHERE key = ? AND (is_open = 1 OR ?) "
                "ORDER BY id DESC LIMIT 1",
                (notice.key, notice.kind in MERELY_TOLD),
            ).fetchone()
            if row is not None and now_us - row[1] < pause // timedelta(microseconds=1):
                # A condition is found in every round; that is no further time.
                again = int(notice.kind not in CONDITIONS)
                book.execute(
                    "UPDATE notices SET n_times = n_times + ?, last_at_us = ?, words = ?, link = ? "
                    "WHERE id = ?",
                    (again, now_us, notice.words, notice.link, row[0]),
                )
                return False
            told = self._keep(book, notice, now_us, None if row is None else int(row[0]))
            book.executemany(
                "INSERT OR REPLACE INTO deliveries VALUES (?, ?, 0, ?, NULL)",
                [(told, name, now_us) for name in names],
            )
            return True

    @staticmethod
    def _keep(book: sqlite3.Connection, notice: Notice, now_us: int, again: int | None) -> int:
        """A new row, or the open one of a condition that goes on; its id."""
        if again is not None and notice.kind in CONDITIONS:
            book.execute(
                "UPDATE notices SET n_times = n_times + 1, last_at_us = ?, told_at_us = ?, "
                "words = ?, link = ? WHERE id = ?",
                (now_us, now_us, notice.words, notice.link, again),
            )
            return again
        if again is not None:
            book.execute("UPDATE notices SET is_open = 0 WHERE id = ?", (again,))
        row = (notice.key, notice.kind, notice.subject, notice.words, notice.link)
        added = book.execute(
            "INSERT INTO notices (key, kind, subject, words, link, first_at_us, last_at_us, "
            "told_at_us, n_times, is_open) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
            (*row, now_us, now_us, now_us, notice.kind not in MERELY_TOLD),
        )
        return int(added.lastrowid or 0)

    def settle(self, kinds: Iterable[NoticeKind], found: Iterable[str]) -> list[Notice]:
        """Close what is open of these kinds and has none of the keys `found`; what was closed."""
        wanted, still = tuple(kinds), set(found)
        with self._transaction() as book:
            marks = ", ".join("?" * len(wanted))
            rows = book.execute(
                f"SELECT {_COLUMNS} FROM notices WHERE is_open = 1 AND kind IN ({marks})", wanted
            ).fetchall()
            over = [one for one in map(_kept, rows) if one.notice.key not in still]
            book.executemany(
                "UPDATE notices SET is_open = 0 WHERE id = ?", [(one.id,) for one in over]
            )
        return [one.notice for one in over]

    def close(self, key: str) -> int:
        """What had this key is over: the check passes, the run succeeded; how many were open.

        A key that ends in `*` stands for all that begin so.
        """
        length = len(key.removesuffix("*")) if key.endswith("*") else -1
        fits = "key = ?" if length < 0 else f"substr(key, 1, {length}) = ?"
        with self._transaction() as book:
            closed = book.execute(
                f"UPDATE notices SET is_open = 0 WHERE {fits} AND is_open = 1",
                (key if length < 0 else key[:length],),
            )
        return closed.rowcount

    def due(self, now: datetime, limit: int) -> list[Due]:
        """What is to be sent by now, the oldest first, `limit` at most."""
        with self._transaction() as book:
            rows = book.execute(
                f"SELECT channel, n_attempts, {_COLUMNS} FROM deliveries "
                "JOIN notices ON notices.id = deliveries.notice_id "
                "WHERE due_at_us <= ? AND n_attempts < ? ORDER BY notice_id, channel LIMIT ?",
                (_us(now), MOST_ATTEMPTS, limit),
            ).fetchall()
        return [Due(_kept(rest), channel, attempts) for channel, attempts, *rest in rows]

    def n_waiting(self) -> int:
        """Deliveries that are still to be made."""
        with self._transaction() as book:
            (count,) = book.execute(
                "SELECT count(*) FROM deliveries WHERE n_attempts < ?", (MOST_ATTEMPTS,)
            ).fetchone()
        return int(count)

    def sent(self, due: Iterable[Due]) -> None:
        """These arrived."""
        with self._transaction() as book:
            book.executemany(
                "DELETE FROM deliveries WHERE notice_id = ? AND channel = ?",
                [(one.kept.id, one.channel) for one in due],
            )

    def failed(self, due: Due, problem: str, now: datetime) -> bool:
        """It did not arrive; True when it will be tried again."""
        attempts = due.n_attempts + 1
        wait = PATIENCE * PATIENCE_GROWS**due.n_attempts
        with self._transaction() as book:
            book.execute(
                "UPDATE deliveries SET n_attempts = ?, due_at_us = ?, problem = ? "
                "WHERE notice_id = ? AND channel = ?",
                (attempts, _us(now + wait), problem, due.kept.id, due.channel),
            )
        return attempts < MOST_ATTEMPTS

    def kept(self, since: datetime | None = None, *, only_open: bool = False) -> list[Kept]:
        """What was raised since then, the newest first."""
        where = "last_at_us >= ?" + (" AND is_open = 1" if only_open else "")
        with self._transaction() as book:
            rows = book.execute(
                f"SELECT {_COLUMNS} FROM notices WHERE {where} ORDER BY last_at_us DESC, id DESC",
                (0 if since is None else _us(since),),
            ).fetchall()
        return [_kept(row) for row in rows]

    def mark(self, name: str) -> str | None:
        """A mark that was left, such as up to where the event log was read."""
        with self._transaction() as book:
            row = book.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_mark(self, name: str, value: str) -> None:
        """Leave a mark."""
        with self._transaction() as book:
            book.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, value))

    def forget(self, now: datetime) -> None:
        """Drop what is over, or was an event, and older than KEPT."""
        with self._transaction() as book:
            book.execute("DELETE FROM notices WHERE last_at_us < ?", (_us(now - KEPT),))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            opened = sqlite3.connect(self.path, timeout=_LOCK_WAIT_S, isolation_level=None)
            with closing(opened) as book:
                book.execute("PRAGMA foreign_keys = ON")
                # IMMEDIATE: reading first and writing then would fail at once where others write.
                book.execute("BEGIN IMMEDIATE")
                try:
                    for statement in _SCHEMA:
                        book.execute(statement)
                    yield book
                except BaseException:
                    book.rollback()
                    raise
                book.execute("COMMIT")
        except (OSError, sqlite3.Error) as error:
            raise InvalidSetting(
                f"The book of notices {self.path} cannot be used: {error}. ROONEY_STATE must name "
                "a folder that this user may write; a damaged book may be moved away."
            ) from None


def _kept(row: Iterable[object]) -> Kept:
    number, kind, subject, words, link, first, last, n_times, is_open = row
    notice = Notice(NoticeKind(str(kind)), str(subject), str(words), str(link))
    return Kept(
        int(str(number)),
        notice,
        _EPOCH + timedelta(microseconds=int(str(first))),
        _EPOCH + timedelta(microseconds=int(str(last))),
        int(str(n_times)),
        bool(is_open),
    )


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
