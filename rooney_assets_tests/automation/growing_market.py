"""A factory on files of simulated bars that grow by a day, with a real Dagster instance.

Belongs here: writing the files, and running what the factory defines. Does not belong here:
assertions. The bars are drawn once; a day is added by writing more of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import dagster as dg
import polars as pl
import yaml

from rooney_assets.lake import Lake
from rooney_assets.settings import Settings, load_universe
from rooney_core.market.instruments import Universe
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

ROOT = Path(__file__).resolve().parents[2]
SYMBOLS = ("ES", "GC", "ZN")
TRADABLE = ("ES", "GC")
SPAN = SimulatedMarket(first_session=date(2013, 1, 2), last_session=date(2021, 6, 30))
NEWS_FROM = date(2021, 6, 1)
"""Sessions from here on are not in the files at first."""
PAGE = {"time_column": "bar_start", "time_zone": "UTC", "bar_edge": "start"}
SIMULATED = "SIM_"
COLUMNS = ("bar_start", "contract", "open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Market:
    """The files, the lake and the state of one factory."""

    folder: Path

    @property
    def lake(self) -> Lake:
        """Its lake."""
        return Lake(self.folder / "lake")

    @property
    def environment(self) -> dict[str, str]:
        """Its settings, for this process and others."""
        return {
            "ROONEY_LAKE": str(self.folder / "lake"),
            "ROONEY_STATE": str(self.folder / "state"),
            "ROONEY_UNIVERSE": str(self.folder / "universe.yaml"),
            "ROONEY_SOURCE": f"files:{self.folder / 'bars'}",
            "ROONEY_TUNING": "quick",
        }

    @property
    def settings(self) -> Settings:
        """Its settings."""
        return Settings.from_environment(self.environment)

    @property
    def universe(self) -> Universe:
        """Its symbols."""
        return load_universe(self.settings)

    def process_environment(self, **more: str) -> dict[str, str]:
        """The environment of a process of this factory, whose Dagster is the checkout's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ROONEY_")}
        return {**kept, **self.environment, "DAGSTER_HOME": str(ROOT), **more}

    def rooney(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the real command."""
        command = [str(Path(sys.executable).parent / "rooney"), *arguments]
        environment = self.process_environment()
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    def write_bars(self, symbol: str, until: date) -> None:
        """Let a symbol's file hold the sessions before `until` (exclusive)."""
        bars = drawn(symbol).filter(pl.col("session") < until)
        folder = self.folder / "bars"
        folder.mkdir(parents=True, exist_ok=True)
        bars.select(COLUMNS).write_parquet(folder / f"{symbol}.parquet")

    def versions(self, *assets: str) -> dict[str, str | None]:
        """Current data version by `asset[symbol]`."""
        return {
            f"{asset}[{key}]": self.lake.version(asset, ("symbol", key))
            for asset in assets
            for key in self.lake.partitions(asset)
        }


@cache
def drawn(symbol: str) -> pl.DataFrame:
    """All bars of a symbol, news included."""
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    shipped = Universe.parse(document, "universe.yaml")
    own = pl.col("contract").str.strip_prefix(SIMULATED)
    return simulate_bars(shipped[f"{SIMULATED}{symbol}"], SPAN).with_columns(own)


def make_market(folder: Path, symbols: tuple[str, ...] = SYMBOLS) -> Market:
    """Files of every symbol up to the news, and a universe that reads them; the lake is empty."""
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    drawn_from = {f"{SIMULATED}{symbol}": symbol for symbol in symbols}
    pages = [one for one in document["instruments"] if one["symbol"] in drawn_from]
    for one in pages:
        symbol = drawn_from[one["symbol"]]
        partner = drawn_from.get(one.get("partner"))
        one |= {"symbol": symbol, "partner": partner, "exchange": "CME"}
        one["sources"] = {"files": {"path": symbol, **PAGE}}
    document["instruments"] = pages
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "universe.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    market = Market(folder)
    for symbol in symbols:
        market.write_bars(symbol, NEWS_FROM)
    return market


@contextmanager
def instance_of(market: Market) -> Iterator[dg.DagsterInstance]:
    """The real instance of dagster.yaml, with its SQLite files below the factory's state."""
    before = dict(os.environ)
    os.environ.update(market.environment)
    (market.folder / "state").mkdir(parents=True, exist_ok=True)
    try:
        with dg.DagsterInstance.from_config(str(ROOT)) as instance:
            yield instance
    finally:
        os.environ.clear()
        os.environ.update(before)
