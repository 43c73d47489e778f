"""Every condition of a promotion, each failed on its own, and what a person's word is good for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from rooney_core.gates.approvals import Approval, Override, approved_until, overrides_in_force
from rooney_core.gates.champion import ChampionTest
from rooney_core.gates.promotion import (
    REQUIRED_GATES,
    Condition,
    ConditionCode,
    PromotionFacts,
    Traded,
    decide,
)
from rooney_core.gates.settings import PromotionLimits

AUTO, BY_HAND = PromotionLimits(), PromotionLimits(auto=False)
CANDIDATE = Traded("new", "mandate", {"ES": 2, "NG": 1}, {"ES": "m1", "NG": "m2"})
CHAMPION = Traded("old", "mandate", {"ES": 1}, {"ES": "m0"})
EMPTY = Traded("empty", "mandate", {}, {})
APPROVAL = Approval(release_id="new", mandate_version="mandate", reason="seen", who="ann")
PAPER = Override(symbol="ES", gate="paper", reason="feed", until=date(2026, 2, 1), who="bob")


def report(**changes: object) -> pl.DataFrame:
    """Every gate of both symbols green; `changes` are of the ES paper row."""
    rows = [
        {
            "symbol": symbol,
            "gate": gate,
            "passed": True,
            "reason": "fine",
            "model_version": version,
            "candidate_id": "new",
            "mandate_version": "mandate",
        }
        for symbol, version in CANDIDATE.model_versions.items()
        for gate in REQUIRED_GATES
    ]
    rows[2] |= changes
    return pl.DataFrame(rows)


FACTS = PromotionFacts(
    candidate=CANDIDATE,
    champion=CHAMPION,
    gate_report=report(),
    mandate_version="mandate",
    challenge=ChampionTest(True, "no worse"),
)


def failed(facts: PromotionFacts, limits: PromotionLimits = AUTO) -> list[Condition]:
    return [one for one in decide(facts, limits).conditions if not one.passed]


def test_a_green_candidate_is_promoted_by_itself() -> None:
    decided = decide(FACTS, AUTO)
    assert decided.passed
    assert {one.code for one in decided.conditions} == set(ConditionCode)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"emergency_stop": "oil is negative"}, "no_emergency_stop", "oil is negative"),
        ({"mandate_version": "another"}, "same_versions", "in force is another"),
        ({"gate_report": report(candidate_id="older")}, "same_versions", "judged new, older"),
        ({"gate_report": report(model_version="m9")}, "same_versions", "ES: gates of model m1, m9"),
        ({"gate_report": report(mandate_version="m")}, "same_versions", "judged under mandate m,"),
        ({"gate_report": report().clear()}, "same_versions", "judged nobody"),
        ({"other_versions": ["stress_report[ES]"]}, "same_versions", "stress_report[ES]"),
        ({"gate_report": report(passed=False, reason="F")}, "gates_green", "ES: paper: F"),
        ({"gate_report": report(gate="backtest")}, "gates_green", "the paper gate did not answer"),
        ({"challenge": ChampionTest(False, "worse")}, "challenger_not_worse", "worse"),
        ({"turnover": ["NG postponed"]}, "turnover_kept", "NG postponed"),
        ({"live_refusals": ["ES: 11"]}, "live_limits_kept", "ES: 11"),
        ({"withdrawn": "ann rolled back"}, "not_withdrawn", "ann rolled back"),
        ({"loosened": ["x 1 -> 2"]}, "approved", "loosened since old was promoted (x 1 -> 2)"),
    ],
)
def test_each_condition_stops_alone(change: dict[str, object], code: str, words: str) -> None:
    facts = replace(FACTS, **change)
    stopped = failed(facts)
    # Without an answer of the gates none of them is green either.
    alone = [one for one in stopped if one.code == code]
    assert len(alone) == 1
    assert words in alone[0].reason
    assert len(stopped) == (2 if facts.gate_report.is_empty() else 1)


def test_an_override_lets_its_gate_pass_and_no_other() -> None:
    red = report(passed=False, reason="grade C")
    given = {PAPER.key: PAPER}
    decided = decide(replace(FACTS, gate_report=red, overrides=given), AUTO)
    assert decided.passed
    assert (
        "OVERRIDDEN: ES:paper until 2026-02-01 (feed)"
        in decided.of(ConditionCode.GATES_GREEN).reason
    )
    other = PAPER.model_copy(update={"gate": "stress"})
    [stopped] = failed(replace(FACTS, gate_report=red, overrides={other.key: other}))
    assert stopped.code is ConditionCode.GATES_GREEN


def test_a_candidate_that_trades_nothing_needs_no_gate_and_beats_nobody() -> None:
    empty = replace(
        FACTS,
        candidate=replace(EMPTY, release_id="new"),
        gate_report=report().filter(pl.col("symbol") == "ES"),
        challenge=ChampionTest(False, "worse"),
    )
    assert not failed(empty)


def test_the_first_release_has_no_champion_and_nothing_to_lapse() -> None:
    assert not failed(
        replace(FACTS, champion=None, challenge=ChampionTest(False, "x"), loosened=["x"])
    )
    assert not failed(replace(FACTS, champion=EMPTY, challenge=ChampionTest(False, "x")))


def test_by_hand_a_release_waits_for_its_approval() -> None:
    [stopped] = failed(FACTS, BY_HAND)
    assert stopped.code is ConditionCode.APPROVED
    assert "nobody approved new" in stopped.reason
    assert not failed(replace(FACTS, approvals=[APPROVAL]), BY_HAND)
    other = APPROVAL.model_copy(update={"release_id": "older"})
    assert failed(replace(FACTS, approvals=[other]), BY_HAND)


@pytest.mark.parametrize("limits", [AUTO, BY_HAND])
def test_an_approval_lapses_with_a_loosened_mandate(limits: PromotionLimits) -> None:
    lapsed = replace(
        FACTS, approvals=[APPROVAL], loosened=["x 1 -> 2"], lapsed={"new": ["x 1 -> 2"]}
    )
    [stopped] = failed(lapsed, limits)
    assert stopped.code is ConditionCode.APPROVED
    assert "by ann lapsed: the mandate was loosened (x 1 -> 2)" in stopped.reason
    kept = replace(lapsed, lapsed={"new": []})
    assert not failed(kept, limits)


def test_what_was_rolled_back_from_comes_back_by_a_person_s_word() -> None:
    withdrawn = replace(FACTS, withdrawn="ann rolled back")
    assert failed(withdrawn)
    assert not failed(replace(withdrawn, approvals=[APPROVAL]))


def test_the_release_that_is_traded_stays_whatever_is_said_of_it() -> None:
    """Written again, it needs no second approval; the emergency stop alone stops even that."""
    again = replace(
        FACTS,
        champion=CANDIDATE,
        challenge=ChampionTest(False, "x"),
        turnover=["x"],
        withdrawn="x",
        loosened=["x"],
    )
    assert not failed(again, BY_HAND)
    assert failed(replace(again, emergency_stop="x"))


def test_the_newest_override_counts_up_to_and_with_its_last_day() -> None:
    longer = PAPER.model_copy(update={"until": date(2026, 3, 1)})
    assert overrides_in_force([PAPER, longer], date(2026, 3, 1)) == {("ES", "paper"): longer}
    assert overrides_in_force([PAPER], date(2026, 2, 1)) == {("ES", "paper"): PAPER}
    assert overrides_in_force([PAPER], date(2026, 2, 2)) == {}
    # A later one that is over ends the one before.
    assert overrides_in_force([longer, PAPER], date(2026, 2, 2)) == {}


def test_an_approval_holds_for_so_many_calendar_days() -> None:
    assert approved_until(date(2026, 1, 30), 3) == date(2026, 2, 2)


@pytest.mark.parametrize("text", ["", "  "])
def test_nobody_overrides_without_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match="reason"):
        Override(symbol="ES", gate="paper", reason=text, until=date(2026, 1, 1), who="bob")
