"""What running by itself costs: overhead per partition, a backfill, idle memory, growth, a tick.

Run: .venv/bin/python benchmarks/automation.py [--only tick --only overhead ...] [--symbols 12]
Parts: overhead (seconds per materialized partition beyond the step's own, in process, by worker
processes, and launched by the daemon), backfill (the whole graph of so many symbols, quickly tuned:
cold, and with nothing to do, by `rooney materialize` and by the daemon), memory (webserver, daemon
and code servers, idle), growth (the instance database per 1,000 runs), tick (the retraining sensor
and the follower with 30 symbols). Everything is in a folder of its own that is removed.
"""

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import yaml

from rooney_assets.build import build_defs
from rooney_assets.lake import Lake, ManifestFacts
from rooney_assets.mandate import load_mandate
from rooney_assets.sensors import retraining_tick
from rooney_assets.settings import Settings, load_universe
from rooney_assets.sources.selection import source_from
from rooney_assets.ticking import tick
from rooney_assets.watching import Watched
from rooney_core.gates.drift import DRIFT_SCHEMA

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
WORKSPACE = str(ROOT / "workspace.yaml")
CORES = os.cpu_count() or 1
TICK_SYMBOLS, TICK_ROUNDS = 30, 5
GROWTH_RUNS, PER_RUNS = 100, 1000
FINISHED = ("SUCCESS", "FAILURE", "CANCELED")
PATIENCE_SECONDS = 3600.0
_MB = 1e6


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

    def run(self, *command: str) -> float:
        """Run a command of the checkout; the seconds it took."""
        began = time.perf_counter()
        told = subprocess.run(
            [str(BIN / command[0]), *command[1:]],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if told.returncode:
            print(told.stdout[-2000:], told.stderr[-2000:], file=sys.stderr)
        return time.perf_counter() - began

    @contextlib.contextmanager
    def process(self, *command: str) -> Iterator[int]:
        """A command of the checkout in the background, ended with its group."""
        with (self.folder / f"{command[0]}.log").open("w") as log:
            started = subprocess.Popen(
                [str(BIN / command[0]), *command[1:]],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield started.pid
        finally:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


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


def overhead(folder: Path, n_symbols: int) -> None:
    """Seconds per partition beyond the step's own, three ways; the asset is a small one."""
    place = Place(folder / "overhead", n_symbols)
    place.run("rooney", "materialize", "--to", "simulated_truth")
    keys = [one for one in place.universe.symbols if place.universe[one].is_simulated]
    with dg.DagsterInstance.from_config(str(ROOT)) as instance:
        rows = [
            ("in process", *_in_process(place, instance, keys)),
            (f"{CORES} worker processes", *_by_workers(place, instance, keys)),
            ("launched by the daemon", *_by_daemon(place, instance, "truth_of_symbol", len(keys))),
        ]
    print(f"\nOverhead of {len(keys)} partitions, seconds each beyond the step itself")
    for name, seconds, inside in rows:
        print(f"  {name:<28}{(seconds - inside) / len(keys):>8.2f}   {seconds:.1f} s in all")


def _in_process(place: Place, instance: Any, keys: list[str]) -> tuple[float, float]:
    defs = build_defs(place.settings, place.universe)
    job = defs.resolve_job_def("truth_of_symbol")
    began = time.perf_counter()
    for key in keys:
        job.execute_in_process(instance=instance, partition_key=key, tags={"rooney/force": "1"})
    return time.perf_counter() - began, _inside(instance, "simulated_truth", len(keys))


def _by_workers(place: Place, instance: Any, keys: list[str]) -> tuple[float, float]:
    names = ",".join(keys)
    wanted = ("--to", "simulated_truth", "--force", "--symbols", names)
    seconds = place.run("rooney", "materialize", *wanted)
    return seconds, _inside(instance, "simulated_truth", len(keys)) / CORES


def _inside(instance: Any, asset: str, n: int) -> float:
    """Seconds inside the newest steps of an asset."""
    found = instance.fetch_materializations(dg.AssetKey(asset), limit=n).records
    return sum(one.asset_materialization.metadata["seconds"].value for one in found)


def _by_daemon(place: Place, instance: Any, job: str, n: int) -> tuple[float, float]:
    """Seconds from the first run's start to the last one's end, and those inside their steps."""
    mark = str(time.time())
    what = ("-j", job, "--all", "--noprompt", "-w", WORKSPACE)
    place.run("dagster", "job", "backfill", *what, "--tags", f'{{"mark": "{mark}"}}')
    with place.process("dagster-daemon", "run", "-w", WORKSPACE):
        wait(lambda: _ended(instance, mark) >= n)
    records = instance.get_run_records(dg.RunsFilter(tags={"mark": mark}))
    first = min(_launched(instance, one) for one in records)
    return max(one.end_time for one in records) - first, 0.0


def _launched(instance: Any, record: Any) -> float:
    """When a run left the queue."""
    stats = instance.get_run_stats(record.dagster_run.run_id)
    return float(stats.launch_time or record.start_time)


def _ended(instance: Any, mark: str) -> int:
    runs = instance.get_runs(dg.RunsFilter(tags={"mark": mark}))
    return sum(one.status.value in FINISHED for one in runs)


def backfill(folder: Path, n_symbols: int) -> None:
    """The whole graph: cold, with nothing to do, and nothing to do run by run by the daemon."""
    place = Place(folder / "backfill", n_symbols)
    print(f"\nThe whole graph of {n_symbols} tradable symbols on {CORES} cores, quickly tuned")
    for title in ("cold", "nothing to do"):
        with memory_watched() as peak:
            seconds = place.run("rooney", "materialize")
        with dg.DagsterInstance.from_config(str(ROOT)) as instance:
            inside = _all_inside(instance) / CORES if title == "cold" else 0.0
        told = f"{seconds - inside:.1f} s beyond the steps' own" if title == "cold" else ""
        print(f"  rooney materialize, {title:<16}{seconds:>8.1f} s   {told}   {peak()}")
    with dg.DagsterInstance.from_config(str(ROOT)) as instance, memory_watched() as peak:
        seconds, _ = _by_daemon(place, instance, "research_of_symbol", n_symbols)
        print(f"  the daemon, {n_symbols} runs, nothing to do{seconds:>8.1f} s   {peak()}")


def _all_inside(instance: Any) -> float:
    records = (
        instance.fetch_materializations(key, limit=PER_RUNS).records
        for key in instance.get_asset_keys()
    )
    found = [one.asset_materialization.metadata.get("seconds") for part in records for one in part]
    return float(sum(one.value for one in found if one is not None))


@contextlib.contextmanager
def memory_watched() -> Iterator[Callable[[], str]]:
    """The most memory that this process's descendants had at one time, by shares (PSS)."""
    over, seen = threading.Event(), [0.0]

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


def memory(folder: Path, n_symbols: int) -> None:
    """Webserver, daemon and their code servers, once they have nothing to do."""
    place = Place(folder / "memory", n_symbols)
    print("\nIdle memory (PSS), MB")
    webserver = ("dagster-webserver", "-w", WORKSPACE, "-p", "33117")
    with place.process("dagster-daemon", "run", "-w", WORKSPACE) as daemon:
        settle(place.folder / "dagster-daemon.log", "Instance is configured")
        with place.process(*webserver) as server:
            settle(place.folder / "dagster-webserver.log", "Serving dagster-webserver")
            threading.Event().wait(30)
            for name, pid in (("daemon", daemon), ("webserver", server)):
                below = descendants(pid)
                told = f"{shared_memory_mb([pid]):>8.0f} + {shared_memory_mb(below):.0f}"
                print(f"  {name:<16}{told} of {len(below)} processes below it")


def settle(log: Path, words: str) -> None:
    """Wait until a process has said something."""
    wait(lambda: words in log.read_text(errors="replace"))


def growth(folder: Path, n_symbols: int) -> None:
    """Bytes of the instance's files per 1,000 runs of a small asset with its checks."""
    place = Place(folder / "growth", n_symbols)
    defs = build_defs(place.settings, place.universe)
    job, state = defs.resolve_job_def("truth_of_symbol"), place.settings.state
    key = place.universe.tradable[0]
    with dg.DagsterInstance.from_config(str(ROOT)) as instance:
        job.execute_in_process(instance=instance, partition_key=key)
        before = size_mb(state)
        for _ in range(GROWTH_RUNS):
            job.execute_in_process(instance=instance, partition_key=key)
        grown = size_mb(state) - before
    of = PER_RUNS / GROWTH_RUNS
    print(f"\nInstance database per {PER_RUNS} runs of one step: {grown * of:.0f} MB")


def size_mb(folder: Path) -> float:
    """All files below a folder, MB."""
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file()) / _MB


def ticks(folder: Path, n_symbols: int) -> None:
    """The retraining sensor and the follower with 30 symbols, all of which have reports."""
    place = Place(folder / "tick", TICK_SYMBOLS)
    facts = ManifestFacts(run_id="r", code_version="c", git_commit="g")
    for symbol in place.universe.tradable:
        small = pl.DataFrame({"symbol": [symbol], "model_version": ["m"]})
        for name in ("meta_model", "training_set", "session_bars", "live_performance"):
            place.lake.write(name, ("symbol", symbol), small, facts)
        row = {"symbol": symbol, "model_version": "m", "drifted_share": 0.9, "calibration_z": -5.0}
        row |= {"n_drifted": 9, "n_features": 10, "worst_feature": "x", "worst_psi": 1.0}
        row |= {"recent_win_rate": 0.4, "promised_win_rate": 0.6, "calibration_trades": 50}
        row |= {"calibration_of": "live"}
        report = pl.DataFrame([row], schema=DRIFT_SCHEMA)
        place.lake.write("drift_report", ("symbol", symbol), report, facts)
    settings = place.settings
    source = source_from(settings.source, settings.base, settings.vendor)
    with dg.DagsterInstance.from_config(str(ROOT)) as instance:
        mandate = load_mandate(settings)
        watched = Watched(place.lake, place.universe, source, mandate, instance)
        defs = build_defs(settings, place.universe)
        cursors: dict[str, str | None] = {}
        # Every model is old, so that all are asked for.
        aged = datetime.now(UTC) + timedelta(days=2 * mandate.retraining.max_model_age_days)

        def follow() -> None:
            told = tick(defs, "follow_symbols", instance, cursor=cursors.get("follow_symbols"))
            cursors["follow_symbols"] = told.cursor

        print(f"\nA tick with {TICK_SYMBOLS} tradable symbols, median of {TICK_ROUNDS}, s")
        for name, act in (
            ("retraining", lambda: retraining_tick(watched, None, aged)),
            ("follow_symbols", follow),
        ):
            timed = [_timed(act) for _ in range(TICK_ROUNDS)]
            print(f"  {name:<20}{statistics.median(timed):>8.2f}   at most {max(timed):.2f}")


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def wait(holds: Callable[[], bool]) -> None:
    """Wait for another process."""
    patience, pause = time.monotonic() + PATIENCE_SECONDS, threading.Event()
    while not holds():
        if time.monotonic() > patience:
            raise TimeoutError("what was waited for never came")
        pause.wait(0.2)


PARTS: dict[str, Callable[[Path, int], None]] = {
    "tick": ticks,
    "overhead": overhead,
    "growth": growth,
    "memory": memory,
    "backfill": backfill,
}


def main() -> None:
    """Run the parts that were asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", action="append", choices=sorted(PARTS))
    parser.add_argument("--symbols", type=int, default=12)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rooney-automation-") as folder:
        for name in asked.only or PARTS:
            PARTS[name](Path(folder), asked.symbols)


if __name__ == "__main__":
    main()
