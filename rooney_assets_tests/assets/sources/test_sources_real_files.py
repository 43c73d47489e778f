"""Every form of bars beside the checkout is read, compared with what pandas or the vendor reads."""

import warnings
from pathlib import Path

import databento
import pandas as pd
import pytest

from rooney_assets.sources import Reading
from rooney_assets.sources.files import FileSource
from rooney_core.errors import BarsRejected
from rooney_core.market.instruments import Instrument, Universe

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
GROUPS = {
    **dict.fromkeys(("YM", "RTY", "MES", "MNQ", "ES"), "equity_index"),
    **dict.fromkeys(("SI", "MGC"), "metals"),
    **dict.fromkeys(("M6A", "M6E"), "fx"),
    **dict.fromkeys(("MCL", "QG", "BRN", "TFM"), "energy"),
    **dict.fromkeys(("TLT", "SPY", "QQQ", "NVDA", "AAPL"), "us_equity"),
    "ZN": "rates",
    "VIX": "volatility_index",
}
MINUTES = {"1m": 1, "1h": 60, "1d": 1440, "1s": 1}

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the checkout")


def _instrument(symbol: str, minutes: int, **files: object) -> Instrument:
    dated = GROUPS[symbol] not in ("us_equity", "volatility_index")
    page = {
        **{"symbol": symbol, "name": symbol, "role": "reference", "exchange": "X"},
        **{"product_group": GROUPS[symbol], "multiplier": 1, "tick_size": 0.01},
        "contract_months": "FGHJKMNQUVXZ" if dated else "",
        "bar_minutes": minutes,
        "sources": {"files": files},
    }
    return Universe.parse({"instruments": [page]}, "a test").instruments[0]


def _read(symbol: str, minutes: int, **files: object) -> Reading:
    return FileSource(DATA).read(_instrument(symbol, minutes, **files))


def _of(folder: str) -> list[str]:
    return sorted(path.stem for path in (DATA / folder).glob("*.parquet"))


def _agree(reading: Reading, rows: pd.DataFrame, time: str) -> None:
    """Every row of the file is a bar or stands in the quarantine, unchanged."""
    refused = reading.quarantine["row"].to_list()
    contract = "symbol" if "symbol" in rows else "contract"
    kept = rows.drop(index=refused)
    kept = kept.sort_values(["ts_event", contract] if contract in kept else ["ts_event"])
    ours = reading.bars.to_pandas()
    for name in ("open", "high", "low", "close", "volume"):
        assert (ours[name].to_numpy() == kept[name].to_numpy()).all()
    if contract in kept:
        assert (ours["contract"].to_numpy() == kept[contract].to_numpy()).all()
    stamps = kept["ts_event"].dt.tz_localize(None)
    theirs = stamps.dt.normalize() if time == "session" else stamps
    assert (pd.to_datetime(ours[time]).dt.tz_localize(None).to_numpy() == theirs.to_numpy()).all()
    broken = rows.loc[refused]
    body = broken[["open", "close"]]
    inside = (body.max(axis=1) <= broken["high"]) & (body.min(axis=1) >= broken["low"])
    assert not inside.any()


@pytest.mark.parametrize("symbol", _of("futures_1h"))
def test_continuous_hourly_bars(symbol: str) -> None:
    reading = _read(symbol, 60, path=f"futures_1h/{symbol}", time_zone="UTC", bar_edge="start")
    _agree(reading, pd.read_parquet(DATA / "futures_1h" / f"{symbol}.parquet"), "bar_start")
    assert reading.quarantine.is_empty()


@pytest.mark.parametrize("symbol", _of("futures_contracts_1h"))
def test_hourly_bars_of_contracts(symbol: str) -> None:
    files = {"time_zone": "UTC", "bar_edge": "start", "columns": {"contract": "symbol"}}
    reading = _read(symbol, 60, path=f"futures_contracts_1h/{symbol}", **files)
    rows = pd.read_parquet(DATA / "futures_contracts_1h" / f"{symbol}.parquet")
    _agree(reading, rows, "bar_start")
    assert reading.quarantine.is_empty()


@pytest.mark.parametrize("symbol", _of("futures_contracts_1d"))
def test_daily_bars_of_contracts_as_bars_and_as_a_witness(symbol: str) -> None:
    daily = {
        **{"path": f"futures_contracts_1d/{symbol}", "time_zone": "UTC", "bar_edge": "session"},
        "columns": {"contract": "symbol"},
    }
    reading = _read(symbol, 1440, **daily)
    rows = pd.read_parquet(DATA / "futures_contracts_1d" / f"{symbol}.parquet")
    _agree(reading, rows, "session")
    assert reading.quarantine.height <= 1
    hourly = {"path": f"futures_1h/{symbol}", "time_zone": "UTC", "bar_edge": "start"}
    witness = FileSource(DATA).witnesses(
        _instrument(symbol, 60, **hourly, witnesses={"daily": daily})
    )
    assert witness.daily is not None
    traded = int((rows["volume"] > 0).sum())
    assert 0 <= traded - witness.daily.bars.height <= 1


@pytest.mark.parametrize("symbol", ["SPY", "TLT", "VIX"])
def test_daily_references(symbol: str) -> None:
    reading = _read(symbol, 1440, path=f"daily/{symbol}", time_zone="UTC", bar_edge="session")
    _agree(reading, pd.read_parquet(DATA / "daily" / f"{symbol}.parquet"), "session")
    assert reading.quarantine.height <= 47


def _samples() -> list[str]:
    return sorted(path.relative_to(DATA).as_posix() for path in DATA.rglob("*ohlcv-*.dbn*"))


@pytest.mark.parametrize("path", _samples())
def test_dbn_samples_are_read_or_refused_for_a_stated_reason(path: str) -> None:
    store = databento.DBNStore.from_bytes((DATA / path).read_bytes())
    schema = path.split("ohlcv-")[1][:2]
    raw = next(iter(store.metadata.mappings))
    symbol = "ES" if raw.startswith("ES") else raw.split()[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = store.to_df().reset_index()
    instrument = _instrument(symbol, MINUTES[schema], path=path)
    refusal = _expected_refusal(schema, raw, len(theirs), instrument)
    if refusal:
        with pytest.raises(BarsRejected, match=refusal):
            FileSource(DATA).read(instrument)
        return
    bars = FileSource(DATA).read(instrument).bars
    assert bars["contract"].unique().to_list() == ["ESH21" if symbol == "ES" else symbol]
    for name in ("open", "high", "low", "close", "volume"):
        assert bars[name].to_list() == theirs[name].to_list()
    if schema != "1d":
        assert bars["bar_start"].to_list() == theirs["ts_event"].to_list()


def _expected_refusal(schema: str, raw: str, n_rows: int, instrument: Instrument) -> str | None:
    if schema == "1d" and instrument.contract_months:
        return "open the evening before"
    if schema == "1s":
        return "schema ohlcv-1s arrived"
    if n_rows == 0:
        return "no records"
    if " " in raw:
        return "other instruments"
    if instrument.product_group == "us_equity" and schema != "1d":
        # The samples begin before the opening at 09:30 New York.
        return "regular session only"
    return None
