"""Gate 3: grades and rows by hand, the numbers by another route, and the limits' own order."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import product

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError
from scipy.stats import binom, binomtest, norm

from rooney_core.gates.paper import (
    PAPER_SCHEMA,
    PaperCode,
    PaperLimits,
    PaperTier,
    paper_facts,
    paper_gate,
    paper_grade,
    paper_row,
    untraded_row,
    win_rate_implies,
)

CASH = 250_000.0
LIMITS = PaperLimits()
FINE = {
    "n_sessions": 20,
    "n_trades": 10,
    "win_rate": 0.9,
    "win_rate_high": 0.99,
    "annual_sharpe": 2.0,
    "annual_sharpe_high": 9.0,
    "annual_alpha": 0.1,
    "annual_alpha_high": 0.5,
    "max_drawdown": -0.01,
    "confidence": 0.98,
}


def days(pnl, market=None):
    first = date(2025, 12, 1)
    return pl.DataFrame(
        {
            "session": [first + timedelta(days=number) for number in range(len(pnl))],
            "daily_pnl_usd": pl.Series(pnl, dtype=pl.Float64),
            "buy_hold_pnl_usd": pl.Series(market or [0.0] * len(pnl), dtype=pl.Float64),
        }
    )


def report_of(facts, limits=LIMITS):
    counts = ("n_emergency_stops", "n_unexplained", "n_unexplained_by_trader")
    return paper_row(facts, limits, **({name: facts.get(name, 0) for name in counts}))


def codes(report, limits=LIMITS):
    return {one.code: one for one in paper_gate(report, limits)}


@pytest.mark.parametrize(
    ("changed", "grade"),
    [
        ({}, "A"),
        # The seed's tier: above 80 %, not at it.
        ({"win_rate": 0.8}, "B"),
        ({"annual_sharpe": 1.0}, "B"),
        ({"annual_alpha": 0.0}, "B"),
        ({"max_drawdown": -0.05}, "B"),
        # A loss that a few sessions may well show does not contradict.
        ({"annual_sharpe": -1.5, "annual_alpha": -0.2, "win_rate": 0.4}, "B"),
        ({"annual_alpha_high": 0.0, "annual_alpha": -0.3}, "C"),
        ({"win_rate": 0.0, "win_rate_high": 0.3}, "C"),
        ({"max_drawdown": -0.1}, "B"),
        ({"max_drawdown": -0.15}, "C"),
        ({"annual_sharpe": -9.0, "annual_sharpe_high": 0.0}, "D"),
        ({"max_drawdown": -0.2}, "D"),
        ({"max_drawdown": -0.25}, "F"),
        ({"n_sessions": 6}, "F"),
        ({"n_trades": 4}, "F"),
        ({"n_emergency_stops": 1}, "F"),
        ({"n_unexplained": 1}, "F"),
        ({"n_unexplained_by_trader": 1}, "F"),
        ({"n_unexplained_by_trader": None}, "F"),
        ({"max_drawdown": None}, "F"),
        ({"annual_sharpe": None, "annual_sharpe_high": None}, "D"),
    ],
)
def test_the_grade_is_the_best_whose_every_minimum_is_met(changed, grade):
    report = report_of(FINE | changed)
    assert report["grade"][0] == paper_grade(report, LIMITS) == grade
    rows = paper_gate(report, LIMITS)
    assert all(one.passed for one in rows) == (grade in "AB")
    assert codes(report)[PaperCode.GRADE].passed == (grade in "AB")


def test_a_mandate_may_promote_the_seeds_tier_alone():
    strict = PaperLimits(lowest_promoted="A")
    for win_rate, passes in ((0.8, False), (0.81, True)):
        report = report_of(FINE | {"win_rate": win_rate}, strict)
        row = codes(report, strict)[PaperCode.WIN_RATE]
        assert (row.value, row.threshold, row.passed) == (win_rate, 0.8, passes)
        assert all(one.passed for one in paper_gate(report, strict)) == passes


def test_whatever_the_numbers_the_gate_passes_exactly_with_grades_a_and_b():
    """All combinations of values around every limit: rows and grade never disagree."""
    around = {
        "win_rate_high": (0.2, 0.5),
        "win_rate": (0.1, 0.85),
        "annual_sharpe_high": (-1.0, 5.0),
        "annual_sharpe": (-2.0, 1.5),
        "annual_alpha_high": (-0.1, 0.3),
        "max_drawdown": (-0.3, -0.17, -0.07, -0.01, None),
        "n_sessions": (6, 7),
        "n_emergency_stops": (0, 1),
    }
    for values in product(*around.values()):
        report = report_of(FINE | dict(zip(around, values, strict=True)))
        # An estimate above the upper end of its own interval is no result of anything.
        row = report.row(0, named=True)
        if any(row[name] > row[f"{name}_high"] for name in ("win_rate", "annual_sharpe")):
            continue
        passed = all(one.passed for one in paper_gate(report, LIMITS))
        assert passed == (report["grade"][0] in "AB")


def test_reasons_name_the_numbers():
    report = report_of(FINE | {"n_unexplained": 3})
    row = codes(report)[PaperCode.UNEXPLAINED_DIFFERENCES]
    assert row.reason.startswith("3 differences to the replay that nothing explains")
    assert (row.value, row.threshold, row.passed) == (3.0, 0.0, False)


def test_a_candidate_that_trades_nothing_passes_and_one_that_was_not_traded_does_not():
    (empty,) = paper_gate(untraded_row("nothing_to_trade", "no member"), LIMITS)
    assert (empty.code, empty.passed, empty.reason) == ("nothing_to_trade", True, "no member")
    (skipped,) = paper_gate(untraded_row("not_paper_traded", "older"), LIMITS)
    assert (skipped.code, skipped.passed) == ("not_paper_traded", False)


def test_the_numbers_of_a_report_by_another_route():
    random = np.random.default_rng(7)
    pnl, market = random.normal(200, 900, 24), random.normal(0, 2500, 24)
    profits = [500.0, -200.0, 0.0, 900.0, 1.0]
    facts = paper_facts(days(pnl.tolist(), market.tolist()), profits, CASH, 0.9)
    returns = pnl / CASH
    sharpe = returns.mean() / returns.std(ddof=1)
    assert facts["annual_sharpe"] == pytest.approx(sharpe * math.sqrt(252))
    # Lo's standard error of normal returns is close to Mertens' of these.
    lo = math.sqrt((1 + sharpe**2 / 2) / 24) * math.sqrt(252) * 1.645
    assert facts["annual_sharpe_high"] - facts["annual_sharpe"] == pytest.approx(lo, rel=0.1)
    exact = binomtest(3, 5).proportion_ci(0.9, method="exact")
    assert facts["win_rate"] == 0.6
    assert (facts["win_rate_low"], facts["win_rate_high"]) == pytest.approx((exact.low, exact.high))
    assert facts["annual_alpha"] == pytest.approx(
        np.polyfit(market / CASH, returns, 1)[1] * 252, rel=1e-9
    )
    assert facts["net_profit_usd"] == pytest.approx(pnl.sum())
    assert facts["buy_hold_return"] == pytest.approx(market.sum() / CASH)


def test_a_losing_streak_is_no_surer_than_noise():
    """Mean and skew below 0 shrink Mertens' error; the interval is then that of a Sharpe of 0."""
    lost = [0.0] * 30 + [
        500.0,
        -3000.0,
        500.0,
        1600.0,
        -1900.0,
        -6700.0,
        -1600.0,
        -2400.0,
        0.0,
        0.0,
    ]
    facts = paper_facts(days(lost), [], CASH, 0.98)
    assert facts["annual_sharpe"] < -3.0
    reach = norm.ppf(0.99) * math.sqrt(252 / 40)
    assert facts["annual_sharpe_high"] - facts["annual_sharpe"] == pytest.approx(reach)
    assert facts["annual_sharpe_high"] > 0.0


def test_the_drawdown_counts_the_starting_cash_and_a_first_losing_day():
    facts = paper_facts(days([-25_000.0, 50_000.0, -55_000.0]), [], CASH, 0.9)
    assert facts["max_drawdown"] == pytest.approx(-55_000 / 275_000)
    assert paper_facts(days([-25_000.0, 50_000.0]), [], CASH, 0.9)["max_drawdown"] == pytest.approx(
        -0.1
    )


def test_a_trader_that_stopped_before_its_first_decision_has_a_report_and_an_f():
    facts = paper_facts(days([]), [], CASH, 0.9)
    assert (facts["n_sessions"], facts["n_trades"], facts["net_profit_usd"]) == (0, 0, 0.0)
    report = report_of({**facts, "n_emergency_stops": 1})
    names = ("annual_sharpe", "annual_sharpe_high", "win_rate", "annual_alpha", "beta")
    assert [report[name][0] for name in names] == [None] * 5
    assert report["grade"][0] == "F"


def test_undefined_is_null_and_fails():
    facts = paper_facts(days([0.0] * 10), [], CASH, 0.9)
    report = report_of(facts)
    assert report.schema == pl.Schema(PAPER_SCHEMA)
    assert report["annual_sharpe"][0] is None
    assert report["win_rate"][0] is None
    assert report["grade"][0] == "F"
    assert "is undefined" in codes(report)[PaperCode.ANNUAL_SHARPE].reason
    silent = report_of(FINE | {"n_unexplained_by_trader": None})
    told = codes(silent)[PaperCode.UNEXPLAINED_DIFFERENCES].reason
    assert told.startswith("nobody knows how many differences")
    assert "own count: none given" in told


def test_the_note_on_the_seeds_win_rate_says_what_it_asks_for():
    note = win_rate_implies(0.8, 10)
    # 9 of 10, which a 60 % winner shows with 10 * 0.6^9 * 0.4 + 0.6^10.
    chance = 10 * 0.6**9 * 0.4 + 0.6**10
    assert "asks for 9 wins, which a strategy that truly wins 60% shows with a chance of" in note
    assert f"{chance:.1%}" in note
    assert "4 times the wins" in note
    assert binom.sf(8, 10, 0.6) == pytest.approx(chance)


@pytest.mark.parametrize(
    "wrong",
    [
        {"min_sessions": 6},
        {"sessions": 10, "min_sessions": 11},
        {"sessions": 60, "max_sessions": 40},
        {"confidence": 1.0},
        {"lowest_promoted": "C"},
        {"win_rate": 0.8},
        {"b": PaperTier(evidence="measured", max_drawdown=0.01)},
        {"c": PaperTier(evidence="measured")},
        {"d": PaperTier(evidence="not_contradicted", min_win_rate=0.5)},
    ],
)
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValidationError):
        PaperLimits.model_validate(wrong)


def test_an_edge_is_seldom_stopped_by_bad_luck_in_twenty_sessions():
    """A true annual Sharpe of 3 fails what B asks in well under 1 of 100 periods of 20 days."""
    random, failed = np.random.default_rng(11), 0
    n, spread = 300, 0.006
    for _ in range(n):
        returns = random.normal(3 / math.sqrt(252) * spread, spread, 20)
        facts = paper_facts(days((returns * CASH).tolist()), [1.0] * 6 + [-1.0] * 4, CASH, 0.98)
        failed += paper_grade(report_of(facts), LIMITS) not in "AB"
    assert failed / n < 0.01
