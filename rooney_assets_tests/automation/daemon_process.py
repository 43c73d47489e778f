"""The real daemon as a process, and waiting for what it does.

Belongs here: starting and ending it, and the events that a test waits for. Does not belong here:
assertions about what it did.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from growing_market import ROOT, Market

PATIENCE_SECONDS = 600
"""A machine that does other work as well takes its time; nothing is asserted about it."""
NEVER = threading.Event()
BIN = Path(sys.executable).parent
DONE = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


class Daemon:
    """`dagster-daemon run` as a process group of its own."""

    def __init__(self, market: Market, **more: str) -> None:
        self.log = market.folder / "daemon.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [str(BIN / "dagster-daemon"), "run", "-w", str(ROOT / "workspace.yaml")],
                env=market.process_environment(**more),
                cwd=market.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def end(self, how: int) -> None:
        """End the whole group: the daemon and its code server."""
        os.killpg(self.process.pid, how)
        self.process.wait(PATIENCE_SECONDS)


@contextmanager
def daemon(market: Market, **more: str) -> Iterator[Daemon]:
    """A daemon that is gone afterwards."""
    running = Daemon(market, **more)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.end(signal.SIGKILL)


def until(what: str, holds: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < patience, f"never: {what}"
        NEVER.wait(0.5)


def runs(instance: dg.DagsterInstance, **tags: str) -> list[dg.DagsterRun]:
    """Runs with these tags, the newest first."""
    return list(instance.get_runs(dg.RunsFilter(tags=tags)))


def until_at_rest(instance: dg.DagsterInstance, sensors: Iterable[str], after: float) -> None:
    """Wait until every run has ended, and each of the sensors has looked since, and at all after
    `after` (seconds since 1970), and asked for nothing more."""
    names = frozenset(sensors)

    def rests() -> bool:
        looked = {
            one.instigator_name: one.instigator_data.last_tick_timestamp or 0.0
            for one in instance.all_instigator_state()
            if one.instigator_name in names and one.instigator_data is not None
        }
        records = instance.get_run_records()
        if not names <= looked.keys() or any(one.end_time is None for one in records):
            return False
        last = max((one.end_time or 0.0 for one in records), default=0.0)
        return min(looked.values()) > max(last, after)

    until(f"at rest, as {', '.join(sorted(names))} see it", rests)
