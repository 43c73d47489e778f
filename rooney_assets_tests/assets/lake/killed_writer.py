"""Forks writers that alternate two tables, and has each one die by SIGKILL in the middle.

Run as a process of its own, which never computes with polars itself: a fork must not inherit its
running threads. Reads one order per line, HOW AMOUNT PRICE. The child writes tables that nobody
wrote before, bars(PRICE) and bars(PRICE + 0.125) by turns. `instruction N` kills it at the N-th
line of the lake's code that it executes; `time SECONDS` kills it from outside, wherever it is by
then; `once N` is `instruction N` with one write only. Answers with the child's exit status: -9, or
0 when a single write ended before it was killed.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from lake_tables import ES, bars, facts

import rooney_assets.lake
from rooney_assets.lake import Lake

LAKE_CODE = str(Path(rooney_assets.lake.__file__).parent)


def die_at(n_lines: int) -> None:
    """Arrange for SIGKILL at the n-th executed line of the lake's code."""
    remaining = n_lines

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal remaining
        if not frame.f_code.co_filename.startswith(LAKE_CODE):
            return None
        if event == "line":
            remaining -= 1
            if remaining <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def write_until_killed(root: str, how: str, amount: str, price: float) -> None:
    """The child: A, B, A, B, ... until it dies, or A once."""
    lake, tables = Lake(root), (bars(price), bars(price + 0.125))
    if how != "time":
        die_at(int(amount))
    run = 0
    while how != "once" or run == 0:
        table, made = tables[run % 2], facts(run_id=f"run {os.getpid()} {run}")
        lake.write("raw_bars", ES, table, made, beside={"quarantine": table.head(1)})
        run += 1
    os._exit(0)


def main(root: str) -> None:
    """Serve orders until the input ends."""
    for line in sys.stdin:
        how, amount, price = line.split()
        child = os.fork()
        if child == 0:
            write_until_killed(root, how, amount, float(price))
        if how == "time":
            select.select([], [], [], float(amount))
            os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
