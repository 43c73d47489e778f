"""The lineage is complete, in order, and honest about what is not there any more."""

from __future__ import annotations

import json

import pytest
from explained_lake import COMMIT, EARLIER_RUN, MODEL, RUN, Written

from rooney_assets.explain.explanation import explain, explanation_facts
from rooney_assets.explain.ids import Where
from rooney_assets.explain.steps import steps_of
from rooney_assets.lake.layout import Folder

LABEL = "strategy_ranking[SIM_ES]"


def closure(told: Written, label: str) -> set[str]:
    """By another route: every manifest file, read as JSON, followed by hand."""
    inputs: dict[str, dict[str, str]] = {}
    for path in told.lake.root.rglob("versions/*.json"):
        page = json.loads(path.read_text())
        key = page["partition"]
        own = page["asset"] if key is None else f"{page['asset']}[{key.partition('=')[2]}]"
        inputs[own] = page["inputs"]
    found, waiting = set(), [label]
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting += inputs[one]
    return found


@pytest.mark.parametrize("label", ["raw_bars[SIM_NQ]", LABEL, "production_config"])
def test_every_version_behind_it_is_named_once(told: Written, label: str) -> None:
    steps = steps_of(told.lake, {label: told.versions[label]})
    assert [one.label for one in steps if one.version != told.versions[one.label]] == []
    assert sorted(one.label for one in steps) == sorted(closure(told, label))


def test_what_a_step_was_made_of_comes_before_it(told: Written) -> None:
    steps = steps_of(told.lake, {"production_config": told.versions["production_config"]})
    place = {one.label: number for number, one in enumerate(steps)}
    assert all(place[behind] < place[one.label] for one in steps for behind in one.inputs)
    assert steps[-1].label == "production_config"
    assert steps[0].asset == "raw_bars"


def test_a_step_tells_who_made_it_with_which_code(told: Written, where: Where) -> None:
    facts = explanation_facts(explain(where, LABEL))
    assert facts["commits"] == [COMMIT]
    assert facts["run_ids"] == sorted((RUN, EARLIER_RUN))
    assert facts["bars"] == ["raw_bars[SIM_ES]", "raw_bars[SIM_NQ]"]
    by_label = {f"{one['asset']}[{one['partition']}]": one for one in facts["steps"]}
    assert by_label["raw_bars[SIM_NQ]"]["source"] == "fingerprint SIM_NQ"
    assert by_label[LABEL]["inputs"] == {
        "strategy_results[SIM_ES]": told.versions["strategy_results[SIM_ES]"]
    }
    assert by_label[LABEL]["is_current"] is True
    assert by_label[LABEL]["is_code_of_now"] is False
    json.dumps(facts, allow_nan=False)


def test_a_table_that_was_made_anew_in_between_is_told(told: Written, where: Where) -> None:
    told.make("raw_bars", "SIM_ES", {"close": [9.0]})
    told.make("session_bars", "SIM_ES", {"open": [9.0]}, "raw_bars[SIM_ES]")
    told.make("best_strategy", "SIM_ES", {"n": [1]}, LABEL, "session_bars[SIM_ES]")
    found = explain(where, "best_strategy[SIM_ES]")
    of_bars = [one for one in found.steps if one.label == "raw_bars[SIM_ES]"]
    assert {one.is_current for one in of_bars} == {True, False}
    assert any("raw_bars[SIM_ES] two versions" in one for one in found.warnings)


def test_what_is_gone_is_said_and_the_rest_is_told(told: Written, where: Where) -> None:
    version = told.versions["continuous_bars[SIM_ES]"]
    Folder(told.lake.root, "continuous_bars", ("symbol", "SIM_ES")).manifest_file(version).unlink()
    found = explain(where, LABEL)
    [gone] = [one for one in found.steps if one.manifest is None]
    assert (gone.label, gone.version) == ("continuous_bars[SIM_ES]", version)
    assert any(version in one and "not in the lake" in one for one in found.warnings)
    assert [one.label for one in found.bars] == ["raw_bars[SIM_NQ]"]


def test_a_failed_check_and_uncommitted_code_are_warned_of(told: Written, where: Where) -> None:
    told.make("mandate", None, {"limit": ["z"]}, git_commit=f"{COMMIT}+changes")
    assert "uncommitted" in " ".join(explain(where, "mandate").warnings)
    warned = " ".join(explain(where, MODEL).warnings)
    assert "meta_model[SIM_ES] failed folds_have_skill" in warned
    assert "model_loads_from_its_row" not in warned


def test_the_looks_of_every_researched_symbol_are_told(told: Written, where: Where) -> None:
    assert explain(where, MODEL).looks.is_empty()
    lake = told.lake
    frame = lake.read("training_set", ("symbol", "SIM_ES"))
    made = lake.manifest("training_set", ("symbol", "SIM_ES")).facts
    from datetime import UTC, datetime

    import polars as pl

    entered = pl.Series("entry_time", [datetime(2021, 5, 3, 15, tzinfo=UTC)]).dt.cast_time_unit(
        "us"
    )
    sealed = frame.with_columns(entered)
    lake.write("training_set", ("symbol", "SIM_ES"), frame, made, sealed=sealed)
    asked = {"model_version": MODEL, "code_version": "code"}
    lake.open_test_window("SIM_ES", who="model_evaluation, run x", **asked)
    looks = explain(where, MODEL).looks
    assert looks.select("symbol", "look", "model_version").rows() == [("SIM_ES", 1, MODEL)]
    assert explain(where, "raw_bars[SIM_ES]").looks.is_empty()
