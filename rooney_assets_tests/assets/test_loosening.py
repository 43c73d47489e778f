"""Which changes of the mandate loosen it: every limit has a looser way, tried both ways."""

from __future__ import annotations

from typing import Any

import pytest

from rooney_assets.loosening import Looser, loosened, looser_way
from rooney_assets.mandate import Mandate

CHOICES = {"labels", "tuning"}
LIMITS = Mandate().limits


def moved(name: str, up: bool) -> dict[str, Any]:
    """The default limits with one of them a little higher or lower."""
    value = LIMITS[name]
    words = {"three_way": "two_way", "measured": "not_contradicted", "B": "A"}
    if isinstance(value, bool):
        other: Any = not value
    elif isinstance(value, str):
        other = words.get(value, "three_way")
    else:
        other = (value or 0.0) + (1 if up else -1)
    return {**LIMITS, name: other}


def test_every_number_that_is_a_limit_has_one_looser_way() -> None:
    """A seed has none: another one is another throw, so any change counts."""
    for name, value in LIMITS.items():
        if name.partition(".")[0] in CHOICES or value is None or isinstance(value, bool | str):
            continue
        up, down = loosened(LIMITS, moved(name, up=True)), loosened(LIMITS, moved(name, up=False))
        if looser_way(name) is Looser.ANY:
            assert name.endswith(".seed"), f"say in RULES which way of {name} is looser"
            assert up
            assert down
        elif looser_way(name) is not Looser.NEVER:
            assert bool(up) != bool(down), name


@pytest.mark.parametrize(
    ("name", "to", "is_looser"),
    [
        ("verdict.min_test_sharpe", 1.1, True),
        ("verdict.min_test_sharpe", 1.3, False),
        ("backtest_gate.mature.from_trials", 600, True),
        ("backtest_gate.mature.max_drawdown", 0.2, True),
        ("backtest_gate.mature.max_drawdown", None, True),
        ("backtest_gate.early.max_drawdown", 0.9, False),
        ("evaluation.holdout_budget", 6, True),
        ("evaluation.min_new_sessions", 63, True),
        ("stress.n_scenarios", 100, True),
        ("stress.n_scenarios", 400, False),
        ("stress.seed", 1, True),
        ("paper.b.evidence", "measured", False),
        ("paper.a.evidence", "not_contradicted", True),
        ("paper.lowest_promoted", "A", False),
        ("portfolio.max_correlation", 0.8, True),
        ("promotion.auto", False, False),
        ("promotion.approval_days", 101, True),
        ("live.max_daily_loss_usd", 4999.0, False),
        ("ranking.must_be_robust", False, True),
        ("windows", "two_way", True),
        ("tuning.seed", 1, False),
        ("labels.method", "triple_barrier", False),
    ],
)
def test_a_limit_is_loosened_one_way(name: str, to: Any, is_looser: bool) -> None:
    told = loosened(LIMITS, {**LIMITS, name: to})
    assert told == ([f"{name} {LIMITS[name]} -> {to}"] if is_looser else [])


def test_back_from_two_windows_is_stricter() -> None:
    assert loosened({"windows": "two_way"}, {"windows": "three_way"}) == []
    assert loosened({"promotion.auto": False}, {"promotion.auto": True})


def test_a_limit_that_is_gone_is_loosened_and_a_new_one_is_not() -> None:
    assert loosened({"x.min_a": 1, "x.min_b": 1}, {"x.min_b": 1}) == ["x.min_a 1 -> gone"]
    assert loosened({}, {"x.min_a": 1}) == []
    # Nobody has said which way of it is looser.
    assert loosened({"x.what": 1}, {"x.what": 2})
    assert loosened({"x.what": None}, {"x.what": 2}) == []


def test_a_quick_mandate_stresses_less() -> None:
    assert loosened(LIMITS, Mandate().quick().limits) == ["stress.n_scenarios 200 -> 40"]
    assert loosened(Mandate().quick().limits, LIMITS) == []
