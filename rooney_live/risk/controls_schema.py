"""The table of what people, and the monitor, told the trader: who, when, what and why.

Belongs here: the DDL, and the names of the commands. Does not belong here: what a command does.
A row is never changed: the state of control is folded from all of them (`control`).
"""

from __future__ import annotations

from enum import StrEnum


class Command(StrEnum):
    """A row of `controls`.

    PAUSE          no new entry until `until_us`, or until RESUME where it is null; of several the
                   one that ends last counts
    RESUME         ends PAUSE and REDUCE; with {"after_kill": true} HALT and KILL as well
    REDUCE         REDUCING: no new entry, exits go on, until RESUME; {"symbol": ...} for one symbol
    HALT           HALTED, by the monitor or a breach: as KILL, with the RiskCodes as arguments
    KILL           killed by command: no new entry, exits of everything that is held
    FLATTEN        exits of everything that is held, or of {"symbols": [...]}
    STOP           the trader ends: {"positions": "hold" | "flatten"}
    TRADE          a manual order, through the same checks
    LIMITS         {"limits": {name: value}, "loosens": [names]}: these in place of the release's,
                   until `until_us`; of several rows about one name the newest that has not ended
                   counts. {"limits": {}} ends all rows before it
    RECONCILE      a position confirmed or corrected: {"symbol", "contract", "side", "size",
                   "was": {...}, "source": "hand" | "csv"}
    BACKUP, DRILL, PREFLIGHT, REPORT, VERIFY_FEATURES    that it was done, and what it found
    """

    PAUSE = "PAUSE"
    RESUME = "RESUME"
    REDUCE = "REDUCE"
    HALT = "HALT"
    KILL = "KILL"
    FLATTEN = "FLATTEN"
    STOP = "STOP"
    TRADE = "TRADE"
    LIMITS = "LIMITS"
    RECONCILE = "RECONCILE"
    BACKUP = "BACKUP"
    DRILL = "DRILL"
    PREFLIGHT = "PREFLIGHT"
    REPORT = "REPORT"
    VERIFY_FEATURES = "VERIFY_FEATURES"


_COMMANDS = ", ".join(f"'{one}'" for one in Command)

CONTROLS_SCHEMA = f"""
-- What the trader was told, in order; rows are only ever added.
CREATE TABLE controls (
    control_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_us INTEGER NOT NULL,
    who TEXT NOT NULL,                   -- user of the operating system, or 'monitor', 'trader'
    command TEXT NOT NULL CHECK (command IN ({_COMMANDS})),
    arguments TEXT NOT NULL,             -- JSON object
    reason TEXT NOT NULL,
    until_us INTEGER                     -- NULL: until another row ends it
) STRICT;
"""
