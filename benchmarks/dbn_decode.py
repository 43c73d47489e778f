"""Decoding DBN bars into a frame, against the vendor's own `to_ndarray`.

Run: .venv/bin/python benchmarks/dbn_decode.py [--records 1000000] [--rounds 9]
Prints medians of interleaved rounds and their ratio, aim: at most 1.3. Databento sends every
download compressed, so `zstd` is the case that counts; `plain` shows the conversion alone.
"""

import argparse
import statistics
import tempfile
import time
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import databento
import databento_dbn as dbn
import numpy as np
import zstandard

from rooney_assets.sources.dbn import decode_bars


def main() -> None:
    """Write one file in both forms, time both ways of reading it, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    content = bars(given.records)
    print(f"{given.records} records\n{'':<8}{'to_ndarray s':>14}{'decode_bars s':>15}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name, data in {"plain": content, "zstd": zstandard.compress(content)}.items():
            path = Path(folder) / name
            path.write_bytes(data)
            theirs, ours = timed(databento.DBNStore.from_file(path), given.rounds)
            print(f"{name:<8}{theirs:>14.4f}{ours:>15.4f}{ours / theirs:>8.2f}")


def timed(store: databento.DBNStore, rounds: int) -> tuple[float, float]:
    """Median seconds of to_ndarray and of decode_bars, taken in turns."""
    seconds: dict[str, list[float]] = {"theirs": [], "ours": []}
    for _ in range(rounds):
        for name, decode in (("theirs", store.to_ndarray), ("ours", lambda: decode_bars(store))):
            began = time.perf_counter()
            decode()
            seconds[name].append(time.perf_counter() - began)
    store.reader.close()
    return statistics.median(seconds["theirs"]), statistics.median(seconds["ours"])


def bars(n: int) -> bytes:
    """A DBN file of `n` generated minute bars: a random walk in quarter points."""
    rng = np.random.default_rng(7)
    start = 16_000 + rng.integers(-4, 5, n).cumsum()
    end = start + rng.integers(-4, 5, n)
    records = np.zeros(n, np.dtype(dbn.OHLCVMsg._dtypes))
    records["length"], records["rtype"] = records.itemsize // 4, int(dbn.RType.OHLCV_1M)
    records["publisher_id"], records["instrument_id"] = 1, 5482
    records["ts_event"] = (1_577_836_800 + 60 * np.arange(n)) * 10**9
    prices = {
        "open": start,
        "high": np.maximum(start, end) + rng.integers(0, 4, n),
        "low": np.minimum(start, end) - rng.integers(0, 4, n),
        "close": end,
    }
    for name, quarters in prices.items():
        records[name] = quarters * 250_000_000
    records["volume"] = rng.integers(1, 3000, n)
    span = SimpleNamespace(start_date=date(2020, 1, 1), end_date=date(2040, 1, 1), symbol="5482")
    metadata = dbn.Metadata(
        dataset="GLBX.MDP3",
        start=int(records["ts_event"][0]),
        end=int(records["ts_event"][-1]) + 1,
        stype_in=dbn.SType.RAW_SYMBOL,
        stype_out=dbn.SType.INSTRUMENT_ID,
        schema=dbn.Schema.OHLCV_1M,
        symbols=["ESZ9"],
        mappings=[SimpleNamespace(raw_symbol="ESZ9", intervals=[span])],
        version=3,
    )
    return bytes(metadata) + records.tobytes()


if __name__ == "__main__":
    main()
