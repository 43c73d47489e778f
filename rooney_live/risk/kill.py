"""The kill switch: by variable at start, by flag file, by command, by the monitor.

Belongs here: looking for it and setting it. Does not belong here: resuming (`control`), or sending
exits (the monitor and the trader do). It fails closed: what cannot be looked at counts as killed.
It never resets itself: only a person removes it, with `rooney-live resume --after-kill --reason`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from rooney_core.errors import RefusedError

VARIABLE = "POLICY_KILLSWITCH"
FLAG = "KILL_NOW"
OFF = frozenset({"", "0", "false", "no", "off"})
"""Values of the variable that leave trading on; anything else, misspelt too, kills."""
FLAG_MODE = 0o644

WHAT_IT_STOPS = (
    "It stops: every new entry, from the trader, from `rooney-live trade` and from recovery, "
    "before its request is sent. It does not stop: exits of what is held (they are sent, and "
    "repeated until acknowledged), an entry whose request has left already (it counts as open, "
    "and its exit is sent), orders the broker holds, and anything that is done by hand at the "
    "broker or at TradersPost. It is never reset by itself: a person removes it with "
    "`rooney-live resume --after-kill --reason ...`."
)


class KillFlagFailed(RefusedError):
    """The kill flag could not be written or removed."""


def killed_by_variable(environment: Mapping[str, str]) -> str | None:
    """Why POLICY_KILLSWITCH kills, or None. Read at start only: a running process never sees a
    change of its environment. Unset, empty, 0, false, no and off (any case) leave trading on."""
    value = environment.get(VARIABLE, "").strip().lower()
    return None if value in OFF else f"{VARIABLE} is {value[:20]!r} (at start)"


def killed_by_flag(live: Path) -> str | None:
    """Why the flag kills, or None: `<live>/KILL_NOW`, or the same beside `<live>`.

    To be asked right before each POST of an entry: it costs a few system calls. A folder that is
    not there or cannot be looked into kills too.
    """
    try:
        for folder in (live, live.parent):
            if _exists(folder / FLAG):
                return f"the kill flag {folder / FLAG} is there"
        os.scandir(live).close()
    except OSError as error:
        return f"the kill flag cannot be looked for in {live}: {error.strerror}"
    return None


def raise_flag(live: Path, words: str) -> Path:
    """Write the flag with who and why in it, durable when this returns; one that is there stays.

    Raises KillFlagFailed when the folder cannot be written: then nothing is stopped, stop the
    process.
    """
    path = live / FLAG
    try:
        live.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, FLAG_MODE)
        try:
            os.write(handle, f"{words}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        # The file's existence is the switch: on a full disk it may be there without its words.
        if not _is_there(path):
            raise KillFlagFailed(
                f"{path} cannot be written: {error.strerror}. Nothing is stopped by it: stop the "
                "trader (`systemctl stop rooney-live`), and leave positions at the broker."
            ) from None
    return path


def remove_flag(live: Path) -> bool:
    """Remove the flag, in both places; True when there was one. Only `resume --after-kill` calls
    this, after recording who and why. Raises KillFlagFailed when one cannot be removed."""
    found = False
    for folder in (live, live.parent):
        try:
            (folder / FLAG).unlink()
            found = True
        except FileNotFoundError:
            continue
        except OSError as error:
            raise KillFlagFailed(
                f"{folder / FLAG} cannot be removed: {error.strerror}. Trading stays killed."
            ) from None
    return found


def _exists(path: Path) -> bool:
    try:
        os.lstat(path)
    except FileNotFoundError:
        return False
    return True


def _is_there(path: Path) -> bool:
    try:
        return _exists(path)
    except OSError:
        return False
