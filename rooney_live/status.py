"""How the trader stands, for a person who asks: from its journal and its heartbeat.

Belongs here: gathering. Does not belong here: printing (`cli`), or judging (`risk.watch`).
"""

from __future__ import annotations

import time
from typing import Any, Final

from rooney_core.errors import MissingArtifact
from rooney_live.control import Controls
from rooney_live.heartbeat import FILE_NAME, read_heartbeat
from rooney_live.instance import TRADER_LOCK, is_held
from rooney_live.journal import Journal, Row
from rooney_live.journal_reading import as_text
from rooney_live.reconcile import proved_at_us
from rooney_live.risk.kill import killed_by_flag
from rooney_live.risk.reading import answering
from rooney_live.settings import Settings

_HOUR_US: Final = 3_600_000_000
_NS_A_US: Final = 1_000


def traded(settings: Settings) -> Settings | None:
    """Where something was run: the live journal's place, else the rehearsal's, else None.

    A live journal without a run holds what people told a trader that never started.
    """
    for one in (settings, settings.rehearsal):
        if one.journal.is_file():
            with answering(one.journal) as journal:
                if journal.query("SELECT 1 FROM runs LIMIT 1"):
                    return one
    return None


def told_ahead(settings: Settings) -> list[str]:
    """What stops the live trader's entries already, though it never ran."""
    now_us = time.time_ns() // _NS_A_US
    if settings.journal.is_file():
        with answering(settings.journal) as journal:
            controls = Controls(journal)
            controls.look()
            return _stopped_by(controls, settings, now_us)
    killed = killed_by_flag(settings.live) if settings.live.is_dir() else None
    return [] if killed is None else [f"KILLED: {killed}"]


def trader_status(journal: Journal, settings: Settings) -> dict[str, Any]:
    """is_running, trader_state, trading_state, heartbeat_age_s (None without one), positions,
    open_orders, feeds, and stopped_by: who stops entries and why, in words.

    Ages of proofs are counted from the present of the run: the last heartbeat's clock.
    """
    try:
        beat = read_heartbeat(settings.live)
    except MissingArtifact:
        beat = {}
    now_us = time.time_ns() // _NS_A_US
    is_running = is_held(settings.live / TRADER_LOCK)
    clock_us = beat.get("at_us", now_us) if beat.get("mode") == "rehearsal" else now_us
    controls = Controls(journal)
    controls.look()
    return {
        "is_running": is_running,
        "trader_state": beat.get("state", "never started") if is_running else "not running",
        "trading_state": _trading_state(controls, settings, clock_us),
        "heartbeat_age_s": None if not beat else _age_s(settings),
        "positions": _positions(journal, clock_us),
        "open_orders": journal.query(
            "SELECT order_id, intent, ticker, state, code, attempts FROM orders WHERE state IN "
            "('INTENT', 'SENDING') OR (intent <> 'enter' AND state IN ('UNKNOWN', 'REJECTED')) "
            "ORDER BY decided_at_us"
        ),
        "feeds": beat.get("feeds", {}),
        "stopped_by": _stopped_by(controls, settings, clock_us),
    }


def _trading_state(controls: Controls, settings: Settings, now_us: int) -> str:
    is_killed = killed_by_flag(settings.live) is not None
    return "KILLED" if is_killed else controls.state(now_us).trading_state


def _age_s(settings: Settings) -> float:
    """By the file's own time: a rehearsal's clock is not the host's."""
    return max(0.0, time.time() - (settings.live / FILE_NAME).stat().st_mtime)


def _positions(journal: Journal, now_us: int) -> list[Row]:
    rows = journal.query(
        "SELECT * FROM positions WHERE state <> 'flat' ORDER BY since_us, opened_by"
    )
    return [row | {"proof_age_hours": (now_us - proved_at_us(row)) / _HOUR_US} for row in rows]


def _stopped_by(controls: Controls, settings: Settings, now_us: int) -> list[str]:
    state = controls.state(now_us)
    rows = (state.killed, state.halted, state.paused, *state.reducing)
    found = [
        f"{row.command} by {row.who} at {as_text(row.at_us)}"
        f"{'' if row.until_us is None else f' until {as_text(row.until_us)}'}: {row.reason}"
        for row in rows
        if row is not None
    ]
    killed = killed_by_flag(settings.live)
    return [f"KILLED: {killed}", *found] if killed is not None else found
