"""A pool of worker processes that execute runs, one run at a time each.

Belongs here: starting workers, feeding them, hearing of their progress, outliving one that dies.
Does not belong here: what to run (`rooney_assets.headless`), executing it (`rooney_assets.worker`).
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rooney_assets.settings import Settings

Listener = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Task:
    """One run: a stage's assets for one partition. `tags`: of the run: who asked, and why."""

    stage: str
    key: str | None
    assets: tuple[str, ...]
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Report:
    """What happened: partitions made, found unchanged while running, and known current before."""

    made: int = 0
    reused: int = 0
    current: int = 0
    failures: dict[str, str] = field(default_factory=dict)

    def count(self, other: Report) -> None:
        """Add what another one made and found; its failures are its own to tell."""
        self.made += other.made
        self.reused += other.reused
        self.current += other.current

    @property
    def succeeded(self) -> bool:
        """True when nothing failed."""
        return not self.failures


def work(
    tasks: list[Task],
    settings: Settings,
    report: Report,
    tell: Listener,
    *,
    processes: int | None,
    force: bool,
) -> None:
    """Run all tasks on a pool of worker processes; a failed task is reported, the others go on."""
    if not tasks:
        return
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    heard: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    count = min(processes or os.cpu_count() or 1, len(tasks))
    threads = [
        threading.Thread(target=_serve, args=(waiting, heard, settings, force, count), daemon=True)
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    finished = 0
    while finished < count:
        event = heard.get()
        finished += event["event"] == "worker_gone"
        _account(event, report)
        tell(event)


def record(
    settings: Settings, asset: str, description: str, facts: Mapping[str, str | int]
) -> bool:
    """Put an event that no run made into Dagster's log; whether it is there.

    `facts` become its metadata; they hold the `data_version` that is current now.
    """
    order = {"record": asset, "description": description, "facts": dict(facts)}
    try:
        worker = _start_worker(settings, 1)
        told, _ = worker.communicate(json.dumps(order) + "\n")
    except OSError:
        return False
    return '{"event": "run_ended"' in told


def _account(event: Mapping[str, Any], report: Report) -> None:
    if event["event"] == "ended" and event["status"] == "made":
        report.made += 1
    elif event["event"] == "ended" and event["status"] == "reused":
        report.reused += 1
    elif event["event"] in ("reason", "run_failed"):
        key, text = event.get("key"), str(event["text"])
        # A run of one table has no key: its end repeats what its asset said.
        if key is None and any(told in text for told in report.failures.values()):
            return
        report.failures.setdefault(str(key or event.get("asset") or "release"), text)


def _serve(
    waiting: queue.SimpleQueue[Task],
    heard: queue.SimpleQueue[dict[str, Any]],
    settings: Settings,
    force: bool,
    count: int,
) -> None:
    """Feed one worker process until no task waits; a worker that dies fails its task only."""
    worker: subprocess.Popen[str] | None = None
    try:
        while (task := _next(waiting)) is not None:
            if worker is None:
                worker = _start_worker(settings, count)
            if not _execute(worker, task, heard, force):
                heard.put(_died(task, settings))
                _stop(worker)
                worker = None
    except OSError as error:
        text = f"A worker process could not be started: {error}. Tasks that wait stay undone."
        heard.put({"event": "run_failed", "stage": "", "key": "workers", "text": text})
    finally:
        if worker is not None:
            _stop(worker)
        heard.put({"event": "worker_gone"})


def _next(waiting: queue.SimpleQueue[Task]) -> Task | None:
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return None


def _execute(
    worker: subprocess.Popen[str],
    task: Task,
    heard: queue.SimpleQueue[dict[str, Any]],
    force: bool,
) -> bool:
    """Hand a task over and pass its events on; False when the process went away."""
    order = {"stage": task.stage, "key": task.key, "assets": task.assets, "force": force}
    order["tags"] = dict(task.tags)
    assert worker.stdin is not None
    try:
        worker.stdin.write(json.dumps(order) + "\n")
        worker.stdin.flush()
    except BrokenPipeError:
        return False
    return _listen(worker.stdout, heard, task)


def _stop(worker: subprocess.Popen[str]) -> None:
    """End a worker by ending its input; one that is gone already has nothing left to close."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        worker.stdin.close()
    worker.wait()
    worker.stdout.close()


def _listen(lines: Any, heard: queue.SimpleQueue[dict[str, Any]], task: Task) -> bool:
    """Pass events on until the run ends; False when the process went away before."""
    for line in lines:
        if not line.startswith('{"event"'):
            continue
        event = json.loads(line)
        event.setdefault("stage", task.stage)
        heard.put(event)
        if event["event"] in ("run_ended", "run_failed"):
            return True
    return False


def _died(task: Task, settings: Settings) -> dict[str, Any]:
    text = f"The worker process ended in the middle of the run; see {worker_log(settings)}."
    return {"event": "run_failed", "stage": task.stage, "key": task.key, "text": text}


def worker_log(settings: Settings) -> Path:
    """Where the workers' own output goes."""
    return settings.state / "logs" / "workers.log"


def _start_worker(settings: Settings, count: int) -> subprocess.Popen[str]:
    """Start one of `count` workers that share the cores."""
    log = worker_log(settings)
    log.parent.mkdir(parents=True, exist_ok=True)
    # Single threads inside, processes outside: libraries that spin on threads slow each other down.
    single = dict.fromkeys(("OMP_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
    # A sweep's threads do not spin; a worker that is alone takes all cores for it.
    shared = {"NUMBA_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // count))}
    with log.open("a") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "rooney_assets.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env={
                **os.environ,
                **single,
                **shared,
                **settings.as_environment(),
                "DAGSTER_HOME": str(settings.dagster_home),
            },
        )
