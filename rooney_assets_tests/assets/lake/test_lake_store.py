"""Writing and reading tables: versions, manifests, repair, refusals."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from lake_tables import ES, bars, facts
from polars.testing import assert_frame_equal

from rooney_assets.lake import Lake
from rooney_core.errors import InvalidSetting, LakeError, MissingArtifact
from rooney_core.lineage import content_version

A, B = bars(100.0), bars(200.0)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def files_of(lake: Lake) -> dict[str, tuple[int, int]]:
    """Every file below the root with its inode and time of change."""
    paths = (path for path in lake.root.rglob("*") if path.is_file())
    return {str(one): (one.stat().st_ino, one.stat().st_mtime_ns) for one in paths}


def test_a_table_comes_back_as_it_was_written(lake: Lake) -> None:
    written = lake.write("raw_bars", ES, A, facts())
    assert_frame_equal(lake.read("raw_bars", ES, verify=True), A)
    assert (written.data_version, written.changed) == (content_version(A), True)
    assert lake.version("raw_bars", ES) == written.data_version
    assert lake.read_versioned("raw_bars", ES)[1] == written.data_version


def test_the_files_lie_where_the_architecture_says(lake: Lake) -> None:
    version = lake.write("raw_bars", ES, A, facts()).data_version
    lake.write("production_config", None, A, facts())
    assert {str(one.relative_to(lake.root)) for one in lake.root.rglob("*") if one.is_file()} == {
        "lake.duckdb",
        "production_config/current.parquet",
        f"production_config/versions/{version}.parquet",
        f"production_config/versions/{version}.json",
        "raw_bars/symbol=ES/current.parquet",
        f"raw_bars/symbol=ES/versions/{version}.parquet",
        f"raw_bars/symbol=ES/versions/{version}.json",
    }


def test_any_parquet_reader_sees_a_complete_table(lake: Lake) -> None:
    path = lake.write("raw_bars", ES, A, facts()).path
    assert_frame_equal(pl.read_parquet(path, hive_partitioning=False), A)


def test_old_versions_stay_readable_by_name(lake: Lake) -> None:
    first = lake.write("raw_bars", ES, A, facts()).data_version
    second = lake.write("raw_bars", ES, B, facts("run 2")).data_version
    assert_frame_equal(lake.read("raw_bars", ES), B)
    assert_frame_equal(lake.read("raw_bars", ES, version=first, verify=True), A)
    assert lake.manifest("raw_bars", ES, version=first).run_id == "run 1"
    assert [one.data_version for one in lake.versions("raw_bars", ES)] == [first, second]


def test_going_back_to_an_old_content_is_a_change_without_a_new_file(lake: Lake) -> None:
    first = lake.write("raw_bars", ES, A, facts())
    lake.write("raw_bars", ES, B, facts())
    again = lake.write("raw_bars", ES, A, facts())
    assert again.data_version == first.data_version
    assert again.changed
    assert_frame_equal(lake.read("raw_bars", ES, verify=True), A)
    assert len(lake.versions("raw_bars", ES)) == 2


def test_the_same_content_by_the_same_facts_touches_no_file(lake: Lake) -> None:
    lake.write("raw_bars", ES, A, facts())
    before = files_of(lake)
    assert not lake.write("raw_bars", ES, A, facts()).changed
    assert files_of(lake) == before


def test_the_same_content_by_new_facts_rewrites_the_manifest_only(lake: Lake) -> None:
    version = lake.write("raw_bars", ES, A, facts()).data_version
    first, before = lake.manifest("raw_bars", ES), files_of(lake)
    assert not lake.write("raw_bars", ES, A, facts("run 2", inputs={"x": "v2"})).changed
    changed = {path for path, stamp in files_of(lake).items() if before.get(path) != stamp}
    assert {Path(path).name for path in changed} == {f"{version}.json"}
    latest = lake.manifest("raw_bars", ES)
    assert (latest.run_id, latest.inputs, latest.created_at) == (
        "run 2",
        {"x": "v2"},
        first.created_at,
    )


def test_the_manifest_says_what_was_made_from_what(lake: Lake) -> None:
    given = facts(extra={"notes": {"seen": "1"}})
    version = lake.write("raw_bars", ES, A, given).data_version
    found = lake.manifest("raw_bars", ES)
    assert found.facts == given
    assert (found.asset, found.partition, found.rows) == ("raw_bars", "symbol=ES", 50)
    assert (found.data_version, found.visible_version, found.sealed_version) == (
        version,
        version,
        None,
    )
    assert list(found.columns) == A.columns
    assert found.created_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"config": {"grid": (1, 2), "n": 1}}, True),
        ({"code_version": "code 2"}, False),
        ({"inputs": {"raw_bars[ES]": "v2"}}, False),
        ({"inputs": {}}, False),
        ({"config": {"n": 2, "grid": [1, 2]}}, False),
    ],
)
def test_current_means_same_code_inputs_and_config(
    lake: Lake, changed: dict[str, object], expected: bool
) -> None:
    lake.write("raw_bars", ES, A, facts())
    asked = {"code_version": "code 1", "inputs": {"raw_bars[ES]": "v1"}}
    asked |= {"config": {"n": 1, "grid": [1, 2]}} | changed
    assert lake.is_current("raw_bars", ES, **asked) is expected  # type: ignore[arg-type]


def test_what_was_never_made_is_not_current_and_names_its_command(lake: Lake) -> None:
    assert not lake.is_current("raw_bars", ES, "code 1", {}, {})
    assert lake.version("raw_bars", ES) is None
    with pytest.raises(MissingArtifact, match="rooney materialize --symbols ES --to raw_bars"):
        lake.read("raw_bars", ES)
    with pytest.raises(MissingArtifact, match="rooney materialize --to portfolio_config"):
        lake.manifest("portfolio_config", ("rebalance_month", "2026-01"))
    assert not lake.root.exists()


def test_partitions_and_assets_are_listed_by_what_is_current(lake: Lake) -> None:
    assert (lake.assets(), lake.partitions("raw_bars")) == ((), ())
    for symbol in ("NQ", "ES"):
        lake.write("raw_bars", ("symbol", symbol), bars(1.0, symbol=symbol), facts())
    lake.write("production_config", None, A, facts())
    (lake.root / "raw_bars" / "symbol=RTY" / "versions").mkdir(parents=True)
    assert lake.partitions("raw_bars") == ("ES", "NQ")
    assert lake.partitions("production_config") == ()
    assert lake.assets() == ("production_config", "raw_bars")


def test_an_empty_table_is_a_table(lake: Lake) -> None:
    lake.write("portfolio_config", ES, A.clear(), facts())
    assert_frame_equal(lake.read("portfolio_config", ES, verify=True), A.clear())


@pytest.mark.parametrize(
    ("frame", "word"),
    [
        (A.drop("symbol"), "String column 'symbol'"),
        (A.with_columns(symbol=pl.lit("NQ")), "String column 'symbol'"),
        (A.with_columns(symbol=pl.lit(None, pl.String)), "null"),
        (A.with_columns(pl.col("bar_start").dt.replace_time_zone(None)), "'UTC'"),
        (A.with_columns(pl.col("bar_start").dt.cast_time_unit("ns")), "'us'"),
        (A.with_columns(pl.Series("x", [object()] * 50, dtype=pl.Object)), "Python objects"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_before_anything_is_written(
    lake: Lake, frame: pl.DataFrame, word: str
) -> None:
    with pytest.raises(LakeError, match=word):
        lake.write("raw_bars", ES, frame, facts())
    assert not lake.root.exists()


@pytest.mark.parametrize(
    ("asset", "partition"),
    [("../x", ES), ("Raw", ES), ("raw_bars", ("symbol", "../ES")), ("raw_bars", ("a=b", "ES"))],
)
def test_a_name_that_could_leave_the_lake_is_refused(
    lake: Lake, asset: str, partition: tuple[str, str]
) -> None:
    with pytest.raises(InvalidSetting, match="cannot name"):
        lake.read(asset, partition)


def test_nan_in_a_config_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        facts(config={"x": float("nan")})


def other_content(path: Path) -> None:
    """Replace the rows, keeping what the footer promises."""
    promised = pl.read_parquet_metadata(path)
    frame = pl.read_parquet(path).with_columns(pl.col("close") + 1)
    path.unlink()
    frame.write_parquet(path, metadata={"rooney": promised["rooney"]})


def truncate(path: Path) -> None:
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[: len(data) // 2])


def foreign(path: Path) -> None:
    path.unlink()
    A.write_parquet(path)


DAMAGES = (other_content, truncate, foreign)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_told_by_any_read(lake: Lake, damage: Callable[[Path], None]) -> None:
    damage(lake.write("raw_bars", ES, A, facts()).path)
    with pytest.raises(LakeError, match=r"current\.parquet"):
        lake.read("raw_bars", ES)


def test_a_flipped_bit_anywhere_is_told_before_anything_parses_it(lake: Lake) -> None:
    """polars aborts the process on some of these files, so a test that ends is half the proof."""
    path = lake.write("raw_bars", ES, A, facts()).path
    whole = path.read_bytes()
    path.unlink()
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << (position % 8)
        path.write_bytes(damaged)
        with pytest.raises(LakeError, match=r"current\.parquet"):
            lake.read("raw_bars", ES)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("which", ["current", "version", "both"])
def test_writing_the_same_content_again_repairs_damage(
    lake: Lake, damage: Callable[[Path], None], which: str
) -> None:
    written = lake.write("raw_bars", ES, A, facts())
    version = written.path.parent / "versions" / f"{written.data_version}.parquet"
    for path in {"current": [written.path], "version": [version], "both": [written.path, version]}[
        which
    ]:
        damage(path)
    lake.write("raw_bars", ES, A, facts())
    assert_frame_equal(lake.read("raw_bars", ES, verify=True), A)
    assert_frame_equal(lake.read("raw_bars", ES, version=written.data_version, verify=True), A)


def test_a_damaged_manifest_is_told_and_then_repaired(lake: Lake) -> None:
    written = lake.write("raw_bars", ES, A, facts())
    manifest = written.path.parent / "versions" / f"{written.data_version}.json"
    manifest.unlink()
    manifest.write_text('{"run_id": 1}')
    with pytest.raises(LakeError, match="not a manifest"):
        lake.manifest("raw_bars", ES)
    assert not lake.is_current("raw_bars", ES, "code 1", {"raw_bars[ES]": "v1"}, {})
    lake.write("raw_bars", ES, A, facts())
    assert lake.manifest("raw_bars", ES).facts == facts()


def test_a_version_under_another_name_is_told(lake: Lake) -> None:
    written = lake.write("raw_bars", ES, A, facts())
    os.link(written.path, written.path.parent / "versions" / "feed.parquet")
    with pytest.raises(LakeError, match="should hold version feed"):
        lake.read("raw_bars", ES, version="feed")


def test_a_root_below_a_file_cannot_be_written_and_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for root in (tmp_path / "file", tmp_path / "file" / "lake", Path("/proc/lake")):
        with pytest.raises(LakeError, match=r"Could not write raw_bars\[ES\].*ROONEY_LAKE"):
            Lake(root).write("raw_bars", ES, A, facts())
    assert (tmp_path / "file").read_text() == "mine"
    assert [one.name for one in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_the_old_version(lake: Lake) -> None:
    """The kernel refuses files above a size, as a full disk refuses the rest of one."""
    lake.write("raw_bars", ES, A, facts())
    before = files_of(lake)
    script = """
import resource, signal, sys
from lake_tables import ES, bars, facts
from rooney_assets.lake import Lake
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
Lake(sys.argv[1]).write("raw_bars", ES, bars(200.0), facts())
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(lake.root)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
    )
    assert "LakeError: Could not write raw_bars[ES]" in done.stderr
    assert "on a disk with room" in done.stderr
    assert files_of(lake) == before
    assert_frame_equal(lake.read("raw_bars", ES, verify=True), A)


def test_no_hard_links_no_difference(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: object, target: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for frame in (A, B, A):
        written = lake.write("raw_bars", ES, frame, facts())
        assert_frame_equal(lake.read("raw_bars", ES, verify=True), frame)
    version = written.path.parent / "versions" / f"{written.data_version}.parquet"
    assert not written.path.samefile(version)
    truncate(written.path)
    lake.write("raw_bars", ES, A, facts())
    assert_frame_equal(lake.read("raw_bars", ES, verify=True), A)


def test_leftovers_of_the_dead_go_and_those_of_the_living_stay(lake: Lake) -> None:
    folder = lake.write("raw_bars", ES, A, facts()).path.parent
    ended = subprocess.Popen([sys.executable, "-c", ""])
    child = ended.pid
    ended.wait()
    host = os.uname().nodename
    dead = folder / "versions" / f".{host}.{child}.0123456789ab.tmp"
    alive = folder / f".{host}.{os.getpid()}.0123456789ab.tmp"
    elsewhere = folder / f".another.host.{child}.0123456789ab.tmp"
    for one in (dead, alive, elsewhere):
        one.touch()
    lake.write("raw_bars", ES, B, facts())
    assert [one.exists() for one in (dead, alive, elsewhere)] == [False, True, True]
    assert lake.sweep_leftovers(timedelta(hours=1)) == 0
    assert lake.sweep_leftovers(timedelta(0)) == 2
    assert_frame_equal(lake.read("raw_bars", ES, verify=True), B)
