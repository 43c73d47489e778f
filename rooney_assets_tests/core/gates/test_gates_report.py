"""The table of all gates: who has rows, of what they are, and what an override leaves as it is."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest

from rooney_core.gates.approvals import Override
from rooney_core.gates.backtest_gate import backtest_gate
from rooney_core.gates.evaluation import EVALUATION_SCHEMA
from rooney_core.gates.limits import GateLimits
from rooney_core.gates.paper import EMPTY, SKIPPED, paper_gate
from rooney_core.gates.paper.report import untraded_row
from rooney_core.gates.report import (
    GATE_SCHEMA,
    Candidate,
    MonthJudged,
    judge_backtest,
    judge_month,
    verdict_of,
)
from rooney_core.gates.stress import STRESS_SCHEMA, empty_report, stress_gate
from rooney_core.gates.verdict import VerdictThresholds

RETURNS = np.random.default_rng(3).normal(0.001, 0.002, 500)


def evaluation(version: str = "m1", **changes: Any) -> pl.DataFrame:
    row = {
        "model_version": version,
        "train_sharpe": 2.0,
        "validation_sharpe": 1.8,
        "test_sharpe": 1.6,
        "deflated_sharpe_z": 1.9,
        "deflated_sharpe_prob": 0.97,
        "test_win_rate": 0.56,
        "test_trades": 240,
        "n_trials_raw": 3000,
        "windows": "three_way",
    }
    return pl.DataFrame([row | changes], schema=EVALUATION_SCHEMA)


def stressed(version: str = "m1") -> pl.DataFrame:
    row = {"model_version": version, "net_profit_usd": 1.0, "annual_sharpe": 1.0}
    depth = {"max_drawdown": -0.1, "worst_loss": -0.1}
    return pl.DataFrame([row | depth] * 200, schema=STRESS_SCHEMA)


def month(paper: str = "cand", **overrides: Override) -> MonthJudged:
    rows = [
        {"symbol": "ES", "size": 2, "model_version": "m1", "reason": "chosen"},
        {"symbol": "NG", "size": 0, "model_version": None, "reason": "no evaluated model yet"},
    ]
    facts = {
        "rebalance_month": "2026-01",
        "release_id": "cand",
        "mandate_version": "mandate",
        "max_positions": 2,
    }
    return MonthJudged(
        release=pl.DataFrame([facts | row for row in rows]),
        paper=untraded_row(SKIPPED, "nobody did", candidate_id=paper),
        sharpes={"ES": 1.9},
        limits=GateLimits(),
        overrides={one.key: one for one in overrides.values()},
    )


def gates(table: pl.DataFrame, symbol: str) -> list[str]:
    rows = table.filter(pl.col("symbol") == symbol)
    return rows["gate"].unique(maintain_order=True).to_list()


def test_a_traded_symbol_has_every_gate_s_own_rows() -> None:
    candidate = Candidate(evaluation(), RETURNS, stressed())
    table = judge_month(month(), {"ES": candidate})
    assert table.schema == dict(GATE_SCHEMA)
    assert gates(table, "ES") == ["backtest", "stress", "paper", "selection"]
    alone = (
        *judge_backtest(candidate).rows,
        *stress_gate(stressed(), GateLimits().stress),
        *paper_gate(month().paper, GateLimits().paper),
    )
    told = table.filter(pl.col("symbol") == "ES", pl.col("gate") != "selection")
    assert told.select("gate", "code", "passed", "reason").rows() == [
        (one.gate, str(one.code), one.passed, one.reason) for one in alone
    ]
    assert set(table["candidate_id"]) == {"cand"}
    assert set(table["mandate_version"]) == {"mandate"}
    assert set(told["model_version"]) == {"m1"}


def test_a_symbol_that_was_never_evaluated_has_one_row_that_says_so() -> None:
    table = judge_month(month(), {})
    row = table.filter(pl.col("symbol") == "NG").row(0, named=True)
    assert gates(table, "NG") == ["selection"]
    assert (row["passed"], row["code"]) == (False, "left_out")
    assert row["reason"] == "no evaluated model yet"
    assert row["model_version"] is None


def test_a_symbol_that_is_not_traded_is_not_judged_on_paper() -> None:
    table = judge_month(month(), {"NG": Candidate(evaluation("m2"), RETURNS, stressed("m2"))})
    assert gates(table, "NG") == ["backtest", "stress", "selection"]


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (None, "no stress report"),
        (stressed("m0"), "the stress report is of model m0"),
        (empty_report(), "not run"),
    ],
    ids=["missing", "of another model", "empty"],
)
def test_a_stress_report_that_speaks_for_nobody_fails(
    report: pl.DataFrame | None, words: str
) -> None:
    table = judge_month(month(), {"ES": Candidate(evaluation(), RETURNS, report)})
    [row] = table.filter(pl.col("gate") == "stress").to_dicts()
    assert not row["passed"]
    assert words in row["reason"]


def test_paper_trading_of_another_candidate_fails() -> None:
    table = judge_month(month(paper="older"), {"ES": Candidate(evaluation(), RETURNS, stressed())})
    [row] = table.filter(pl.col("gate") == "paper").to_dicts()
    assert not row["passed"]
    assert row["reason"] == "paper traded was older, the candidate is cand"


def test_a_candidate_that_trades_nothing_has_no_row_of_paper() -> None:
    judged = month()
    empty = MonthJudged(
        release=judged.release.with_columns(size=pl.lit(0)),
        paper=untraded_row(EMPTY, "nothing", candidate_id="cand"),
        sharpes={},
        limits=GateLimits(),
    )
    assert "paper" not in set(judge_month(empty, {})["gate"])


def test_an_override_stands_beside_failed_rows_and_changes_none() -> None:
    until = date(2026, 3, 1)
    given = Override(symbol="ES", gate="paper", reason="feed", until=until, who="bob")
    other = Override(symbol="ES", gate="stress", reason="x", until=until, who="bob")
    candidates = {"ES": Candidate(evaluation(), RETURNS, stressed())}
    table = judge_month(month(a=given, b=other), candidates)
    plain = judge_month(month(), candidates)
    beside = ["overridden_until", "override_reason"]
    assert table.drop(beside).equals(plain.drop(beside))
    shown = table.filter(pl.col("overridden_until").is_not_null())
    assert set(shown["gate"]) == {"paper"}
    assert set(shown["override_reason"]) == {"bob: feed"}
    assert not shown["passed"].any()


def test_gate_one_is_of_the_compounded_test_days() -> None:
    """By another way: a loop over the days."""
    equity, peak, deepest = 1.0, 1.0, 0.0
    for one in RETURNS:
        equity *= 1.0 + one
        peak = max(peak, equity)
        deepest = min(deepest, equity / peak - 1.0)
    sharpe = RETURNS.mean() / RETURNS.std(ddof=1) * 252**0.5
    found = judge_backtest(Candidate(evaluation(), RETURNS))
    wanted = backtest_gate(3000, equity - 1.0, sharpe, deepest, verdict_of(evaluation()))
    assert [row.value for row in found.rows] == pytest.approx([row.value for row in wanted.rows])


def test_the_mandate_s_verdict_judges() -> None:
    weak = evaluation(test_sharpe=0.8)
    assert not verdict_of(weak).passed
    assert verdict_of(weak, VerdictThresholds(min_test_sharpe=0.7)).passed
    assert not verdict_of(evaluation(test_sharpe=None)).passed
