"""The expiry rules of universe.yaml against the last bars of real contracts, where present."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
import yaml

from rooney_core.market.contracts import parse_contract
from rooney_core.market.expiry import last_trading_day
from rooney_core.market.instruments import Universe

ROOT = Path(__file__).resolve().parents[2]
UNIVERSE = Universe.parse(
    yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8")), "universe"
)
FILES = sorted((ROOT.parent / "shared" / "data" / "futures_contracts_1d").glob("*.parquet"))

pytestmark = pytest.mark.skipif(not FILES, reason="no ../shared/data beside the checkout")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_contracts_have_their_last_bar_on_their_last_trading_day(file: Path) -> None:
    one = UNIVERSE[file.stem]
    bars = pl.read_parquet(file).select("symbol", day=pl.col("ts_event").dt.date())
    last = bars.group_by("symbol").agg(pl.col("day").max())
    ended = [
        (row["day"], last_trading_day(parse_contract(row["symbol"]), one))
        for row in last.iter_rows(named=True)
        if row["day"] < bars["day"].max()
    ]
    late = [pair for pair in ended if pair[1] >= date(2010, 1, 1)]
    assert len(late) >= 20
    assert all(seen <= stated for seen, stated in late)
    # A thin contract may have no trade on its last day.
    assert sum(seen == stated for seen, stated in late) >= 0.97 * len(late)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_month_with_bars_is_a_contract_month_of_the_page(file: Path) -> None:
    names = pl.read_parquet(file, columns=["symbol"])["symbol"].unique()
    months = {parse_contract(name).month_code for name in names}
    assert months == set(UNIVERSE[file.stem].contract_months)
