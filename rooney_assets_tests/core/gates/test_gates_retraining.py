"""When a training is asked for: reasons that are confirmed, held, cleared, and cooled down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rooney_core.gates.retraining import (
    Memory,
    Reading,
    RetrainingCode,
    RetrainingLimits,
    Wish,
    judge,
)

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
LIMITS = RetrainingLimits(confirmations=2, clear_share=0.8, cooldown_days=14)
DRIFT, AGE = RetrainingCode.FEATURE_DRIFT, RetrainingCode.MODEL_AGE


def story(*excesses: float, days_apart: int = 1) -> list[Wish | None]:
    """What each report of feature drift leads to, one after the other."""
    memory, wishes = Memory(), []
    for place, excess in enumerate(excesses):
        reading = Reading(DRIFT, excess, f"{excess:g} of the limit", f"report {place}")
        when = NOW + timedelta(days=days_apart * place)
        memory, wish, _ = judge((reading,), memory, when, LIMITS)
        wishes.append(wish)
    return wishes


def asked(*excesses: float, days_apart: int = 1) -> list[bool]:
    return [one is not None for one in story(*excesses, days_apart=days_apart)]


def test_a_reason_needs_reports_in_a_row() -> None:
    assert asked(1.1) == [False]
    assert asked(1.1, 1.1) == [False, True]
    assert asked(1.1, 0.9, 1.1) == [False, False, False]
    assert asked(1.0, 1.0, 1.0) == [False] * 3  # the limit itself is allowed


def test_a_symbol_is_not_asked_for_again_within_the_cooldown() -> None:
    assert asked(2, 2, 2, 2) == [False, True, False, False]
    assert asked(2, 2, 2, 2, days_apart=14) == [False, True, True, True]
    assert asked(2, 2, 2, 2, days_apart=13) == [False, True, False, True]


def test_a_reason_holds_until_it_is_well_below_its_limit() -> None:
    """Between 0.8 and 1 it still counts, so what wobbles around the limit is one reason."""
    assert asked(2, 2, 0.9, days_apart=20) == [False, True, True]
    assert asked(2, 2, 0.79, days_apart=20) == [False, True, False]
    # Once cleared it has to be confirmed anew.
    assert asked(2, 2, 0.5, 2, 2, days_apart=20) == [False, True, False, False, True]


def test_one_report_counts_once_however_often_it_is_read() -> None:
    memory = Memory()
    for _ in range(5):
        memory, wish, words = judge((Reading(DRIFT, 3.0, "x", "the same"),), memory, NOW, LIMITS)
        assert wish is None
    assert words == "to be confirmed: x"


def test_a_fact_needs_no_confirmation() -> None:
    memory, wish, _ = judge((Reading(AGE, 1.01, "trained 101 days ago"),), Memory(), NOW, LIMITS)
    assert wish is not None
    assert wish.words == "model_age: trained 101 days ago"
    assert memory.asked_at == NOW


def test_all_reasons_that_hold_are_told() -> None:
    readings = (Reading(AGE, 2.0, "old"), Reading(DRIFT, 2.0, "moved", "r1"))
    memory, wish, _ = judge(readings, Memory(), NOW, LIMITS)
    assert wish is not None
    assert set(wish.reasons) == {AGE}
    later = NOW + timedelta(days=20)
    readings = (readings[0], Reading(DRIFT, 2.0, "moved", "r2"))
    _, wish, _ = judge(readings, memory, later, LIMITS)
    assert wish is not None
    assert wish.words == "model_age: old; feature_drift: moved"


def test_silence_clears_nothing_and_asks_for_nothing() -> None:
    memory = Memory()
    for place in range(2):
        memory, _, _ = judge((Reading(DRIFT, 2.0, "x", str(place)),), memory, NOW, LIMITS)
    later = NOW + timedelta(days=30)
    again, wish, words = judge((), memory, later, LIMITS)
    assert wish is None
    assert words == "no reason"
    assert again.standings == memory.standings


def test_cooldown_says_until_when_and_why() -> None:
    memory = Memory(asked_at=NOW)
    _, wish, words = judge((Reading(AGE, 2.0, "old"),), memory, NOW + timedelta(days=1), LIMITS)
    assert wish is None
    assert words == "cooldown until 2026-03-16 06:00 UTC, though old"
