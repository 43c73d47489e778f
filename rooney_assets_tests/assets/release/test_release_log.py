"""The promotion log keeps every entry, in order; a switch back is one step, or none."""

from __future__ import annotations

import os
import threading
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from rooney_assets.lake import Lake, ManifestFacts, promotions
from rooney_assets.lake.promotions import PROMOTIONS_SCHEMA, Event
from rooney_assets.lake.switch import switch_to
from rooney_assets.promotion import STOP_FILE, emergency_stop, standing_approvals
from rooney_assets.terms import approvals_given, overrides_given, overrides_on
from rooney_core.errors import LakeError, MissingArtifact

FACTS = ManifestFacts(run_id="r", code_version="c", git_commit="g")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def approve(lake: Lake, release_id: str) -> int:
    return promotions.append(
        lake, Event.APPROVED, who="ann", reason="x", release_id=release_id, mandate_version="m"
    )


def test_a_lake_in_which_nobody_decided_has_an_empty_log(lake: Lake) -> None:
    assert promotions.read(lake).schema == dict(PROMOTIONS_SCHEMA)
    assert promotions.read(lake).is_empty()
    assert not lake.root.joinpath("promotion_log").exists()


def test_entries_are_kept_in_order_and_shown_in_sql(lake: Lake) -> None:
    facts = {"symbol": "ES", "gate": "paper", "until": date(2026, 2, 1)}
    assert promotions.append(lake, Event.OVERRIDDEN, who="bob", reason="feed", **facts) == 1
    assert approve(lake, "new") == 2
    log = lake.query("select entry, event, who, symbol, until from promotion_log order by entry")
    assert log.rows() == [
        (1, "overridden", "bob", "ES", date(2026, 2, 1)),
        (2, "approved", "ann", None, None),
    ]
    [override] = overrides_given(lake)
    assert (override.key, override.reason) == (("ES", "paper"), "feed")
    assert set(overrides_on(lake, date(2026, 2, 1))) == {("ES", "paper")}
    assert not overrides_on(lake, date(2026, 2, 2))
    [approval] = approvals_given(lake)
    assert (approval.release_id, approval.mandate_version) == ("new", "m")


@pytest.mark.parametrize(
    ("who", "reason", "more"),
    [("", "x", {}), ("ann", " ", {}), ("ann", "x", {"sybmol": "ES"})],
    ids=["nobody", "no reason", "a misspelt fact"],
)
def test_an_entry_says_who_and_why(lake: Lake, who: str, reason: str, more: dict[str, str]) -> None:
    with pytest.raises(LakeError, match="promotion log"):
        promotions.append(lake, Event.APPROVED, who=who, reason=reason, **more)
    assert promotions.read(lake).is_empty()


def test_entries_of_many_at_once_are_all_kept(lake: Lake) -> None:
    numbers: list[int] = []
    threads = [
        threading.Thread(target=lambda name: numbers.append(approve(lake, name)), args=(str(one),))
        for one in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 13))
    assert set(promotions.read(lake)["release_id"]) == {str(one) for one in range(12)}


def test_a_damaged_entry_is_told_and_not_skipped(lake: Lake) -> None:
    approve(lake, "new")
    [path] = lake.root.glob("promotion_log/entries/*.json")
    path.chmod(0o644)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(LakeError, match=r"000001\.json"):
        promotions.read(lake)


def test_a_rollback_takes_the_approvals_before_it_back(lake: Lake) -> None:
    approve(lake, "new")
    approve(lake, "other")
    promotions.append(
        lake,
        Event.ROLLED_BACK,
        who="ann",
        reason="x",
        release_id="old",
        earlier_release_id="new",
    )
    assert [one.release_id for one in standing_approvals(lake)] == ["other"]
    approve(lake, "new")
    assert [one.release_id for one in standing_approvals(lake)] == ["other", "new"]


def test_the_stop_file_is_heeded_whatever_is_in_it(lake: Lake) -> None:
    assert emergency_stop(lake) is None
    path = lake.root / STOP_FILE
    path.write_text("", encoding="utf-8")
    assert emergency_stop(lake) == "(no reason given)"
    path.write_bytes(b"oil \xff\n")
    assert str(emergency_stop(lake)).startswith("oil ")
    path.unlink()
    path.mkdir()
    assert "cannot be read" in str(emergency_stop(lake))


def test_a_switch_lets_an_earlier_version_be_current(lake: Lake) -> None:
    first, second = (pl.DataFrame({"n": [one]}) for one in (1, 2))
    old = lake.write("production_config", None, first, FACTS).data_version
    lake.write("production_config", None, second, FACTS)
    switch_to(lake, "production_config", None, old)
    assert lake.version("production_config", None) == old
    assert lake.query("select n from production_config").rows() == [(1,)]


def test_a_switch_is_one_rename(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at the rename, the release is the one before; there is no step between."""
    first, second = (pl.DataFrame({"n": [one]}) for one in (1, 2))
    old = lake.write("production_config", None, first, FACTS).data_version
    new = lake.write("production_config", None, second, FACTS).data_version

    def killed(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(LakeError, match="no room"):
        switch_to(lake, "production_config", None, old)
    assert lake.read("production_config", None)["n"].to_list() == [2]
    assert lake.version("production_config", None) == new


def test_a_switch_to_what_is_gone_or_damaged_changes_nothing(lake: Lake) -> None:
    frames = [pl.DataFrame({"n": [one]}) for one in (1, 2)]
    old, new = (lake.write("production_config", None, one, FACTS).data_version for one in frames)
    with pytest.raises(MissingArtifact):
        switch_to(lake, "production_config", None, "f" * 32)
    path = lake.root / "production_config" / "versions" / f"{old}.parquet"
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(LakeError):
        switch_to(lake, "production_config", None, old)
    assert lake.version("production_config", None) == new
