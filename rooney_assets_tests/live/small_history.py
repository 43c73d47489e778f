"""A folder of hand-made bars for the local Databento, and the vendor's own client against it.

Belongs here: bars whose every value is known by construction. Does not belong here: a test.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import databento
import polars as pl

from rooney_live.rehearsal.historical import LocalHistory

GLBX = "GLBX.MDP3"
FIRST_DAY = date(2024, 3, 4)
LAST_DAY = date(2024, 4, 12)
# The day from which on the second contract trades more than the first.
TAKE_OVER = date(2024, 3, 14)
HOURS = (0, 9, 14, 20, 23)


def hourly(root: str, contracts: dict[str, tuple[date, date, float]]) -> pl.DataFrame:
    """Bars of contracts: first day, last day, price; five hours of each weekday.

    The first contract has more volume before TAKE_OVER, the second one from that day on.
    """
    rows = []
    for number, (name, (first, last, price)) in enumerate(contracts.items()):
        for count, start in enumerate(_starts(first, last)):
            leads = number == (start.date() >= TAKE_OVER)
            opened = price + 0.25 * (count % 7)
            volume = (900 if leads else 40) + number
            rows.append(
                (start, name, opened, opened + 1.5, opened - 2.25, opened + 0.5, volume + count % 3)
            )
    return _frame(rows, ("ts_event", "symbol", "open", "high", "low", "close", "volume"))


def daily(first: date, last: date, price: float) -> pl.DataFrame:
    """One bar each weekday at 00:00 UTC, of one symbol without contracts."""
    days = [one for one in _days(first, last) if one.weekday() < 5]
    rows = [
        (_midnight(day), price + at, price + at + 1, price + at - 1, price + at + 0.5, 1_000 + at)
        for at, day in enumerate(days)
    ]
    return _frame(rows, ("ts_event", "open", "high", "low", "close", "volume"))


def write_folder(folder: Path) -> Path:
    """ES in two contracts with a roll; CL below zero; TLT by the day."""
    folder.mkdir(parents=True, exist_ok=True)
    es = {
        "ESH24": (FIRST_DAY, date(2024, 3, 15), 5100.0),
        "ESM24": (FIRST_DAY, LAST_DAY, 5150.0),
    }
    cl = {"CLK24": (FIRST_DAY, date(2024, 3, 20), -37.63)}
    hourly("ES", es).write_parquet(folder / "ES.parquet")
    hourly("CL", cl).write_parquet(folder / "CL.parquet")
    daily(FIRST_DAY, LAST_DAY, 90.0).write_parquet(folder / "TLT.parquet")
    return folder


@contextmanager
def served(folder: Path, monkeypatch, state: Path, **options) -> Iterator[LocalHistory]:
    """The server, trusted by the vendor's client of this process."""
    with LocalHistory(folder, state=state, **options) as history:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(history.certificate))
        monkeypatch.setenv("SSL_CERT_FILE", str(history.certificate))
        yield history


def client_of(history: LocalHistory, key: str = "db-a-made-up-key") -> databento.Historical:
    """The vendor's client, unmodified."""
    return databento.Historical(key, gateway=f"https://{history.gateway}")


def bars_of(store: databento.DBNStore) -> pl.DataFrame:
    """What the client decodes, with the columns of the folder's files."""
    table = store.to_df(map_symbols=True)
    return pl.DataFrame(
        {
            "ts_event": pl.Series([one.to_pydatetime() for one in table.index]).cast(
                pl.Datetime("us", "UTC")
            ),
            "symbol": pl.Series(table["symbol"].tolist(), dtype=pl.String),
            **{name: table[name].to_list() for name in ("open", "high", "low", "close")},
            "volume": pl.Series(table["volume"].tolist(), dtype=pl.Int64),
        }
    )


def _starts(first: date, last: date) -> Iterator[datetime]:
    weekdays = (day for day in _days(first, last) if day.weekday() < 5)
    for day, hour in itertools.product(weekdays, HOURS):
        yield _midnight(day) + timedelta(hours=hour)


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=at) for at in range((last - first).days + 1))


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _frame(rows: list[tuple[object, ...]], names: tuple[str, ...]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=list(names), orient="row")
    times = pl.col("ts_event").cast(pl.Datetime("us", "UTC"))
    return frame.with_columns(times, pl.col("volume").cast(pl.Int64))
