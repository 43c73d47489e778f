"""What the lake's promises cost: its write and read of 90,000 bars against plain polars.

Run: `python benchmarks/lake_io.py [rounds]`. Rounds are interleaved, so that other work on the
machine hits both sides; trust the ratios. A lake write hashes the content, fsyncs, and leaves a
version, a manifest and a current table; plain polars does none of that. Aim: within 1.5 times.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from rooney_assets.lake import Lake, ManifestFacts
from rooney_core.lineage import content_version

N_BARS = 90_000
FACTS = ManifestFacts(run_id="benchmark", code_version="1", git_commit="unknown")
PARTITION = ("symbol", "SIM_ES")


def bars(seed: int) -> pl.DataFrame:
    """A random walk with the columns and types of `continuous_bars`."""
    rng = np.random.default_rng(seed)
    close = 1200 + rng.integers(-8, 9, N_BARS).cumsum() * 0.25
    high = close + rng.integers(0, 12, N_BARS) * 0.25
    low = close - rng.integers(0, 12, N_BARS) * 0.25
    first = datetime(2010, 1, 4, tzinfo=UTC)
    hours = pl.datetime_range(
        first, first + timedelta(hours=N_BARS - 1), "1h", time_unit="us", eager=True
    )
    contracts = [f"SIM_ES{'HMUZ'[quarter % 4]}{quarter // 4}" for quarter in range(64)]
    return pl.DataFrame(
        {
            "symbol": ["SIM_ES"] * N_BARS,
            "contract": [contracts[row * 64 // N_BARS] for row in range(N_BARS)],
            "bar_start": hours,
            "bar_end": hours + timedelta(hours=1),
            "open": np.roll(close, 1),
            "high": high,
            "low": low,
            "close": close,
            "volume": rng.integers(1, 60_000, N_BARS),
            "session": hours.dt.date(),
            "adjustment": np.repeat(np.arange(64) * -1.75, N_BARS // 64 + 1)[:N_BARS],
        }
    )


def main(rounds: int) -> None:
    """Measure and print the table."""
    tables = [bars(seed) for seed in range(rounds + 1)]
    with tempfile.TemporaryDirectory(dir=Path.cwd(), prefix=".lake_io_") as folder:
        lake, plain = Lake(Path(folder) / "lake"), Path(folder) / "plain.parquet"
        taken: dict[str, list[float]] = {}

        def timed(name: str, work: Callable[[], object]) -> None:
            began = time.perf_counter()
            work()
            taken.setdefault(name, []).append(time.perf_counter() - began)

        def write(table: pl.DataFrame) -> None:
            lake.write("continuous_bars", PARTITION, table, FACTS)

        # The first write of an asset also builds the SQL views; it is not what a run repeats.
        write(tables[0])
        for table in tables[1:]:
            timed("write: polars", lambda table=table: table.write_parquet(plain))
            # Or the lake's fsync would wait for the bytes that polars left in the cache.
            with open(plain, "rb") as file:
                os.fsync(file.fileno())
            timed("write: lake, new content", lambda table=table: write(table))
            timed("write: lake, unchanged", lambda table=table: write(table))
            timed("read: polars", lambda: pl.read_parquet(plain))
            timed("read: lake", lambda: lake.read("continuous_bars", PARTITION))
            timed(
                "read: lake, verified",
                lambda: lake.read("continuous_bars", PARTITION, verify=True),
            )
            timed("content_version", lambda table=table: content_version(table))
            timed("version", lambda: lake.version("continuous_bars", PARTITION))
            timed("refresh_views", lake.refresh_views)
            timed("query: count(*)", lambda: lake.query("select count(*) from continuous_bars"))
    _report(taken, rounds)


def _report(taken: dict[str, list[float]], rounds: int) -> None:
    medians = {name: statistics.median(seconds) * 1e3 for name, seconds in taken.items()}
    print(f"{N_BARS} bars, median of {rounds} interleaved rounds\n")
    print(f"{'what':28} {'ms':>8} {'x polars':>9}")
    for name, milliseconds in medians.items():
        base = medians.get(f"{name.split(':')[0]}: polars")
        print(f"{name:28} {milliseconds:8.2f} {f'{milliseconds / base:.2f}' if base else '':>9}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
