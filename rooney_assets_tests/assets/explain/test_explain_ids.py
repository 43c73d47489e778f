"""An id names exactly one thing, or is refused with what could have been meant."""

from __future__ import annotations

import pytest
from explained_lake import EARLIER_RUN, MODEL, RELEASE_ID, RUN, Written

from rooney_assets.explain.ids import Kind, Where, find
from rooney_core.errors import InvalidSetting, MissingArtifact, UnknownName


@pytest.mark.parametrize(
    "asked",
    [
        "strategy_ranking[SIM_ES]",
        "SIM_ES/strategy_ranking",
        "strategy_ranking/SIM_ES",
        "strategy_ranking[ES]",
        " strategy_ranking[SIM_ES] ",
    ],
)
def test_a_table_is_named_by_its_label(where: Where, told: Written, asked: str) -> None:
    found = find(where, asked)
    label = "strategy_ranking[SIM_ES]"
    assert (found.kind, dict(found.inputs)) == (Kind.TABLE, {label: told.versions[label]})


def test_an_older_version_is_named_by_how_it_begins(where: Where, told: Written) -> None:
    first = told.versions["raw_bars[SIM_ES]"]
    told.make("raw_bars", "SIM_ES", {"close": [7.0]})
    assert find(where, "raw_bars[SIM_ES]").inputs != {"raw_bars[SIM_ES]": first}
    assert find(where, f"raw_bars[SIM_ES]@{first[:6]}").inputs == {"raw_bars[SIM_ES]": first}
    assert find(where, first[:8]).inputs == {"raw_bars[SIM_ES]": first}
    assert find(where, first.upper()).inputs == {"raw_bars[SIM_ES]": first}


def test_a_release_comes_before_the_candidate_that_it_was(where: Where, told: Written) -> None:
    found = find(where, RELEASE_ID[:6])
    assert (found.kind, found.id) == (Kind.RELEASE, RELEASE_ID)
    assert found.inputs == {"production_config": told.versions["production_config"]}
    assert found.facts["sizes"] == {"SIM_ES": 2}
    [entry] = found.facts["log"]
    assert (entry["event"], entry["who"]) == ("promoted", "somebody")


def test_a_candidate_that_was_not_released_is_one(where: Where, told: Written) -> None:
    other = "dddd" * 8
    rows = {"release_id": [other], "size": [0], "model_version": [None], "symbol": ["SIM_ES"]}
    told.make("release_candidate", "2026-02", rows)
    assert find(where, other[:8]).kind is Kind.CANDIDATE


def test_a_model_is_named_by_its_own_version(where: Where, told: Written) -> None:
    found = find(where, MODEL[:9])
    assert (found.kind, found.id) == (Kind.MODEL, MODEL)
    assert found.inputs == {"meta_model[SIM_ES]": told.versions["meta_model[SIM_ES]"]}
    assert found.facts["released_in"] == [RELEASE_ID]


def test_the_data_version_of_a_release_is_the_release(where: Where, told: Written) -> None:
    found = find(where, told.versions["production_config"])
    assert (found.kind, found.id) == (Kind.RELEASE, RELEASE_ID)


def test_a_symbol_is_everything_that_there_is_of_it(where: Where, told: Written) -> None:
    expected = {label: one for label, one in told.versions.items() if label.endswith("[SIM_NQ]")}
    assert len(expected) == 4
    for asked in ("SIM_NQ", "NQ", "sim_nq"):
        assert find(where, asked).inputs == expected
    with pytest.raises(MissingArtifact, match="nothing of SIM_GC"):
        find(where, "SIM_GC")


def test_a_run_is_what_it_made(where: Where, told: Written) -> None:
    found = find(where, EARLIER_RUN)
    raw = {label: one for label, one in told.versions.items() if label.startswith("raw_bars")}
    assert (found.kind, dict(found.inputs)) == (Kind.RUN, raw)
    assert len(find(where, RUN[:8]).inputs) == len(told.versions) - len(raw)


def test_a_variant_is_its_row_of_the_ranking(where: Where, told: Written) -> None:
    found = find(where, "ES:ibs_filtered")
    assert (found.kind, found.id) == (Kind.RESULT, "SIM_ES:ibs_filtered")
    assert found.facts["annual_sharpe"] == 2.5
    label = "strategy_ranking[SIM_ES]"
    assert found.inputs == {label: told.versions[label]}


def test_the_same_content_in_two_partitions_is_asked_for_by_its_label(
    where: Where, told: Written
) -> None:
    """Tables without a row are the same whoever they are of."""
    versions = {told.make("stress_report", one, {"kind": []}) for one in ("SIM_ES", "SIM_NQ")}
    (version,) = versions
    with pytest.raises(InvalidSetting) as refused:
        find(where, version)
    for symbol in ("SIM_ES", "SIM_NQ"):
        named = f"stress_report[{symbol}]@{version}"
        assert named in str(refused.value)
        assert find(where, named).inputs == {f"stress_report[{symbol}]": version}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("strategy_rankin", "Did you mean 'strategy_ranking'"),
        ("strategy_ranking[SIM_XX]", "Allowed: SIM_ES"),
        ("SIM_ES:ibs_filterd", "Did you mean 'ibs_filtered'"),
        ("SIM_XX:ibs_filtered", "Unknown symbol"),
        ("SIM_ES:rsi2_short", "rsi2_classic"),
        ("abc", "At least 4 characters"),
        ("", "An id is"),
        ("production_config@0000", "Allowed"),
        ("../production_config", "An id is"),
    ],
)
def test_what_names_nothing_is_told_with_what_could_be_meant(
    where: Where, asked: str, words: str
) -> None:
    with pytest.raises(UnknownName) as refused:
        find(where, asked)
    assert words in str(refused.value)


def test_a_version_with_one_wrong_letter_is_recognised(where: Where, told: Written) -> None:
    version = told.versions["raw_bars[SIM_ES]"]
    wrong = version[:9] + ("0" if version[9] != "0" else "1")
    with pytest.raises(UnknownName, match=rf"raw_bars\[SIM_ES\]@{version}"):
        find(where, wrong)


def test_an_asset_with_partitions_wants_one(where: Where) -> None:
    with pytest.raises(InvalidSetting, match=r"raw_bars\[SIM_ES\], raw_bars\[SIM_NQ\]"):
        find(where, "raw_bars")
