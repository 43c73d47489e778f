"""Rehearsing the whole trader in a test: one released lake, and what is asked of it.

Belongs here: starting such a rehearsal and reading what it left. Does not belong here: tests.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from rooney_live.journal import Journal
from rooney_live.rehearsal.harness import Rehearsal, rehearse_whole
from rooney_live.rehearsal.launch import forked
from rooney_live.release_store import read_release
from rooney_live.settings import Settings

TIMEOUT_S = 300.0


def asked(lake, state, n_sessions, **changed):
    """A rehearsal of the release in a lake, by forks of a trader that is ready."""
    return Rehearsal(
        read_release(lake),
        Settings(lake=lake, state=state),
        lake,
        n_sessions,
        **({"launch": forked, "timeout_s": TIMEOUT_S} | changed),
    )


def whole(lake, state, n_sessions=2, **changed):
    """Its report; no bar is drawn."""
    return rehearse_whole(asked(lake, state, n_sessions, **changed), simulated=None)


def broken(report):
    """Invariants that do not hold, with what breaks them."""
    return {one["name"]: one["broken"] for one in report.invariants if not one["holds"]}


def live_of(state) -> Path:
    """Where the rehearsed trader keeps its files."""
    return state / "rehearsal" / "live"


def rows(state, sql, *arguments):
    """Of the rehearsal's journal."""
    with Journal.open(live_of(state) / "journal.sqlite") as journal:
        return journal.query(sql, arguments)


def requests(state):
    """What arrived at the receiver."""
    return [
        json.loads(line) for line in (live_of(state) / "receiver.jsonl").read_text().splitlines()
    ]


def cut_lake(released, folder, last_session, parts):
    """A lake whose bars end with a session; the release is the same."""
    folder.mkdir()
    for table in ("production_config", "production_model"):
        (folder / table).symlink_to(released / table)
    cut = replace(
        parts,
        continuous={
            symbol: frame.filter(frame["session"] <= last_session)
            for symbol, frame in parts.continuous.items()
        },
        sessions={
            symbol: frame.filter(frame["session"] <= last_session)
            for symbol, frame in parts.sessions.items()
        },
    )
    cut.write_bars(folder)
    return folder
