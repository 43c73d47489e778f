"""Malformed files: each is refused by name, with what arrived, what is expected, what to do."""

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from bars_files import daily_reference, daily_rows, hourly_rows, instrument, write

from rooney_assets.sources.files import FileSource
from rooney_core.errors import BarsRejected, InvalidSetting, MissingArtifact

Break = Callable[[pl.DataFrame], pl.DataFrame]


def _set(column: str, row: int, value: object) -> Break:
    def broken(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(
            pl.when(pl.int_range(pl.len()) == row)
            .then(pl.lit(value))
            .otherwise(column)
            .alias(column)
        )

    return broken


def _refused(rows: pl.DataFrame, folder: Path, ending: str, **files: object) -> str:
    path = write(rows, folder, f"TST.{ending}")
    with pytest.raises(BarsRejected) as refused:
        FileSource(folder).raw_bars(instrument(files))
    message = str(refused.value)
    assert str(path) in message
    assert "TST" in message
    return message


@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize(
    ("broken", "words"),
    [
        (lambda rows: rows.drop("close"), ("'close' missing", "ts_event, open, high")),
        (
            lambda rows: rows.rename({"close": "Close"}),
            ("'close' missing", "Did you mean `columns: {close: Close}`"),
        ),
        (
            lambda rows: rows.rename({"ts_event": "TS_EVENT"}),
            ("'ts_event' missing", "time_column: TS_EVENT"),
        ),
        (lambda rows: rows.clear(), ("empty", "no rows")),
        (
            lambda rows: rows.with_columns(pl.col("ts_event").dt.offset_by("-5h")),
            ("time zone is probably wrong",),
        ),
        (
            lambda rows: rows.with_columns(
                ts_event=rows["ts_event"][0] + pl.int_range(rows.height) * timedelta(minutes=1)
            ),
            ("not 60 minutes long", "bar_minutes"),
        ),
        (
            lambda rows: rows.with_columns(symbol=pl.Series(["A", "B"] * (rows.height // 2))),
            ("2 names (A, B", "columns: {contract: symbol}"),
        ),
    ],
    ids=[
        *("missing column", "column of another case", "time column of another case"),
        *("empty", "shifted clock", "minute bars", "two symbols"),
    ],
)
def test_malformed_bars_are_refused(
    tmp_path: Path, ending: str, broken: Break, words: tuple[str, ...]
) -> None:
    message = _refused(broken(hourly_rows(200)), tmp_path, ending)
    for word in words:
        assert word in message
    # The symbol comes first and once, the place after it.
    assert message.startswith(f"TST: {tmp_path}")
    assert message.count("TST: ") == 1


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_zone_other_than_stated_is_refused(tmp_path: Path, ending: str) -> None:
    local = pl.col("ts_event").dt.convert_time_zone("America/New_York")
    message = _refused(hourly_rows().with_columns(local), tmp_path, ending)
    assert "wrong time zone" in message
    assert "UTC" in message


def test_an_offset_that_the_zone_has_only_in_winter_is_refused_in_summer(tmp_path: Path) -> None:
    winter = pl.col("ts_event").dt.strftime("%Y-%m-%dT%H:%M:%S-06:00")
    rows = hourly_rows().with_columns(winter)
    message = _refused(rows, tmp_path, "csv", time_zone="America/Chicago")
    assert "offset" in message


@pytest.mark.parametrize("day", ["2019-03-10 02:30", "2019-11-03 01:30"])
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_naive_time_that_the_zone_skips_or_repeats_is_refused(
    tmp_path: Path, day: str, ending: str
) -> None:
    rows = _set("ts_event", 5, day)(
        hourly_rows().with_columns(pl.col("ts_event").dt.strftime("%Y-%m-%d %H:%M"))
    )
    if ending == "parquet":
        rows = rows.with_columns(pl.col("ts_event").str.to_datetime("%Y-%m-%d %H:%M"))
    message = _refused(rows, tmp_path, ending, time_zone="America/Chicago")
    assert "clocks change" in message


def test_session_labels_that_are_not_midnight_are_refused(tmp_path: Path) -> None:
    write(daily_rows(), tmp_path, "TST.parquet")
    with pytest.raises(BarsRejected, match="wrong time zone"):
        FileSource(tmp_path).raw_bars(daily_reference(time_zone="America/New_York"))
    late = daily_rows().with_columns(pl.col("ts_event").dt.offset_by("19h"))
    write(late, tmp_path, "TST.parquet")
    with pytest.raises(BarsRejected, match="midnight in UTC"):
        FileSource(tmp_path).raw_bars(daily_reference())


@pytest.mark.parametrize(
    ("content", "ending", "words"),
    [
        (b"", "csv", "0 bytes"),
        (b"", "parquet", "0 bytes"),
        (b"this is no parquet at all", "parquet", "not a readable Parquet file"),
        (b"PAR1" + b"\0" * 64 + b"PAR1", "parquet", "not a readable Parquet file"),
        (b"ts_event,open\n2019-07-08,1,2,3\n", "csv", "not a readable CSV file"),
        (b"ts_event,open,high,low,close,volume\n", "csv", "empty"),
        (b"ts_event;open;high;low;close;volume\n1;2;3;4;5;6\n", "csv", "missing"),
        (b"ts_event,open,high,low,close,close,volume\n1,2,3,4,5,6,7\n", "csv", "twice"),
        (b"ts_event,open,high,low,close,volume\n2019-07-08,1,1\n", "csv", "line 2"),
        (b"ts_event,open\xff\n", "csv", "not a readable CSV file"),
    ],
)
def test_a_file_that_is_not_what_its_ending_says(
    tmp_path: Path, content: bytes, ending: str, words: str
) -> None:
    path = tmp_path / f"TST.{ending}"
    path.write_bytes(content)
    with pytest.raises(BarsRejected) as refused:
        FileSource(tmp_path).raw_bars(instrument())
    assert words in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_truncated_parquet_is_refused(tmp_path: Path) -> None:
    path = write(hourly_rows(), tmp_path, "TST.parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BarsRejected, match="not a readable Parquet file"):
        FileSource(tmp_path).raw_bars(instrument())


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_damaged_bytes_give_bars_or_a_refusal(tmp_path: Path, ending: str) -> None:
    path = write(hourly_rows(), tmp_path, f"TST.{ending}")
    good = path.read_bytes()
    rng = random.Random(20190708)
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(good)
        for _ in range(rng.choice((1, 3, 20))):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            outcomes.add(FileSource(tmp_path).raw_bars(instrument()).is_empty())
        except BarsRejected as refused:
            outcomes.add(str(path) in str(refused))
    # False: bars came back, of which a changed digit is still a price. True: refused by name.
    assert outcomes == {False, True}


def test_times_in_no_year_of_markets_are_refused(tmp_path: Path) -> None:
    rows = hourly_rows().with_columns(
        pl.lit(2**60).cast(pl.Datetime("us", "UTC")).alias("ts_event")
    )
    assert "no year of markets" in _refused(rows, tmp_path, "parquet")


@pytest.mark.parametrize("column", ["ts_event", "close"])
def test_parquet_columns_of_the_wrong_type_are_refused(tmp_path: Path, column: str) -> None:
    rows = hourly_rows().with_columns(pl.lit(True).alias(column))
    message = _refused(rows, tmp_path, "parquet")
    assert column in message
    assert "Boolean" in message


def test_a_missing_file_names_what_was_tried(tmp_path: Path) -> None:
    with pytest.raises(MissingArtifact) as refused:
        FileSource(tmp_path).raw_bars(instrument())
    for name in ("hourly/TST.parquet", "hourly/TST.csv", "TST.parquet", "TST.csv"):
        assert str(tmp_path / name) in str(refused.value)


def test_two_files_that_could_be_meant_are_refused(tmp_path: Path) -> None:
    paths = [write(hourly_rows(), tmp_path, f"TST.{ending}") for ending in ("parquet", "csv")]
    with pytest.raises(BarsRejected) as refused:
        FileSource(tmp_path).fingerprint(instrument())
    assert all(str(path) in str(refused.value) for path in paths)


def test_an_instrument_without_a_files_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="no page `files`"):
        FileSource(tmp_path).raw_bars(instrument(sources={}))


def test_a_mapping_of_an_unknown_column_is_refused(tmp_path: Path) -> None:
    write(hourly_rows(), tmp_path, "TST.csv")
    with pytest.raises(InvalidSetting, match="maps 'last'"):
        FileSource(tmp_path).raw_bars(instrument({"columns": {"last": "close"}}))
