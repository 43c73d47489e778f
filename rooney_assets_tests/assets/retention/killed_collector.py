"""Collects a lake's old versions, and dies by SIGKILL at the N-th line of the lake's own code.

Run as a process of its own: ROOT N. Ends with 0 when the collection was done before the N-th line.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import rooney_assets.lake
from rooney_assets.lake import Lake
from rooney_assets.retention.collect import collect
from rooney_assets.retention.versions import plan

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


def main() -> None:
    """Serve lines "ROOT N": fork a collector each, and answer with its exit status."""
    for line in sys.stdin:
        root, number = line.split()
        child = os.fork()
        if child == 0:
            lake = Lake(root)
            parts = plan(lake, 1)
            die_at(int(number))
            collect(lake, parts)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
