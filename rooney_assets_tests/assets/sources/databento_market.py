"""A small market of generated bars, and the local Databento that serves it to the real client.

Belongs here: the bars, a universe with vendor pages, and a server for a test. Does not belong here:
what is expected of the source.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from rooney_assets.sources.databento.access import Secret, VendorAccess
from rooney_assets.sources.databento.client import VendorClient
from rooney_assets.sources.databento.patience import Patience
from rooney_assets.sources.databento.source import DatabentoSource
from rooney_core.market.instruments import Instrument, Universe
from rooney_live.rehearsal.historical import LocalHistory, ServedRequest

KEY = "db-a-key-nobody-may-ever-see-42"
FIRST = date(2021, 11, 1)
END = date(2023, 2, 11)
"""The day after the last one that is served: a Saturday."""

CONTRACTS = {
    "ESZ21": (date(2021, 11, 1), date(2021, 12, 17)),
    "ESH22": (date(2021, 12, 1), date(2022, 3, 18)),
    "ESM22": (date(2022, 3, 1), date(2022, 6, 17)),
    "ESU22": (date(2022, 6, 1), date(2022, 9, 16)),
    "ESZ22": (date(2022, 9, 1), date(2022, 12, 16)),
    "ESH23": (date(2022, 12, 1), date(2023, 2, 28)),
}
"""First and last day of each contract's bars."""

ES: dict[str, Any] = {
    "symbol": "ES",
    "name": "Test index future",
    "role": "tradable",
    "exchange": "CME",
    "product_group": "equity_index",
    "multiplier": 50,
    "tick_size": 0.25,
    "contract_months": "HMUZ",
    "sources": {
        "databento": {"symbol": "ES", "feeds": [{"dataset": "GLBX.MDP3", "since": "2021-11-01"}]}
    },
}
TLT: dict[str, Any] = {
    "symbol": "TLT",
    "name": "Test fund",
    "role": "reference",
    "exchange": "XNAS",
    "product_group": "us_equity",
    "multiplier": 1,
    "tick_size": 0.01,
    "bar_minutes": 1440,
    "sources": {
        "databento": {
            "symbol": "TLT",
            "series": "raw",
            "feeds": [
                {"dataset": "XNAS.ITCH", "since": "2021-11-01"},
                {"dataset": "EQUS.MINI", "since": "2022-07-01"},
            ],
        }
    },
}


def instrument(page: dict[str, Any] | None = None, /, **changed: object) -> Instrument:
    """ES, or another page; `changed` replaces fields of its databento page."""
    facts = page or ES
    vendor = {**facts["sources"]["databento"], **changed}
    return Instrument.model_validate({**facts, "sources": {"databento": vendor}})


def universe() -> Universe:
    """ES and TLT."""
    return Universe(instruments=(instrument(), instrument(TLT)))


def contract_bars(name: str, first: date, last: date, level: float = 4000.0) -> pl.DataFrame:
    """Hourly bars of Globex hours; volume falls to nearly nothing in a contract's last week."""
    start = datetime.combine(first, datetime.min.time(), UTC)
    hours = [start + timedelta(hours=n) for n in range(24 * ((last - first).days + 1))]
    # 22:00 and 23:00 UTC are within an hour of the daily break, in summer and in winter.
    starts = [one for one in hours if one.weekday() < 5 and one.hour < 21]
    n = pl.int_range(len(starts), eager=True)
    price = level + (n % 40) * 0.25
    quiet = pl.Series([one.date() > last - timedelta(days=7) for one in starts])
    return pl.DataFrame({"ts_event": starts, "contract": [name] * len(starts)}).with_columns(
        open=price,
        high=price + 2,
        low=price - 1,
        close=price + 0.5,
        volume=pl.select(pl.when(quiet).then(5).otherwise(1000 + n % 7)).to_series(),
    )


def es_bars() -> pl.DataFrame:
    """Every contract of `CONTRACTS` until END."""
    parts = [
        contract_bars(name, first, last, 4000.0 + 10 * place)
        for place, (name, (first, last)) in enumerate(CONTRACTS.items())
    ]
    return pl.concat(parts).filter(pl.col("ts_event").dt.date() < END)


def fund_bars() -> pl.DataFrame:
    """Hourly bars of a fund, from before the open until after the close."""
    bars = contract_bars("TLT", FIRST, END - timedelta(days=1), 100.0)
    return bars.filter(pl.col("ts_event").dt.hour() >= 9).drop("contract")


def write_market(folder: Path, end: date = END, degraded: tuple[date, ...] = ()) -> Path:
    """Files that the local Databento serves, until `end` (exclusive)."""
    for name, bars in (("ES", es_bars()), ("TLT", fund_bars())):
        path = folder / "ohlcv-1h" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        bars.write_parquet(path)
    write_datasets(folder, end, degraded)
    return folder


def write_datasets(folder: Path, end: date, degraded: tuple[date, ...] = ()) -> None:
    """What the datasets say of themselves; a later `end` is another day of the vendor's life."""
    pages = {
        "GLBX.MDP3": {"roots": ["ES"], "start": FIRST, "end": end, "degraded": list(degraded)},
        "XNAS.ITCH": {"roots": ["TLT"], "start": FIRST, "end": end},
        "EQUS.MINI": {"roots": ["TLT"], "start": date(2022, 7, 1), "end": end},
    }
    (folder / "datasets.yaml").write_text(yaml.safe_dump(pages), encoding="utf-8")


@dataclass
class Waits:
    """Remembers how long it was asked to wait, and does not."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@dataclass
class Desk:
    """A server, the access to it, and how long the client would have waited."""

    server: LocalHistory
    folder: Path
    access: VendorAccess
    waits: Waits

    def has_until(self, end: date, degraded: tuple[date, ...] = ()) -> None:
        """Another day of the vendor's life: the same address, bars until `end` (exclusive)."""
        write_datasets(self.folder, end, degraded)
        self.restart()

    def restart(self) -> None:
        """Serve the folder as it is now, at the same address."""
        old = self.server
        port = int(old.gateway.rpartition(":")[2])
        old.__exit__(None, None, None)
        self.server = LocalHistory(
            self.folder, key=KEY, state=old.certificate.parent, port=port
        ).__enter__()
        self.server.requests += old.requests

    def client(self, patience: Patience | None = None) -> VendorClient:
        """The real client, which does not really wait."""
        return self.connect(self.access, "the test", patience)

    def connect(
        self, access: VendorAccess, what: str, patience: Patience | None = None
    ) -> VendorClient:
        """For DatabentoSource."""
        bounds = patience or Patience()
        key = access.require_key(what)
        return VendorClient(key, access.gateway, patience=bounds, wait=self.waits, draw=lambda: 0.0)

    def source(self, **changed: Any) -> DatabentoSource:
        """A new source, as a new process would have it."""
        return DatabentoSource(replace(self.access, **changed), self.connect)

    def asked(self, endpoint: str) -> list[ServedRequest]:
        """Requests to one endpoint, such as timeseries.get_range, in order."""
        return [one for one in self.server.requests if one.endpoint == endpoint]

    def ranges(self) -> list[tuple[str, str]]:
        """Start and end of every download that was asked for."""
        found = self.asked("timeseries.get_range")
        return [(one.params["start"], one.params["end"]) for one in found]


@contextmanager
def open_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **market: Any) -> Iterator[Desk]:
    """Serve a market, trusted by this process; the server is gone afterwards."""
    folder = write_market(tmp_path / "market", **market)
    server = LocalHistory(folder, key=KEY, state=tmp_path / "server").__enter__()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    downloads = tmp_path / "lake" / "_downloads" / "databento"
    desk = Desk(
        server, folder, VendorAccess(downloads, server.gateway, 100.0, Secret(KEY)), Waits()
    )
    try:
        yield desk
    finally:
        desk.server.__exit__(None, None, None)
