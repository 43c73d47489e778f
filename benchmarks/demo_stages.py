"""Seconds of the demo per stage and asset, on a fresh lake; then again with nothing to do.

Run: .venv/bin/python benchmarks/demo_stages.py
Prints the seconds inside each asset's step (summed over symbols), the wall clock per stage, and the
share of the wall clock of all workers that is neither (process start, Dagster's own bookkeeping).
"""

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from rooney_assets.headless import Request, run
from rooney_assets.lake import Lake
from rooney_assets.settings import Settings, load_universe
from rooney_assets.sources.selection import source_from


class Stopwatch:
    """Hears the events of a run and keeps the seconds."""

    def __init__(self) -> None:
        self.by_asset: dict[str, float] = defaultdict(float)
        self.stages: list[tuple[str, float]] = []

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        if event["event"] == "stage":
            self.stages.append((event["stage"], time.perf_counter()))
        elif event["event"] == "ended":
            self.by_asset[event["asset"]] += event["seconds"]


def main() -> None:
    """Run the demo twice and print both."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(ROONEY_LAKE=f"{folder}/lake", ROONEY_STATE=f"{folder}/state")
        settings = Settings.from_environment(os.environ)
        for title in ("fresh lake", "again, nothing to do"):
            watch = Stopwatch()
            began = time.perf_counter()
            universe = load_universe(settings)
            source = source_from(settings.source, settings.base, settings.vendor)
            report = run(Request(), settings, universe, source, Lake(settings.lake), watch.hear)
            show(title, watch, began, report.made)


def show(title: str, watch: Stopwatch, began: float, made: int) -> None:
    """Print one run."""
    ended = time.perf_counter()
    print(f"\n{title}: {ended - began:.1f} s, {made} partitions made")
    edges = [*(at for _, at in watch.stages), ended]
    for (stage, at), after in zip(watch.stages, edges[1:], strict=True):
        print(f"  stage {stage:<28}{after - at:>8.1f} s")
    for asset, seconds in watch.by_asset.items():
        print(f"  asset {asset:<28}{seconds:>8.1f} s")
    inside = sum(watch.by_asset.values())
    if inside:
        workers = os.cpu_count() or 1
        idle = 1 - inside / (workers * (ended - began))
        print(f"  outside of steps: {idle:.0%} of {workers} workers' wall clock")


if __name__ == "__main__":
    main()
