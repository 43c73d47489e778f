"""The first stage, files to session bars with every check: 12 symbols x 15 years of hourly bars.

Run: python benchmarks/market_bars.py [symbols] [years]
Draws the files with the simulated market, every contract of it, then materializes to session_bars
three times through Dagster as a user does: a fresh lake, nothing to do, and one more day for one
symbol. Prints wall clock and the seconds inside each asset's steps. Aims on 2 cores: the fresh lake
under 20 s, the added day under 1 s inside steps.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from rooney_assets.headless import Request, run
from rooney_assets.lake import Lake
from rooney_assets.settings import Settings, load_universe
from rooney_assets.sources.selection import source_from
from rooney_core.market.instruments import Instrument
from rooney_core.market.simulation import SimulatedMarket, simulate_bars
from rooney_core.market.source_pages import SimulatedFacts, SourceFacts

LAST_SESSION = date(2025, 12, 30)


def draw(folder: Path, number: int, years: int) -> tuple[dict[str, Any], pl.DataFrame]:
    """Write one symbol's file without its last session; its page, and the whole table."""
    symbol = f"B{number:02d}"
    facts: dict[str, Any] = {
        "symbol": symbol,
        "name": "benchmark",
        "role": "tradable",
        "exchange": "CME",
        "product_group": ("equity_index", "energy", "metals")[number % 3],
        "multiplier": 50,
        "tick_size": 0.25,
        "contract_months": "HMUZ",
    }
    drawn = Instrument(
        **facts | {"symbol": f"SIM_{symbol}"},
        sources=SourceFacts(simulated=SimulatedFacts(start_price=4000, annual_volatility=0.2)),
    )
    market = SimulatedMarket(
        first_session=date(LAST_SESSION.year - years + 1, 1, 4), last_session=LAST_SESSION
    )
    bars = simulate_bars(drawn, market).select(
        pl.col("contract").str.replace("SIM_", "", literal=True),
        pl.col("bar_start").alias("ts_event"),
        *("open", "high", "low", "close", "volume", "session"),
    )
    page = {"path": symbol, "time_zone": "UTC", "bar_edge": "start"}
    bars.filter(pl.col("session") < LAST_SESSION).drop("session").write_parquet(
        folder / f"{symbol}.parquet"
    )
    return facts | {"sources": {"files": page}}, bars.drop("session")


def main(n_symbols: int, years: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pages, tables = zip(*(draw(folder, one, years) for one in range(n_symbols)), strict=True)
        (folder / "universe.yaml").write_text(yaml.safe_dump({"instruments": list(pages)}))
        os.environ.update(
            ROONEY_LAKE=f"{name}/lake",
            ROONEY_STATE=f"{name}/state",
            ROONEY_SOURCE=f"files:{name}",
            ROONEY_UNIVERSE=f"{name}/universe.yaml",
        )
        print(f"{n_symbols} symbols, {sum(map(len, tables)):,} bars in all")
        measure("fresh lake")
        measure("nothing to do")
        tables[0].write_parquet(folder / "B00.parquet")
        measure("one more day of one symbol")


def measure(title: str) -> None:
    """Materialize to session_bars once, and print what it took."""
    seconds: dict[str, float] = defaultdict(float)

    def hear(event: Mapping[str, Any]) -> None:
        if event["event"] == "ended":
            seconds[event["asset"]] += event["seconds"]

    settings = Settings.from_environment(os.environ)
    began = time.perf_counter()
    universe = load_universe(settings)
    source = source_from(settings.source, settings.base, settings.vendor)
    report = run(
        Request(target="session_bars"), settings, universe, source, Lake(settings.lake), hear
    )
    wall = time.perf_counter() - began
    inside = ", ".join(f"{asset} {spent:.2f}" for asset, spent in seconds.items())
    print(f"{title}: {wall:.1f} s wall, {sum(seconds.values()):.2f} s inside steps ({inside})")
    if not report.succeeded:
        print("  FAILED")


if __name__ == "__main__":
    given = [int(one) for one in sys.argv[1:]]
    main(*(given + [12, 15][len(given) :]))
