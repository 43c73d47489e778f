"""The tick sizes of universe.yaml against the development bars, where they are present."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
import yaml

from rooney_core.market.instruments import Universe

ROOT = Path(__file__).resolve().parents[2]
BARS = ROOT.parent / "shared" / "data" / "futures_1h"
UNIVERSE = Universe.parse(
    yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8")), "universe"
)
FILES = sorted(BARS.glob("*.parquet"))

pytestmark = pytest.mark.skipif(not FILES, reason="no ../shared/data beside the checkout")


def _share_on_grid(prices: pl.DataFrame, tick_size: float) -> float:
    ticks = pl.concat([prices[name] for name in prices.columns]) / tick_size
    # A float price is off its tick by rounding only: far less than a thousandth of a tick.
    return float(((ticks - ticks.round()).abs() < 1e-3).mean())  # type: ignore[arg-type]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_prices_lie_on_the_stated_tick_and_not_on_a_wider_one(file: Path) -> None:
    since = datetime(2020, 1, 1, tzinfo=UTC)
    bars = pl.read_parquet(file).filter(pl.col("ts_event") >= since)
    prices = bars.select("open", "high", "low", "close")
    tick_size = UNIVERSE[file.stem].tick_size
    assert _share_on_grid(prices, tick_size) >= 0.999
    assert _share_on_grid(prices, 2 * tick_size) < 0.9
