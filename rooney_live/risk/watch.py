"""Is something wrong? What the monitor asks, over and over, from outside the trader.

Belongs here: the questions and their answers, without acting. Does not belong here: exits, or
halting (`monitor`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rooney_core.errors import MissingArtifact, RooneyError
from rooney_core.market.instruments import Instrument
from rooney_core.release.limits import LiveLimits
from rooney_live.heartbeat import FILE_NAME, read_heartbeat
from rooney_live.journal import Journal
from rooney_live.risk.checks import breaches
from rooney_live.risk.codes import RiskCode
from rooney_live.risk.journal_book import book_from_journal
from rooney_live.risk.kill import killed_by_flag
from rooney_live.risk.limits import limits_in_force
from rooney_live.risk.reading import reading

STOPPED = "stopped"
"""State of a heartbeat whose trader ended as it should: it beats no more, and that is fine."""
Breach = tuple[RiskCode, str]
_NS = 1_000_000_000
OVERDUE_US = 120_000_000
"""So long after its flat deadline a position may wait for the answer to its exit: the venue wants a
minute between two signals, and a first attempt may fail."""


@dataclass
class Pulse:
    """Whether the trader's heartbeat still changes, by a clock that no one can step.

    Its age is counted from the last change that was seen here, so that neither the host's clock nor
    what the trader writes into the file can make it younger or older. Before the first look it is
    as old as the watching: a trader that starts has the whole time.
    """

    began_ns: int
    _seen: tuple[int, int] | None = field(default=None, init=False)
    _changed_ns: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self._changed_ns = self.began_ns

    def age_seconds(self, live: Path, now_ns: int) -> float:
        """Seconds (monotonic) since the file was last seen to change, or since the beginning."""
        try:
            found = os.stat(live / FILE_NAME)
            seen: tuple[int, int] | None = (found.st_mtime_ns, found.st_ino)
        except OSError:
            seen = None
        if seen is not None and seen != self._seen:
            self._seen, self._changed_ns = seen, now_ns
        return (now_ns - self._changed_ns) / _NS


@dataclass(frozen=True)
class Watched:
    """What is watched. `instruments`: of every symbol that the release can name."""

    live: Path
    journal: Path
    instruments: Mapping[str, Instrument]
    released: LiveLimits
    max_heartbeat_seconds: float


def look(watched: Watched, pulse: Pulse, now_us: int, now_ns: int) -> tuple[Breach, ...]:
    """Everything that is wrong now, each with its words; () while all is well.

    `now_us`: of the day, since 1970 UTC; `now_ns`: monotonic.
    """
    found: list[Breach] = []
    killed = killed_by_flag(watched.live)
    if killed is not None:
        found.append((RiskCode.KILLED, killed))
    found += _of_heartbeat(watched, pulse, now_ns)
    return (*found, *_of_journal(watched, now_us))


def _of_heartbeat(watched: Watched, pulse: Pulse, now_ns: int) -> list[Breach]:
    age = pulse.age_seconds(watched.live, now_ns)
    if age <= watched.max_heartbeat_seconds or _was_stopped(watched.live):
        return []
    allowed = watched.max_heartbeat_seconds
    words = f"the heartbeat has not changed for {age:.0f} s, {allowed:g} s are allowed"
    return [(RiskCode.HEARTBEAT, words)]


def _was_stopped(live: Path) -> bool:
    try:
        return read_heartbeat(live).get("state") == STOPPED
    except MissingArtifact:
        return False


def _of_journal(watched: Watched, now_us: int) -> list[Breach]:
    """Limits, by what is recorded. Without a journal nothing was ever ordered."""
    if not watched.journal.exists():
        return []
    try:
        with reading(watched.journal) as journal:
            limits = limits_in_force(journal, watched.released, now_us).limits
            book = book_from_journal(journal, watched.instruments, limits, now_us)
            overdue = _overdue(journal, now_us)
    except RooneyError as error:
        # Limits that this code cannot read too: what nobody can check is not fine.
        return [(RiskCode.JOURNAL, str(error))]
    facts = (
        f"equity {book.equity_usd:.2f} USD of at most {book.peak_equity_usd:.2f}, "
        f"the day's result {book.day_profit_usd:.2f}"
    )
    return [*overdue, *((code, facts) for code in breaches(book, limits))]


def _overdue(journal: Journal, now_us: int) -> list[Breach]:
    """Positions that should have been left: a trader that was told to stop and hold them does not
    see their deadline."""
    rows = journal.query(
        "SELECT contract FROM positions WHERE state <> 'flat' AND deadline_us < ? "
        "ORDER BY since_us, opened_by",
        (now_us - OVERDUE_US,),
    )
    if not rows:
        return []
    names = ", ".join(str(row["contract"]) for row in rows)
    return [(RiskCode.DEADLINE, f"{names}: held beyond the flat deadline")]
