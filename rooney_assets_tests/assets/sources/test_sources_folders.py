"""A folder of files as one series, clocks that are not stated, and witnesses."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from bars_files import daily_rows, hourly_rows, instrument, write
from dbn_files import encode, hourly, write_dbn

from rooney_assets.sources.files import FileSource
from rooney_core.errors import BarsRejected, InvalidSetting, MissingArtifact
from rooney_core.market.bars import BARS_SCHEMA
from rooney_core.market.instruments import Instrument

FIRST, SECOND = hourly_rows(80)[:50], hourly_rows(80)[30:]


def _future(**files: object) -> Instrument:
    return instrument(files, contract_months="HMUZ")


@pytest.mark.parametrize("ending", ["parquet", "csv", "csv.gz"])
@pytest.mark.parametrize("names", [("TSTU19", "TSTZ19"), ("TSTU2019", "tstz9"), ("TSTU9", "TSTZ9")])
def test_contracts_are_read_from_names_of_files(
    tmp_path: Path, ending: str, names: tuple[str, str]
) -> None:
    for name, rows in zip(names, (FIRST, SECOND), strict=True):
        write(rows, tmp_path, f"hourly/TST/{name}.{ending}")
    reading = FileSource(tmp_path).read(_future())
    together = pl.concat(
        [
            FIRST.with_columns(contract=pl.lit("TSTU19")),
            SECOND.with_columns(contract=pl.lit("TSTZ19")),
        ]
    ).sort("ts_event", "contract")
    expected = together.rename({"ts_event": "bar_start"})
    assert reading.bars.select(expected.columns).equals(expected)
    assert reading.notes == {"files": 2}


def test_files_by_year_may_repeat_rows_and_other_files_are_told(tmp_path: Path) -> None:
    for name, rows in (("2018", FIRST), ("2019", SECOND)):
        labelled = rows.with_columns(contract=pl.lit("TSTU19"))
        write(labelled, tmp_path, f"hourly/TST/{name}.parquet")
    (tmp_path / "hourly" / "TST" / "README.txt").write_text("x")
    (tmp_path / "hourly" / "TST" / ".hidden.csv").write_text("x")
    reading = FileSource(tmp_path).read(_future())
    assert reading.bars["bar_start"].to_list() == hourly_rows(80)["ts_event"].to_list()
    assert reading.quarantine.select("origin", "row", "reason").rows() == [
        ("hourly/TST/2019.parquet", row, "repeated") for row in range(20)
    ]
    assert reading.notes["files that are no bars"] == "README.txt"


def test_years_of_what_never_expires_need_no_contract(tmp_path: Path) -> None:
    write(FIRST, tmp_path, "hourly/TST/TST_2018.csv")
    write(hourly_rows(80)[50:], tmp_path, "hourly/TST/TST_2019.csv")
    bars = FileSource(tmp_path).raw_bars(instrument())
    assert (bars.height, set(bars["contract"])) == (80, {"TST"})


def test_a_name_that_tells_no_contract_is_refused_with_advice(tmp_path: Path) -> None:
    write(FIRST, tmp_path, "hourly/TST/first half.csv")
    with pytest.raises(BarsRejected, match=r"no column contract.*TSTZ26\.csv.*columns: \{contract"):
        FileSource(tmp_path).read(_future())


def test_one_contract_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("TSTU9", "TSTU2019"):
        write(FIRST, tmp_path, f"hourly/TST/{name}.csv")
    with pytest.raises(BarsRejected, match="both of contract TSTU19"):
        FileSource(tmp_path).read(_future())


def test_several_kinds_in_one_folder_are_refused(tmp_path: Path) -> None:
    write(FIRST, tmp_path, "hourly/TST/TSTU19.csv")
    write(SECOND, tmp_path, "hourly/TST/TSTZ19.parquet")
    with pytest.raises(BarsRejected, match=r"several kinds \(TSTU19.csv, TSTZ19.parquet\)"):
        FileSource(tmp_path).read(_future())


def test_a_folder_beside_a_file_of_that_name_is_refused(tmp_path: Path) -> None:
    write(FIRST, tmp_path, "hourly/TST/TSTU19.csv")
    write(FIRST, tmp_path, "hourly/TST.csv")
    with pytest.raises(BarsRejected, match="could both be meant"):
        FileSource(tmp_path).read(_future())


def test_a_folder_without_bars_is_missing(tmp_path: Path) -> None:
    (tmp_path / "hourly" / "TST").mkdir(parents=True)
    with pytest.raises(MissingArtifact, match="no file of bars"):
        FileSource(tmp_path).read(_future())


def test_dbn_files_of_contracts_in_a_folder(tmp_path: Path) -> None:
    for symbol, number in (("TSTH4", 5), ("TSTM4", 6)):
        span = (symbol, date(2024, 3, 4), date(2024, 3, 9), number)
        write_dbn(encode(hourly(number, 30), [span]), tmp_path / "TST" / f"{symbol}.dbn.zst")
    bars = FileSource(tmp_path).raw_bars(_future(path="TST", time_zone=None, bar_edge=None))
    assert bars["contract"].value_counts().sort("contract").rows() == [
        ("TSTH24", 30),
        ("TSTM24", 30),
    ]


def test_the_fingerprint_follows_names_in_a_folder_and_not_its_place(tmp_path: Path) -> None:
    for place, names in (("a/hourly/TST", "UZ"), ("b/TST", "UZ"), ("c/TST", "ZU")):
        for month, rows in zip(names, (FIRST, SECOND), strict=True):
            write(rows, tmp_path, f"{place}/TST{month}19.parquet")
    a, b, c = (FileSource(tmp_path / one).fingerprint(_future()) for one in "abc")
    assert a == b
    assert b != c


@pytest.mark.parametrize("missing", ["time_zone", "bar_edge"])
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_clock_that_is_not_stated_is_refused(tmp_path: Path, ending: str, missing: str) -> None:
    rows = hourly_rows().with_columns(pl.col("ts_event").dt.replace_time_zone(None))
    write(rows, tmp_path, f"TST.{ending}")
    with pytest.raises(InvalidSetting, match=f"no `{missing}` is stated.*Add"):
        FileSource(tmp_path).read(instrument({missing: None}))


def test_open_interest_is_kept_where_there_is_any(tmp_path: Path) -> None:
    rows = hourly_rows().with_columns(OI=pl.int_range(pl.len()))
    write(rows.with_columns(OI=pl.when(pl.col("OI") > 0).then("OI")), tmp_path, "TST.csv")
    bars = FileSource(tmp_path).raw_bars(instrument({"columns": {"open_interest": "OI"}}))
    assert bars.columns == [*BARS_SCHEMA, "open_interest"]
    assert bars["open_interest"].to_list() == [None, *range(1, rows.height)]


def test_a_long_csv_is_read_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = hourly_rows(300).with_columns(note=pl.lit('a "quoted"\nline'))
    rows = rows.with_columns(volume=pl.col("volume").cast(pl.String))
    broken = rows.with_columns(
        volume=pl.when(pl.int_range(pl.len()) == 250).then(pl.lit("many")).otherwise("volume")
    )
    write(broken, tmp_path, "TST.csv")
    whole = FileSource(tmp_path).read(instrument())
    monkeypatch.setattr("rooney_assets.sources.file_table._SLICE_BYTES", 1000)
    sliced = FileSource(tmp_path).read(instrument())
    assert sliced.bars.equals(whole.bars)
    assert sliced.quarantine.equals(whole.quarantine)
    assert sliced.quarantine["row"].to_list() == [250]


def test_two_symbols_in_far_slices_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = pl.when(pl.int_range(pl.len()) < 150).then(pl.lit("A")).otherwise(pl.lit("B"))
    write(hourly_rows(300).with_columns(symbol=late), tmp_path, "TST.csv")
    monkeypatch.setattr("rooney_assets.sources.file_table._SLICE_BYTES", 1000)
    with pytest.raises(BarsRejected, match=r"2 names \(A, B"):
        FileSource(tmp_path).read(instrument())


def test_hours_read_as_minutes_are_refused(tmp_path: Path) -> None:
    write(hourly_rows(60), tmp_path, "TST.csv")
    minutes = instrument(role="reference", bar_minutes=1)
    with pytest.raises(BarsRejected, match=r"no two bars are closer than 1:00:00"):
        FileSource(tmp_path).read(minutes)


def test_minutes_of_a_reference(tmp_path: Path) -> None:
    first = datetime(2019, 7, 8, 13, tzinfo=UTC)
    times = pl.Series([first + timedelta(minutes=i) for i in range(90)])
    write(hourly_rows(90).with_columns(ts_event=times), tmp_path, "TST.parquet")
    bars = FileSource(tmp_path).raw_bars(instrument(role="reference", bar_minutes=1))
    assert bars["bar_start"].to_list() == times.to_list()
    assert set(bars["bar_end"] - bars["bar_start"]) == {timedelta(minutes=1)}


DAILY = {"path": "daily/TST", "time_zone": "UTC", "bar_edge": "session"}


def _witnessed(**witnesses: object) -> Instrument:
    return instrument({"witnesses": witnesses})


def test_witnesses_are_read_and_count_in_the_fingerprint(tmp_path: Path) -> None:
    write(hourly_rows(), tmp_path, "hourly/TST.parquet")
    write(daily_rows(), tmp_path, "daily/TST.csv")
    write(hourly_rows(), tmp_path, "other/TST.csv")
    second = {"path": "other/TST", "time_zone": "UTC", "bar_edge": "start"}
    source = FileSource(tmp_path)
    both = _witnessed(daily=DAILY, second=second)
    found = source.witnesses(both)
    assert found.daily is not None
    assert found.daily.day_is == "session"
    assert found.daily.origin == "daily/TST.csv"
    assert found.daily.bars["day"].to_list() == daily_rows()["ts_event"].dt.date().to_list()
    assert found.daily.bars["contract"].null_count() == daily_rows().height
    assert found.daily.bars["high"].to_list() == daily_rows()["high"].to_list()
    assert found.second is not None
    assert found.second.equals(source.raw_bars(both))
    before = {source.fingerprint(one) for one in (both, _witnessed(daily=DAILY), instrument())}
    assert len(before) == 3
    write(daily_rows().head(100), tmp_path, "daily/TST.csv")
    assert source.fingerprint(both) not in before


def test_no_witnesses_are_stated(tmp_path: Path) -> None:
    found = FileSource(tmp_path).witnesses(instrument())
    assert (found.daily, found.second) == (None, None)


def test_a_daily_witness_loses_days_without_volume_and_broken_ones(tmp_path: Path) -> None:
    number = pl.int_range(pl.len())
    rows = daily_rows().with_columns(
        symbol=pl.when(number < 100).then(pl.lit("TSTH19")).otherwise(pl.lit("TSTM19")),
        volume=pl.when(number < 3).then(0).otherwise("volume"),
        high=pl.when(number == 7).then(1.0).otherwise("high"),
    )
    write(rows, tmp_path, "daily/TST.parquet")
    daily = (
        FileSource(tmp_path)
        .witnesses(_witnessed(daily={**DAILY, "columns": {"contract": "symbol"}}))
        .daily
    )
    assert daily is not None
    assert daily.origin == "daily/TST.parquet (4 of 200 rows left out)"
    assert daily.bars.height == 196
    assert daily.bars["contract"].to_list() == ["TSTH19"] * 96 + ["TSTM19"] * 100


@pytest.mark.parametrize("kind", ["csv", "dbn"])
def test_a_daily_witness_by_utc_date(tmp_path: Path, kind: str) -> None:
    start = datetime(2024, 3, 4, tzinfo=UTC)
    records = [(5, start + timedelta(days=i), 90.0, 92.0, 89.0, 91.0, 10) for i in range(5)]
    if kind == "dbn":
        span = ("TSTH4", date(2024, 3, 4), date(2024, 3, 9), 5)
        write_dbn(encode(records, [span], schema="ohlcv-1d"), tmp_path / "daily" / "TST.dbn.zst")
        page: dict[str, object] = {"path": "daily/TST"}
    else:
        names = ("id", "ts_event", "open", "high", "low", "close", "volume")
        write(pl.DataFrame(records, schema=names, orient="row"), tmp_path, "daily/TST.csv")
        page = {**DAILY, "bar_edge": "start"}
    one = instrument({"witnesses": {"daily": page}}, contract_months="HMUZ")
    daily = FileSource(tmp_path).witnesses(one).daily
    assert daily is not None
    assert daily.day_is == "utc"
    assert daily.bars["day"].to_list() == [date(2024, 3, day) for day in range(4, 9)]
    assert set(daily.bars["contract"]) == ({"TSTH24"} if kind == "dbn" else {None})


def test_a_daily_witness_with_another_clock_is_refused(tmp_path: Path) -> None:
    write(daily_rows(), tmp_path, "daily/TST.csv")
    for clock in ({"bar_edge": "end"}, {"bar_edge": "start", "time_zone": "America/Chicago"}):
        with pytest.raises(InvalidSetting, match="bar_edge: session"):
            FileSource(tmp_path).witnesses(_witnessed(daily={**DAILY, **clock}))
