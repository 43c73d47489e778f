"""Rows of a file that cannot be used: set aside with a reason, until there are too many."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from bars_files import daily_reference, daily_rows, hourly_rows, instrument, write

from rooney_assets.sources.files import FileSource
from rooney_core.errors import BarsRejected
from rooney_core.market.quarantine import QUARANTINE_SCHEMA

Break = Callable[[pl.DataFrame], pl.DataFrame]


def _set(column: str, value: object, *rows: int) -> Break:
    def broken(frame: pl.DataFrame) -> pl.DataFrame:
        hit = pl.int_range(pl.len()).is_in(list(rows or (5,)))
        return frame.with_columns(pl.when(hit).then(pl.lit(value)).otherwise(column).alias(column))

    return broken


def _as_text(column: str, value: str, *rows: int) -> Break:
    def broken(frame: pl.DataFrame) -> pl.DataFrame:
        return _set(column, value, *rows)(frame.with_columns(pl.col(column).cast(pl.String)))

    return broken


@pytest.mark.parametrize("ending", ["parquet", "csv", "csv.gz"])
@pytest.mark.parametrize(
    ("broken", "reason", "said"),
    [
        (_set("high", 1.0), "high_below_low", "high 1.0"),
        (_set("open", 9999.0), "outside_range", "9999.0"),
        (_set("close", float("nan")), "not_finite", "NaN"),
        (_set("close", float("inf")), "not_finite", "inf"),
        (_set("volume", -1), "negative_volume", "-1"),
        (_set("close", None), "null", "close"),
        (_set("ts_event", None), "null", "bar_start"),
        (_as_text("high", "3,007.0"), "unreadable", "high '3,007.0' is not a number"),
        (_as_text("volume", "1.5"), "unreadable", "volume '1.5' is not a whole number"),
        (_as_text("volume", "inf"), "unreadable", "volume 'inf' is not a whole number"),
        (_as_text("volume", "1e30"), "unreadable", "volume '1e30' is not a whole number"),
    ],
)
def test_one_bad_row_is_set_aside_and_its_bar_is_missing(
    tmp_path: Path, ending: str, broken: Break, reason: str, said: str
) -> None:
    good = hourly_rows(200)
    path = write(broken(good), tmp_path, f"hourly/TST.{ending}")
    reading = FileSource(tmp_path).read(instrument())
    assert (
        reading.bars["bar_start"].to_list()
        == good["ts_event"].drop_nulls().gather([row for row in range(200) if row != 5]).to_list()
    )
    assert reading.bars["close"].to_list() == [c for i, c in enumerate(good["close"]) if i != 5]
    assert dict(reading.quarantine.schema) == QUARANTINE_SCHEMA
    (row,) = reading.quarantine.rows(named=True)
    assert (row["reason"], row["row"], row["symbol"]) == (reason, 5, "TST")
    assert row["origin"] == f"hourly/{path.name}"
    assert said in row["detail"]
    assert row["detail"].startswith("line 7: ") == (ending != "parquet")
    assert reading.notes == {"rows quarantined": 1, f"quarantined {reason}": 1}


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("07/08/2019 05:00", "readable are 2020-01-31"),
        ("2019-02-30T05:00Z", "is not a time"),
        ("2019-07-08T05:00", "no offset"),
        ("9019-07-08T05:00Z", "no year of markets"),
    ],
)
def test_an_unreadable_time_is_shown_with_the_whole_row(
    tmp_path: Path, cell: str, said: str
) -> None:
    text = hourly_rows().with_columns(pl.col("ts_event").dt.strftime("%Y-%m-%dT%H:%M:%S%:z"))
    write(_as_text("ts_event", cell)(text), tmp_path, "TST.csv")
    reading = FileSource(tmp_path).read(instrument())
    (row,) = reading.quarantine.rows(named=True)
    assert row["reason"] == "unreadable"
    assert f"ts_event '{cell}'" in row["detail"]
    assert said in row["detail"]
    assert row["bar_start"] is None
    expected = {name: str(value) for name, value in text.row(5, named=True).items()}
    assert json.loads(row["original"]) == {**expected, "ts_event": cell}


def test_two_bad_cells_of_one_row_are_both_told(tmp_path: Path) -> None:
    rows = _as_text("volume", "many")(_as_text("high", "n/a")(hourly_rows()))
    write(rows, tmp_path, "TST.csv")
    (row,) = FileSource(tmp_path).read(instrument()).quarantine.rows(named=True)
    assert "high 'n/a' is not a number; volume 'many'" in row["detail"]


def test_a_row_that_came_twice_is_kept_once_and_two_answers_are_none(tmp_path: Path) -> None:
    rows = hourly_rows(100)
    other = rows[7:8].with_columns(volume=pl.lit(1, pl.Int64))
    write(pl.concat([rows, rows[3:4], other]), tmp_path, "TST.parquet")
    reading = FileSource(tmp_path).read(instrument())
    assert reading.quarantine.select("row", "reason").rows() == [
        (100, "repeated"),
        (7, "contradicting"),
        (101, "contradicting"),
    ]
    kept = [start for i, start in enumerate(rows["ts_event"]) if i != 7]
    assert reading.bars["bar_start"].to_list() == kept


def test_a_daily_reference_loses_single_sessions(tmp_path: Path) -> None:
    write(_set("open", 1.0, 7)(daily_rows()), tmp_path, "TST.csv")
    reading = FileSource(tmp_path).read(daily_reference())
    gone = set(daily_rows()["ts_event"].dt.date()) - set(reading.bars["session"])
    assert gone == {daily_rows()["ts_event"].dt.date()[7]}


@pytest.mark.parametrize(
    ("n", "n_bad", "passes"),
    [
        (100, 20, True),  # 20 rows are always few, up to a fifth
        (100, 21, False),
        (99, 20, False),  # over 20 %
        (2500, 25, True),  # 1 %
        (2500, 26, False),
    ],
)
def test_how_many_bad_rows_refuse_the_series(
    tmp_path: Path, n: int, n_bad: int, passes: bool
) -> None:
    write(_set("volume", -1, *range(n_bad))(hourly_rows(n)), tmp_path, "TST.parquet")
    source = FileSource(tmp_path)
    if passes:
        assert source.read(instrument()).quarantine.height == n_bad
        return
    with pytest.raises(BarsRejected) as refused:
        source.read(instrument())
    message = str(refused.value)
    for word in ("TST.parquet", f"{n_bad} of {n} rows", f"negative_volume {n_bad}", "row 0"):
        assert word in message


def test_a_thousands_separator_throughout_is_told_with_lines(tmp_path: Path) -> None:
    rows = hourly_rows(60).with_columns(
        pl.format("3,{}", pl.col("high").cast(pl.Int64) - 3000).alias("high")
    )
    write(rows, tmp_path, "TST.csv")
    with pytest.raises(BarsRejected, match=r"unreadable 60.*line 2: high.*thousands separator"):
        FileSource(tmp_path).read(instrument())
