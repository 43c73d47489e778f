"""A small instrument and files of its bars, for the tests of sources.

Belongs here: making good rows, and writing them. Does not belong here: what is wrong with a file;
each test breaks its own.
"""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from rooney_core.market.instruments import Instrument, Universe

FACTS = {"path": "hourly/TST", "time_zone": "UTC", "bar_edge": "start"}


def instrument(files: dict[str, object] | None = None, **facts: object) -> Instrument:
    """A tradable hourly future; `files` and `facts` override its page."""
    page = {
        "symbol": "TST",
        "name": "Test future",
        "role": "tradable",
        "exchange": "CME",
        "product_group": "equity_index",
        "multiplier": 50,
        "tick_size": 0.25,
        "sources": {"files": {**FACTS, **(files or {})}},
        **facts,
    }
    return Universe.parse({"instruments": [page]}, "a test").instruments[0]


def daily_reference(**files: object) -> Instrument:
    """A daily reference series, labelled by session."""
    return instrument(
        {"bar_edge": "session", **files},
        role="reference",
        product_group="us_equity",
        bar_minutes=1440,
    )


def hourly_rows(n: int = 40) -> pl.DataFrame:
    """Hourly bars from Monday 2019-07-08 00:00 UTC on, without weekends and 21:00 and 22:00.

    The daily break is one of the two, by season.
    """
    first = datetime(2019, 7, 8, tzinfo=UTC)
    hours = [first + timedelta(hours=i) for i in range(2 * n + 72)]
    trades = [one for one in hours if one.hour not in (21, 22) and one.weekday() < 5]
    times = [one for one in trades if (one.weekday(), one.hour) < (4, 21)][:n]
    return pl.DataFrame(
        {
            "ts_event": times,
            "open": [3000.0 + i for i in range(n)],
            "high": [3002.0 + i for i in range(n)],
            "low": [2999.0 + i for i in range(n)],
            "close": [3001.25 + i for i in range(n)],
            "volume": [100 + i for i in range(n)],
        }
    )


def daily_rows(n: int = 200) -> pl.DataFrame:
    """Weekdays from 2019-01-02 on, at 00:00 UTC, holidays included."""
    first = datetime(2019, 1, 2, tzinfo=UTC)
    days = [first + timedelta(days=i) for i in range(2 * n)]
    times = [one for one in days if one.weekday() < 5][:n]
    return hourly_rows(n).with_columns(ts_event=pl.Series(times))


def write(rows: pl.DataFrame, folder: Path, name: str) -> Path:
    """Write rows by the ending of the name; folders are made."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        rows.write_csv(path)
    elif path.suffix == ".gz":
        path.write_bytes(gzip.compress(rows.write_csv().encode()))
    else:
        rows.write_parquet(path)
    return path
