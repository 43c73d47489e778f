"""Writing down what a person, or the monitor, told the trader.

Belongs here: one row of `controls`, and who asks. Does not belong here: what a row leads to
(`rooney_live.control`).
"""

from __future__ import annotations

import json
import os
import pwd
import time
from collections.abc import Mapping
from typing import Any

from rooney_core.errors import InvalidSetting
from rooney_live.journal import Journal
from rooney_live.risk.controls_schema import Command

MAX_REASON = 500
_NS_A_US = 1_000


def record(
    journal: Journal,
    command: Command,
    reason: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    until_us: int | None = None,
    who: str | None = None,
    at_us: int | None = None,
) -> None:
    """Add a row, in the caller's transaction or in one of its own.

    Raises InvalidSetting without a reason, JournalRefused when it cannot be written: then the
    command must not be carried out, because nobody would know who gave it.
    """
    said = reason.strip()
    if not said or len(said) > MAX_REASON:
        raise InvalidSetting(
            f"A reason of 1 to {MAX_REASON} letters is needed, {len(said)} arrived: --reason "
            "'what a colleague should read next week'."
        )
    row = (
        now_us() if at_us is None else at_us,
        who or whoami(),
        str(command),
        json.dumps(dict(arguments or {}), sort_keys=True, allow_nan=False),
        said,
        until_us,
    )
    sql = (
        "INSERT INTO controls (at_us, who, command, arguments, reason, until_us) "
        "VALUES (?,?,?,?,?,?)"
    )
    if journal.in_transaction:
        journal.execute(sql, row)
        return
    with journal.transaction():
        journal.execute(sql, row)


def now_us() -> int:
    """Microseconds since 1970 UTC, of the host's clock: when a person acts, it is now."""
    return time.time_ns() // _NS_A_US


def whoami() -> str:
    """The user of the operating system, or its number; and who became it through sudo."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = f"uid {os.getuid()}"
    before = os.environ.get("SUDO_USER", name)
    return name if before == name else f"{before} (as {name})"
