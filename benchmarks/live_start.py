"""Seconds from starting the trader to "ready", and to "ready" again after kill -9.

Run: .venv/bin/python benchmarks/live_start.py [--symbols 12] [--rounds 5] [--lake DIR]
Twelve feeds, each warmed up from a local gateway with as many bars as its decisions need: more than
180. A round is a start that is killed right after its first order was acknowledged, and the start
after that one, which resolves what was left, warms up and goes on. The process is a fresh one, and
its imports count. Aims: 5 s each; the workflow that it replaces took 5 to 10 minutes.
"""

from __future__ import annotations

import argparse
import statistics
from datetime import datetime
from pathlib import Path

from live_stage import Bench, bench

from rooney_live.crash_points import Crash, Step

SESSIONS = 3


def seconds_to_ready(on_stage: Bench) -> float:
    """Of the last start, from its process to its word."""
    (ready,) = on_stage.watched.of("READY")
    said = datetime.fromisoformat(ready["time"]).timestamp()
    return said - on_stage.watched.began_ns / 1e9


def main() -> None:
    """Time both starts in rounds, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lake", type=Path, default=Path("lakes/live_benchmark"))
    asked = parser.parse_args()
    timed: dict[str, list[float]] = {"start to ready": [], "kill -9 to ready": []}
    n_bars = 0
    for _ in range(asked.rounds):
        with bench(asked.symbols, SESSIONS, None, asked.lake) as on_stage:
            on_stage.run(Crash(Step.AFTER_ACK, "enter", 1))
            timed["start to ready"].append(seconds_to_ready(on_stage))
            on_stage.run()
            timed["kill -9 to ready"].append(seconds_to_ready(on_stage))
            n_bars = min(one.first_live for one in on_stage.market.symbols.values())
    print(f"{asked.symbols} feeds, {n_bars} bars of history each")
    print(f"{'':<20}{'median s':>10}{'min s':>10}{'max s':>10}")
    for name, seconds in timed.items():
        middle = statistics.median(seconds)
        print(f"{name:<20}{middle:>10.2f}{min(seconds):>10.2f}{max(seconds):>10.2f}")


if __name__ == "__main__":
    main()
