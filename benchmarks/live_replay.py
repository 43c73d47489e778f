"""Sessions replayed faster than they were: is a decision ever late, and does memory grow?

Run: .venv/bin/python benchmarks/live_replay.py [--speed 100] [--symbols 12] [--sessions 5]
     [--minute-references 12] [--lake DIR]
Decisions fall on hours; references beside them bring a bar a minute each. A hundredfold, five
sessions take more than an hour, nights and breaks included: a higher speed asks for more in less
time. A decision is late when its bar arrived later after its end than the release allows (180 s of
the market, so 1.8 s of the host at 100). Memory is the trader's resident set: what it had when the
first tenth after `ready` was over, against the last tenth. Aims: none late; flat
within 5 %.
"""

from __future__ import annotations

import argparse
import statistics
from collections import Counter
from datetime import datetime
from pathlib import Path

from live_stage import bench

TENTH = 10


def main() -> None:
    """Play, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=12)
    parser.add_argument("--sessions", type=int, default=5)
    parser.add_argument("--speed", type=float, default=100.0)
    parser.add_argument("--minute-references", type=int, default=12)
    parser.add_argument("--lake", type=Path, default=Path("lakes/live_replay_benchmark"))
    asked = parser.parse_args()
    size = (asked.symbols, asked.sessions, asked.speed, asked.lake, asked.minute_references)
    with bench(*size) as on_stage:
        on_stage.run()
        watched = on_stage.watched
    (ready,) = watched.of("READY")
    ready_s = datetime.fromisoformat(ready["time"]).timestamp() - watched.began_ns / 1e9
    late = [one for one in watched.lines if one.get("code") in ("LATE_BAR", "STALE_FEED")]
    weighed = [megabytes for at, megabytes in watched.memory if at > ready_s]
    tenth = max(1, len(weighed) // TENTH)
    before, after = (statistics.median(part) for part in (weighed[:tenth], weighed[-tenth:]))
    print(
        f"{asked.sessions} sessions of {asked.symbols} symbols and {asked.minute_references} "
        f"references of 1-minute bars at {asked.speed:g}x"
    )
    decided = [one for one in watched.lines if "decision_id" in one and "order_id" not in one]
    print(f"decisions logged   {len(decided)}")
    codes = Counter(one["code"] for one in decided)
    print("  of them          " + ", ".join(f"{code} {n}" for code, n in codes.most_common()))
    print(f"late or stale      {len(late)}")
    print(f"orders             {len(watched.of('POSTED'))}")
    print(f"memory MB          {before:.1f} -> {after:.1f} ({100 * (after / before - 1):+.1f} %)")


if __name__ == "__main__":
    main()
