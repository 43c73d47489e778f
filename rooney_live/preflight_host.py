"""Questions to the machine: its disk, its clock, who may read what.

Belongs here: the host under the trader. Does not belong here: the market, the venue, the release.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import stat
from datetime import UTC, date, datetime
from pathlib import Path

from rooney_core.errors import RefusedError
from rooney_live.preflight_answers import Check, ask

MIN_FREE_BYTES = 512 * 2**20
"""The journal of a year is smaller; SQLite needs room for its log and for a backup."""
MIN_FREE_FILES = 1_000
_BYTES_A_MB = 2**20
_UNSYNCHRONIZED = 0x0040
"""STA_UNSYNC of adjtimex(2)."""
_STATUS_AT = 5
"""The status is in the sixth long of struct timex, on 64-bit Linux: after modes, offset, freq,
maxerror and esterror."""
_TIMEX_BYTES = 208


class HostUnfit(RefusedError):
    """The machine would sooner or later stop the trader, or has told it a wrong time."""


def host_checks(state: Path, known_until: date | None, is_simulated: bool) -> list[Check]:
    """Disk, clock and state folder. `known_until`: the newest session that data were made of."""
    return [
        ask("disk", lambda: _disk(state)),
        _clock(known_until, is_simulated),
        ask("state folder", lambda: _state_folder(state)),
    ]


def _disk(state: Path) -> str:
    folder = _existing(state)
    try:
        free, files = shutil.disk_usage(folder).free, os.statvfs(folder)
    except OSError as error:
        raise HostUnfit(f"{folder} cannot be looked at: {error.strerror}") from None
    if free < MIN_FREE_BYTES:
        raise HostUnfit(
            f"{free // _BYTES_A_MB} MB are free at {folder}, {MIN_FREE_BYTES // _BYTES_A_MB} are "
            "needed: a full disk stops the journal, and with it every entry. Free some."
        )
    # Some file systems have no fixed number of files, and say 0 of 0.
    if files.f_files and files.f_favail < MIN_FREE_FILES:
        raise HostUnfit(f"only {files.f_favail} files can be made at {folder}; remove some.")
    return f"{free // _BYTES_A_MB} MB free at {folder}"


def _clock(known_until: date | None, is_simulated: bool) -> Check:
    """The host's clock against what is known, and by the kernel's own word."""
    now = datetime.now(UTC)
    shown = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    if known_until is not None and not is_simulated and now.date() < known_until:
        told = f"the clock says {shown}, and the release knows {known_until}: set the clock"
        return Check("clock", False, told)
    is_kept = clock_is_kept()
    if is_kept is False and not is_simulated:
        told = (
            f"{shown}; the kernel says that nobody keeps the clock: start chrony or "
            "systemd-timesyncd, a wrong minute is a wrong bar"
        )
        return Check("clock", False, told)
    words = {True: "kept by NTP", False: "not kept by NTP", None: "the kernel does not say"}
    suffix = "; of no matter for the simulated market" if is_simulated and not is_kept else ""
    return Check("clock", True, f"{shown}, {words[is_kept]}{suffix}")


def clock_is_kept() -> bool | None:
    """Whether something disciplines the clock, by adjtimex(2); None where that cannot be asked."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        buffer = (ctypes.c_long * (_TIMEX_BYTES // ctypes.sizeof(ctypes.c_long)))()
        answered = libc.adjtimex(ctypes.byref(buffer))
    except (OSError, AttributeError):
        return None
    if answered < 0:
        return None
    return not int(ctypes.c_int(buffer[_STATUS_AT] & 0xFFFFFFFF).value) & _UNSYNCHRONIZED


def _state_folder(state: Path) -> str:
    """Whoever can write there can trade: nobody else may."""
    folder = _existing(state)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise HostUnfit(f"{folder} cannot be written by this user; `chown` it.")
    for one in (state, state / "live"):
        if one.is_dir() and one.stat().st_mode & stat.S_IWOTH:
            raise HostUnfit(
                f"Anybody can write to {one}, and so pause, resume or kill; run `chmod o-w {one}`."
            )
    made = "" if folder == state else f" ({state} will be made)"
    return f"{folder} is writable{made}"


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above that is there."""
    return next(one for one in (folder, *folder.absolute().parents) if one.is_dir())
