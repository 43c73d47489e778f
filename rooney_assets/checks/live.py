"""Checks of what the trader wrote down: is it whole, and is nothing on record told otherwise."""

from __future__ import annotations

import polars as pl

from rooney_assets.feedback.landing import problem
from rooney_assets.feedback.schemas import RUNS_SCHEMA
from rooney_assets.graph.declaration import Here, Outcome, Severity, check

ROUNDING_USD = 0.01


@check("live_runs", severity=Severity.ERROR)
def journal_is_readable(table: pl.DataFrame, here: Here) -> Outcome:
    """The trader's journal was landed, or there is none."""
    told = problem(here.lake)
    return Outcome(told is None, {"reason": told or "nothing is wrong", "runs": table.height})


@check("live_runs", blocking=True)
def runs_are_named_once(table: pl.DataFrame, here: Here) -> Outcome:
    """One row per run, in the schema that everything else reads."""
    twice = table.filter(pl.col("run_id").is_duplicated())
    fits = table.schema == pl.Schema(RUNS_SCHEMA)
    return Outcome(twice.is_empty() and fits, {"runs": table.height}, twice)


@check("live_runs", severity=Severity.ERROR)
def trader_never_stopped_by_itself(table: pl.DataFrame, here: Here) -> Outcome:
    """No run of the trader ended in an emergency stop of its own."""
    stopped = table.filter(pl.col("n_emergency_stops") > 0)
    return Outcome(stopped.is_empty(), {"runs": stopped.height}, stopped)


@check("live_decisions", severity=Severity.ERROR)
def no_decision_is_contradicted(table: pl.DataFrame, here: Here) -> Outcome:
    """The journal tells every decision as it is on record."""
    return _contradicted(here)


@check("live_decisions", blocking=True)
def one_decision_per_bar(table: pl.DataFrame, here: Here) -> Outcome:
    """A run has one decision per symbol and bar, each with a code and a session."""
    twice = table.filter(pl.struct("run_id", "symbol", "bar_end").is_duplicated())
    nameless = table.filter(pl.col("code").is_null() | pl.col("session").is_null())
    fine = twice.is_empty() and nameless.is_empty()
    return Outcome(fine, {"twice": twice.height, "without a code": nameless.height}, twice)


@check("live_orders", blocking=True)
def orders_are_named_once(table: pl.DataFrame, here: Here) -> Outcome:
    """An order's name is its own."""
    twice = table.filter(pl.col("order_id").is_duplicated())
    return Outcome(twice.is_empty(), {"orders": table.height}, twice)


@check("live_orders", severity=Severity.ERROR)
def one_entry_per_decision(table: pl.DataFrame, here: Here) -> Outcome:
    """Nothing was ever entered twice: one entry per run, symbol and bar."""
    entries = table.filter(pl.col("intent") == "enter")
    twice = entries.filter(pl.struct("run_id", "symbol", "decided_at").is_duplicated())
    return Outcome(twice.is_empty(), {"entries": entries.height}, twice)


@check("live_orders")
def every_outcome_is_known(table: pl.DataFrame, here: Here) -> Outcome:
    """The broker answered every order that was sent to it."""
    unknown = table.filter(pl.col("state").is_in(["UNKNOWN", "SENDING"]))
    return Outcome(unknown.is_empty(), {"unknown": unknown.height}, unknown)


@check("live_fills", blocking=True)
def one_fill_per_order_and_source(table: pl.DataFrame, here: Here) -> Outcome:
    """An order has one expected and one reported fill at most."""
    twice = table.filter(pl.struct("order_id", "fill_source").is_duplicated())
    return Outcome(twice.is_empty(), {"fills": table.height}, twice)


@check("live_fills", severity=Severity.ERROR)
def fills_are_of_known_orders(table: pl.DataFrame, here: Here) -> Outcome:
    """Every fill is of an order on record, with a price and a size."""
    wrong = table.filter(
        pl.col("intent").is_null() | ~pl.col("fill_price").is_finite() | (pl.col("size") <= 0)
    )
    return Outcome(wrong.is_empty(), {"wrong": wrong.height}, wrong)


@check("live_trades", severity=Severity.ERROR)
def no_trade_is_contradicted(table: pl.DataFrame, here: Here) -> Outcome:
    """The journal tells every trade as it is on record."""
    return _contradicted(here)


@check("live_trades", severity=Severity.ERROR)
def profits_add_up(table: pl.DataFrame, here: Here) -> Outcome:
    """The net profit of a trade that did not roll is its prices times the multiplier, less its
    commission; nobody can add it up where the symbol is not in the universe."""
    worth = {one.symbol: one.multiplier for one in here.universe.instruments}
    multiplier = pl.col("symbol").replace_strict(worth, default=None, return_dtype=pl.Float64)
    points = pl.col("side") * (pl.col("exit_price") - pl.col("entry_price"))
    counted = points * multiplier * pl.col("size") - pl.col("commission_usd")
    apart = (counted - pl.col("net_profit_usd")).abs() > ROUNDING_USD
    wrong = table.filter((pl.col("rolls") == 0) & apart)
    return Outcome(wrong.is_empty(), {"trades": table.height, "wrong": wrong.height}, wrong)


def _contradicted(here: Here) -> Outcome:
    found = here.beside.get("contradicted")
    n = 0 if found is None else found.height
    return Outcome(n == 0, {"contradicted": n}, found)
