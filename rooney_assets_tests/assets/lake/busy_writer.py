"""One of many writers at once: ten versions of its own partition, and an asset of its own."""

from __future__ import annotations

import sys

from lake_tables import bars, facts

from rooney_assets.lake import Lake

N_VERSIONS = 10


def main(root: str, number: str) -> None:
    """Write as symbol S<number>; the last version has N_VERSIONS bars."""
    lake, symbol = Lake(root), f"S{number}"
    for n_bars in range(1, N_VERSIONS + 1):
        table = bars(float(number), n_bars=n_bars, symbol=symbol)
        lake.write("raw_bars", ("symbol", symbol), table, facts())
        lake.write("shared", None, table, facts())
    lake.write(f"asset_{number}", ("symbol", symbol), table, facts())


if __name__ == "__main__":
    main(*sys.argv[1:])
