"""A writer killed anywhere leaves the old or the new version; writers at once leave all."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from lake_tables import ES, bars, facts

from rooney_assets.lake import Lake
from rooney_core.lineage import content_version

HERE = Path(__file__).parent
N_WRITERS = 8
LINES_OF_FOUR_WRITES = 1000


class Executioner:
    """Orders writes that die, and finds the lake whole after each."""

    def __init__(self, lake: Lake, process: subprocess.Popen[str]) -> None:
        self.lake = lake
        self._process = process
        self._price = 1000.0
        self._known = lake.version("raw_bars", ES)

    def order(self, how: str, amount: float) -> tuple[int, bool]:
        """Exit status of the writer, and whether the lake then holds something new."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._price += 1
        self._process.stdin.write(f"{how} {amount} {self._price}\n")
        self._process.stdin.flush()
        status = int(self._process.stdout.readline())
        return status, self._found_new(f"{how} {amount}")

    def _found_new(self, order: str) -> bool:
        frame, version = self.lake.read_versioned("raw_bars", ES, verify=True)
        new = {content_version(bars(self._price)), content_version(bars(self._price + 0.125))}
        assert version == content_version(frame), order
        assert version in new | {self._known}, order
        assert self.lake.manifest("raw_bars", ES).data_version == version, order
        for beside in self.lake.beside("raw_bars", ES).values():
            assert beside.equals(frame.head(1)), order
        is_new, self._known = version != self._known, version
        return is_new


@pytest.fixture
def executioner(tmp_path: Path) -> Iterator[Executioner]:
    lake = Lake(tmp_path / "lake")
    lake.write("raw_bars", ES, bars(100.0), facts())
    command = [sys.executable, "-W", "error", str(HERE / "killed_writer.py"), str(lake.root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Executioner(lake, process)
        assert process.stdin is not None
        process.stdin.close()
    assert lake.query("select count(*) from raw_bars").item() == 50
    lake.write("raw_bars", ES, bars(300.0), facts())
    assert not list(lake.root.rglob(".*.tmp*"))


def test_two_hundred_kills_leave_the_old_or_the_new_version(executioner: Executioner) -> None:
    """Three of four die at a random line of the lake's code, the rest by the clock, anywhere."""
    rng = random.Random(20260101)
    orders = [("instruction", rng.randint(1, LINES_OF_FOUR_WRITES)) for _ in range(150)]
    orders += [("time", round(rng.uniform(0.001, 0.05), 4)) for _ in range(50)]
    rng.shuffle(orders)
    results = [executioner.order(*one) for one in orders]
    assert [status for status, _ in results] == [-9] * 200
    assert {is_new for _, is_new in results} == {True, False}


def test_a_kill_at_every_single_line_of_a_write_leaves_the_old_or_the_new(
    executioner: Executioner,
) -> None:
    results = []
    while not results or results[-1][0] == -9:
        results.append(executioner.order("once", len(results) + 1))
        # Clearing up would be lines of the next write, and shift the line that is next.
        executioner.lake.sweep_leftovers(timedelta(0))
        assert len(results) < LINES_OF_FOUR_WRITES
    is_new = [new for _, new in results]
    assert results[-1] == (0, True)
    assert len(results) > 100
    assert is_new == sorted(is_new), "old up to one line, new from there on"


@contextmanager
def busy_writers(lake: Lake) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Writers at work; all have ended well when the block is left."""
    command = [sys.executable, "-W", "error", str(HERE / "busy_writer.py"), str(lake.root)]
    with ExitStack() as stack:
        numbers = map(str, range(N_WRITERS))
        yield (all_of := [stack.enter_context(subprocess.Popen([*command, n])) for n in numbers])
    assert [one.returncode for one in all_of] == [0] * N_WRITERS


def test_writers_at_once_lose_nothing_and_stop_no_reader(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.write("shared", None, bars(-1.0), facts())
    n_queries = 0
    with busy_writers(lake) as running:
        while any(one.poll() is None for one in running):
            # One symbol, and the price and number of rows that its writer gave one version.
            whole = lake.query("select min(symbol), max(symbol), count(*), max(close) from shared")
            first, last, n_bars, highest = whole.row(0)
            lowest = -1.0 if first == "ES" else float(first[1:])
            assert (first, highest) == (last, lowest + (n_bars - 1) / 4)
            if "raw_bars" in lake.assets():
                counts = lake.query("select symbol, count(*) as n from raw_bars group by all")
                assert counts["symbol"].is_unique().all()
                assert counts["n"].is_between(1, 10).all()
            n_queries += 1
    assert n_queries > 0
    counts = lake.query("select symbol, count(*) as n from raw_bars group by all order by 1")
    assert counts.rows() == [(f"S{number}", 10) for number in range(N_WRITERS)]
    own = [lake.query(f"select count(*) from asset_{number}").item() for number in range(N_WRITERS)]
    assert own == [10] * N_WRITERS
    for number in range(N_WRITERS):
        versions = lake.versions("raw_bars", ("symbol", f"S{number}"))
        assert [one.rows for one in versions] == list(range(1, 11))
    assert not list(lake.root.rglob(".*.tmp*"))


def test_views_are_complete_without_a_query_to_repair_them(tmp_path: Path) -> None:
    """Writers of new assets at once rebuild the views without a lock; the last one saw them all."""
    lake = Lake(tmp_path / "lake")
    with busy_writers(lake):
        pass
    with duckdb.connect(str(lake.root / "lake.duckdb"), read_only=True) as client:
        names = client.sql("select view_name from duckdb_views() where not internal").fetchall()
    assert {name for (name,) in names} == set(lake.assets())
