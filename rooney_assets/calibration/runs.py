"""Many universes on a few processes, each row kept on disk as soon as it is there.

Belongs here: worker processes, and the file of finished rows: a calibration that was killed goes on
where it was. Does not belong here: what happens in a universe (`chain`), or what rows mean.
"""

from __future__ import annotations

import hashlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final

import polars as pl

from rooney_assets.lake.durable import make_folder
from rooney_assets.mandate import Mandate
from rooney_core.errors import InvalidSetting, RefusedError
from rooney_core.gates.calibration.report import UNIVERSES_SCHEMA
from rooney_core.gates.calibration.settings import CalibrationSettings
from rooney_core.gates.calibration.universes import SmallUniverse, universes_of

# Single threads inside, processes outside.
ALONE: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"
)
A_PROCESS: Final = 25
"""Universes that a worker process is given before another takes its place: what the libraries do
not give back to the system stays small."""
_WORKER: Final = "rooney_assets.calibration.worker"
_HOW_MANY: Final = {
    *("processes", "tuning", "n_null", "n_planted", "reversion_edges", "n_oracle"),
}
"""Settings that change no universe's row, but which of them there are."""
OnRow = Callable[[int, int], None]


@dataclass(frozen=True)
class Finished:
    """`rows`: UNIVERSES_SCHEMA, in the order of `universes_of`. `cpu_seconds`: of all of them."""

    rows: pl.DataFrame
    cpu_seconds: float


def run_universes(
    settings: CalibrationSettings,
    mandate: Mandate,
    code_version: str,
    folder: Path,
    tell: OnRow = lambda done, planned: None,
) -> Finished:
    """The row of every universe; those that `folder` keeps of the same code and mandate
    are not run again, however many there are to be now.

    `tell(done, planned)` is called after each. Raises RefusedError, keeping all finished rows, when
    a universe fails otherwise than by a gate, or a worker process ends; InvalidSetting when
    `folder` cannot be written.
    """
    wanted = universes_of(settings)
    try:
        make_folder(folder)
        with _file_of(settings, mandate, code_version, folder).open("ab+") as file:
            kept = _Kept(file)
            missing = [one for one in wanted if _name(one) not in kept.answers]
            tell(len(wanted) - len(missing), len(wanted))
            for answer in _answers(missing, settings, mandate):
                kept.add(answer)
                tell(len(wanted) - len(missing) + kept.added, len(wanted))
    except OSError as error:
        raise InvalidSetting(
            f"Finished universes cannot be kept in {folder}: {error}. ROONEY_STATE must name a "
            "folder that this user may write, on a disk with room."
        ) from error
    answers = [kept.answers[_name(one)] for one in wanted]
    rows = pl.DataFrame([one["row"] for one in answers], schema=UNIVERSES_SCHEMA)
    return Finished(rows, sum(one["cpu_seconds"] for one in answers))


def _file_of(
    settings: CalibrationSettings, mandate: Mandate, code_version: str, folder: Path
) -> Path:
    content = (code_version, mandate.version, settings.model_dump_json(exclude=_HOW_MANY))
    digest = hashlib.sha256("\n".join(content).encode()).hexdigest()
    return folder / f"{digest[:32]}.jsonl"


def _name(one: SmallUniverse) -> tuple[float, int]:
    return one.reversion_edge, one.number


class _Kept:
    """Answers in an open file, one a line; a line that was never finished is cut off."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.answers: dict[tuple[float, int], dict[str, Any]] = {}
        self.added = 0
        whole = 0
        file.seek(0)
        for line in file:
            if not line.endswith(b"\n"):
                break
            self._take(json.loads(line))
            whole += len(line)
        file.truncate(whole)

    def add(self, answer: dict[str, Any]) -> None:
        self._file.write(json.dumps(answer).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._take(answer)
        self.added += 1

    def _take(self, answer: dict[str, Any]) -> None:
        row = answer["row"]
        self.answers[row["reversion_edge"], row["number"]] = answer


def _answers(
    universes: Sequence[SmallUniverse], settings: CalibrationSettings, mandate: Mandate
) -> Iterable[dict[str, Any]]:
    """Answers of worker processes, as they come."""
    waiting: queue.SimpleQueue[SmallUniverse] = queue.SimpleQueue()
    for one in universes:
        waiting.put(one)
    heard: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=_feed, args=(waiting, heard, (settings, mandate), stop), daemon=True
        )
        for _ in range(min(settings.processes, len(universes)))
    ]
    for thread in threads:
        thread.start()
    try:
        for _ in universes:
            answer = heard.get()
            if "error" in answer:
                raise RefusedError(f"A universe was not calibrated: {answer['error']}")
            yield answer
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _feed(
    waiting: queue.SimpleQueue[SmallUniverse],
    heard: queue.SimpleQueue[dict[str, Any]],
    first: tuple[CalibrationSettings, Mandate],
    stop: threading.Event,
) -> None:
    """Feed workers, one after the other, until no universe waits or somebody says stop."""
    try:
        while not stop.is_set() and (one := _next(waiting)) is not None:
            with _worker(first) as worker:
                for left in range(A_PROCESS, 0, -1):
                    heard.put(_asked(worker, one))
                    if left == 1 or stop.is_set() or (one := _next(waiting)) is None:
                        break
    except OSError as error:
        heard.put({"error": f"a worker process could not be used: {error}"})


def _asked(worker: subprocess.Popen[str], one: SmallUniverse) -> dict[str, Any]:
    """The answer of a worker; that it has gone is one."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps(asdict(one)) + "\n")
    worker.stdin.flush()
    line = worker.stdout.readline()
    return json.loads(line) if line else {"error": f"{one}: its process ended"}


def _next(waiting: queue.SimpleQueue[SmallUniverse]) -> SmallUniverse | None:
    try:
        return waiting.get_nowait()
    except queue.Empty:
        return None


def _worker(first: tuple[CalibrationSettings, Mandate]) -> subprocess.Popen[str]:
    worker = subprocess.Popen(
        [sys.executable, "-m", _WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **ALONE},
    )
    assert worker.stdin is not None
    worker.stdin.writelines(one.model_dump_json() + "\n" for one in first)
    return worker
