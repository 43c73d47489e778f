"""What may go, and what stays because something names it, by hand-written lakes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from kept_lake import MONTH, SYMBOL, evidence_rows, release_rows, versions_of_bars, write

from rooney_assets.lake import Lake, ManifestFacts, promotions
from rooney_assets.lake.layout import Folder
from rooney_assets.lake.switch import switch_to
from rooney_assets.retention.collect import collect
from rooney_assets.retention.versions import Why, plan
from rooney_core.errors import InvalidSetting, LakeError

ES = ("symbol", SYMBOL)
RAW = f"raw_bars[{SYMBOL}]"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def removable(lake: Lake, keep: int) -> dict[str, set[str]]:
    """By label, what may go; labels that lose nothing are left out."""
    found = {
        one.folder.label: {each.data_version for each in one.removable} for one in plan(lake, keep)
    }
    return {label: versions for label, versions in found.items() if versions}


def why(lake: Lake, keep: int, label: str, version: str) -> Why | None:
    return next(one for one in plan(lake, keep) if one.folder.label == label).kept.get(version)


def test_the_newest_versions_stay_and_the_others_may_go(lake: Lake) -> None:
    made = versions_of_bars(lake, 13)
    assert removable(lake, 10) == {RAW: set(made[:3])}
    assert removable(lake, 1) == {RAW: set(made[:-1])}
    assert removable(lake, 13) == {}
    with pytest.raises(InvalidSetting, match="--keep 0"):
        plan(lake, 0)


def test_what_is_current_stays_however_old_it_is(lake: Lake) -> None:
    made = versions_of_bars(lake, 5)
    switch_to(lake, "raw_bars", ES, made[0])
    assert removable(lake, 2) == {RAW: set(made[1:3])}
    assert why(lake, 2, RAW, made[0]) is Why.CURRENT


def test_what_a_current_table_was_made_of_stays_down_to_the_bars(lake: Lake) -> None:
    [first, *_] = made = versions_of_bars(lake, 4)
    continuous = write(lake, "continuous_bars", SYMBOL, {"close": [1.0]}, {RAW: first})
    write(lake, "session_bars", SYMBOL, {"open": [1]}, {f"continuous_bars[{SYMBOL}]": continuous})
    write(lake, "continuous_bars", SYMBOL, {"close": [2.0]}, {RAW: made[-1]})
    # The session bars are of the older continuous bars, and these of the first raw bars.
    assert removable(lake, 1) == {RAW: set(made[1:3])}
    assert why(lake, 1, RAW, first) is Why.NAMED


def test_every_release_stays_with_all_that_it_and_its_evidence_name(lake: Lake) -> None:
    bars = versions_of_bars(lake, 6)
    models = write(lake, "production_model", None, {"model": ["m"]})
    mandate = write(lake, "mandate", None, {"limit": ["a"]})
    facts = ManifestFacts(run_id="r", code_version="c", git_commit="g")
    month = ("rebalance_month", MONTH)
    told = evidence_rows("r1", {RAW: bars[0]})
    evidence = lake.write("release_evidence", month, told, facts).data_version
    named = {"models": models, "mandate": mandate, "evidence": evidence}
    first = write(lake, "production_config", None, release_rows("r1", **named), {RAW: bars[1]})
    # A second release, other models, another mandate, and much evidence of candidates since.
    write(lake, "production_model", None, {"model": ["n"]})
    write(lake, "mandate", None, {"limit": ["b"]})
    write(lake, "production_config", None, release_rows("r2"))
    for n in range(3):
        lake.write("release_evidence", month, evidence_rows(f"c{n}", {RAW: bars[2]}), facts)
    kept = set(bars) - removable(lake, 1)[RAW]
    assert kept == {bars[0], bars[1], bars[2], bars[-1]}
    assert "production_config" not in removable(lake, 1)
    assert "production_model" not in removable(lake, 1)
    assert "mandate" not in removable(lake, 1)
    assert evidence not in removable(lake, 1)[f"release_evidence[{MONTH}]"]
    assert why(lake, 1, "production_config", first) is Why.RELEASE
    assert why(lake, 1, f"release_evidence[{MONTH}]", evidence) is Why.RELEASE


def test_an_open_evaluation_keeps_what_it_was_made_of_and_an_old_one_does_not(lake: Lake) -> None:
    bars = versions_of_bars(lake, 4)
    label = f"training_set[{SYMBOL}]"
    sets = [
        write(lake, "training_set", SYMBOL, {"n": [n]}, {RAW: bars[n]}) for n in range(len(bars))
    ]
    for n, one in enumerate(sets):
        write(lake, "model_evaluation", SYMBOL, {"n": [n]}, {label: one})
    found = removable(lake, 2)
    # Of the two newest evaluations everything stays; of the others, nothing but themselves goes.
    assert found == {
        RAW: set(bars[:2]),
        label: set(sets[:2]),
        f"model_evaluation[{SYMBOL}]": found[f"model_evaluation[{SYMBOL}]"],
    }
    assert len(found[f"model_evaluation[{SYMBOL}]"]) == 2


def test_what_a_run_in_progress_may_have_read_stays_with_what_it_was_made_of(lake: Lake) -> None:
    """It names what it read when it writes: then that must be there, down to the bars."""
    bars = versions_of_bars(lake, 4)
    label = f"training_set[{SYMBOL}]"
    for n in range(2):
        write(lake, "training_set", SYMBOL, {"n": [n]}, {RAW: bars[n]})
    began = datetime.now(UTC)
    later = write(lake, "training_set", SYMBOL, {"n": [2]}, {RAW: bars[2]})
    write(lake, "training_set", SYMBOL, {"n": [3]}, {RAW: bars[3]})
    assert removable(lake, 1)[RAW] == set(bars[:3])
    kept = {one.folder.label: one.kept for one in plan(lake, 1, began)}
    # What was current when it began, and what was since.
    assert set(kept[RAW]) == set(bars[1:])
    assert len(kept[label]) == 3
    assert kept[label][later] is Why.BEING_READ


def test_searches_and_ledgers_are_all_kept(lake: Lake) -> None:
    """The deflation counts them; a version that nobody counted yet would be a trial for nothing."""
    for asset in ("strategy_results", "meta_model", "trial_ledger"):
        for n in range(4):
            write(lake, asset, SYMBOL, {"n": [n]})
    assert removable(lake, 1) == {}


def test_a_candidate_that_the_log_names_stays(lake: Lake) -> None:
    bars = versions_of_bars(lake, 4)
    rows = [release_rows(f"r{n}") for n in range(4)]
    label = f"release_candidate[{MONTH}]"
    made = [
        write(lake, "release_candidate", MONTH, one, {RAW: bars[n]}) for n, one in enumerate(rows)
    ]
    assert removable(lake, 1) == {label: set(made[:3]), RAW: set(bars[:3])}
    approved = promotions.Event.APPROVED
    promotions.append(lake, approved, who="w", reason="r", release_id="r1", mandate_version="m")
    assert removable(lake, 1) == {
        label: {made[0], made[2]},
        RAW: {bars[0], bars[2]},
    }
    assert why(lake, 1, label, made[1]) is Why.LOGGED


def test_the_month_before_a_portfolio_stays(lake: Lake) -> None:
    made = [write(lake, "portfolio_config", MONTH, {"n": [n]}) for n in range(3)]
    facts = ManifestFacts(
        run_id="r",
        code_version="c",
        git_commit="g",
        config={"month before": {MONTH: made[0]}},
    )
    import polars as pl

    later = pl.DataFrame({"rebalance_month": ["2026-02"], "n": [9]})
    lake.write("portfolio_config", ("rebalance_month", "2026-02"), later, facts)
    assert removable(lake, 1) == {f"portfolio_config[{MONTH}]": {made[1]}}


def test_a_collection_takes_every_file_and_nothing_else(lake: Lake) -> None:
    made = versions_of_bars(lake, 4)
    folder = Folder(lake.root, "raw_bars", ES)
    before = set(lake.root.rglob("*"))
    gone = collect(lake, plan(lake, 2))
    after = set(lake.root.rglob("*"))
    expected = {
        path
        for one in made[:2]
        for path in (
            folder.version_file(one),
            folder.manifest_file(one),
            folder.beside_file("quarantine", one),
        )
    }
    assert before - after == expected
    assert after <= before
    assert (gone.versions, gone.files) == (2, len(expected))
    assert gone.bytes > 0
    assert lake.read("raw_bars", ES, version=made[2], verify=True).height == 1
    assert lake.query("select close from raw_bars")["close"].to_list() == [3.0]
    assert collect(lake, plan(lake, 2)).files == 0


def test_sealed_rows_go_with_their_version_and_looks_stay(lake: Lake) -> None:
    from datetime import UTC, datetime

    import polars as pl

    facts = ManifestFacts(run_id="r", code_version="c", git_commit="g")
    for n in range(3):
        frame = pl.DataFrame({"symbol": [SYMBOL], "n": [n]})
        times = pl.Series("entry_time", [datetime(2021, 1, 5, tzinfo=UTC)])
        sealed = frame.with_columns(times.dt.cast_time_unit("us"))
        lake.write("training_set", ES, frame, facts, sealed=sealed)
    lake.open_test_window(SYMBOL, who="w", model_version="m", code_version="c")
    folder = Folder(lake.root, "training_set", ES)
    assert len(list(folder.sealed_file("").parent.iterdir())) == 3
    collect(lake, plan(lake, 1))
    assert len(list(folder.sealed_file("").parent.iterdir())) == 1
    assert lake.looks(SYMBOL).height == 1
    assert lake.open_test_window(SYMBOL, who="w", model_version="m", code_version="c").height == 1


def test_a_version_that_became_current_since_the_plan_stays(lake: Lake) -> None:
    made = versions_of_bars(lake, 3)
    parts = plan(lake, 1)
    versions_of_bars(lake, 1)
    switch_to(lake, "raw_bars", ES, made[1])
    collect(lake, parts)
    # By the plan only the third was to stay; the second is current by now.
    assert {one.data_version for one in lake.versions("raw_bars", ES)} == {*made[1:]}


def test_a_version_that_a_run_confirmed_since_the_plan_stays(lake: Lake) -> None:
    made = versions_of_bars(lake, 3)
    parts = plan(lake, 1)
    write(lake, "raw_bars", SYMBOL, {"close": [0.0]}, run_id="another", beside="quarantine")
    write(lake, "raw_bars", SYMBOL, {"close": [2.0]}, run_id="another", beside="quarantine")
    collect(lake, parts)
    assert {one.data_version for one in lake.versions("raw_bars", ES)} == {made[0], made[2]}


def test_a_damaged_manifest_ends_the_plan(lake: Lake) -> None:
    made = versions_of_bars(lake, 3)
    path = Folder(lake.root, "raw_bars", ES).manifest_file(made[0])
    path.chmod(0o644)
    path.write_text("{}")
    with pytest.raises(LakeError, match="is not a manifest"):
        plan(lake, 1)


def test_nothing_that_is_up_to_date_becomes_stale(lake: Lake) -> None:
    versions_of_bars(lake, 4)
    basis = lake.manifest("raw_bars", ES).facts
    collect(lake, plan(lake, 1))
    assert lake.is_current("raw_bars", ES, basis.code_version, basis.inputs, basis.config)


def test_an_empty_lake_has_nothing_to_collect(lake: Lake) -> None:
    assert plan(lake, 10) == ()
    assert collect(lake, ()).versions == 0
