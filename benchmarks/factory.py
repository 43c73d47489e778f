"""The strategy factory on one symbol: backtests per second, a whole run, growth, memory, a start.

Run: .venv/bin/python benchmarks/factory.py [--years 15] [--rounds 3]
Bars are the simulated market's, hourly, with peers. Aims on 2 cores with compiled code cached: the
IBS family at 5,000 backtests of 87,000 bars a second (0.45 G bars/s), a whole run (every variant,
walk-forward, robustness, effective trials, PBO, ranking) under 10 s and 2 GB, growth in proportion
to bars and configurations, a second process's first backtest under 1.5 s. The best of the rounds
counts: other work on the machine only ever adds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

import polars as pl
import yaml

from rooney_core.backtest import CostModel, RankingCriteria, SearchTrials, rank, sweep_all
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument, Universe
from rooney_core.market.rolls import find_rolls, stitch
from rooney_core.market.sessions import session_bars
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.strategies import VARIANTS
from rooney_core.strategies.peers import Peers, PeerSessions
from rooney_core.validation.overfitting import probability_of_backtest_overfitting
from rooney_core.validation.trials import effective_trials

CHECKOUT = Path(__file__).resolve().parents[1]
SYMBOL, PEERS = "SIM_ES", ("SIM_ES", "SIM_NQ", "SIM_RTY")
LAST_SESSION = date(2024, 12, 30)
FIRST_BACKTEST = """
import sys, time
began = time.perf_counter()
import polars as pl
import yaml
from rooney_core.backtest import CostModel, run_backtest
from rooney_core.market.instruments import Universe
imported = time.perf_counter()
document = yaml.safe_load(open(sys.argv[2]).read())
one = Universe.parse(document, "universe.yaml").offered_by("simulated")["SIM_ES"]
bars = pl.read_parquet(sys.argv[1])
read = time.perf_counter()
run_backtest(bars, "ibs_filtered", None, CostModel.of(one), one)
done = time.perf_counter()
print(imported - began, read - imported, done - read)
"""

Result = TypeVar("Result")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--years", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        frame, bars, instrument, peers = prepare(options.years)
        path = Path(folder) / "bars.parquet"
        frame.write_parquet(path)
        print(f"{len(bars):,} hourly bars of {SYMBOL}, {os.cpu_count()} cores")
        backtests_per_second(bars, instrument, peers, options.rounds)
        whole_run(bars, instrument, peers, options.rounds)
        growth(bars, instrument, peers, options.rounds)
        second_process(path, Path(folder), options.rounds)


def prepare(years: int) -> tuple[pl.DataFrame, BarArrays, Instrument, Peers]:
    """The bars, the facts, and the peers' sessions."""
    document = yaml.safe_load((CHECKOUT / "universe.yaml").read_text())
    universe = Universe.parse(document, "universe.yaml").offered_by("simulated")
    span = SimulatedMarket(
        first_session=date(LAST_SESSION.year - years + 1, 1, 4), last_session=LAST_SESSION
    )
    frames = {}
    for symbol in PEERS:
        raw = simulate_bars(universe[symbol], span)
        frames[symbol] = stitch(raw, find_rolls(raw))
    peers = {
        symbol: PeerSessions.from_session_bars(session_bars(frame, universe[symbol]))
        for symbol, frame in frames.items()
    }
    own = frames[SYMBOL]
    return own, BarArrays.from_frame(own, universe[SYMBOL]), universe[SYMBOL], peers


def backtests_per_second(
    bars: BarArrays, instrument: Instrument, peers: Peers, rounds: int
) -> None:
    """The IBS family, with one thread and with all."""
    family = [one for one in VARIANTS.values() if one.family == "ibs"]
    number = sum(one.n_configurations for one in family)
    costs = CostModel.of(instrument)
    print(f"\nIBS family, {number:,} configurations, indicators and rows included")
    for threads in (1, os.cpu_count() or 1):
        seconds, cpu, _, _ = best_of(
            rounds + 1, lambda n=threads: sweep_all(bars, family, costs, instrument, peers, n)
        )
        rate = number / seconds
        print(
            f"  {threads} thread(s): {seconds:.2f} s, {rate:,.0f} backtests/s, "
            f"{rate * len(bars) / 1e9:.2f} G bars/s; "
            f"CPU {cpu:.2f} s, {1e6 * cpu / number:.0f} us each"
        )


def whole_run(bars: BarArrays, instrument: Instrument, peers: Peers, rounds: int) -> None:
    """Every variant, and what is made of the results."""
    costs, total = CostModel.of(instrument), 0.0
    seconds, cpu, peak, swept = best_of(
        rounds, lambda: sweep_all(bars, VARIANTS.values(), costs, instrument, peers)
    )
    print(f"\nwhole run, {len(VARIANTS)} variants, {swept.results.height:,} configurations")
    total += shown("sweep, walk-forward, robustness", seconds, cpu, peak)
    matrix = swept.returns.T
    seconds, cpu, peak, trials = best_of(rounds, lambda: effective_trials(matrix))
    total += shown(f"effective trials: {trials.n_effective}", seconds, cpu, peak)
    seconds, cpu, peak, found = best_of(rounds, lambda: probability_of_backtest_overfitting(matrix))
    total += shown(f"PBO: {found.pbo:.2f}", seconds, cpu, peak)
    searched = SearchTrials.of(swept.results, trials.n_effective)
    seconds, cpu, peak, _ = best_of(
        rounds, lambda: rank(swept.results, RankingCriteria(), searched)
    )
    total += shown("ranking", seconds, cpu, peak)
    replaced = 2 * 3600
    print(f"  {'together':<34}{total:8.2f} s; {replaced / total:,.0f} times faster than 2 hours")
    print(f"  return matrix {swept.returns.nbytes / 1e6:.0f} MB")


def growth(bars: BarArrays, instrument: Instrument, peers: Peers, rounds: int) -> None:
    """1x, 2x and 4x of bars and of configurations."""
    family = [one for one in VARIANTS.values() if one.family == "ibs"]
    costs, number = CostModel.of(instrument), len(bars)
    print("\ngrowth of the IBS family's sweep")
    base: dict[str, float] = {}
    cells = [
        ("bars", factor, bars.window(number - number * factor // 4, number), family)
        for factor in (1, 2, 4)
    ] + [("configurations", factor, bars, factor * family) for factor in (1, 2, 4)]
    for what, factor, some, variants in cells:
        seconds, cpu, peak, swept = best_of(
            rounds, lambda s=some, v=variants: sweep_all(s, v, costs, instrument, peers)
        )
        base.setdefault(what, cpu)
        print(
            f"  {what:<15}{factor}x  {seconds:6.2f} s  CPU {cpu:6.2f} s ({cpu / base[what]:.2f}x)  "
            f"peak {peak:5.0f} MB of which returns {swept.returns.nbytes / 1e6:.0f} MB"
        )


def second_process(bars: Path, folder: Path, rounds: int) -> None:
    """A new process until its first backtest is done, compiled code and bytecode cached."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    script = folder / "first_backtest.py"
    script.write_text(FIRST_BACKTEST)
    command = [sys.executable, str(script), str(bars), str(CHECKOUT / "universe.yaml")]
    timed = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        parts = subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True, cwd=CHECKOUT
        ).stdout.split()
        timed.append((time.perf_counter() - began, *map(float, parts)))
    whole, imports, read, first = min(timed[1:])
    print(
        f"\nsecond process: {whole:.2f} s to the end of its first backtest (imports {imports:.2f}, "
        f"reading {read:.2f}, backtest {first:.2f}); the first process took {timed[0][0]:.2f} s"
    )


def best_of(rounds: int, work: Callable[[], Result]) -> tuple[float, float, float, Result]:
    """Least wall-clock and CPU seconds, peak memory of the process in MB, and the last result."""
    walls, cpus, result = [], [], None
    reset_peak()
    for _ in range(rounds):
        result = None  # not two at a time
        wall, cpu = time.perf_counter(), time.process_time()
        result = work()
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return min(walls), min(cpus), peak_mb(), result


def shown(what: str, seconds: float, cpu: float, peak: float) -> float:
    """One line of the table; gives the seconds back."""
    print(f"  {what:<34}{seconds:8.2f} s  CPU {cpu:6.2f} s  peak {peak:5.0f} MB")
    return seconds


def reset_peak() -> None:
    """Forget the highest memory so far (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """The highest resident memory since `reset_peak`."""
    status = Path("/proc/self/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
