"""Launches each run as a process of its own, which outlives the daemon, and looks after it.

Belongs here: starting, ending and watching the process of a run on this host. Does not belong here:
what becomes of a run whose process died (`run_monitoring`, `run_retries` in dagster.yaml), or how
many run at once (the queue).

Every instance loads this module, so it imports nothing of ours.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from dagster import DagsterEventType, DagsterRun
from dagster._core.launcher import (
    CheckRunHealthResult,
    DefaultRunLauncher,
    LaunchRunContext,
    WorkerStatus,
)
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import serialize_value

PID_TAG: Final = "rooney/pid"
HOST_TAG: Final = "rooney/host"
KEPT_LOGS: Final = 200
"""Newest logs of runs' own output that stay; what a step says is in Dagster's log for good."""

_ARGUMENTS: Final = "DAGSTER_EXECUTE_RUN_ARGS"
_PID: Final = re.compile(r"pid: (\d+)")
_LAUNCHED: Final = re.compile(r"^Launched as process (\d+)")
# Libraries that spin on threads slow each other down; runs go side by side instead.
_SINGLE_THREADS: Final = dict.fromkeys(("OMP_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")
_STARTED_AT: Final = 19
"""Place of a process's start time in /proc/PID/stat, counted from after its name (proc(5))."""
_SLACK_SECONDS: Final = 5.0
KILLED_AFTER_SECONDS: Final = 120.0
"""A run that was asked to stop and works on is killed; before `cancel_timeout_seconds` of
dagster.yaml is over, when Dagster believes it gone."""


class WatchedRunLauncher(DefaultRunLauncher):
    """A process in a session of its own per run; a run whose process is gone is known to be dead.

    Dagster's own launcher starts a run below the code server, so that whoever ends the daemon's
    process group ends every run, and it cannot tell a run that works from one whose process was
    killed. Runs of `rooney materialize` are looked after too.
    """

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the run's process; its own output goes to `logs/runs/` below ROONEY_STATE.

        What the process needs to know is in its environment: an argument list is everybody's.
        """
        run = context.dagster_run
        origin = context.job_code_origin
        assert origin is not None, "a run that is launched has a code location"
        page = serialize_value(ExecuteRunArgs(origin, run.run_id, self._instance.get_ref()))
        python = origin.repository_origin.executable_path
        with _log_of(run.run_id).open("ab") as log:
            process = subprocess.Popen(
                [python, "-m", "dagster", "api", "execute_run"],
                env={**os.environ, **_SINGLE_THREADS, _ARGUMENTS: page},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        tags = {PID_TAG: str(process.pid), HOST_TAG: socket.gethostname()}
        self._instance.add_run_tags(run.run_id, tags)
        self._instance.report_engine_event(f"Launched as process {process.pid}", run)

    def terminate(self, run_id: str) -> bool:
        """Ask the run's process to stop, as a person does by Ctrl-C; False where there is none.

        A step that is interrupted leaves the table that was there: the write is a rename. So does
        one that is killed, with the processes it started, because it did not stop in time.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        here = [one for one in self._processes_of(run) if is_alive(*one)]
        if not here or not _is_of_this_host(run):
            told = "The run has no process on this host that could be stopped"
            self._instance.report_engine_event(told, run)
            return False
        pid, since = here[0]
        os.kill(pid, signal.SIGINT)
        later = threading.Timer(KILLED_AFTER_SECONDS, end_for_good, (pid, since))
        later.daemon = True
        later.start()
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """True: `run_monitoring` asks for each run that it believes running."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """FAILED when no process that executed the run is there any more; else RUNNING.

        A run of another host, or one that has not said yet which process it is in, is believed to
        run; its timeout counts.
        """
        found = self._processes_of(run)
        known = bool(found) and _is_of_this_host(run)
        if not known or any(is_alive(pid, since) for pid, since in found):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        pids = ", ".join(str(pid) for pid, _ in found)
        return CheckRunHealthResult(WorkerStatus.FAILED, f"no process {pids} is there any more")

    def _processes_of(self, run: DagsterRun) -> Sequence[tuple[int, float]]:
        """Process ids that the run's events name, each with the time it was named at."""
        found = []
        for one in self._instance.all_logs(run.run_id, of_type=DagsterEventType.ENGINE_EVENT):
            message = one.message or ""
            named = _PID.search(message) or _LAUNCHED.search(message)
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
    except (FileNotFoundError, ProcessLookupError):
        return False
    fields: list[Any] = stat.rpartition(")")[2].split()
    if fields[0] in ("Z", "X"):
        return False
    return _boot_time() + int(fields[_STARTED_AT]) / _CLOCK_TICKS <= since + _SLACK_SECONDS


def end_for_good(pid: int, since: float) -> None:
    """Kill the process that had this id at `since`, with its group where it leads one."""
    if not is_alive(pid, since):
        return
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
        else:
            os.kill(pid, signal.SIGKILL)


def _boot_time() -> float:
    """When this host began, seconds UTC."""
    return time.time() - float(Path("/proc/uptime").read_text().split()[0])


def _is_of_this_host(run: DagsterRun) -> bool:
    """A run without the tag was executed by `rooney materialize`, where the lake is."""
    return run.tags.get(HOST_TAG, socket.gethostname()) == socket.gethostname()


def _log_of(run_id: str) -> Path:
    """Where a run's own output goes; older logs than the newest ones make room."""
    folder = Path(os.environ["ROONEY_STATE"]) / "logs" / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    logs = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
    for old in logs[: -KEPT_LOGS + 1]:
        old.unlink(missing_ok=True)
    return folder / f"{run_id}.log"
