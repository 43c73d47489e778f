"""The local Databento, asked by the vendor's own client: bars, counts, costs, ranges."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime

import databento
import pandas as pd
import polars as pl
import pytest
from databento.common.error import BentoWarning
from small_history import (
    FIRST_DAY,
    GLBX,
    LAST_DAY,
    bars_of,
    client_of,
    daily,
    hourly,
    served,
    write_folder,
)

from rooney_core.errors import InvalidSetting, MissingArtifact
from rooney_live.rehearsal.historical import LocalHistory

WHOLE = {"start": FIRST_DAY, "end": date(2024, 4, 13)}


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "bars")


@pytest.fixture
def history(folder, monkeypatch, tmp_path):
    with served(folder, monkeypatch, tmp_path / "state") as history:
        yield history


@pytest.fixture
def client(history):
    return client_of(history)


def of_contract(folder, root: str, contract: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{root}.parquet").filter(symbol=contract)


@pytest.mark.parametrize(
    ("root", "contract", "raw"), [("ES", "ESM24", "ESM4"), ("CL", "CLK24", "CLK4")]
)
def test_bars_of_a_contract_come_back_row_by_row(folder, client, root, contract, raw):
    store = client.timeseries.get_range(GLBX, symbols=raw, schema="ohlcv-1h", **WHOLE)
    expected = of_contract(folder, root, contract).with_columns(symbol=pl.lit(raw))
    assert bars_of(store).equals(expected)
    assert (store.dataset, str(store.schema), store.symbols) == (GLBX, "ohlcv-1h", [raw])
    assert (store.start, store.end) == tuple(pd.Timestamp(one, tz="UTC") for one in WHOLE.values())


def test_prices_are_whole_billionths_and_may_be_negative(folder, client):
    store = client.timeseries.get_range(GLBX, symbols="CLK4", schema="ohlcv-1h", **WHOLE)
    first = next(iter(store))
    assert first.close == -37_130_000_000  # -37.63 + 0.5
    assert first.ts_event == int(datetime(2024, 3, 4, tzinfo=UTC).timestamp()) * 1_000_000_000
    assert str(first.rtype) == "ohlcv-1h"


def test_several_symbols_are_merged_by_time_and_named(folder, client):
    store = client.timeseries.get_range(GLBX, symbols=["ESM4", "ESH4"], schema="ohlcv-1h", **WHOLE)
    both = pl.read_parquet(folder / "ES.parquet").with_columns(
        symbol=pl.col("symbol").str.replace("24", "4")
    )
    bars = bars_of(store)
    assert bars["ts_event"].is_sorted()
    assert bars.sort("ts_event", "symbol").equals(both.sort("ts_event", "symbol"))


def test_daily_bars_are_utc_days_of_the_hourly_ones(folder, client):
    store = client.timeseries.get_range(GLBX, symbols="ESM4", schema="ohlcv-1d", **WHOLE)
    bars = bars_of(store)
    hours = of_contract(folder, "ES", "ESM24")
    days = sorted({one.date() for one in hours["ts_event"]})
    assert [one.date() for one in bars["ts_event"]] == days
    for day, row in zip(days, bars.iter_rows(named=True), strict=True):
        of_day = hours.filter(pl.col("ts_event").dt.date() == day)
        assert row["open"] == of_day["open"][0]
        assert row["close"] == of_day["close"][-1]
        assert (row["high"], row["low"]) == (of_day["high"].max(), of_day["low"].min())
        assert row["volume"] == of_day["volume"].sum()


def test_a_symbol_without_contracts_is_daily(folder, client):
    store = client.timeseries.get_range("EQUS.MINI", symbols="TLT", schema="ohlcv-1d", **WHOLE)
    expected = daily(FIRST_DAY, LAST_DAY, 90.0).insert_column(1, pl.lit("TLT").alias("symbol"))
    assert bars_of(store).equals(expected)
    with pytest.raises(databento.BentoClientError, match="422"):
        client.timeseries.get_range("EQUS.MINI", symbols="ES", schema="ohlcv-1m", **WHOLE)


@pytest.mark.parametrize(
    ("start", "end", "first", "n_bars"),
    [
        ("2024-03-05", "2024-03-06", "2024-03-05T00", 5),  # the end is exclusive
        ("2024-03-05", None, "2024-03-05T00", 5),  # without an end: the unit that was named
        ("2024-03-05T09", None, "2024-03-05T09", 1),
        ("2024-03-05T09:00:00", "2024-03-05T14:00", "2024-03-05T09", 1),
        ("2024-03-05T09:00:00Z", "2024-03-05T14:00:01+00:00", "2024-03-05T09", 2),
        ("2024-03-05T04:00:00-05:00", "2024-03-05T09:00:00-0500", "2024-03-05T09", 1),
        (date(2024, 3, 5), date(2024, 3, 7), "2024-03-05T00", 10),
        (datetime(2024, 3, 5, 14, tzinfo=UTC), pd.Timestamp("2024-03-06"), "2024-03-05T14", 3),
        (1_709_596_800_000_000_000, 1_709_683_200_000_000_000, "2024-03-05T00", 5),
    ],
)
def test_times_are_read_in_every_form_that_the_client_sends(client, start, end, first, n_bars):
    store = client.timeseries.get_range(
        GLBX, symbols="ESM4", schema="ohlcv-1h", start=start, end=end
    )
    bars = bars_of(store)
    assert bars.height == n_bars
    assert bars["ts_event"][0].strftime("%Y-%m-%dT%H") == first


def test_count_size_and_cost_agree_with_the_bars(folder, client):
    asked = {"symbols": ["ESM4", "CLK4"], "schema": "ohlcv-1h", **WHOLE}
    n_rows = of_contract(folder, "ES", "ESM24").height + of_contract(folder, "CL", "CLK24").height
    assert client.metadata.get_record_count(GLBX, **asked) == n_rows
    assert client.metadata.get_billable_size(GLBX, **asked) == 56 * n_rows
    assert client.metadata.get_cost(GLBX, **asked) == pytest.approx(56 * n_rows * 100 / 1e9)
    assert len(client.timeseries.get_range(GLBX, **asked).to_df()) == n_rows
    assert len(client.timeseries.get_range(GLBX, limit=7, **asked).to_df()) == 7
    prices = client.metadata.list_unit_prices(GLBX)
    assert {one["unit_prices"]["ohlcv-1h"] for one in prices} == {100.0}


def test_the_range_of_a_dataset_is_whole_utc_days(client):
    told = client.metadata.get_dataset_range(GLBX)
    assert told["start"] == "2024-03-04T00:00:00.000000000Z"
    assert told["end"] == "2024-04-13T00:00:00.000000000Z"
    assert list(told["schema"]) == ["ohlcv-1h", "ohlcv-1d"] == client.metadata.list_schemas(GLBX)
    assert {GLBX, "EQUS.MINI", "XCBF.PITCH"} <= set(client.metadata.list_datasets())


def test_outside_of_the_range_is_refused_as_by_the_vendor(client):
    asked = {"dataset": GLBX, "symbols": "ESM4", "schema": "ohlcv-1h"}
    for start, end, case in (
        ("2024-03-05", "2024-04-14", "data_end_after_available_end"),
        ("2024-03-03", "2024-04-12", "data_start_before_available_start"),
        ("2024-03-05", "2024-03-05", "data_time_range_start_on_or_after_end"),
        ("tomorrow", "2024-03-05", "validation_failed"),
    ):
        with pytest.raises(databento.BentoClientError) as caught:
            client.timeseries.get_range(start=start, end=end, **asked)
        assert caught.value.http_status == 422
        assert caught.value.json_body["detail"]["case"] == case


def test_what_does_not_exist_is_refused(client):
    for status, asked in (
        (422, {"symbols": "ESZ9"}),
        (422, {"symbols": "ES", "stype_in": "continuous"}),
        (422, {"symbols": "ESM4", "schema": "trades"}),
        (400, {"symbols": "ESM4", "dataset": "GLBX.MDP9"}),
    ):
        with pytest.raises(databento.BentoClientError) as caught:
            client.timeseries.get_range(
                **({"dataset": GLBX, "schema": "ohlcv-1h", **WHOLE} | asked)
            )
        assert caught.value.http_status == status
    told = caught.value.message
    assert "GLBX.MDP9" in told
    with pytest.raises(databento.BentoClientError, match="404"):
        client.batch.list_jobs()


def test_what_is_not_found_is_told_in_the_metadata(folder, client):
    store = client.timeseries.get_range(GLBX, symbols=["ESH4", "NOPE"], schema="ohlcv-1h", **WHOLE)
    assert (store.metadata.not_found, store.metadata.partial) == (["NOPE"], ["ESH4"])
    assert store.symbols == ["ESH4", "NOPE"]
    assert len(store.to_df()) == of_contract(folder, "ES", "ESH24").height


def test_all_symbols_of_a_dataset(folder, client):
    store = client.timeseries.get_range(GLBX, schema="ohlcv-1h", **WHOLE)
    n_rows = [pl.read_parquet(folder / f"{root}.parquet").height for root in ("ES", "CL")]
    assert len(store.to_df()) == sum(n_rows)


def test_the_service_describes_itself(client):
    fields = client.metadata.list_fields("ohlcv-1h", "dbn")
    assert [one["name"] for one in fields][-5:] == ["open", "high", "low", "close", "volume"]
    assert fields[3] == {"name": "instrument_id", "type": "uint32_t"}
    (globex,) = [one for one in client.metadata.list_publishers() if one["dataset"] == GLBX]
    store = client.timeseries.get_range(GLBX, symbols="ESM4", schema="ohlcv-1h", **WHOLE)
    assert set(store.to_df()["publisher_id"]) == {globex["publisher_id"]}
    days = client.metadata.get_dataset_condition(GLBX, "2024-03-08", "2024-03-12")
    assert [one["date"] for one in days] == ["2024-03-08", "2024-03-11", "2024-03-12"]
    assert {one["condition"] for one in days} == {"available"}


def test_datasets_may_be_told_apart(folder, monkeypatch, tmp_path):
    """A reference feed that starts late, and a day of reduced quality."""
    (folder / "datasets.yaml").write_text(
        "GLBX.MDP3: {roots: [ES, CL], degraded: [2024-03-12]}\n"
        "EQUS.MINI: {roots: [TLT], start: 2024-04-01}\n"
        "XNAS.ITCH: {roots: [TLT], end: 2024-04-01}\n"
    )
    with served(folder, monkeypatch, tmp_path / "state") as history:
        client = client_of(history)
        assert client.metadata.list_datasets() == ["EQUS.MINI", GLBX, "XNAS.ITCH"]
        assert client.metadata.get_dataset_range("EQUS.MINI")["start"][:10] == "2024-04-01"
        assert client.metadata.get_dataset_range("XNAS.ITCH")["end"][:10] == "2024-04-01"
        late = {"symbols": "TLT", "schema": "ohlcv-1d", "start": "2024-04-01", "end": "2024-04-03"}
        assert client.metadata.get_record_count("EQUS.MINI", **late) == 2
        asked = {"symbols": "ESM4", "schema": "ohlcv-1h", "start": "2024-03-11"}
        with pytest.warns(BentoWarning, match=r"2024-03-12 \(degraded\)"):
            client.timeseries.get_range(GLBX, end="2024-03-13", **asked)
        client.timeseries.get_range(GLBX, end="2024-03-12", **asked)
        with pytest.raises(databento.BentoClientError, match="422"):
            client.timeseries.get_range(GLBX, symbols="TLT", schema="ohlcv-1d", **WHOLE)


def test_folders_say_dataset_and_schema(tmp_path, monkeypatch):
    folder = tmp_path / "bars"
    contracts = {"VXH24": (FIRST_DAY, LAST_DAY, 15.0), "VXJ24": (FIRST_DAY, LAST_DAY, 16.0)}
    for schema in ("ohlcv-1h", "ohlcv-1d"):
        place = folder / "XCBF.PITCH" / schema
        place.mkdir(parents=True)
        hourly("VX", contracts).write_parquet(place / "VX.parquet")
    with served(folder, monkeypatch, tmp_path / "state") as history:
        client = client_of(history)
        assert client.metadata.list_datasets() == ["XCBF.PITCH"]
        asked = {"symbols": "VX/H4", **WHOLE}
        n_hours = client.metadata.get_record_count("XCBF.PITCH", schema="ohlcv-1h", **asked)
        # The folder's name decides, not the times: these are served as they are.
        assert client.metadata.get_record_count("XCBF.PITCH", schema="ohlcv-1d", **asked) == n_hours


def test_a_changed_file_is_read_again(folder, client):
    asked = {"symbols": "CLK4", "schema": "ohlcv-1h", **WHOLE}
    before = client.metadata.get_record_count(GLBX, **asked)
    bars = pl.read_parquet(folder / "CL.parquet")
    bars.head(10).with_columns(close=pl.col("close") + 1).write_parquet(folder / "CL.parquet")
    after = client.timeseries.get_range(GLBX, **asked)
    assert (before, len(after.to_df())) == (13 * 5, 10)
    assert after.to_df()["close"].tolist() == (bars["close"] + 1).head(10).to_list()


def test_an_asynchronous_client_is_served_too(folder, history):
    """In a process of its own: its HTTP library reads SSL_CERT_FILE once, when it is imported."""
    program = (
        "import asyncio, databento, sys;"
        "client = databento.Historical('db-a-made-up-key', gateway=sys.argv[1]);"
        "asked = client.timeseries.get_range_async('GLBX.MDP3', symbols='ESM4',"
        " schema='ohlcv-1h', start='2024-03-04', end='2024-04-13');"
        "print(len(asyncio.run(asked).to_df()))"
    )
    command = [sys.executable, "-c", program, f"https://{history.gateway}"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(shown.stdout) == of_contract(folder, "ES", "ESM24").height


def test_unusable_folders_are_refused(tmp_path, folder):
    with pytest.raises(MissingArtifact, match=r"ES\.parquet"):
        LocalHistory(tmp_path / "state", state=tmp_path)
    (folder / "datasets.yaml").write_text("GLBX.MDP3: {root: [ES]}\n")
    with pytest.raises(InvalidSetting, match=r"datasets\.yaml"):
        LocalHistory(folder, state=tmp_path)


def test_a_bad_file_is_told_and_not_served(folder, client):
    (folder / "CL.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(databento.BentoServerError, match=r"CL\.parquet") as caught:
        client.timeseries.get_range(GLBX, symbols="CLK4", schema="ohlcv-1h", **WHOLE)
    assert caught.value.http_status == 500
