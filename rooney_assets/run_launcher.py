"""Dagster's own launcher, which also says whether the process of a run still lives.

Belongs here: looking after a run's process on this host. Does not belong here: starting it, which
Dagster does, or what becomes of a run whose process died (`run_monitoring` in dagster.yaml).

Every instance loads this module, so it imports nothing of ours.
"""

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from dagster import DagsterEventType, DagsterRun
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

_PID: Final = re.compile(r"pid: (\d+)")
_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
_STARTED_AT: Final = 19
"""Place of a process's start time in /proc/PID/stat, counted from after its name (proc(5))."""
_SLACK_SECONDS: Final = 5.0


class WatchedRunLauncher(DefaultRunLauncher):
    """Runs as the default launcher runs them. A run whose process is gone is known to be dead.

    Dagster's own cannot tell, so a run whose host lost power, or whose process was killed, counts
    as running for ever, and takes a place in the queue. That of `rooney materialize` is seen too.
    """

    @property
    def supports_check_run_worker_health(self) -> bool:
        """True: `run_monitoring` asks for each run that it believes running."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """FAILED when no process that executed the run is there any more; else RUNNING.

        A run that has not said yet which process it is in is believed to run; its timeout counts.
        """
        found = self._processes_of(run)
        if not found or any(is_alive(pid, since) for pid, since in found):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        pids = ", ".join(str(pid) for pid, _ in found)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"no process {pids} is there any more")

    def _processes_of(self, run: DagsterRun) -> list[tuple[int, float]]:
        """Process ids that the run's own events name, each with the time it was named at."""
        found = []
        for one in self._instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
            named = _PID.search(one.message or "")
            if named is not None:
                found.append((int(named[1]), one.timestamp))
        return found


def is_alive(pid: int, since: float) -> bool:
    """Whether the process that had this id at `since` (seconds, UTC) is still there.

    A process that began later has only got the id again; one that ended and waits for its parent
    (a zombie) is gone.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    fields: list[Any] = stat.rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):
        return False
    return _boot_time() + int(fields[_STARTED_AT]) / _CLOCK_TICKS <= since + _SLACK_SECONDS


def _boot_time() -> float:
    """When this host began, seconds UTC."""
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return datetime.now().timestamp() - uptime
