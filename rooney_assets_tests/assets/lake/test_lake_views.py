"""SQL over the lake: what the views show, when they are rebuilt, what a query may not do."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl
import pytest
from lake_tables import ES, bars, facts

from rooney_assets.lake import Lake
from rooney_core.errors import InputError, LakeError, MissingArtifact, UnknownName

NQ = ("symbol", "NQ")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(tmp_path / "it's a [lake]*")
    lake.write("raw_bars", ES, bars(1.0, n_bars=3), facts())
    return lake


def symbols(lake: Lake) -> list[str]:
    """Distinct symbols that SQL sees."""
    return lake.query("select distinct symbol from raw_bars order by 1")["symbol"].to_list()


def test_every_partition_is_in_the_view_of_its_asset(lake: Lake) -> None:
    lake.write("raw_bars", NQ, bars(2.0, n_bars=2, symbol="NQ"), facts())
    answer = lake.query("select symbol, count(*) as n from raw_bars group by all order by all")
    assert answer.rows() == [("ES", 3), ("NQ", 2)]


def test_times_come_back_in_utc_microseconds(lake: Lake) -> None:
    answer = lake.query("select bar_start from raw_bars order by 1")
    assert answer.schema == {"bar_start": pl.Datetime("us", "UTC")}
    assert answer["bar_start"].to_list() == bars(1.0, n_bars=3)["bar_start"].to_list()
    text = lake.query("select bar_start::varchar as t from raw_bars order by 1 limit 1").item()
    assert text == "2024-01-02 00:00:00+00"


def test_a_new_version_is_seen_at_once_and_old_ones_are_not(lake: Lake) -> None:
    lake.write("raw_bars", ES, bars(7.0, n_bars=4), facts())
    assert lake.query("select min(close) as m, count(*) as n from raw_bars").rows() == [(7.0, 4)]


def test_a_column_that_only_one_partition_has_is_shown(lake: Lake) -> None:
    wider = bars(2.0, n_bars=1, symbol="NQ").with_columns(extra=pl.lit(5))
    lake.write("raw_bars", NQ, wider, facts())
    answer = lake.query("select symbol, max(extra) from raw_bars group by all order by 1")
    assert answer.rows() == [("ES", None), ("NQ", 5)]


def test_any_duckdb_client_sees_a_new_asset_without_our_help(lake: Lake) -> None:
    month = pl.DataFrame({"rebalance_month": ["2026-01"], "size": [1]})
    lake.write("portfolio_config", ("rebalance_month", "2026-01"), month, facts())
    lake.write("production_config", None, pl.DataFrame({"x": [1, 2]}), facts())
    with duckdb.connect(str(lake.root / "lake.duckdb"), read_only=True) as client:
        assert client.sql("from portfolio_config").fetchall() == [("2026-01", 1)]
        assert client.sql("select count(*) from production_config").fetchall() == [(2,)]
        tables = client.sql("select count(*) from duckdb_tables() where not internal").fetchall()
    assert tables == [(0,)]


def test_an_asset_named_like_a_keyword_is_a_view_too(lake: Lake) -> None:
    lake.write("order", None, pl.DataFrame({"x": [1]}), facts())
    assert lake.query('select x from "order"').item() == 1


def test_a_moved_lake_is_asked_where_it_is_now(lake: Lake, tmp_path: Path) -> None:
    lake.root.rename(tmp_path / "moved")
    moved = Lake(tmp_path / "moved")
    assert symbols(moved) == ["ES"]
    Lake(lake.root).write("raw_bars", NQ, bars(1.0, symbol="NQ"), facts())
    assert symbols(moved) == ["ES"]


@pytest.mark.parametrize("content", [None, b"", b"this is not a database" * 1000])
def test_a_lost_or_damaged_view_file_is_rebuilt(lake: Lake, content: bytes | None) -> None:
    path = lake.root / "lake.duckdb"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert symbols(lake) == ["ES"]


def test_a_client_that_holds_the_file_for_writing_stops_nobody(lake: Lake) -> None:
    path = str(lake.root / "lake.duckdb")
    with duckdb.connect(path):
        lake.write("other", ES, bars(1.0), facts())
        lake.write("raw_bars", NQ, bars(1.0, symbol="NQ"), facts())
    assert symbols(lake) == ["ES", "NQ"]
    assert lake.query("select count(*) from other").item() == 50


def test_an_empty_lake_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(MissingArtifact, match="rooney materialize"):
        Lake(tmp_path / "nothing").query("select 1")
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    ("sql", "kind", "word"),
    [
        ("select * from raw_barz", UnknownName, "Did you mean 'raw_bars'"),
        ("select nope from raw_bars", InputError, "nope"),
        ("selec 1", InputError, "syntax error"),
        ("", InputError, "no question"),
        ("select 1 as a, 2 as a", InputError, "use AS"),
        ("create table x (i int)", InputError, "read-only"),
        ("drop view raw_bars; select 1", InputError, "no question"),
        ("set threads = 1", InputError, "no question"),
        ("drop view raw_bars", InputError, "no question"),
        ("insert into raw_bars values (1)", InputError, "read-only"),
        ("select 1 / 'x'", InputError, "Could not convert"),
    ],
)
def test_what_is_no_question_is_refused_with_a_clear_word(
    lake: Lake, sql: str, kind: type[InputError], word: str
) -> None:
    with pytest.raises(kind, match=word):
        lake.query(sql)
    assert symbols(lake) == ["ES"]


def test_a_view_file_that_cannot_be_replaced_is_an_error_of_the_lake(lake: Lake) -> None:
    (lake.root / "lake.duckdb").unlink()
    (lake.root / "lake.duckdb").mkdir()
    with pytest.raises(LakeError, match="rebuild the views"):
        lake.refresh_views()
