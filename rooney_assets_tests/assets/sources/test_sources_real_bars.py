"""The development bars beside the checkout, where they are present."""

from pathlib import Path

import polars as pl
import pytest
import yaml

from rooney_assets.sources.files import FileSource
from rooney_core.errors import BarsRejected
from rooney_core.market.instruments import Universe

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT.parent / "shared" / "data"
SYMBOLS = ("YM", "RTY", "SI", "MGC", "ZN", "M6A", "M6E", "VIX", "TLT")

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the checkout")


def _universe() -> Universe:
    document = yaml.safe_load((ROOT / "universe.yaml").read_text(encoding="utf-8"))
    return FileSource(DATA).offers(Universe.parse(document, "universe.yaml"))


def test_the_shipped_universe_offers_the_real_symbols() -> None:
    assert _universe().symbols == SYMBOLS


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_every_row_arrives_and_csv_gives_the_same_frame(tmp_path: Path, symbol: str) -> None:
    instrument = _universe()[symbol]
    assert instrument.sources.files is not None
    rows = pl.read_parquet(DATA / f"{instrument.sources.files.path}.parquet")
    reading = FileSource(DATA).read(instrument)
    body_out = ~pl.col("open", "close").is_between(pl.col("low"), pl.col("high"))
    expected = rows.with_row_index("row").filter(pl.any_horizontal(body_out))["row"].to_list()
    assert reading.quarantine["row"].to_list() == expected
    assert set(reading.quarantine["reason"]) <= {"outside_range"}
    assert len(expected) == {"VIX": 47, "TLT": 1}.get(symbol, 0)
    assert reading.notes.get("rows quarantined", 0) == len(expected)
    assert reading.bars.height + len(expected) == rows.height
    rows.write_csv(tmp_path / f"{symbol}.csv")
    assert FileSource(tmp_path).raw_bars(instrument).equals(reading.bars)


def test_hourly_bars_read_in_a_wrong_zone_are_refused(tmp_path: Path) -> None:
    instrument = _universe()["YM"]
    rows = pl.read_parquet(DATA / "futures_1h" / "YM.parquet")
    naive = pl.col("ts_event").dt.convert_time_zone("America/Chicago").dt.replace_time_zone(None)
    rows.with_columns(naive).write_parquet(tmp_path / "YM.parquet")
    with pytest.raises(BarsRejected, match="time zone is probably wrong"):
        FileSource(tmp_path).raw_bars(instrument)
