"""Memory of the first stage on one symbol of 1-minute bars, every check included.

Run: python benchmarks/minute_bars.py [million rows]
Draws the file (quarterly contracts, a random walk, every minute of every scheduled session), then
runs `rooney materialize --to session_bars` as a user does, and prints the peak memory of the
largest process and the wall clock. Aim: 5 million rows under 1.5 GB.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from rooney_core.market.calendar import expected_bar_starts

LAST = date(2025, 12, 30)
MINUTES_A_YEAR = 347_000
PAGE = {
    "symbol": "MIN",
    "name": "benchmark",
    "role": "reference",
    "exchange": "CME",
    "product_group": "equity_index",
    "multiplier": 50,
    "tick_size": 0.25,
    "contract_months": "HMUZ",
    "bar_minutes": 1,
    "sources": {"files": {"path": "MIN", "time_zone": "UTC", "bar_edge": "start"}},
}


def draw(path: Path, rows: int) -> int:
    """Write about `rows` bars; how many it became."""
    first = LAST - timedelta(days=int(365.25 * rows / MINUTES_A_YEAR))
    starts = expected_bar_starts("equity_index", first, LAST, 1)
    rng = np.random.default_rng(1)
    close = 4000 + rng.integers(-2, 3, starts.height).cumsum() * 0.25
    reach = rng.integers(0, 4, (2, starts.height)) * 0.25
    open_price = np.roll(close, 1)
    open_price[0] = close[0]
    quarter = (starts["session"].dt.month() - 1) // 3
    contract = (
        "MIN"
        + quarter.replace_strict(dict(enumerate("HMUZ")))
        + (starts["session"].dt.strftime("%y"))
    )
    pl.DataFrame(
        {
            "ts_event": starts["bar_start"],
            "contract": contract,
            "open": open_price,
            "high": np.maximum(open_price, close) + reach[0],
            "low": np.minimum(open_price, close) - reach[1],
            "close": close,
            "volume": rng.integers(1, 2000, starts.height),
        }
    ).write_parquet(path)
    return starts.height


def main(millions: float) -> None:
    """Draw, materialize, print."""
    with tempfile.TemporaryDirectory() as name:
        rows = draw(Path(name) / "MIN.parquet", int(millions * 1e6))
        universe = Path(name) / "universe.yaml"
        universe.write_text(yaml.safe_dump({"instruments": [PAGE]}))
        settings = {
            "ROONEY_LAKE": f"{name}/lake",
            "ROONEY_STATE": f"{name}/state",
            "ROONEY_SOURCE": f"files:{name}",
            "ROONEY_UNIVERSE": str(universe),
        }
        command = [str(Path(sys.executable).parent / "rooney"), "materialize", "--to"]
        began = time.perf_counter()
        subprocess.run([*command, "session_bars"], env={**os.environ, **settings}, check=True)
        wall = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
    print(f"{rows:,} rows: {peak:.2f} GB at the peak of the largest process, {wall:.1f} s")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 5.0)
