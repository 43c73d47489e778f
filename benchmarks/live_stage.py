"""A rehearsal that benchmarks look into: the trader's log, line by line, and its memory.

Not a benchmark itself. The trader is a process of its own, as a server would start it.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from live_lake import make_lake

from rooney_live.crash_points import Crash
from rooney_live.journal import Run
from rooney_live.rehearsal.bars import RehearsalMarket, open_market
from rooney_live.rehearsal.harness import Rehearsal, file_of, play_of
from rooney_live.rehearsal.launch import Ended
from rooney_live.rehearsal.rehearsal_file import PlannedCrash, RehearsalFile
from rooney_live.rehearsal.report import name_run
from rooney_live.rehearsal.stage import Stage, staged
from rooney_live.release_store import read_release
from rooney_live.settings import Settings

PAGE_BYTES = 4096
EVERY_S = 0.5


@dataclass
class Watched:
    """A Launch that remembers when it started, each line of the log, and the memory on the way.

    `memory`: (seconds since the start, MB) of resident memory, every half second.
    """

    began_ns: int = 0
    lines: list[dict[str, Any]] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)

    def __call__(
        self, arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float
    ) -> Ended:
        self.began_ns = time.time_ns()
        self.lines, self.memory = [], []
        command = [sys.executable, "-m", "rooney_live.cli", *arguments]
        with (
            tempfile.TemporaryFile() as printed,
            tempfile.TemporaryFile() as failed,
            subprocess.Popen(command, stdout=printed, stderr=failed, env=dict(environment)) as one,
        ):
            while one.poll() is None:
                self._weigh(one.pid)
                try:
                    one.wait(EVERY_S)
                except subprocess.TimeoutExpired:
                    if (time.time_ns() - self.began_ns) / 1e9 > timeout_s:
                        one.kill()
            printed.seek(0)
            failed.seek(0)
            ended = Ended(one.returncode, printed.read(), failed.read())
        self.lines = [json.loads(line) for line in ended.stdout.splitlines() if line[:1] == b"{"]
        return ended

    def _weigh(self, pid: int) -> None:
        try:
            resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return
        if not resident:
            return  # It has ended, and nobody has waited for it yet.
        passed = (time.time_ns() - self.began_ns) / 1e9
        self.memory.append((passed, resident * PAGE_BYTES / 1e6))

    def of(self, code: str) -> list[dict[str, Any]]:
        """Lines of one code."""
        return [one for one in self.lines if one.get("code") == code]


@dataclass(frozen=True)
class Bench:
    """One rehearsal on stage. `run` starts the trader in it once more."""

    stage: Stage
    file: RehearsalFile
    market: RehearsalMarket
    watched: Watched

    def run(self, crash: Crash | None = None) -> Ended:
        """Start it; how it ended is in `watched` too."""
        planned = None if crash is None else PlannedCrash.of(crash)
        ended = self.stage.start(self.file.model_copy(update={"crash": planned}))
        if ended.returncode != (0 if crash is None else -signal.SIGKILL):
            raise SystemExit(f"the trader ended with {ended.returncode}: {ended.told}")
        return ended


@contextmanager
def bench(
    n_symbols: int,
    n_sessions: int,
    speed: float | None,
    lake: Path,
    n_minute_references: int = 0,
) -> Iterator[Bench]:
    """Twelve symbols, or as many as are asked for, on stage, and references of 1-minute bars."""
    make_lake(lake, n_symbols, n_minute_references)
    release = read_release(lake)
    with tempfile.TemporaryDirectory(prefix="rooney-bench-") as folder:
        settings, watched = Settings(lake=lake, state=Path(folder)), Watched()
        asked = Rehearsal(release, settings, lake, n_sessions, speed=speed, launch=watched)
        market = open_market(lake, release, n_sessions, None)
        run: Run = replace(name_run(release, market, "rehearsal"), run_id="bench")
        with staged(play_of(asked, market, None), watched) as stage:
            yield Bench(stage, file_of(market, run, stage), market, watched)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that so many are at or below, by rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
