"""From the last bar's arrival to the first byte of the POST: twelve symbols, the real client.

Run: .venv/bin/python benchmarks/live_latency.py [--symbols 12] [--sessions 4] [--speed 3600]
     [--lake DIR]
One trader as a process of its own, over loopback: Databento's live protocol from a local gateway,
TLS to a local TradersPost. Bars come at their time, an hour in a second, so that nothing waits in a
queue. Each row is a part of the way, in milliseconds of the trader's own clock: `scoring` is
features, strategies and models of every symbol until the last decision is made, `commit` until the
decisions and the order (SENDING) are on disk, `HTTP` until the request's first byte left. `first`
are the first orders of their moment, `all` every order. Aims on an idle machine: p50 under 1 ms,
p99 under 3 ms.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from live_stage import bench, quantile

PARTS = {
    "scoring": ("arrived_ns", "decided_ns"),
    "commit": ("decided_ns", "committed_ns"),
    "HTTP": ("committed_ns", "first_byte_ns"),
    "whole": ("arrived_ns", "first_byte_ns"),
}


def main() -> None:
    """Play, read the trader's log, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=12)
    parser.add_argument("--sessions", type=int, default=4)
    parser.add_argument("--speed", type=float, default=3_600.0)
    parser.add_argument("--lake", type=Path, default=Path("lakes/live_benchmark"))
    asked = parser.parse_args()
    with bench(asked.symbols, asked.sessions, asked.speed, asked.lake) as on_stage:
        on_stage.run()
        posted = [one for one in on_stage.watched.of("POSTED") if one["first_byte_ns"]]
    entries = [one for one in posted if one["order_id"].endswith(":enter")]
    firsts = {one["arrived_ns"]: one for one in reversed(posted) if one["arrived_ns"]}
    print(f"{len(posted)} orders, {len(entries)} of them entries, {len(firsts)} moments")
    print(f"{'ms':<20}{'p50':>8}{'p90':>8}{'p99':>8}{'max':>8}")
    for kind, chosen in (("first", list(firsts.values())), ("all", posted)):
        for name, (begin, end) in PARTS.items():
            spans = [(one[end] - one[begin]) / 1e6 for one in chosen if one[begin] and one[end]]
            cells = "".join(f"{quantile(spans, share):>8.3f}" for share in (0.5, 0.9, 0.99, 1.0))
            print(f"{kind + ', ' + name:<20}{cells}")


if __name__ == "__main__":
    main()
