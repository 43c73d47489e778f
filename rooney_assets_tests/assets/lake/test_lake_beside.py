"""Small tables beside a version: written whole, read by SQL, loaded again, repaired."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from lake_tables import ES, bars, facts
from polars.testing import assert_frame_equal

from rooney_assets.lake import Lake
from rooney_core.errors import InvalidSetting, LakeError, MissingArtifact

A, B = bars(100.0), bars(200.0)
REFUSED = pl.DataFrame({"symbol": ["ES", "ES"], "reason": ["null", "repeated"]})
NOTHING = REFUSED.clear()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "it's a [lake]*")


def reasons(lake: Lake) -> list[str]:
    """What SQL says about the quarantine."""
    found = lake.query("select symbol || ' ' || reason as r from raw_bars_quarantine order by 1")
    return found["r"].to_list()


def test_it_comes_back_with_the_version_it_was_written_with(lake: Lake) -> None:
    first = lake.write("raw_bars", ES, A, facts(), beside={"quarantine": REFUSED})
    assert_frame_equal(lake.beside("raw_bars", ES)["quarantine"], REFUSED)
    lake.write("raw_bars", ES, B, facts(), beside={"quarantine": NOTHING})
    assert lake.beside("raw_bars", ES)["quarantine"].is_empty()
    lake.write("raw_bars", ES, A, facts(), beside={"quarantine": REFUSED})
    assert lake.version("raw_bars", ES) == first.data_version
    assert reasons(lake) == ["ES null", "ES repeated"]


def test_the_files_lie_where_the_layout_says(lake: Lake) -> None:
    version = lake.write("raw_bars", ES, A, facts(), beside={"quarantine": NOTHING}).data_version
    folder = lake.root / "raw_bars" / "symbol=ES"
    kept = folder / "quarantine" / f"{version}.parquet"
    assert kept.is_file()
    assert (folder / "quarantine.parquet").samefile(kept)
    assert lake.assets() == ("raw_bars",)
    assert lake.partitions("raw_bars") == ("ES",)


def test_an_empty_one_is_a_view_and_other_partitions_join(lake: Lake) -> None:
    lake.write("raw_bars", ES, A, facts(), beside={"quarantine": NOTHING})
    assert reasons(lake) == []
    other = REFUSED.with_columns(symbol=pl.lit("NQ"))
    nq = ("symbol", "NQ")
    lake.write("raw_bars", nq, bars(1.0, symbol="NQ"), facts(), beside={"quarantine": other})
    assert reasons(lake) == ["NQ null", "NQ repeated"]
    assert lake.query("select count(*) from raw_bars").item() == 100


def test_a_partition_without_one_stops_no_query(lake: Lake) -> None:
    lake.write("raw_bars", ("symbol", "NQ"), bars(1.0, symbol="NQ"), facts())
    lake.write("raw_bars", ES, A, facts(), beside={"quarantine": REFUSED})
    assert reasons(lake) == ["ES null", "ES repeated"]
    assert lake.beside("raw_bars", ("symbol", "NQ")) == {}


def test_another_quarantine_of_the_same_bars_replaces_it_and_is_no_new_version(lake: Lake) -> None:
    lake.write("raw_bars", ES, A, facts(), beside={"quarantine": NOTHING})
    assert not lake.write("raw_bars", ES, A, facts(), beside={"quarantine": REFUSED}).changed
    assert lake.beside("raw_bars", ES)["quarantine"].height == 2
    assert reasons(lake) == ["ES null", "ES repeated"]


def test_the_same_again_touches_no_file(lake: Lake) -> None:
    lake.write("raw_bars", ES, A, facts(), beside={"quarantine": REFUSED})
    before = {path: path.stat().st_mtime_ns for path in lake.root.rglob("*") if path.is_file()}
    lake.write("raw_bars", ES, A, facts(), beside={"quarantine": REFUSED})
    after = {path: path.stat().st_mtime_ns for path in lake.root.rglob("*") if path.is_file()}
    assert after == before


@pytest.mark.parametrize("damage", ["gone", "torn"])
def test_a_lost_one_makes_the_version_stale_and_writing_repairs_it(lake: Lake, damage: str) -> None:
    given = facts()
    written = lake.write("raw_bars", ES, A, given, beside={"quarantine": REFUSED})
    asked = (given.code_version, given.inputs, given.config)
    assert lake.is_current("raw_bars", ES, *asked)
    file = written.path.parent / "quarantine" / f"{written.data_version}.parquet"
    whole = file.read_bytes()
    file.unlink()
    if damage == "torn":
        file.write_bytes(whole[: len(whole) // 2])
    assert not lake.is_current("raw_bars", ES, *asked)
    with pytest.raises(LakeError):
        lake.beside("raw_bars", ES)
    lake.write("raw_bars", ES, A, given, beside={"quarantine": REFUSED})
    assert lake.is_current("raw_bars", ES, *asked)
    assert_frame_equal(lake.beside("raw_bars", ES)["quarantine"], REFUSED)
    assert reasons(lake) == ["ES null", "ES repeated"]


@pytest.mark.parametrize("name", ["current", "versions", "sealed", "../x", "Q", ""])
def test_a_name_that_means_something_else_is_refused(lake: Lake, name: str) -> None:
    with pytest.raises(InvalidSetting, match="cannot name a table beside"):
        lake.write("raw_bars", ES, A, facts(), beside={name: REFUSED})
    assert not lake.root.exists()


def test_one_of_another_partition_is_refused_before_anything_is_written(lake: Lake) -> None:
    foreign = REFUSED.with_columns(symbol=pl.lit("NQ"))
    with pytest.raises(LakeError, match="'ES' in every row"):
        lake.write("raw_bars", ES, A, facts(), beside={"quarantine": foreign})
    assert not lake.root.exists()


def test_some_columns_are_read_without_the_others(lake: Lake) -> None:
    lake.write("raw_bars", ES, A, facts())
    assert_frame_equal(lake.columns("raw_bars", ES, ["close", "nope"]), A.select("close"))
    with pytest.raises(MissingArtifact, match="rooney materialize"):
        lake.columns("raw_bars", ("symbol", "NQ"), ["close"])
