"""What running by itself costs: overhead per partition, a backfill, idle memory, growth, a tick.

Run: .venv/bin/python benchmarks/automation.py [--only tick --only growth ...] [--symbols 12]
         [--minutes 60]
Parts: overhead (seconds per materialized partition beyond the step's own, in process, by worker
processes, and launched by the daemon), backfill (the whole graph of so many symbols, quickly tuned:
cold, and with nothing to do, by `rooney materialize` and run by run by the daemon), daemon (bars,
then research of so many symbols, cold, as one backfill on the queue of a daemon that is killed in
the middle: what was lost, locks that failed, memory), memory (webserver, daemon and code servers,
idle), growth (the instance database per 1,000 runs), tick (the retraining sensor and the follower
with 30 symbols). Each says how far it is, and no wait takes longer than `--minutes`. Everything is
in a folder of its own that is removed.
"""

import argparse
import contextlib
import os
import signal
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from automation_place import (
    ROOT,
    WORKSPACE,
    Place,
    descendants,
    memory_watched,
    shared_memory_mb,
    size_mb,
    until,
)

from rooney_assets.build import build_defs
from rooney_assets.lake import ManifestFacts
from rooney_assets.mandate import load_mandate
from rooney_assets.run_control import set_pool_limits
from rooney_assets.sensors import retraining_tick
from rooney_assets.sources.selection import source_from
from rooney_assets.ticking import tick
from rooney_assets.watching import Watched
from rooney_assets.worker import QUIET
from rooney_core.gates.drift import DRIFT_SCHEMA

CORES = os.cpu_count() or 1
TICK_SYMBOLS, TICK_ROUNDS = 30, 5
GROWTH_RUNS, GROWTH_STEP, PER_RUNS = 100, 10, 1000
FINISHED = ("SUCCESS", "FAILURE", "CANCELED")
STARTUP_MINUTES = 5.0
IDLE_SAMPLES, IDLE_SECONDS, IDLE_CHANGE = 3, 5.0, 0.01
"""Idle is who has the same memory in so many looks, so many seconds apart."""
LOCKED = ("database is locked", "could not obtain lock", "deadlock detected", "Conflicting lock")


def overhead(folder: Path, n_symbols: int, minutes: float) -> None:
    """Seconds per partition beyond the step's own, three ways; the asset is a small one."""
    place = Place(folder / "overhead", n_symbols)
    place.run("rooney", "materialize", "--to", "simulated_truth", minutes=minutes)
    keys = [one for one in place.universe.symbols if place.universe[one].is_simulated]
    with dg.DagsterInstance.from_config(str(ROOT)) as instance:
        rows = [
            ("in process", *_in_process(place, instance, keys)),
            (f"{CORES} worker processes", *_by_workers(place, instance, keys, minutes)),
            (
                "launched by the daemon",
                _by_daemon(place, instance, "truth_of_symbol", minutes),
                0.0,
            ),
        ]
    print(f"\nOverhead of {len(keys)} partitions, seconds each beyond the step itself")
    for name, seconds, inside in rows:
        print(f"  {name:<28}{(seconds - inside) / len(keys):>8.2f}   {seconds:.1f} s in all")


def _in_process(place: Place, instance: Any, keys: list[str]) -> tuple[float, float]:
    job = build_defs(place.settings, place.universe).resolve_job_def("truth_of_symbol")
    began = time.perf_counter()
    for key in keys:
        job.execute_in_process(
            instance=instance, partition_key=key, tags={"rooney/force": "1"}, run_config=QUIET
        )
    return time.perf_counter() - began, _inside(instance, "simulated_truth", len(keys))


def _by_workers(
    place: Place, instance: Any, keys: list[str], minutes: float
) -> tuple[float, float]:
    wanted = ("--to", "simulated_truth", "--force", "--symbols", ",".join(keys))
    seconds = place.run("rooney", "materialize", *wanted, minutes=minutes)
    return seconds, _inside(instance, "simulated_truth", len(keys)) / CORES


def _inside(instance: Any, asset: str, n: int) -> float:
    """Seconds inside the newest steps of an asset."""
    found = instance.fetch_materializations(dg.AssetKey(asset), limit=n).records
    return sum(one.asset_materialization.metadata["seconds"].value for one in found)


def _asked(place: Place, instance: Any, job: str) -> str:
    """Every partition of a job onto the queue, by Dagster's own command; the mark of its runs."""
    mark = f"{job} {time.time()}"
    what = ("-j", job, "--all", "--noprompt", "-w", WORKSPACE)
    place.run("dagster", "job", "backfill", *what, "--tags", f'{{"mark": "{mark}"}}')
    return mark


def _by_daemon(place: Place, instance: Any, job: str, minutes: float) -> float:
    """Seconds from the first run's start to the last one's end."""
    mark = _asked(place, instance, job)
    with place.process("dagster-daemon", "run", "-w", WORKSPACE):
        _until_ended(instance, [mark], minutes)
    records = _records(instance, [mark])
    first = min(_launched(instance, one) for one in records)
    return max(one.end_time for one in records) - first


def _until_ended(instance: Any, marks: list[str], minutes: float) -> None:
    until(
        "the runs to end;",
        lambda: all(one.dagster_run.status.value in FINISHED for one in _records(instance, marks)),
        minutes,
        lambda: _states(instance, marks),
    )


def _records(instance: Any, marks: list[str]) -> list[Any]:
    return [
        one
        for mark in marks
        for one in instance.get_run_records(dg.RunsFilter(tags={"mark": mark}))
    ]


def _states(instance: Any, marks: list[str]) -> str:
    """How many runs are in which state, in words."""
    counts = Counter(one.dagster_run.status.value.lower() for one in _records(instance, marks))
    return ", ".join(f"{n} {state}" for state, n in sorted(counts.items()))


def _launched(instance: Any, record: Any) -> float:
    """When a run left the queue."""
    stats = instance.get_run_stats(record.dagster_run.run_id)
    return float(stats.launch_time or record.start_time)


def backfill(folder: Path, n_symbols: int, minutes: float) -> None:
    """The whole graph: cold, with nothing to do, and nothing to do run by run by the daemon."""
    place = Place(folder / "backfill", n_symbols)
    print(f"\nThe whole graph of {n_symbols} tradable symbols on {CORES} cores, quickly tuned")
    with dg.DagsterInstance.from_config(str(ROOT)) as instance:

        def told() -> str:
            return f"{instance.get_runs_count()} runs so far"

        for title in ("cold", "nothing to do"):
            with memory_watched() as peak:
                seconds = place.run("rooney", "materialize", minutes=minutes, told=told)
            inside = _all_inside(instance) / CORES if title == "cold" else 0.0
            beyond = f"{seconds - inside:.1f} s beyond the steps' own" if title == "cold" else ""
            print(f"  rooney materialize, {title:<16}{seconds:>8.1f} s   {beyond}   {peak()}")
        with memory_watched() as peak:
            seconds = _by_daemon(place, instance, "research_of_symbol", minutes)
            print(f"  the daemon, {n_symbols} runs, nothing to do{seconds:>8.1f} s   {peak()}")


def _all_inside(instance: Any) -> float:
    records = (
        instance.fetch_materializations(key, limit=PER_RUNS).records
        for key in instance.get_asset_keys()
    )
    found = [one.asset_materialization.metadata.get("seconds") for part in records for one in part]
    return float(sum(one.value for one in found if one is not None))


def by_daemon(folder: Path, n_symbols: int, minutes: float) -> None:
    """Bars, then research, cold, all at once on the queue of a daemon that is killed once."""
    place = Place(folder / "daemon", n_symbols)
    print(f"\nBars, then research of {n_symbols} symbols by the daemon, killed in the middle")
    # Costs and parity read the live tables, empty here; the sensors set the pools' limits.
    for table in ("live_trades", "live_decisions"):
        place.run("rooney", "materialize", "--to", table)
    with dg.DagsterInstance.from_config(str(ROOT)) as instance, memory_watched() as peak:
        set_pool_limits(instance)
        for job in ("bars_of_symbol", "research_of_symbol"):
            began = time.monotonic()
            marks = [_asked(place, instance, job)]
            n_asked = len(_records(instance, marks))
            with place.process("dagster-daemon", "run", "-w", WORKSPACE) as first:
                until(
                    "the first to end;",
                    lambda marks=marks: any(
                        one.dagster_run.status.value in FINISHED
                        for one in _records(instance, marks)
                    ),
                    minutes,
                    lambda marks=marks: _states(instance, marks),
                )
                os.killpg(first.pid, signal.SIGKILL)
            left = _states(instance, marks)
            with place.process("dagster-daemon", "run", "-w", WORKSPACE):
                _until_ended(instance, marks, minutes)
            seconds = time.monotonic() - began
            print(f"  {job}: {n_asked} runs, {seconds:.0f} s; killed at {left}; ", end="")
            print(f"at the end {_states(instance, marks)}; {peak()}")
            print(_first_failure(instance, marks), end="")
    print(f"  locks that failed, in all logs: {_locks_that_failed(place)}")


def _first_failure(instance: Any, marks: list[str]) -> str:
    """The words of the first step that failed; empty where none did."""
    for record in _records(instance, marks):
        run_id = record.dagster_run.run_id
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
            error = entry.dagster_event.step_failure_data.error
            while error is not None and error.cause is not None:
                error = error.cause
            return f"  failed: {entry.step_key}: {error.message if error else 'no reason'}\n"
    return ""


def _locks_that_failed(place: Place) -> int:
    logs = [*place.folder.glob("*.log"), *(place.folder / "state" / "logs").rglob("*.log")]
    texts = (one.read_text(errors="replace") for one in logs)
    return sum(text.count(words) for text in texts for words in LOCKED)


def memory(folder: Path, n_symbols: int, minutes: float) -> None:
    """Webserver, daemon and their code servers, once they have nothing to do."""
    place = Place(folder / "memory", n_symbols)
    webserver = ("dagster-webserver", "-w", WORKSPACE, "-p", "33117")
    with place.process("dagster-daemon", "run", "-w", WORKSPACE) as daemon:
        _settled(place.log_of("dagster-daemon"), "Instance is configured")
        with place.process(*webserver) as server:
            _settled(place.log_of("dagster-webserver"), "Serving dagster-webserver")
            pids = [daemon.pid, server.pid]
            _idle([*pids, *descendants(pids[0]), *descendants(pids[1])], minutes)
            print("\nIdle memory (PSS), MB: of its own, and of the processes below it")
            for name, pid in (("daemon", daemon.pid), ("webserver", server.pid)):
                below = descendants(pid)
                told = f"{shared_memory_mb([pid]):>8.0f} + {shared_memory_mb(below):.0f}"
                print(f"  {name:<16}{told} of {len(below)} processes")


def _settled(log: Path, words: str) -> None:
    """Wait until a process has said something."""
    until(f"{words!r};", lambda: words in log.read_text(errors="replace"), STARTUP_MINUTES)


def _idle(pids: list[int], minutes: float) -> None:
    """Wait until the memory of processes stays what it is."""
    seen: list[float] = []
    due = [time.monotonic()]

    def holds() -> bool:
        if time.monotonic() < due[0]:
            return False
        due[0] = time.monotonic() + IDLE_SECONDS
        seen.append(shared_memory_mb(pids))
        newest = seen[-IDLE_SAMPLES:]
        return len(newest) == IDLE_SAMPLES and max(newest) <= min(newest) * (1 + IDLE_CHANGE)

    until("idleness;", holds, minutes, lambda: f"{seen[-1]:.0f} MB" if seen else "")


def growth(folder: Path, n_symbols: int, minutes: float) -> None:
    """Bytes of the instance's files per 1,000 runs of a small asset with its checks."""
    place = Place(folder / "growth", n_symbols)
    defs = build_defs(place.settings, place.universe)
    job, state = defs.resolve_job_def("truth_of_symbol"), place.settings.state
    key, ends = place.universe.tradable[0], time.monotonic() + 60 * minutes
    with dg.DagsterInstance.from_config(str(ROOT)) as instance:
        job.execute_in_process(instance=instance, partition_key=key, run_config=QUIET)
        before, n_runs, began = size_mb(state), 0, time.monotonic()
        while n_runs < GROWTH_RUNS and time.monotonic() < ends:
            for _ in range(GROWTH_STEP):
                job.execute_in_process(instance=instance, partition_key=key, run_config=QUIET)
            n_runs += GROWTH_STEP
            print(f"    {n_runs} runs, {time.monotonic() - began:.0f} s", flush=True)
        grown = size_mb(state) - before
    per = grown * PER_RUNS / n_runs
    print(f"\nInstance database per {PER_RUNS} runs of one step: {per:.0f} MB ({n_runs} were made)")


def ticks(folder: Path, n_symbols: int, minutes: float) -> None:
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


PARTS: dict[str, Callable[[Path, int, float], None]] = {
    "tick": ticks,
    "overhead": overhead,
    "growth": growth,
    "memory": memory,
    "backfill": backfill,
    "daemon": by_daemon,
}


@contextlib.contextmanager
def cleaned() -> Iterator[Path]:
    """A folder that goes at the end, with every process that is still at work in it."""
    with tempfile.TemporaryDirectory(
        prefix="rooney-automation-", ignore_cleanup_errors=True
    ) as one:
        try:
            yield Path(one)
        finally:
            for pid in descendants(os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def main() -> None:
    """Run the parts that were asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", action="append", choices=sorted(PARTS))
    parser.add_argument("--symbols", type=int, default=12)
    parser.add_argument("--minutes", type=float, default=60.0, help="the most of a wait")
    asked = parser.parse_args()
    with cleaned() as folder:
        for name in asked.only or PARTS:
            PARTS[name](folder, asked.symbols, asked.minutes)


if __name__ == "__main__":
    main()
