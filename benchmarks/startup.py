"""Seconds until something starts: imports, help, one trivial materialization.

Run: .venv/bin/python benchmarks/startup.py [--rounds 5]
Prints medians of interleaved rounds and ratios against `python -c pass` of the same run.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
PYTHON = str(BIN / "python")
TRIVIAL = """
import dagster as dg
@dg.asset
def one() -> None: ...
assert dg.materialize([one]).success
"""


def commands() -> dict[str, list[str]]:
    """What is timed; the first is the baseline."""
    return {
        "python -c pass": [PYTHON, "-c", "pass"],
        "import rooney_core": [PYTHON, "-c", "import rooney_core"],
        "rooney --help": [str(BIN / "rooney"), "--help"],
        "rooney-live --help": [str(BIN / "rooney-live"), "--help"],
        "import dagster": [PYTHON, "-c", "import dagster"],
        "import the definitions": [PYTHON, "-c", "import rooney_assets.definitions"],
        "plain dagster, one empty asset": [PYTHON, "-c", TRIVIAL],
        "rooney materialize, one small asset": [
            str(BIN / "rooney"),
            *("materialize", "--symbols", "SIM_TLT", "--to", "raw_bars", "--force"),
        ],
    }


def main() -> None:
    """Time every command in interleaved rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder:
        settings = {"ROONEY_LAKE": f"{folder}/lake", "ROONEY_STATE": f"{folder}/state"}
        environment = {**os.environ, **settings}
        timed: dict[str, list[float]] = {name: [] for name in commands()}
        for _ in range(rounds):
            for name, command in commands().items():
                began = time.perf_counter()
                subprocess.run(command, env=environment, check=True, capture_output=True)
                timed[name].append(time.perf_counter() - began)
    base = statistics.median(timed["python -c pass"])
    print(f"{'':<38}{'median s':>10}{'min s':>10}{'x python':>10}")
    for name, seconds in timed.items():
        middle = statistics.median(seconds)
        print(f"{name:<38}{middle:>10.3f}{min(seconds):>10.3f}{middle / base:>10.1f}")


if __name__ == "__main__":
    main()
