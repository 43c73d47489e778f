"""Checks of stage 4: equity and portfolio."""

from __future__ import annotations

import polars as pl

from rooney_assets.assets.portfolio import month_before
from rooney_assets.graph.declaration import Here, Outcome, check
from rooney_core.portfolio.turnover import sizes_of, turnover_breaches

CENT = 0.01


@check("equity_curve", blocking=True)
def equity_adds_up(table: pl.DataFrame, here: Here) -> Outcome:
    """Equity changes by exactly the day's P&L, to the cent."""
    gap = (table["equity_usd"].diff() - table["daily_pnl_usd"]).drop_nulls().abs().max()
    return Outcome(float(gap or 0.0) < CENT, {"largest difference, USD": float(gap or 0.0)})


@check("equity_curve", blocking=True)
def days_are_what_was_published(table: pl.DataFrame, here: Here) -> Outcome:
    """Every session is there once, in order, and the test days are those of the evaluation."""
    ordered = table["session"].is_unique().all() and table["session"].is_sorted()
    evaluation = here.lake.read("model_evaluation", ("symbol", here.symbol))
    published = evaluation["test_daily_pnl_usd"][0].to_list()
    tested = table.filter(pl.col("window") == "test")["daily_pnl_usd"].to_list()
    facts = {"sessions": table.height, "test sessions": len(tested), "in order": ordered}
    return Outcome(bool(ordered) and tested == published, facts)


@check("equity_curve")
def drawdown_is_bearable(table: pl.DataFrame, here: Here) -> Outcome:
    """The deepest drawdown stays above -20 %."""
    deepest = float(table["drawdown"].min() or 0.0)
    return Outcome(-0.2 < deepest <= 0, {"deepest drawdown": deepest})


@check("portfolio_config", blocking=True)
def members_are_tradable(table: pl.DataFrame, here: Here) -> Outcome:
    """Every member is a tradable symbol, once, with a size of at least one contract."""
    symbols = table["symbol"].to_list()
    fine = set(symbols) <= set(here.universe.tradable) and len(symbols) == len(set(symbols))
    return Outcome(fine and bool((table["size"] >= 1).all()), {"members": ", ".join(symbols)})


@check("portfolio_config", blocking=True)
def limits_are_kept(table: pl.DataFrame, here: Here) -> Outcome:
    """Sharpe at or above the minimum and correlation at or below the maximum, for every member."""
    limits = here.params.portfolio
    kept = (pl.col("sharpe") >= limits.min_sharpe) & (
        pl.col("correlation") <= limits.max_correlation
    )
    broken = table.filter(~kept.fill_null(False) | pl.col("sharpe").is_nan())
    return Outcome(broken.is_empty(), {"breaking a limit": ", ".join(broken["symbol"])})


@check("portfolio_config", blocking=True)
def sizes_fit_the_cash(table: pl.DataFrame, here: Here) -> Outcome:
    """The largest margins that can be held at one time stay within their share of the cash."""
    limits = here.params.portfolio
    margins = (table["size"] * table["margin_per_contract_usd"]).sort(descending=True)
    at_once = float(margins.head(limits.max_positions).sum())
    allowed = limits.max_margin_share * limits.starting_cash_usd
    return Outcome(at_once <= allowed, {"margin at once, USD": at_once, "allowed, USD": allowed})


@check("portfolio_config")
def volatility_is_the_target(table: pl.DataFrame, here: Here) -> Outcome:
    """Traded together, the members' volatility in the selection window is at or below the target.

    Sizes are set with every trade taken; the limit on open positions leaves some out, which can
    take a hedge away too.
    """
    measured = here.beside["summary"]["annual_volatility"][0]
    target = here.params.portfolio.target_annual_volatility
    facts = {"volatility": "none" if measured is None else measured, "target": target}
    return Outcome(measured is None or measured <= target, facts)


@check("portfolio_config", blocking=True)
def turnover_is_limited(table: pl.DataFrame, here: Here) -> Outcome:
    """Against the month before, no more symbols come in and no size grows more than allowed."""
    before = month_before(here)
    held = {} if before is None else sizes_of(before)
    breaches = turnover_breaches(held, sizes_of(table), here.params.portfolio)
    return Outcome(not breaches, {"held before": len(held), "breaches": "; ".join(breaches)})


@check("portfolio_config", blocking=True)
def every_symbol_has_a_reason(table: pl.DataFrame, here: Here) -> Outcome:
    """Each tradable symbol is in or out for a reason in words, and the members are those in."""
    standings = here.beside["reasons"]
    told = standings.filter(pl.col("reason").str.len_chars() > 0)["symbol"].to_list()
    mute = sorted(set(here.universe.tradable) - set(told))
    members = set(standings.filter("is_member")["symbol"])
    fits = members == set(table["symbol"])
    return Outcome(not mute and fits, {"without a reason": ", ".join(mute), "members told": fits})


@check("portfolio_config")
def something_to_trade(table: pl.DataFrame, here: Here) -> Outcome:
    """At least one symbol is traded. An empty portfolio is a valid answer, but worth a look."""
    return Outcome(table.height > 0, {"members": table.height})
