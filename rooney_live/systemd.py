"""Telling systemd how we are: ready, alive, stopping.

Belongs here: one datagram. Does not belong here: when to send it, or the units (`deploy/`).
Without systemd ($NOTIFY_SOCKET unset) nothing is sent.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

READY, ALIVE, STOPPING = "READY=1", "WATCHDOG=1", "STOPPING=1"
_US = 1_000_000


def tell_systemd(state: str, environment: Mapping[str, str] | None = None) -> bool:
    """Send a state (sd_notify(3)); True when it left. A manager that does not listen is no reason
    to stop: then systemd's own watchdog acts."""
    address = (os.environ if environment is None else environment).get("NOTIFY_SOCKET", "")
    if not address:
        return False
    # A name that begins with @ is in the abstract namespace.
    name = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            sender.sendto(state.encode(), name)
    except OSError:
        return False
    return True


def watchdog_seconds(environment: Mapping[str, str] | None = None) -> float | None:
    """How often systemd wants to hear ALIVE: half of WATCHDOG_USEC; None where it does not ask."""
    given = os.environ if environment is None else environment
    asked = given.get("WATCHDOG_USEC", "")
    is_ours = given.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    return int(asked) / _US / 2.0 if asked.isdigit() and int(asked) > 0 and is_ours else None
