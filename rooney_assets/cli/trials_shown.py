"""Shows a running search of hyper-parameters: a bar in a terminal, some lines elsewhere.

Belongs here: reading `trial 12/420` in what a partition notes. Does not belong here: the other
lines of a running materialization (`progress`).
"""

from __future__ import annotations

import re
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress

LINES: Final = 10
"""Lines of a log for a whole search."""

_NOTE = re.compile(r"trial (\d+)/(\d+)(.*)", re.DOTALL)


class TrialsShown:
    """The search of every symbol that is training now."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress = progress
        self._console = console
        self._bars: dict[str, Any] = {}
        self._tenths: dict[str, int] = {}

    def show(self, key: str, note: str) -> bool:
        """Take what a partition notes; False when it is not about a trial."""
        found = _NOTE.fullmatch(note)
        if found is None:
            return False
        done, planned, rest = int(found[1]), int(found[2]), found[3].strip(" ,;:")
        if key not in self._bars:
            self._bars[key] = self._progress.add_task(f"  trials of {key}", total=planned, now="")
        self._progress.update(self._bars[key], completed=done, total=planned, now=rest)
        tenth = LINES * done // max(planned, 1)
        if not self._console.is_terminal and tenth > self._tenths.get(key, 0):
            told = f", {rest}" if rest else ""
            self._console.print(f"  {key}: trial {done} of {planned}{told}", soft_wrap=True)
        self._tenths[key] = tenth
        return True
