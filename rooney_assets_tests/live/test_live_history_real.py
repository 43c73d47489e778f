"""The local Databento over the development bars beside the checkout, where they are present."""

from __future__ import annotations

import polars as pl
import pytest
from small_history import GLBX, bars_of, client_of, served
from small_release import CHECKOUT

DATA = CHECKOUT.parent / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the checkout")


def test_contracts_are_served_as_they_are(tmp_path, monkeypatch):
    with served(DATA / "futures_contracts_1h", monkeypatch, tmp_path) as history:
        client = client_of(history)
        bars = pl.read_parquet(DATA / "futures_contracts_1h" / "QG.parquet")
        days = {"start": "2014-01-01", "end": "2015-01-01", "schema": "ohlcv-1h"}
        of_year = bars.filter(pl.col("ts_event").dt.year() == 2014)
        store = client.timeseries.get_range(GLBX, symbols="QG.FUT", stype_in="parent", **days)
        got = bars_of(store)
        assert got.height == of_year.height
        shown = pl.col("symbol").str.replace(r"\d(\d)$", "$1")
        assert (
            got.sort("ts_event", "symbol")
            .drop("symbol")
            .equals(
                of_year.with_columns(shown).sort("ts_event", "symbol").drop("symbol"),
            )
        )
        front = {"symbols": "QG.v.0", "stype_in": "continuous", **days}
        n_front = client.metadata.get_record_count(GLBX, **front)
        assert 5_000 < n_front < got.height
        assert (
            not bars_of(client.timeseries.get_range(GLBX, **front))["ts_event"]
            .is_duplicated()
            .any()
        )


def test_daily_files_are_served_as_they_are(tmp_path, monkeypatch):
    with served(DATA / "daily", monkeypatch, tmp_path) as history:
        client = client_of(history)
        assert client.metadata.list_schemas("EQUS.MINI") == ["ohlcv-1d"]
        asked = {"symbols": "TLT", "schema": "ohlcv-1d", "start": "2023-04-03", "end": "2024-01-01"}
        got = bars_of(client.timeseries.get_range("EQUS.MINI", **asked))
        bars = pl.read_parquet(DATA / "daily" / "TLT.parquet")
        year = bars.filter(
            pl.col("ts_event").dt.date().is_between(pl.date(2023, 4, 3), pl.date(2023, 12, 31))
        )
        assert (
            got.drop("symbol")
            .select("ts_event", "volume")
            .equals(year.select("ts_event", "volume"))
        )
        # The vendor's prices are whole billionths; the file's have more digits.
        apart = (got.select("open", "close") - year.select("open", "close")).select(pl.all().abs())
        assert apart.max_horizontal().max() <= 0.5e-9 + 1e-12
