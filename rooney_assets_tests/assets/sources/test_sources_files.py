"""Good files: every layout and clock that is allowed gives the same bars."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from bars_files import daily_reference, daily_rows, hourly_rows, instrument, write

from rooney_assets.sources.files import FileSource
from rooney_core.market.bars import BARS_SCHEMA

CHICAGO = "America/Chicago"


def test_parquet_becomes_raw_bars_row_by_row(tmp_path: Path) -> None:
    rows = hourly_rows()
    write(rows, tmp_path, "hourly/TST.parquet")
    bars = FileSource(tmp_path).raw_bars(instrument())
    assert dict(bars.schema) == BARS_SCHEMA
    for row, bar in zip(rows.iter_rows(named=True), bars.iter_rows(named=True), strict=True):
        start = row.pop("ts_event")
        local = start.astimezone(ZoneInfo(CHICAGO))
        evening = timedelta(days=1) if local.hour >= 17 else timedelta(0)
        assert bar == {
            **row,
            "symbol": "TST",
            "contract": "TST",
            "bar_start": start,
            "bar_end": start + timedelta(hours=1),
            "session": (local + evening).date(),
            "adjustment": 0.0,
        }


@pytest.mark.parametrize("name", ["hourly/TST.parquet", "hourly/TST.csv", "TST.parquet", "TST.csv"])
def test_layouts_and_formats_are_equal(tmp_path: Path, name: str) -> None:
    write(hourly_rows(), tmp_path / "one", "hourly/TST.parquet")
    write(hourly_rows(), tmp_path / "two", name)
    expected = FileSource(tmp_path / "one").raw_bars(instrument())
    assert FileSource(tmp_path / "two").raw_bars(instrument()).equals(expected)


def test_a_path_with_ending_is_taken_as_it_is(tmp_path: Path) -> None:
    write(hourly_rows(), tmp_path, "odd/name.csv")
    bars = FileSource(tmp_path).raw_bars(instrument({"path": "odd/name.csv"}))
    assert bars.height == hourly_rows().height


@pytest.mark.parametrize(
    "form",
    [
        "%Y-%m-%dT%H:%M:%S%z",
        "%Y-%m-%d %H:%M:%S%:z",
        "%Y-%m-%dT%H:%M:%S.%6f%z",
        "%Y-%m-%dT%H:%M:%SZ",
        "%Y-%m-%d %H:%M:%S UTC",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
    ],
)
def test_iso_times_in_csv(tmp_path: Path, form: str) -> None:
    rows = hourly_rows().with_columns(pl.col("ts_event").dt.strftime(form))
    write(rows, tmp_path, "TST.csv")
    bars = FileSource(tmp_path).raw_bars(instrument())
    assert bars["bar_start"].to_list() == hourly_rows()["ts_event"].to_list()


@pytest.mark.parametrize("unit", ["ns", "us", "ms"])
@pytest.mark.parametrize("ending", ["parquet", "csv"])
@pytest.mark.parametrize("aware", [True, False], ids=["aware", "naive"])
def test_local_times_become_utc(tmp_path: Path, unit: str, ending: str, aware: bool) -> None:
    local = pl.col("ts_event").dt.convert_time_zone(CHICAGO).dt.cast_time_unit(unit)
    rows = hourly_rows().with_columns(local if aware else local.dt.replace_time_zone(None))
    write(rows, tmp_path, f"TST.{ending}")
    bars = FileSource(tmp_path).raw_bars(instrument({"time_zone": CHICAGO}))
    assert bars["bar_start"].to_list() == hourly_rows()["ts_event"].to_list()
    assert bars["bar_start"].dtype == pl.Datetime("us", "UTC")


def test_a_csv_from_a_spreadsheet_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = write(hourly_rows(), tmp_path, "TST.csv")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert FileSource(tmp_path).raw_bars(instrument()).height == hourly_rows().height


def test_bars_labelled_by_their_end_start_earlier(tmp_path: Path) -> None:
    rows = hourly_rows().with_columns(pl.col("ts_event") + timedelta(hours=1))
    write(rows, tmp_path, "TST.parquet")
    bars = FileSource(tmp_path).raw_bars(instrument({"bar_edge": "end"}))
    assert bars["bar_start"].to_list() == hourly_rows()["ts_event"].to_list()


def test_a_session_bar_spans_the_scheduled_hours(tmp_path: Path) -> None:
    write(daily_rows(), tmp_path, "TST.csv")
    bars = FileSource(tmp_path).raw_bars(daily_reference())
    spans = {
        row["session"]: (row["bar_start"], row["bar_end"]) for row in bars.iter_rows(named=True)
    }
    # 09:30 to 16:00 New York in winter and summer; July 3 closes at 13:00; July 4 has no session
    # and gets the ordinary hours.
    for day, opens, closes in (
        (date(2019, 1, 2), (14, 30), (21, 0)),
        (date(2019, 7, 2), (13, 30), (20, 0)),
        (date(2019, 7, 3), (13, 30), (17, 0)),
        (date(2019, 7, 4), (13, 30), (20, 0)),
    ):
        expected = tuple(
            datetime(day.year, day.month, day.day, *clock, tzinfo=UTC) for clock in (opens, closes)
        )
        assert spans[day] == expected


@pytest.mark.parametrize(
    "label",
    [
        pl.col("ts_event").dt.date(),
        pl.col("ts_event").dt.strftime("%Y-%m-%d"),
        pl.col("ts_event").dt.replace_time_zone(None),
    ],
    ids=["date", "text", "naive midnight"],
)
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_session_labels_take_every_form_of_a_date(
    tmp_path: Path, label: pl.Expr, ending: str
) -> None:
    write(daily_rows().with_columns(ts_event=label), tmp_path, f"TST.{ending}")
    bars = FileSource(tmp_path).raw_bars(daily_reference())
    assert bars["session"].to_list() == daily_rows()["ts_event"].dt.date().to_list()


def test_columns_are_mapped_and_others_ignored(tmp_path: Path) -> None:
    rows = hourly_rows().rename({"ts_event": "Time", "close": "Last", "volume": "Vol."})
    rows = rows.with_columns(pl.lit("M19").alias("Expiry"), pl.lit(1.0).alias("adj close"))
    write(rows, tmp_path, "TST.csv")
    mapping = {"close": "Last", "volume": "Vol.", "contract": "Expiry"}
    bars = FileSource(tmp_path).raw_bars(instrument({"time_column": "Time", "columns": mapping}))
    assert bars.columns == list(BARS_SCHEMA)
    assert bars["close"].to_list() == rows["Last"].to_list()
    assert bars["contract"].unique().to_list() == ["M19"]


def test_contracts_may_overlap_and_rows_come_in_any_order(tmp_path: Path) -> None:
    old = hourly_rows().with_columns(contract=pl.lit("TSTM19"))
    new = hourly_rows().with_columns(contract=pl.lit("TSTU19"))
    write(pl.concat([new, old]).reverse(), tmp_path, "TST.csv")
    bars = FileSource(tmp_path).raw_bars(instrument())
    assert bars.select("bar_start", "contract").rows() == [
        (start, contract)
        for start in hourly_rows()["ts_event"].to_list()
        for contract in ("TSTM19", "TSTU19")
    ]


def test_fingerprint_follows_content_and_facts_but_not_place(tmp_path: Path) -> None:
    for folder, name in (("a", "TST.csv"), ("b", "hourly/TST.csv")):
        write(hourly_rows(), tmp_path / folder, name)
    write(hourly_rows().reverse(), tmp_path / "c", "TST.csv")
    same = {FileSource(tmp_path / one).fingerprint(instrument()) for one in ("a", "b")}
    other_content = FileSource(tmp_path / "c").fingerprint(instrument())
    other_clock = FileSource(tmp_path / "a").fingerprint(instrument({"bar_edge": "end"}))
    other_cost = FileSource(tmp_path / "a").fingerprint(instrument(slippage_ticks=3))
    assert len(same) == 1
    assert len(same | {other_content, other_clock}) == 3
    assert other_cost in same
