"""A step that takes too long is given up.

Belongs here: the clock over one step. Does not belong here: how long a step may take
(`rooney_assets.run_control`). A table is written by a rename, so a step that is given up leaves the
version that was there.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rooney_core.errors import RefusedError


class StepTimeout(RefusedError):
    """A step took longer than its limit."""


@contextmanager
def deadline(seconds: float, what: str) -> Iterator[None]:
    """Raise StepTimeout in the body once it has taken `seconds` (> 0) of wall-clock time.

    By the alarm signal, so it works in the main thread of a process, where runs execute; in another
    thread the body is not limited, and the run's own limit counts. Compiled code is interrupted
    when it returns.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(number: int, frame: FrameType | None) -> None:
        raise StepTimeout(
            f"{what} took longer than {seconds:g} seconds and was given up; what the lake held "
            "stays. See whether something hangs, or raise its limit in "
            "rooney_assets/run_control.py."
        )

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
