"""What people and the monitor told the trader, folded into what holds now.

Belongs here: reading the rows and the state that all of them make, which a restart does not change.
Does not belong here: writing a row (`risk.record`), limits (`risk.limits`), the kill flag and
variable (`risk.kill`), or acting on any of it (`runtime`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from rooney_core.errors import RefusedError
from rooney_live.codes import Denial
from rooney_live.journal import Journal, Row
from rooney_live.risk.controls_schema import Command

AFTER_KILL: Final = "after_kill"


class ResumeRefused(RefusedError):
    """`resume` while the kill switch or a halt stands."""


@dataclass(frozen=True)
class Told:
    """A row of `controls`; times in microseconds since 1970 UTC."""

    control_id: int
    at_us: int
    who: str
    command: Command
    arguments: Mapping[str, Any]
    reason: str
    until_us: int | None = None

    def concerns(self, symbol: str) -> bool:
        """Whether the row is about this symbol: about all, where it names none."""
        named = self.arguments.get("symbols") or [self.arguments.get("symbol")]
        return symbol in named or named == [None]


@dataclass(frozen=True)
class ControlState:
    """What holds at one moment. Each of the first three is the row that says so, or None."""

    paused: Told | None = None
    halted: Told | None = None
    killed: Told | None = None
    reducing: tuple[Told, ...] = ()
    leave: tuple[Told, ...] = ()

    def denial(self, symbol: str) -> Denial | None:
        """Why no entry of the symbol may leave, or None."""
        if self.killed is not None:
            return Denial.KILLED
        if self.halted is not None:
            return Denial.HALTED
        if self.paused is not None:
            return Denial.PAUSED
        if any(one.concerns(symbol) for one in self.reducing):
            return Denial.REDUCING
        return None

    def must_leave(self, symbol: str, since_us: int) -> Told | None:
        """The row because of which a position of the symbol has to go, or None.

        A halt and a kill stand: they concern what is opened later too (nothing should be). A
        FLATTEN concerns what was there when it was told.
        """
        for one in (self.killed, self.halted):
            if one is not None:
                return one
        found = (one for one in self.leave if one.at_us >= since_us and one.concerns(symbol))
        return next(found, None)

    @property
    def trading_state(self) -> str:
        """KILLED, HALTED, PAUSED, REDUCING (some symbol is) or ACTIVE."""
        for name, row in (("KILLED", self.killed), ("HALTED", self.halted)):
            if row is not None:
                return name
        if self.paused is not None:
            return "PAUSED"
        return "REDUCING" if self.reducing else "ACTIVE"


class Controls:
    """The `controls` of a journal, folded. Rows are only ever added."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: list[Told] = []
        self._done: set[int] = set()

    def look(self) -> tuple[Told, ...]:
        """Read what was told since the last look; returns only that, in order."""
        after = self._rows[-1].control_id if self._rows else 0
        rows = self._journal.query(
            "SELECT * FROM controls WHERE control_id > ? ORDER BY control_id", (after,)
        )
        new = tuple(_told(row) for row in rows)
        self._rows += new
        return new

    def state(self, now_us: int) -> ControlState:
        """What holds at `now_us`, of all rows that were looked at."""
        return fold((one for one in self._rows if one.control_id not in self._done), now_us)

    def done(self, row: Told) -> None:
        """A FLATTEN that this process has carried out: what is opened later is not concerned."""
        self._done.add(row.control_id)


def fold(rows: Iterable[Told], now_us: int) -> ControlState:
    """The state that the rows make at `now_us`, oldest first."""
    state = ControlState()
    for row in rows:
        is_over = row.until_us is not None and row.until_us <= now_us
        match row.command:
            case Command.PAUSE if not is_over:
                state = replace(state, paused=_longer(state.paused, row))
            case Command.REDUCE if not is_over:
                state = replace(state, reducing=(*state.reducing, row))
            case Command.HALT:
                state = replace(state, halted=row)
            case Command.KILL:
                state = replace(state, killed=row)
            case Command.FLATTEN:
                state = replace(state, leave=(*state.leave, row))
            case Command.RESUME:
                state = _resumed(state, bool(row.arguments.get(AFTER_KILL)))
            case _:
                continue
    return state


def _longer(standing: Told | None, new: Told) -> Told:
    """The pause that ends later, the newer of two that end together: no pause ends another, and
    RESUME ends all of them."""
    if standing is None or new.until_us is None:
        return new
    is_longer = standing.until_us is not None and new.until_us >= standing.until_us
    return new if is_longer else standing


def _resumed(state: ControlState, after_kill: bool) -> ControlState:
    state = replace(state, paused=None, reducing=())
    return replace(state, halted=None, killed=None) if after_kill else state


def refuse_resume(state: ControlState, flag: str | None, after_kill: bool) -> None:
    """Raise ResumeRefused while a kill or a halt stands and the person did not name it.

    `flag`: why the kill flag kills, or None.
    """
    standing = [
        f"{row.command} by {row.who}: {row.reason}" for row in (state.killed, state.halted) if row
    ]
    standing += [flag] if flag is not None else []
    if standing and not after_kill:
        raise ResumeRefused(
            f"Trading is stopped ({'; '.join(standing)}) and never goes on by itself. Look at why, "
            "check positions at the broker, then `rooney-live resume --after-kill --reason ...`."
        )


def _told(row: Row) -> Told:
    return Told(
        control_id=row["control_id"],
        at_us=row["at_us"],
        who=row["who"],
        command=Command(row["command"]),
        arguments=json.loads(row["arguments"]),
        reason=row["reason"],
        until_us=row["until_us"],
    )
