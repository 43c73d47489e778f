"""DBN files in a folder: names of contracts, what is left out, and what is refused."""

import math
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import zstandard
from bars_files import instrument
from dbn_files import encode, hourly, write_dbn

from rooney_assets.sources import Reading
from rooney_assets.sources.files import FileSource
from rooney_core.errors import BarsRejected, InvalidSetting
from rooney_core.market.instruments import Instrument

WEEK = (date(2024, 3, 4), date(2024, 3, 9))
NAMED = [("TSTH4", *WEEK, 5)]
DBN = {"path": "dbn/TST", "time_zone": None, "bar_edge": None}


def _future(**files: object) -> Instrument:
    return instrument({**DBN, **files}, contract_months="HMUZ")


def _read(folder: Path, content: bytes, one: Instrument | None = None) -> Reading:
    write_dbn(content, folder / "dbn" / "TST.dbn.zst")
    return FileSource(folder).read(one or _future())


@pytest.mark.parametrize("name", ["dbn/TST.dbn", "dbn/TST.dbn.zst", "TST.dbn"])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_file_becomes_raw_bars(tmp_path: Path, version: int, name: str) -> None:
    records = hourly(5, 60)
    write_dbn(encode(records, NAMED, version=version), tmp_path / name)
    reading = FileSource(tmp_path).read(_future())
    prices = ("open", "high", "low", "close", "volume")
    assert reading.bars.select("bar_start", *prices).rows() == [bar[1:] for bar in records]
    assert set(reading.bars["contract"]) == {"TSTH24"}
    assert set(reading.bars["bar_end"] - reading.bars["bar_start"]) == {timedelta(hours=1)}
    assert reading.notes == {}


def test_the_decade_of_a_contract_follows_from_the_day_of_its_bars(tmp_path: Path) -> None:
    old, new = datetime(2014, 3, 3, tzinfo=UTC), datetime(2024, 3, 4, tzinfo=UTC)
    records = hourly(5, 20, old) + hourly(9, 20, new)
    spans = [
        ("TSTH4", date(2014, 3, 3), date(2014, 3, 8), 5),
        ("TSTH4", *WEEK, 9),
    ]
    bars = _read(tmp_path, encode(records, spans)).bars
    years = dict(zip(bars["contract"], bars["bar_start"].dt.year(), strict=True))
    assert years == {"TSTH14": 2014, "TSTH24": 2024}


def test_an_instrument_id_that_is_used_again_gets_the_name_of_the_day(tmp_path: Path) -> None:
    first, second = datetime(2024, 3, 4, tzinfo=UTC), datetime(2024, 3, 5, tzinfo=UTC)
    spans = [
        ("TSTH4", date(2024, 3, 4), date(2024, 3, 5), 5),
        ("TSTM4", date(2024, 3, 5), date(2024, 3, 6), 5),
    ]
    bars = _read(tmp_path, encode(hourly(5, 20, first) + hourly(5, 20, second), spans)).bars
    assert bars["contract"].to_list() == ["TSTH24"] * 20 + ["TSTM24"] * 20


def test_several_contracts_of_a_parent_and_spreads_left_out(tmp_path: Path) -> None:
    records = hourly(5, 40) + hourly(6, 40, price=5050.0) + hourly(7, 10, price=-5.0)
    records += hourly(8, 5)
    spans = [("TSTH4", *WEEK, 5), ("TSTM4", *WEEK, 6), ("TSTH4-TSTM4", *WEEK, 7)]
    spans += [("TST01/H4", *WEEK, 8)]
    reading = _read(tmp_path, encode(records, spans, stype_in="parent"))
    assert reading.bars["contract"].value_counts().sort("contract").rows() == [
        ("TSTH24", 40),
        ("TSTM24", 40),
    ]
    assert reading.notes == {
        "rows of spreads and weeklies left out": 15,
        "spreads and weeklies": "TST01/H4, TSTH4-TSTM4",
    }
    assert reading.quarantine.is_empty()


def test_a_continuous_series_is_named_by_instrument_id(tmp_path: Path) -> None:
    roll = datetime(2024, 3, 6, tzinfo=UTC)
    spans = [
        ("TST.v.0", date(2024, 3, 4), date(2024, 3, 6), 42),
        ("TST.v.0", date(2024, 3, 6), date(2024, 3, 9), 17),
    ]
    records = hourly(42, 46) + hourly(17, 20, roll)
    bars = _read(tmp_path, encode(records, spans, stype_in="continuous")).bars
    assert bars["contract"].to_list() == ["TST#42"] * 46 + ["TST#17"] * 20


def test_two_continuous_series_in_one_file_are_refused(tmp_path: Path) -> None:
    spans = [("TST.v.0", *WEEK, 5), ("TST.v.1", *WEEK, 6)]
    content = encode(hourly(5, 9) + hourly(6, 9), spans, stype_in="continuous")
    with pytest.raises(BarsRejected, match=r"several continuous series .*TST\.v\.0, TST\.v\.1"):
        _read(tmp_path, content)


@pytest.mark.parametrize("symbol", ["NQH4", "TSTH4 C5000", "TST", "MTSTH4"])
def test_other_instruments_are_refused_by_name(tmp_path: Path, symbol: str) -> None:
    spans = [*NAMED, (symbol, *WEEK, 6)]
    with pytest.raises(BarsRejected, match=f"other instruments arrived .*{symbol}"):
        _read(tmp_path, encode(hourly(5, 9) + hourly(6, 9), spans))


def test_records_without_a_name_are_refused(tmp_path: Path) -> None:
    short = [("TSTH4", date(2024, 3, 4), date(2024, 3, 5), 5)]
    for mappings in ([], short):
        with pytest.raises(BarsRejected, match=r"no symbol for 1 instrument id\(s\) \(5\)"):
            _read(tmp_path, encode(hourly(5, 40), mappings))


def test_undefined_prices_are_set_aside(tmp_path: Path) -> None:
    records = hourly(5, 40)
    records[3] = (*records[3][:2], math.nan, *records[3][3:])
    reading = _read(tmp_path, encode(records, NAMED))
    (row,) = reading.quarantine.rows(named=True)
    assert (row["reason"], row["row"], row["origin"]) == ("null", 3, "dbn/TST.dbn.zst")
    assert row["bar_start"] == records[3][1]
    assert reading.bars.height == 39


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"time_zone": "America/Chicago"}, "time_zone: America/Chicago"),
        ({"bar_edge": "end"}, "bar_edge: end"),
        ({"bar_edge": "session"}, "bar_edge: session"),
        ({"columns": {"open": "Open"}}, "names of columns"),
        ({"time_column": "time"}, "names of columns"),
    ],
)
def test_a_page_that_contradicts_the_file_is_refused(
    tmp_path: Path, files: dict[str, object], word: str
) -> None:
    with pytest.raises(InvalidSetting, match="is a DBN file") as refused:
        _read(tmp_path, encode(hourly(5, 9), NAMED), _future(**files))
    assert word in str(refused.value)


def test_a_page_may_agree_with_the_file(tmp_path: Path) -> None:
    agreeing = _future(time_zone="Etc/UTC", bar_edge="start")
    assert _read(tmp_path, encode(hourly(5, 9), NAMED), agreeing).bars.height == 9


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("ohlcv-1m", r"1 minutes long, but universe.yaml states 60"),
        ("ohlcv-1s", r"schema ohlcv-1s arrived. Download one of ohlcv-1m"),
        ("trades", r"schema trades arrived, and bars are needed"),
    ],
)
def test_another_schema_is_refused(tmp_path: Path, schema: str, words: str) -> None:
    content = encode(hourly(5, 9) if "ohlcv" in schema else [], NAMED, schema=schema)
    with pytest.raises(BarsRejected, match=words):
        _read(tmp_path, content)


def _daily_records(number: int) -> list[tuple[int, datetime, float, float, float, float, int]]:
    start = datetime(2024, 3, 4, tzinfo=UTC)
    return [(number, start + timedelta(days=i), 90.0, 92.0, 89.0, 91.0, 10) for i in range(5)]


def test_daily_bars_follow_the_utc_date_where_that_is_a_session(tmp_path: Path) -> None:
    fund = instrument(
        DBN, role="reference", product_group="us_equity", bar_minutes=1440, contract_months=""
    )
    content = encode(_daily_records(5), [("TST", *WEEK, 5)], schema="ohlcv-1d")
    bars = _read(tmp_path, content, fund).bars
    assert bars["session"].to_list() == [date(2024, 3, day) for day in range(4, 9)]
    assert bars["bar_start"][0] == datetime(2024, 3, 4, 14, 30, tzinfo=UTC)
    assert set(bars["contract"]) == {"TST"}


def test_daily_bars_of_sessions_that_open_the_evening_before_are_refused(tmp_path: Path) -> None:
    one = instrument(DBN, role="reference", bar_minutes=1440, contract_months="HMUZ")
    content = encode(_daily_records(5), NAMED, schema="ohlcv-1d")
    with pytest.raises(BarsRejected, match="open the evening before"):
        _read(tmp_path, content, one)


@pytest.mark.parametrize("share", [0.999, 0.9, 0.5, 0.1])
def test_a_compressed_stream_that_was_cut_is_refused(tmp_path: Path, share: float) -> None:
    path = write_dbn(encode(hourly(5, 3000), NAMED), tmp_path / "dbn" / "TST.dbn.zst")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(BarsRejected, match="cut short"):
        FileSource(tmp_path).read(_future())


def test_several_compressed_frames_are_one_file(tmp_path: Path) -> None:
    records = hourly(5, 40)
    content = encode(records, NAMED)
    half = len(content) - 20 * 56
    packed = b"".join(
        (
            zstandard.ZstdCompressor(write_checksum=True).compress(content[:half]),
            (0x184D2A50).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"abc",
            zstandard.ZstdCompressor(write_content_size=False).compress(content[half:]),
        )
    )
    path = tmp_path / "dbn" / "TST.dbn.zst"
    path.parent.mkdir()
    path.write_bytes(packed)
    assert FileSource(tmp_path).read(_future()).bars.height == 40
    path.write_bytes(packed[:-1])
    with pytest.raises(BarsRejected, match="cut short"):
        FileSource(tmp_path).read(_future())


@pytest.mark.parametrize("content", [b"", b"no DBN", b"DBN\x03", b"\x28\xb5\x2f\xfd" + b"\0" * 40])
@pytest.mark.parametrize("ending", ["dbn", "dbn.zst"])
def test_what_is_no_dbn_is_refused_by_name(tmp_path: Path, content: bytes, ending: str) -> None:
    path = tmp_path / f"TST.{ending}"
    path.write_bytes(content)
    with pytest.raises(BarsRejected) as refused:
        FileSource(tmp_path).read(_future())
    assert str(path) in str(refused.value)


def test_no_records_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BarsRejected, match="no records"):
        _read(tmp_path, encode([], NAMED))


def test_damaged_bytes_give_bars_or_a_refusal(tmp_path: Path) -> None:
    good = encode(hourly(5, 40), NAMED)
    rng = random.Random(20240304)
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(good)
        for _ in range(rng.choice((1, 3, 20))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path = write_dbn(bytes(damaged), tmp_path / "TST.dbn")
        try:
            outcomes.add(FileSource(tmp_path).read(_future()).bars.is_empty())
        except BarsRejected as refused:
            outcomes.add(str(path) in str(refused))
    # As for other kinds: bars came back, or the file was refused by name.
    assert outcomes == {False, True}
