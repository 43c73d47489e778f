"""One month: who is in, with how many contracts, for which reason, and what hangs on what."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from portfolio_symbols import COST, SESSIONS, candidate, trades, universe_of

from rooney_core.portfolio import greedy_portfolio
from rooney_core.portfolio.candidates import Standing
from rooney_core.portfolio.compared import SENSITIVITY_SCHEMA, WEIGHTS_SCHEMA
from rooney_core.portfolio.monthly import (
    DAYS_SCHEMA,
    PORTFOLIO_SCHEMA,
    REASONS_SCHEMA,
    SUMMARY_SCHEMA,
    select_portfolio,
)
from rooney_core.portfolio.settings import PortfolioLimits

LIMITS = PortfolioLimits()
SYMBOLS = ("SIM_A", "SIM_B", "SIM_C", "SIM_D", "SIM_X", "SIM_Y")
UNIVERSE = universe_of(*SYMBOLS)
REFUSED = {"SIM_X": Standing("verdict_failed", "model verdict fail: too little")}
VALIDATION = SESSIONS.filter(date(2019, 1, 1) <= SESSIONS)


def market() -> dict:
    """Three with an edge, one of them loud; one without; one that an earlier judge refused."""
    return {
        "SIM_A": candidate("SIM_A", 1, edge=0.0012, margin_usd=9_000.0),
        "SIM_B": candidate("SIM_B", 2, edge=0.0011),
        "SIM_C": candidate("SIM_C", 3, edge=0.0025, sigma=0.008),
        "SIM_D": candidate("SIM_D", 4, edge=-0.0008),
        "SIM_X": candidate("SIM_X", 5, edge=0.005),
    }


@pytest.fixture(scope="module")
def month():
    return select_portfolio("2026-10", market(), REFUSED, UNIVERSE, LIMITS)


def daily(one, factor: float = 1.0) -> np.ndarray:
    """Returns of the validation days, booked by hand."""
    booked = dict.fromkeys(VALIDATION.to_list(), 0.0)
    for row in one.trades.iter_rows(named=True):
        held = list(zip(row["held_sessions"], row["held_return"], strict=True))
        if held[0][0] < date(2019, 1, 1) or held[-1][0] not in booked:
            continue
        for day, earned in held:
            booked[day] += earned
        booked[held[-1][0]] -= (factor - 1) * COST
    return np.array(list(booked.values()))


def sharpe(values: np.ndarray) -> float:
    return values.mean() / values.std(ddof=1) * 252**0.5


def test_schemas(month) -> None:
    assert month.members.schema == pl.Schema(PORTFOLIO_SCHEMA)
    assert month.standings.schema == pl.Schema(REASONS_SCHEMA)
    assert month.summary.schema == pl.Schema(SUMMARY_SCHEMA)
    assert month.weights.schema == pl.Schema(WEIGHTS_SCHEMA)
    assert month.sensitivity.schema == pl.Schema(SENSITIVITY_SCHEMA)
    assert month.days.schema == pl.Schema(DAYS_SCHEMA)
    assert set(month.beside) == {"reasons", "summary", "days", "weights", "sensitivity"}


def test_members_are_those_of_the_public_selection_on_the_validation_days(month) -> None:
    returns = {name: daily(one) for name, one in market().items() if name != "SIM_X"}
    expected = greedy_portfolio(returns)
    assert month.members["symbol"].to_list() == [one.symbol for one in expected.members]
    assert month.members["symbol"].to_list() != []
    assert month.members["sharpe"].to_list() == pytest.approx([m.sharpe for m in expected.members])
    assert month.members["marginal_sharpe"].to_list() == pytest.approx(
        [one.marginal_sharpe for one in expected.members]
    )
    assert month.members["priority"].to_list() == list(range(1, month.members.height + 1))


def test_sizes_keep_the_target_and_the_margin(month) -> None:
    rows = month.members.to_dicts()
    returns = {row["symbol"]: daily(market()[row["symbol"]]) for row in rows}
    together = sum(50_000.0 * row["size"] * returns[row["symbol"]] for row in rows)
    volatility = together.std(ddof=1) * 252**0.5
    assert volatility <= 0.15 * 250_000
    for row in rows:
        one_more = together + 50_000.0 * returns[row["symbol"]]
        own = returns[row["symbol"]].std(ddof=1) * 252**0.5 * 50_000
        assert row["annual_volatility_usd"] == pytest.approx(own)
        # Near its share of equal risk, one contract more of any would be too much.
        assert one_more.std(ddof=1) * 252**0.5 > 0.93 * 0.15 * 250_000
    margins = {"SIM_A": 9_000.0}
    assert {row["symbol"]: row["margin_per_contract_usd"] for row in rows} == {
        row["symbol"]: margins.get(row["symbol"], 5_000.0) for row in rows
    }
    assert [row["is_margin_assumed"] for row in rows] == [row["symbol"] != "SIM_A" for row in rows]
    held = sorted((row["size"] * row["margin_per_contract_usd"] for row in rows), reverse=True)
    assert month.summary["margin_at_once_usd"][0] == pytest.approx(sum(held[:2]))
    assert sum(held[:2]) <= 125_000


def test_every_tradable_symbol_has_a_reason(month) -> None:
    codes = dict(month.standings.select("symbol", "code").iter_rows())
    assert list(codes) == list(SYMBOLS)
    assert codes["SIM_X"] == "verdict_failed"
    assert codes["SIM_Y"] == "not_evaluated"
    assert codes["SIM_D"] == "sharpe_below_minimum"
    members = set(month.members["symbol"])
    assert {name for name, code in codes.items() if code == "chosen"} == members
    assert set(month.standings.filter("is_member")["symbol"]) == members
    assert "below 1.2" in month.reasons["SIM_D"]


def test_the_summary_is_of_the_members_traded_together(month) -> None:
    row = month.summary.row(0, named=True)
    names = month.members["symbol"].to_list()
    assert row["n_members"] == len(names)
    assert row["first_session"] == date(2019, 1, 1)
    assert row["last_session"] == date(2020, 12, 31)
    pairs = [
        np.corrcoef(daily(market()[a]), daily(market()[b]))[0, 1]
        for i, a in enumerate(names)
        for b in names[i + 1 :]
    ]
    assert row["average_correlation"] == pytest.approx(np.mean(pairs))
    assert row["trades_per_year"] == pytest.approx(row["n_trades"] * 252 / len(VALIDATION))
    assert row["net_profit_usd"] > 0
    assert -1 < row["max_drawdown"] < 0
    assert month.days["session"].to_list() == VALIDATION.to_list()
    assert month.days["daily_pnl_usd"].sum() == pytest.approx(row["net_profit_usd"])
    assert month.days["equity_usd"][-1] == pytest.approx(250_000 + row["net_profit_usd"])
    assert month.days["drawdown"].min() == pytest.approx(row["max_drawdown"])


def test_with_room_for_all_the_sum_of_the_members_is_the_portfolio() -> None:
    room = LIMITS.model_copy(update={"max_positions": 20, "max_margin_share": 1.0})
    month = select_portfolio("2026-10", market(), REFUSED, UNIVERSE, room)
    rows = month.members.to_dicts()
    parts = {row["symbol"]: 5e4 * row["size"] * daily(market()[row["symbol"]]) for row in rows}
    together = sum(parts.values())
    facts = month.summary.row(0, named=True)
    assert facts["n_denied"] == 0
    assert facts["annual_sharpe"] == pytest.approx(sharpe(together))
    assert facts["annual_volatility"] == pytest.approx(together.std(ddof=1) * 252**0.5 / 250_000)
    for row in rows:
        alone = sharpe(together - parts[row["symbol"]])
        assert row["marginal_contribution"] == pytest.approx(sharpe(together) - alone)


def test_costs_twice_and_a_symbol_less(month) -> None:
    cases = {row["case"]: row for row in month.sensitivity.iter_rows(named=True)}
    names = month.members["symbol"].to_list()
    without = [f"without {name}" for name in names]
    assert list(cases) == ["base", *without, "a year earlier", "double costs"]
    assert cases["base"]["annual_sharpe"] == pytest.approx(month.summary["annual_sharpe"][0])
    assert cases["base"]["sharpe_of_same_sizes"] == cases["base"]["annual_sharpe"]
    assert cases["double costs"]["sharpe_of_same_sizes"] < cases["base"]["annual_sharpe"]
    assert cases["a year earlier"]["first_session"] == date(2018, 1, 1)
    assert cases["a year earlier"]["last_session"] == date(2019, 12, 31)
    for name in names:
        case = cases[f"without {name}"]
        assert name not in case["members"]
        row = month.members.row(by_predicate=pl.col("symbol") == name, named=True)
        left = cases["base"]["annual_sharpe"] - case["sharpe_of_same_sizes"]
        assert row["marginal_contribution"] == pytest.approx(left)
        less = {symbol: one for symbol, one in market().items() if symbol != name}
        anew = select_portfolio("2026-10", less, REFUSED, UNIVERSE, LIMITS)
        assert case["annual_sharpe"] == pytest.approx(anew.summary["annual_sharpe"][0])


def test_double_costs_choose_anew(month) -> None:
    twice = {}
    for name, one in market().items():
        paid = one.trades.with_columns(
            pl.struct("held_return")
            .map_elements(
                lambda row: [*row["held_return"][:-1], row["held_return"][-1] - COST],
                return_dtype=pl.List(pl.Float64),
            )
            .alias("held_return")
        )
        twice[name] = replace(one, trades=paid)
    anew = select_portfolio("2026-10", twice, REFUSED, UNIVERSE, LIMITS)
    case = month.sensitivity.filter(pl.col("case") == "double costs").row(0, named=True)
    assert case["annual_sharpe"] == pytest.approx(anew.summary["annual_sharpe"][0])
    assert case["n_members"] == anew.members.height


def test_weights_add_up_and_their_sharpes_are_of_the_weighted_days(month) -> None:
    qualified = [
        name for name, one in market().items() if name != "SIM_X" and sharpe(daily(one)) >= 1.2
    ]
    for (scheme,), part in month.weights.group_by("scheme", maintain_order=True):
        assert part["weight"].sum() == pytest.approx(1.0)
        days = sum(
            weight * daily(market()[name])
            for name, weight in part.select("symbol", "weight").iter_rows()
        )
        assert part["scheme_annual_sharpe"][0] == pytest.approx(sharpe(days))
        if scheme != "greedy":
            assert part["symbol"].to_list() == qualified
    equal = month.weights.filter(pl.col("scheme") == "equal_weight")["weight"]
    assert equal.to_list() == pytest.approx([1 / len(qualified)] * len(qualified))


def test_nobody_qualifies_is_an_empty_portfolio_with_reasons() -> None:
    strict = LIMITS.model_copy(update={"min_sharpe": 10.0})
    for candidates in (market(), {}):
        month = select_portfolio("2026-10", candidates, REFUSED, UNIVERSE, strict)
        assert month.members.schema == pl.Schema(PORTFOLIO_SCHEMA)
        assert month.members.height == month.weights.height == month.days.height == 0
        assert month.standings.height == len(SYMBOLS)
        assert (month.standings["reason"].str.len_chars() > 0).all()
        assert month.sensitivity["case"].to_list() == ["base", "a year earlier", "double costs"]
        facts = month.summary.row(0, named=True)
        assert facts["n_members"] == facts["n_trades"] == 0
        # Nothing is not a drawdown of zero.
        assert facts["annual_sharpe"] is facts["max_drawdown"] is facts["net_profit_usd"] is None


def test_a_contract_too_large_for_the_cash_stays_out_and_the_others_grow() -> None:
    large = market() | {"SIM_A": candidate("SIM_A", 1, edge=0.0012, value_usd=3_000_000.0)}
    month = select_portfolio("2026-10", large, REFUSED, UNIVERSE, LIMITS)
    codes = dict(month.standings.select("symbol", "code").iter_rows())
    assert codes["SIM_A"] == "too_large"
    assert "SIM_A" not in month.members["symbol"]
    others = {name: one for name, one in market().items() if name != "SIM_A"}
    alone = select_portfolio("2026-10", others, REFUSED, UNIVERSE, LIMITS)
    sizes = dict(alone.members.select("symbol", "size").iter_rows())
    assert dict(month.members.select("symbol", "size").iter_rows()) == sizes


def test_the_month_before_limits_who_comes_in(month) -> None:
    slow = LIMITS.model_copy(update={"max_new_symbols": 1, "max_size_increase": 1})
    first, second, *_ = month.members["symbol"].to_list()
    found = select_portfolio("2026-11", market(), REFUSED, UNIVERSE, slow, {second: 1, "SIM_D": 4})
    sizes = dict(found.members.select("symbol", "size").iter_rows())
    assert list(sizes) == [first, second]
    assert sizes[second] == 2
    codes = dict(found.standings.select("symbol", "code").iter_rows())
    waiting = set(month.members["symbol"]) - {first, second}
    assert {codes[name] for name in waiting} == {"turnover"}
    assert "instead of" in found.reasons[second]


def test_a_model_that_was_trained_on_the_selection_window_is_told(month) -> None:
    known = {name: replace(one, is_in_sample=name == "SIM_A") for name, one in market().items()}
    found = select_portfolio("2026-10", known, REFUSED, UNIVERSE, LIMITS)
    assert found.members.equals(month.members)
    assert found.reasons["SIM_A"] == f"{month.reasons['SIM_A']} (its model was trained on that " + (
        "window too)"
    )


def test_an_override_is_told_where_its_symbol_is_a_member() -> None:
    words = "stress gate until 2026-12-31 by me: a test"
    known = {name: replace(one, overrides=(words,)) for name, one in market().items()}
    found = select_portfolio("2026-10", known, REFUSED, UNIVERSE, LIMITS)
    told = found.standings.filter(pl.col("reason").str.contains(f"OVERRIDE {words}", literal=True))
    assert told["symbol"].sort().to_list() == found.members["symbol"].sort().to_list()


def test_a_candidate_without_a_trade_is_out() -> None:
    silent = replace(market()["SIM_A"], trades=trades([]))
    month = select_portfolio("2026-10", {"SIM_A": silent}, {}, UNIVERSE, LIMITS)
    codes = dict(month.standings.select("symbol", "code").iter_rows())
    assert codes["SIM_A"] == "no_sharpe"
