"""What may change from one month to the next, and how a change is told."""

import polars as pl
import pytest

from rooney_core.portfolio.settings import PortfolioLimits
from rooney_core.portfolio.turnover import diff_portfolios, limit_turnover, turnover_breaches

LIMITS = PortfolioLimits(max_new_symbols=1, max_size_increase=2)


def portfolio(**sizes: int) -> pl.DataFrame:
    schema = {"symbol": pl.String, "size": pl.Int64}
    return pl.DataFrame({"symbol": list(sizes), "size": list(sizes.values())}, schema=schema)


def test_the_diff_of_the_issue() -> None:
    lines = diff_portfolios(
        portfolio(SI=1, RTY=2, ES=1),
        portfolio(ES=1, RTY=1, NG=3),
        {"SI": "Sharpe 1.1 below 1.2", "NG": "chosen"},
    )
    assert lines == ["- SI: Sharpe 1.1 below 1.2", "+ NG", "~ RTY 2 -> 1"]


def test_equal_portfolios_differ_in_nothing_and_the_first_adds_all() -> None:
    assert diff_portfolios(portfolio(ES=1, NQ=2), portfolio(NQ=2, ES=1), {}) == []
    assert diff_portfolios(None, portfolio(ES=1, NQ=2), {}) == ["+ ES", "+ NQ"]
    assert diff_portfolios(portfolio(ES=1), portfolio(), {}) == ["- ES: not chosen"]
    assert diff_portfolios(portfolio(ES=0, NQ=1), portfolio(NQ=1), {}) == []


def test_new_symbols_come_in_by_priority_and_the_others_wait() -> None:
    found = limit_turnover({"ES": 1}, {"NG": 4, "ES": 1, "SI": 1}, LIMITS)
    assert dict(found.sizes) == {"NG": 4, "ES": 1}
    assert list(found.postponed) == ["SI"]


def test_a_size_grows_slowly_and_shrinks_at_once() -> None:
    found = limit_turnover({"ES": 1, "NQ": 9}, {"ES": 5, "NQ": 1}, LIMITS)
    assert dict(found.sizes) == {"ES": 3, "NQ": 1}
    assert list(found.held_back) == ["ES"]
    assert "instead of 5" in found.held_back["ES"]


@pytest.mark.parametrize("before", [{}, {"ES": 0}])
def test_where_nothing_was_traded_nothing_is_limited(before) -> None:
    wanted = {"A": 1, "B": 9, "C": 3}
    assert dict(limit_turnover(before, wanted, LIMITS).sizes) == wanted
    assert turnover_breaches(before, wanted, LIMITS) == ()


def test_breaches_say_who_and_why() -> None:
    breaches = turnover_breaches({"ES": 1, "X": 2}, {"ES": 4, "A": 1, "B": 1, "X": 0}, LIMITS)
    assert [one.split()[0] for one in breaches] == ["B", "ES"]
    assert turnover_breaches({"ES": 1, "X": 2}, {"ES": 3, "A": 1}, LIMITS) == ()
