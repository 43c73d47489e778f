"""How a training of hundreds of trials is told: a line that changes, and a few that stay.

Belongs here: the words and how often they are said. Does not belong here: where they appear
(`rooney_assets.resources`, `rooney_assets.cli.progress`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

Tell = Callable[[str], None]

SECONDS_BETWEEN_LINES: Final = 60.0
"""Of the lines that stay in a log: a training of ten minutes leaves ten, a quick one its last."""

_MINUTE: Final = 60.0


class TrialsTold:
    """Called with (trials done, planned, best score so far) after each trial of this process.

    `progress` hears every trial, for a line that is overwritten; `milestone` hears one every
    `SECONDS_BETWEEN_LINES` and the last one, and first of all of trials that an earlier process
    left behind.
    """

    def __init__(
        self, progress: Tell, milestone: Tell, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._progress = progress
        self._milestone = milestone
        self._clock = clock
        self._began = self._last_line = clock()
        self._n_before: int | None = None

    def __call__(self, done: int, planned: int, best: float) -> None:
        """A trial has ended."""
        if self._n_before is None:
            self._n_before = done - 1
            if self._n_before:
                self._milestone(f"goes on after {self._n_before} of {planned} trials")
        text = f"trial {done}/{planned}, best score {best:.2f}"
        if done < planned:
            text += f", {self._left(done - self._n_before, planned - done)} left"
        self._progress(text)
        if done == planned or self._clock() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = self._clock()
            self._milestone(text)

    def _left(self, n_done: int, n_left: int) -> str:
        seconds = (self._clock() - self._began) / n_done * n_left
        if seconds < _MINUTE:
            return f"{seconds:.0f} s"
        return f"{seconds / _MINUTE:.0f} min"
