"""What holds now, for every entry alike: control, limits, the book, the kill switch.

Belongs here: keeping these up to date from the journal. Does not belong here: judging an order
(`admission`), or the rules (`risk`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.release.limits import LiveLimits
from rooney_live.control import Controls, ControlState
from rooney_live.feeds.records import WarmUp
from rooney_live.journal import Journal
from rooney_live.reconcile import open_positions, unproven
from rooney_live.risk.book import Book
from rooney_live.risk.checks import breaches
from rooney_live.risk.codes import RiskCode
from rooney_live.risk.controls_schema import Command
from rooney_live.risk.journal_book import book_from_journal
from rooney_live.risk.kill import killed_by_flag
from rooney_live.risk.limits import limits_in_force
from rooney_live.risk.moves import bad_day, correlations
from rooney_live.risk.record import record

BY_TRADER = "trader"


@dataclass
class Standing:
    """`live`: where the kill flag would be. `released`: the release's own limits. `book`: as it was
    after the moment before. `unproven`: symbols with a position that was proved too long ago.
    `killed_at_start`: why the variable kills, or None."""

    live: Path
    released: LiveLimits
    instruments: Mapping[str, Instrument]
    book: Book
    killed_at_start: str | None = None
    control: ControlState = field(default_factory=ControlState)
    limits: LiveLimits = field(default_factory=LiveLimits)
    unproven: Collection[str] = ()
    bad_days: Mapping[str, float] = field(default_factory=dict)
    correlations: Mapping[tuple[str, str], float] = field(default_factory=dict)
    is_stopping: bool = False

    def killed(self) -> str | None:
        """Why no entry may leave, whatever the journal says; None while trading is on."""
        return self.killed_at_start or killed_by_flag(self.live)

    @property
    def trading_state(self) -> str:
        """KILLED, HALTED, PAUSED, STOPPING, REDUCING or ACTIVE."""
        if self.killed() is not None:
            return "KILLED"
        if self.is_stopping:
            return "STOPPING"
        told = self.control.trading_state
        return "REDUCING" if told == "ACTIVE" and self.unproven else told

    def learn(self, warm_up: WarmUp) -> None:
        """How far each symbol moves in a session, and how much of it together."""
        closes, sessions = {}, {}
        for symbol, bars in warm_up.history.items():
            sessions[symbol], closes[symbol] = _session_closes(bars)
        self.bad_days = {symbol: bad_day(one) for symbol, one in closes.items()}
        self.correlations = correlations(sessions, closes)

    def refresh(self, journal: Journal, controls: Controls, now_us: int) -> None:
        """Control, limits and proofs, as the journal has them now."""
        self.control = controls.state(now_us)
        self.limits = limits_in_force(journal, self.released, now_us).limits
        positions = open_positions(journal)
        self.unproven = unproven(positions, self.limits.max_unproven_hours, now_us)

    def look_for_breaches(self, journal: Journal, now_us: int) -> tuple[RiskCode, ...]:
        """Fill the book anew; a limit that is broken by what is held halts trading, on record."""
        self.book = book_from_journal(journal, self.instruments, self.limits, now_us)
        found = breaches(self.book, self.limits)
        if found and self.control.halted is None:
            codes = [str(one) for one in found]
            reason = f"what is held breaks {', '.join(codes)}"
            record(journal, Command.HALT, reason, {"codes": codes}, who=BY_TRADER, at_us=now_us)
        return found


def _session_closes(
    bars: BarArrays,
) -> tuple[list[int], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Labels and adjusted closes of the sessions of some bars, oldest first."""
    if len(bars) == 0:
        return [], np.zeros(0)
    last = np.flatnonzero(np.append(np.diff(bars.session) != 0, True))
    adjusted = np.asarray(bars.close[last] + bars.adjustment[last], dtype=np.float64)
    return bars.session[last].tolist(), adjusted
