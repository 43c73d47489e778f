"""How often and how long to ask again when the vendor is busy or out of reach.

Belongs here: numbers of attempts and waiting times. Does not belong here: which faults may pass
(`client.py`), or the waiting itself.
"""

from __future__ import annotations

import email.utils
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

Wait = Callable[[float], object]
Draw = Callable[[], float]


@dataclass(frozen=True)
class Patience:
    """Bounds of asking again.

    `attempts`: in all, the first included. Waits double from `first_wait_seconds` to
    `longest_wait_seconds`, each shortened by a random part up to `jitter` (a fraction), so that
    several processes do not come back at once. `total_wait_seconds` bounds their sum.
    """

    attempts: int = 6
    first_wait_seconds: float = 1.0
    longest_wait_seconds: float = 60.0
    total_wait_seconds: float = 180.0
    jitter: float = 0.5

    def pause(self, failed: int, retry_after: float | None, draw: Draw) -> float:
        """Seconds to wait after `failed` attempts; never less than the vendor asks for.

        `retry_after` is the vendor's wish in seconds; `draw` gives numbers in [0, 1).
        """
        wait = min(self.first_wait_seconds * 2 ** (failed - 1), self.longest_wait_seconds)
        return max(wait * (1 - self.jitter * draw()), retry_after or 0.0)


FULL: Final = Patience()
SHORT: Final = Patience(attempts=2, first_wait_seconds=0.5, total_wait_seconds=5.0)
"""For what can do without the vendor: looking whether there is news."""


def wait_seconds(seconds: float) -> None:
    """Wait; interrupted by Ctrl-C at once."""
    threading.Event().wait(seconds)


def retry_after_seconds(header: str | None, now: datetime) -> float | None:
    """The header's wish in seconds from `now`: a number or an HTTP date; None for neither."""
    if header is None:
        return None
    try:
        return max(float(header), 0.0)
    except ValueError:
        pass
    try:
        at = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds(), 0.0)
