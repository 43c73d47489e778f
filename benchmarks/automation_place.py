"""A factory in a folder of its own, its processes, and what they take, for automation.py.

Belongs here: running the checkout's commands there, waiting with an end and a word of how it goes,
and memory. Does not belong here: what is measured.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from rooney_assets.lake import Lake
from rooney_assets.settings import Settings, load_universe

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
WORKSPACE = str(ROOT / "workspace.yaml")
PROGRESS_SECONDS = 15.0
_PAUSE = threading.Event()
_MB = 1e6
_PR_SET_CHILD_SUBREAPER = 36
"""prctl(2): orphans of our children become ours, and are counted and ended with them."""


class Place:
    """A factory of so many tradable symbols in a folder, with the checkout's instance."""

    def __init__(self, folder: Path, n_symbols: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        write_universe(folder / "universe.yaml", n_symbols)
        self.own = {
            "ROONEY_LAKE": str(folder / "lake"),
            "ROONEY_STATE": str(folder / "state"),
            "ROONEY_UNIVERSE": str(folder / "universe.yaml"),
            "ROONEY_TUNING": "quick",
            "DAGSTER_HOME": str(ROOT),
        }
        os.environ.update(self.own)
        (folder / "state").mkdir(exist_ok=True)
        self.settings = Settings.from_environment(os.environ)
        self.universe = load_universe(self.settings)
        self.lake = Lake(self.settings.lake)

    def run(self, *command: str, minutes: float = 10.0, told: Callable[[], str] = str) -> float:
        """Run a command of the checkout; the seconds it took. Raises TimeoutError after `minutes`.

        `told`: how far it is, printed now and then.
        """
        began = time.perf_counter()
        with self.process(*command) as process:
            until(f"the end of {command[0]}", lambda: process.poll() is not None, minutes, told)
            if process.returncode:
                text = self.log_of(command[0]).read_text(errors="replace")
                print(text[-2000:], file=sys.stderr)
        return time.perf_counter() - began

    @contextlib.contextmanager
    def process(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command of the checkout in the background, ended with its group."""
        with self.log_of(command[0]).open("a") as log:
            started = subprocess.Popen(
                [str(BIN / command[0]), *command[1:]],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield started
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()

    def log_of(self, program: str) -> Path:
        """Where a program's own output goes."""
        return self.folder / f"{program}.log"


def write_universe(path: Path, n_symbols: int) -> None:
    """The simulated market with so many tradable symbols: the shipped ones, drawn several times."""
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    simulated = [one for one in document["instruments"] if one["symbol"].startswith("SIM_")]
    tradable = [one for one in simulated if one["role"] == "tradable"]
    pages = [one for one in simulated if one["role"] != "tradable"]
    for number in range(n_symbols):
        draw, original = divmod(number, len(tradable))
        page = dict(tradable[original])
        if draw:
            page |= {"symbol": f"{page['symbol']}{draw + 1}", "partner": None}
        pages.append(page)
    path.write_text(yaml.safe_dump({"instruments": pages}, sort_keys=False), encoding="utf-8")


def until(
    what: str, holds: Callable[[], bool], minutes: float, told: Callable[[], str] = str
) -> None:
    """Wait for another process, and say now and then how it goes.

    Raises TimeoutError once it took so many minutes.
    """
    began = said = time.monotonic()
    while not holds():
        now = time.monotonic()
        if now - began > 60 * minutes:
            raise TimeoutError(f"{what}: not within {minutes:g} minutes; {told()}")
        if now - said > PROGRESS_SECONDS:
            said = now
            print(f"    {now - began:5.0f} s, waiting for {what} {told()}", flush=True)
        _PAUSE.wait(0.2)


@contextlib.contextmanager
def memory_watched() -> Iterator[Callable[[], str]]:
    """The most memory that this process's descendants had at one time, by shares (PSS)."""
    over, seen = threading.Event(), [0.0]
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def look() -> None:
        while not over.wait(1.0):
            seen[0] = max(seen[0], shared_memory_mb(descendants(os.getpid())))

    watching = threading.Thread(target=look, daemon=True)
    watching.start()
    try:
        yield lambda: f"at most {seen[0]:.0f} MB"
    finally:
        over.set()
        watching.join()


def descendants(pid: int) -> list[int]:
    """Processes below one, and those it started in sessions of their own that still name it."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = stat.read_text()
            parents[int(text.split()[0])] = int(text.rpartition(")")[2].split()[1])
    found, more = set(), {pid}
    while more:
        more = {child for child, parent in parents.items() if parent in more} - found
        found |= more
    return sorted(found)


def shared_memory_mb(pids: list[int]) -> float:
    """Proportional set size of processes together, MB."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            page = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += sum(int(line.split()[1]) for line in page.splitlines() if line[:4] == "Pss:")
    return total * 1024 / _MB


def size_mb(folder: Path) -> float:
    """All files below a folder, MB."""
    total = 0
    for one in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += one.stat().st_size if one.is_file() else 0
    return total / _MB
