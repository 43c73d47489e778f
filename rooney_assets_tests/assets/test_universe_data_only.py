"""Adding an instrument is data: an entry of universe.yaml and its bars, no line of code."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml

import rooney_assets.assets  # noqa: F401  declares the graph
from rooney_assets.graph.declaration import ASSETS, partition_keys
from rooney_assets.lake import Lake
from rooney_core.features import FeedNames
from rooney_core.market.instruments import Universe

# Platinum: real facts, in no shipped page. PLW is the same under another name, only watched.
UNIVERSE = """
instruments:
  - symbol: PL
    name: Platinum
    role: tradable
    exchange: NYMEX
    product_group: metals
    multiplier: 50
    tick_size: 0.1
    contract_months: FJNV
    expiry: third_last_business_day
    first_notice: last_business_day_of_prior_month
    sources: {files: &bars {path: metals/platinum, time_column: when, time_zone: America/Chicago,
                            bar_edge: end, columns: {close: last, contract: month}}}
  - symbol: PLW
    name: Platinum, watched
    role: watched
    exchange: NYMEX
    product_group: metals
    multiplier: 50
    tick_size: 0.1
    contract_months: FJNV
    sources: {files: *bars}
"""
MONDAY = date(2024, 3, 4)
HOURS = range(9, 15)  # the ends of hourly bars, Chicago
CROSSOVER = 7  # the session from which the later contract has more volume


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A universe, the bars of two contracts over fifteen sessions, and room for a lake."""
    made = tmp_path_factory.mktemp("factory")
    (made / "universe.yaml").write_text(UNIVERSE, encoding="utf-8")
    (made / "bars" / "metals").mkdir(parents=True)
    _bars().write_csv(made / "bars" / "metals" / "platinum.csv")
    return made


def _bars() -> pl.DataFrame:
    rows = [
        {
            "when": f"{MONDAY + timedelta(days=7 * (day // 5) + day % 5)} {hour:02d}:00:00",
            "month": month,
            "open": level,
            "high": level + 2.5,
            "low": level - 1.5,
            "last": level + 0.1 * hour,
            "volume": _volume(day, month),
        }
        for day in range(15)
        for hour in HOURS
        for month, level in (("PLJ24", 900.0 + day), ("PLN24", 908.0 + day))
    ]
    return pl.DataFrame(rows)


def _volume(day: int, month: str) -> int:
    """So clear that one session after the crossover decides, over whatever window."""
    if day < CROSSOVER:
        return 100 if month == "PLJ24" else 40
    return 5000 if month == "PLN24" else 10


def _materialize(folder: Path, *arguments: str) -> str:
    settings = {
        "ROONEY_LAKE": str(folder / "lake"),
        "ROONEY_STATE": str(folder / "state"),
        "ROONEY_UNIVERSE": str(folder / "universe.yaml"),
        "ROONEY_SOURCE": f"files:{folder / 'bars'}",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROONEY_")}
    command = [str(Path(sys.executable).parent / "rooney"), "materialize", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**kept, **settings}, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def lake(folder: Path) -> Lake:
    """What a run without further words makes of that universe."""
    _materialize(folder, "--to", "session_bars")
    return Lake(folder / "lake")


def test_a_new_instrument_goes_from_its_file_to_session_bars(lake: Lake) -> None:
    symbol = ("symbol", "PL")

    raw = lake.read("raw_bars", symbol)
    assert raw.height == _bars().height
    # 09:00 in Chicago is the end of the first bar, so it starts at 14:00 UTC in winter.
    assert raw["bar_start"].min() == datetime(2024, 3, 4, 14, tzinfo=UTC)

    rolls = lake.read("roll_calendar", symbol)
    assert rolls.select("roll_from", "roll_to").rows() == [("PLJ24", "PLN24")]
    # Known after the session of the crossover, so it rolls in the next: the second Thursday.
    assert rolls["roll_session"].to_list() == [MONDAY + timedelta(days=10)]

    continuous = lake.read("continuous_bars", symbol)
    assert continuous.height == 15 * len(HOURS)
    assert continuous["contract"].unique(maintain_order=True).to_list() == ["PLJ24", "PLN24"]

    sessions = lake.read("session_bars", symbol)
    assert sessions["session"].to_list() == [
        MONDAY + timedelta(days=7 * week + day) for week in range(3) for day in range(5)
    ]
    before = sessions.filter(pl.col("session") == MONDAY)
    assert before.select("open", "high", "low", "close").row(0) == (900.0, 902.5, 898.5, 901.4)
    after = sessions.filter(pl.col("session") == MONDAY + timedelta(days=18))
    assert after.select("open", "high", "low", "close").row(0) == (922.0, 924.5, 920.5, 923.4)


def test_a_watched_symbol_has_bars_when_it_is_named_and_no_more(folder: Path, lake: Lake) -> None:
    assert set(lake.partitions("raw_bars")) == {"PL"}
    _materialize(folder, "--to", "session_bars", "--symbols", "PLW")
    assert set(lake.partitions("session_bars")) == {"PL", "PLW"}
    watched = lake.read("session_bars", ("symbol", "PLW"))
    traded = lake.read("session_bars", ("symbol", "PL"))
    assert watched.drop("symbol").equals(traded.drop("symbol"))
    universe = Universe.parse(yaml.safe_load(UNIVERSE), "a test")
    assert partition_keys(ASSETS["strategy_results"], universe) == ("PL",)
    assert FeedNames.of(universe, "PL") == FeedNames()
