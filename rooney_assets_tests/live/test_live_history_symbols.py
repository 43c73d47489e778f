"""The local Databento's symbology, by the vendor's own client: ids, parents, continuous symbols."""

from __future__ import annotations

from datetime import date, timedelta

import databento
import polars as pl
import pytest
from small_history import (
    FIRST_DAY,
    GLBX,
    LAST_DAY,
    TAKE_OVER,
    bars_of,
    client_of,
    hourly,
    served,
    write_folder,
)
from small_release import universe

from rooney_core.market.rolls import find_rolls
from rooney_core.market.simulation import SimulatedMarket, simulate_bars

END = LAST_DAY + timedelta(days=1)
WHOLE = {"start_date": FIRST_DAY, "end_date": END}


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "bars")


@pytest.fixture
def client(folder, tmp_path, monkeypatch):
    with served(folder, monkeypatch, tmp_path / "state") as history:
        yield client_of(history)


def ids(client, symbols, stype_in="raw_symbol", dataset=GLBX, **days) -> dict:
    return client.symbology.resolve(dataset, symbols, stype_in, "instrument_id", **(days or WHOLE))


def roll_day(folder) -> date:
    """Where Rooney's own rule rolls ES, a UTC day being a session."""
    bars = pl.read_parquet(folder / "ES.parquet").with_columns(
        symbol=pl.lit("ES"),
        contract="symbol",
        bar_start="ts_event",
        bar_end=pl.col("ts_event") + timedelta(hours=1),
        session=pl.col("ts_event").dt.date(),
        adjustment=pl.lit(0.0),
    )
    (day,) = find_rolls(bars)["roll_session"]
    return day


def test_raw_symbols_resolve_in_both_directions(client):
    told = ids(client, ["ESM4", "ESH4", "NOPE"])
    assert told["not_found"] == ["NOPE"]
    assert told["partial"] == ["ESH4"]  # it ends before the range does
    assert told["status"] == 1
    assert set(told["result"]) == {"ESM4", "ESH4"}
    (whole,), (early,) = told["result"]["ESM4"], told["result"]["ESH4"]
    assert (whole["d0"], whole["d1"]) == ("2024-03-04", "2024-04-13")
    assert (early["d0"], early["d1"]) == ("2024-03-04", "2024-03-16")
    back = client.symbology.resolve(
        GLBX, [whole["s"], early["s"]], "instrument_id", "raw_symbol", **WHOLE
    )
    assert back["result"] == {
        whole["s"]: [{"d0": "2024-03-04", "d1": "2024-04-13", "s": "ESM4"}],
        early["s"]: [{"d0": "2024-03-04", "d1": "2024-03-16", "s": "ESH4"}],
    }


def test_ids_are_those_of_the_records_and_stay(client, tmp_path, monkeypatch):
    (span,) = ids(client, "ESM4")["result"]["ESM4"]
    asked = {"symbols": "ESM4", "schema": "ohlcv-1h", "start": FIRST_DAY, "end": END}
    store = client.timeseries.get_range(GLBX, **asked)
    assert set(store.to_df()["instrument_id"]) == {int(span["s"])}
    assert store.mappings == {
        "ESM4": [{"start_date": FIRST_DAY, "end_date": END, "symbol": span["s"]}]
    }
    by_id = client.timeseries.get_range(
        GLBX, stype_in="instrument_id", **(asked | {"symbols": span["s"]})
    )
    assert bars_of(by_id).equals(bars_of(store))
    other = tmp_path / "other"
    other.mkdir()
    contracts = {"ESM2024": (FIRST_DAY, LAST_DAY, 1.0), "ESU2024": (FIRST_DAY, LAST_DAY, 2.0)}
    hourly("ES", contracts).write_parquet(other / "ES.parquet")
    with served(other, monkeypatch, tmp_path / "again") as again:
        client = client_of(again)
        (same,) = ids(client, "ESM4")["result"]["ESM4"]
        (elsewhere,) = ids(client, "ESM4", dataset="IFUS.IMPACT")["result"]["ESM4"]
    assert same["s"] == span["s"] != elsewhere["s"]


def test_a_parent_is_all_its_contracts(client):
    told = ids(client, "ES.FUT", "parent")
    assert {name: [one["s"] for one in spans] for name, spans in told["result"].items()} == {
        name: [one["s"] for one in spans]
        for name, spans in ids(client, ["ESH4", "ESM4"])["result"].items()
    }
    assert told["status"] == 0
    asked = {"schema": "ohlcv-1h", "start": FIRST_DAY, "end": END}
    bars = bars_of(client.timeseries.get_range(GLBX, symbols="ES.FUT", stype_in="parent", **asked))
    assert set(bars["symbol"]) == {"ESH4", "ESM4"}
    for unknown in ("ES.OPT", "TLT.FUT", "NQ.FUT"):
        with pytest.raises(databento.BentoClientError, match="Could not resolve smart symbols"):
            client.timeseries.get_range(GLBX, symbols=unknown, stype_in="parent", **asked)


def test_by_volume_as_find_rolls_says_with_utc_days_as_sessions(client, folder):
    told = ids(client, "ES.v.0", "continuous")["result"]["ES.v.0"]
    (near,), (far,) = (ids(client, one)["result"][one] for one in ("ESH4", "ESM4"))
    roll = roll_day(folder)
    assert TAKE_OVER < roll <= TAKE_OVER + timedelta(days=5)
    assert told == [
        {"d0": FIRST_DAY.isoformat(), "d1": roll.isoformat(), "s": near["s"]},
        {"d0": roll.isoformat(), "d1": END.isoformat(), "s": far["s"]},
    ]
    # Without open interest in the folder, its rule is that of volume.
    assert ids(client, "ES.n.0", "continuous")["result"]["ES.n.0"] == told
    asked = {"schema": "ohlcv-1h", "start": FIRST_DAY, "end": END}
    store = client.timeseries.get_range(GLBX, symbols="ES.v.0", stype_in="continuous", **asked)
    frame = store.to_df()
    leads = frame["instrument_id"].map({int(near["s"]): "near", int(far["s"]): "far"}).tolist()
    expected = ["near" if one.date() < roll else "far" for one in frame.index]
    assert leads == expected
    assert set(frame["symbol"]) == {"ES.v.0"}


def test_by_calendar_after_the_last_traded_day(client):
    (near,), (far,) = (ids(client, one)["result"][one] for one in ("ESH4", "ESM4"))
    told = ids(client, ["ES.c.0", "ES.c.1"], "continuous")
    assert told["result"]["ES.c.0"] == [
        {"d0": "2024-03-04", "d1": "2024-03-16", "s": near["s"]},
        {"d0": "2024-03-16", "d1": "2024-04-13", "s": far["s"]},
    ]
    assert told["result"]["ES.c.1"] == [{"d0": "2024-03-04", "d1": "2024-03-16", "s": far["s"]}]
    assert told["partial"] == ["ES.c.1"]


def test_the_second_by_volume_is_the_other_contract(client, folder):
    (near,), (far,) = (ids(client, one)["result"][one] for one in ("ESH4", "ESM4"))
    told = ids(client, "ES.v.1", "continuous")["result"]["ES.v.1"]
    assert [one["s"] for one in told] == [far["s"], near["s"]]
    assert told[1]["d0"] == roll_day(folder).isoformat()


def test_open_interest_decides_where_there_is_any(folder, tmp_path, monkeypatch):
    bars = pl.read_parquet(folder / "ES.parquet")
    later = pl.col("ts_event").dt.date() >= date(2024, 3, 8)
    far = pl.col("symbol") == "ESM24"
    known = bars.with_columns(open_interest=pl.when(far == later).then(500).otherwise(100))
    known.write_parquet(folder / "ES.parquet")
    with served(folder, monkeypatch, tmp_path / "state") as history:
        told = ids(client_of(history), ["ES.n.0", "ES.v.0"], "continuous")["result"]
    (_, by_interest), (_, by_volume) = (told[name] for name in ("ES.n.0", "ES.v.0"))
    assert date(2024, 3, 8) < date.fromisoformat(by_interest["d0"]) <= date(2024, 3, 13)
    assert by_volume["d0"] == roll_day(folder).isoformat() > by_interest["d0"]


def test_only_the_asked_days_are_told(client):
    told = ids(client, "ES.v.0", "continuous", start_date="2024-03-12", end_date="2024-03-14")
    ((span,),) = told["result"].values()
    assert (span["d0"], span["d1"], told["partial"]) == ("2024-03-12", "2024-03-14", [])
    one_day = client.symbology.resolve(GLBX, "ESM4", "raw_symbol", "instrument_id", "2024-03-12")
    assert one_day["result"]["ESM4"][0]["d1"] == "2024-03-13"
    assert ids(client, "ESM4", start_date="2030-01-01", end_date="2030-01-02")["status"] == 2
    with pytest.raises(databento.BentoClientError, match="422"):
        client.symbology.resolve(GLBX, "ESM4", "raw_symbol", "raw_symbol", **WHOLE)
    with pytest.raises(databento.BentoClientError, match="422"):
        ids(client, [f"S{number}" for number in range(2001)])


def test_one_digit_of_the_year_comes_back_after_ten_years(tmp_path, monkeypatch):
    folder = tmp_path / "bars"
    folder.mkdir()
    old = {"ESZ14": (date(2014, 11, 3), date(2014, 12, 19), 2000.0)}
    new = {"ESZ24": (date(2024, 11, 4), date(2024, 12, 20), 6000.0)}
    both = pl.concat([hourly("ES", old), hourly("ES", new)])
    both.write_parquet(folder / "ES.parquet")
    with served(folder, monkeypatch, tmp_path / "state") as history:
        client = client_of(history)
        told = ids(client, "ESZ4", start_date="2014-01-01", end_date="2025-01-01")["result"]["ESZ4"]
        assert [(one["d0"], one["d1"]) for one in told] == [
            ("2014-11-03", "2014-12-20"),
            ("2024-11-04", "2024-12-21"),
        ]
        assert told[0]["s"] != told[1]["s"]
        store = client.timeseries.get_range(
            GLBX, symbols="ESZ4", schema="ohlcv-1d", start="2014-11-03", end="2024-12-21"
        )
        assert set(store.to_df(map_symbols=True)["symbol"]) == {"ESZ4"}


def test_raw_bars_of_a_simulated_market_map_as_find_rolls_says(tmp_path, monkeypatch):
    """Years with rolls, in the lake's own layout; the same rolls, with UTC days as sessions."""
    instrument = universe()["SIM_ES"]
    raw = simulate_bars(instrument, SimulatedMarket(last_session=date(2012, 12, 31)))
    place = tmp_path / "bars" / "symbol=SIM_ES"
    place.mkdir(parents=True)
    raw.write_parquet(place / "current.parquet")
    rolls = find_rolls(raw.with_columns(session=pl.col("bar_start").dt.date()))
    assert rolls.height > 8
    with served(tmp_path / "bars", monkeypatch, tmp_path / "state") as history:
        client = client_of(history)
        told = client.metadata.get_dataset_range(GLBX)
        days = {"start_date": told["start"][:10], "end_date": told["end"][:10]}
        spans = ids(client, "SIM_ES.v.0", "continuous", **days)["result"]["SIM_ES.v.0"]
        names = client.symbology.resolve(
            GLBX, [one["s"] for one in spans], "instrument_id", "raw_symbol", **days
        )["result"]
    fronts = [names[one["s"]][0]["s"] for one in spans]
    contracts = [rolls["roll_from"][0], *rolls["roll_to"]]
    assert fronts == [f"{one[:-2]}{one[-1]}" for one in contracts]
    assert [one["d0"] for one in spans[1:]] == [one.isoformat() for one in rolls["roll_session"]]
