"""Each cause of a difference needs its evidence; without any it is unexplained."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from rooney_core.decision.batch import DECISIONS_SCHEMA as REPLAYED_SCHEMA
from rooney_core.feedback.causes import Cause
from rooney_core.feedback.decided import Evidence, explained

BEGIN = datetime(2026, 3, 2, 14, tzinfo=UTC)
CLOSE, THRESHOLD = 5000.0, 0.6
FEATURES = {"ibs": 0.2, "range": 1.5, "gap": None}
N = 8
RECORDED_SCHEMA = {
    "bar_end": pl.Datetime("us", "UTC"),
    "session": pl.Date(),
    "contract": pl.String(),
    "close": pl.Float64(),
    "code": pl.String(),
    "action": pl.String(),
    "side": pl.Int64(),
    "probability": pl.Float64(),
    "threshold": pl.Float64(),
    "feature_values": pl.String(),
}
# Flat, flat, entry, held, exit, flat, flat, flat.
CODES = ["NO_SIGNAL", "NO_SIGNAL", "ENTER", "IN_POSITION", "EXIT_SIGNAL"] + ["NO_SIGNAL"] * 3


def at(number: int) -> datetime:
    return BEGIN + timedelta(hours=number)


def one_row(number: int) -> dict[str, Any]:
    code = CODES[number]
    is_entry = code == "ENTER"
    return {
        "bar_end": at(number),
        "session": date(2026, 3, 2),
        "contract": "ESH26",
        "close": CLOSE + number,
        "code": code,
        "action": {"ENTER": "enter", "EXIT_SIGNAL": "exit"}.get(code, "none"),
        "side": 1 if 2 <= number <= 4 else 0,
        "probability": 0.7 if is_entry else None,
        "threshold": THRESHOLD if is_entry else None,
        "feature_values": json.dumps(FEATURES) if is_entry else "{}",
    }


ROWS = [one_row(number) for number in range(N)]
EVIDENCE = Evidence(
    bars={at(number): ("ESH26", CLOSE + number) for number in range(N)},
    features={at(2): FEATURES},
    orders=(),
    threshold=THRESHOLD,
    lookback=2,
)


def order(number: int, **facts: Any) -> dict[str, Any]:
    usual = {"decided_at": at(number), "intent": "enter", "state": "ACKED", "order_code": ""}
    return usual | {"origin": "decision"} | facts


def causes(
    recorded: dict[int, dict[str, Any] | None], evidence: Evidence = EVIDENCE, **replayed: Any
) -> list[tuple[int, str]]:
    """Number of the bar and cause, for changed rows of the record (None: not there)."""
    own = [recorded.get(number, {}) for number in range(N)]
    rows = [{**row, **change} for row, change in zip(ROWS, own, strict=True) if change is not None]
    other = [
        {**row, "symbol": "ES", **replayed.get(f"at{number}", {})}
        for number, row in enumerate(ROWS)
        if replayed.get(f"at{number}", {}) is not None
    ]
    wanted = tuple(REPLAYED_SCHEMA)
    found = explained(
        pl.DataFrame(rows, schema=RECORDED_SCHEMA),
        pl.DataFrame([{name: row[name] for name in wanted} for row in other], REPLAYED_SCHEMA),
        evidence,
    )
    return [(round((one.at - BEGIN) / timedelta(hours=1)), str(one.because.cause)) for one in found]


VETOED = {
    2: {"code": "PAUSED", "action": "none"},
    3: {"code": "VETOED_TRADE_OPEN"},
    4: {"code": "VETOED_TRADE_EXIT", "action": "none"},
}


def denied(code: str) -> dict[int, dict[str, Any] | None]:
    return {**VETOED, 2: {"code": code, "action": "none"}}


def test_the_same_decisions_have_no_difference() -> None:
    assert causes({}) == []


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("PAUSED", "sizing"),
        ("KILLED", "sizing"),
        ("MAX_POSITIONS", "sizing"),
        ("RISK_DAILY_LOSS", "sizing"),
        ("STALE_FEED", "data"),
        ("FEATURES_MISSING", "data"),
        ("LATE_BAR", "data"),
        ("OUT_OF_SESSION", "timing"),
        ("NO_CONTRACT", "fill"),
    ],
)
def test_a_denied_entry_explains_its_whole_trade(code: str, cause: str) -> None:
    assert causes(denied(code)) == [(2, cause), (3, cause), (4, cause)]


def test_a_bar_that_closed_otherwise_is_data_for_as_long_as_signals_read_it() -> None:
    other = {1: {"close": CLOSE}, 2: {"code": "NO_SIGNAL", "action": "none", "side": 0}}
    assert causes(other) == [(2, "data")]
    # Two bars on, nothing that a signal reads is of that bar any more.
    late = {1: {"close": CLOSE}, 5: {"code": "ENTER", "action": "enter", "side": 1}}
    assert causes(late) == [(5, "unexplained")]


def test_another_contract_is_data() -> None:
    assert causes({5: {"contract": "ESM26", "code": "ENTER", "side": 1}}) == [(5, "data")]


def test_what_one_side_never_saw_is_data() -> None:
    assert causes({5: None}) == [(5, "data")]
    assert causes({}, at5=None) == [(5, "data")]


def test_another_feature_is_data_and_another_probability_alone_is_not() -> None:
    other = {**FEATURES, "range": 1.75}
    seen = {"feature_values": json.dumps(other), "probability": 0.65}
    assert causes({2: seen}) == [(2, "data")]
    filled = {**FEATURES, "gap": 0.0}
    assert causes({2: {"feature_values": json.dumps(filled), "probability": 0.65}}) == [(2, "data")]
    assert causes({2: {"probability": 0.65}}) == [(2, "unexplained")]


def test_another_threshold_or_code_is_the_model() -> None:
    below = denied("MODEL_BELOW_THRESHOLD")
    moved = {"code": "MODEL_BELOW_THRESHOLD", "action": "none", "threshold": 0.8}
    assert causes({**below, 2: moved}) == [(2, "model"), (3, "model"), (4, "model")]
    older = replace(EVIDENCE, other_code="decided by other code")
    assert causes({2: {"probability": 0.65}}, older) == [(2, "model")]


def test_another_signal_needs_other_code() -> None:
    other = {5: {"code": "ENTER", "action": "enter", "side": 1}}
    assert causes(other) == [(5, "unexplained")]
    assert causes(other, replace(EVIDENCE, other_code="older")) == [(5, "signal")]


@pytest.mark.parametrize(
    ("state", "code", "cause"),
    [
        ("REJECTED", "", "fill"),
        ("UNKNOWN", "", "fill"),
        ("DENIED", "SPACING", "sizing"),
        ("DENIED", "STALE_FEED", "data"),
        ("DENIED", "EXPIRED", "timing"),
    ],
)
def test_what_became_of_the_order_explains_what_follows(state: str, code: str, cause: str) -> None:
    """Both decided to enter; the order came to nothing, so the account takes no part."""
    out = {number: VETOED[number] for number in (3, 4)}
    told = replace(EVIDENCE, orders=(order(2, state=state, order_code=code),))
    assert causes(out, told) == [(3, cause), (4, cause)]
    assert causes(out, replace(EVIDENCE, orders=(order(2),))) == [
        (3, "unexplained"),
        (4, "unexplained"),
    ]


@pytest.mark.parametrize(
    ("origin", "cause"), [("flatten", "timing"), ("monitor", "timing"), ("manual", "signal")]
)
def test_an_order_that_no_decision_gave(origin: str, cause: str) -> None:
    gone = {3: {"code": "VETOED_TRADE_OPEN"}, 4: {"code": "VETOED_TRADE_EXIT", "action": "none"}}
    between = {"decided_at": at(2) + timedelta(minutes=30), "intent": "exit", "origin": origin}
    told = replace(EVIDENCE, orders=(order(2), order(2, **between)))
    assert causes(gone, told) == [(3, cause), (4, cause)]


def test_an_equal_bar_ends_what_follows() -> None:
    """A pause explains its own trade, and nothing that comes after an equal bar."""
    later = {**VETOED, 6: {"code": "ENTER", "action": "enter", "side": 1}}
    assert causes(later)[-1] == (6, "unexplained")


def test_max_positions_by_another_symbol_s_difference() -> None:
    limited = {"code": "MAX_POSITIONS", "action": "none"}
    assert causes({}, at2=limited) == [(2, "unexplained")]
    assert causes({}, replace(EVIDENCE, elsewhere=at(1)), at2=limited) == [(2, "sizing")]
    assert causes({}, replace(EVIDENCE, elsewhere=at(3)), at2=limited) == [(2, "unexplained")]


def test_a_position_from_before_the_run() -> None:
    held = {0: {"code": "IN_POSITION", "side": 1}, 1: {"code": "EXIT_SIGNAL", "action": "exit"}}
    assert causes(held) == [(0, "unexplained"), (1, "unexplained")]
    told = replace(EVIDENCE, held_before="taken over")
    assert causes(held, told) == [(0, "sizing"), (1, "sizing")]


def test_every_cause_has_a_word() -> None:
    assert {str(one) for one in Cause} == {
        *("data", "signal", "model", "sizing", "timing", "fill", "cost", "unexplained")
    }
