"""A collection that is killed anywhere leaves whole versions, and the next one ends it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kept_lake import SYMBOL, versions_of_bars, write

from rooney_assets.lake import Lake
from rooney_assets.retention.collect import collect
from rooney_assets.retention.versions import plan

ES = ("symbol", SYMBOL)
HERE = Path(__file__).parent
EVERY = 7
"""Every so many lines of the collection a kill; all of them take a minute and find no more."""


@pytest.fixture
def collector() -> Iterator[Callable[[Path, int], int]]:
    """Collects a lake until it is killed at a line; its exit status."""
    command = [sys.executable, str(HERE / "killed_collector.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None

        def order(root: Path, line: int) -> int:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{root} {line}\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield order
        process.stdin.close()


def test_a_kill_at_any_line_leaves_whole_versions(
    tmp_path: Path, collector: Callable[[Path, int], int]
) -> None:
    original = Lake(tmp_path / "original")
    made = versions_of_bars(original, 3)
    line, seen = 1, set()
    while True:
        lake = Lake(tmp_path / "killed")
        shutil.copytree(original.root, lake.root)
        status = collector(lake.root, line)
        assert lake.read("raw_bars", ES, verify=True)["close"].to_list() == [2.0]
        listed = lake.versions("raw_bars", ES)
        for one in listed:
            lake.read("raw_bars", ES, version=one.data_version, verify=True)
            lake.beside("raw_bars", ES, version=one.data_version)
        seen.add(len(listed))
        collect(lake, plan(lake, 1))
        names = {path.stem for path in lake.root.rglob("raw_bars/*/*/*")}
        assert names == {made[-1]}, "what the kill left is gone too"
        shutil.rmtree(lake.root)
        if status == 0:
            break
        assert status == -9
        line += EVERY
    assert seen == {1, 2, 3}


def test_collecting_beside_a_busy_writer_loses_nothing(tmp_path: Path) -> None:
    """A writer that comes back to older content, again and again, and a collector that never rests.

    Whatever the writer has just made current is whole, with its manifest and what is beside it.
    """
    lake = Lake(tmp_path / "lake")
    versions_of_bars(lake, 3)
    done = threading.Event()
    failures: list[str] = []

    def keep_collecting() -> None:
        while not done.is_set():
            try:
                collect(lake, plan(lake, 1))
            except Exception as error:  # noqa: BLE001  (a thread's error must reach the test)
                failures.append(repr(error))
                return

    thread = threading.Thread(target=keep_collecting)
    thread.start()
    try:
        for turn in range(60):
            close = float(turn % 3)
            run = f"run {turn}"
            version = write(
                lake, "raw_bars", SYMBOL, {"close": [close]}, run_id=run, beside="quarantine"
            )
            assert lake.version("raw_bars", ES) == version
            assert lake.manifest("raw_bars", ES).run_id == run
            assert lake.read("raw_bars", ES, version=version, verify=True)["close"][0] == close
            assert lake.beside("raw_bars", ES)["quarantine"].height == 1
    finally:
        done.set()
        thread.join()
    assert failures == []
