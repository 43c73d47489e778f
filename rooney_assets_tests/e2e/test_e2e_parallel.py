"""Several processes materialize all symbols at once: nothing is lost, nothing is torn."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from e2e_factory import Factory

from rooney_core.lineage import content_version

pytestmark = pytest.mark.slow

SYMBOLS = ("SIM_ES", "SIM_NQ", "SIM_CL", "SIM_ZN", "SIM_TLT")


def test_parallel_backfill_loses_nothing(make_factory: Callable[..., Factory]) -> None:
    factory = make_factory(SYMBOLS)
    command = str(Path(sys.executable).parent / "rooney")
    # Every process is asked for every symbol, so the same partitions are written at the same time.
    running = [
        subprocess.Popen(
            [command, "materialize", "--to", "session_bars", "--force", "--processes", "1"],
            env=factory.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    told = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * 3, told
    for asset in ("raw_bars", "roll_calendar", "continuous_bars", "session_bars"):
        for symbol in SYMBOLS:
            folder = factory.lake / asset / f"symbol={symbol}"
            version = content_version(pl.read_parquet(folder / "current.parquet"))
            assert (folder / "versions" / f"{version}.parquet").is_file()
            assert (folder / "versions" / f"{version}.json").is_file()
    rows = factory.sql("select symbol, count(*) as bars from continuous_bars group by 1 order by 1")
    assert [row["symbol"] for row in rows] == sorted(SYMBOLS)
    leftovers = [file for file in factory.lake.rglob(".*") if file.is_file()]
    assert not leftovers
