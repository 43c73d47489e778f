"""Checks of what live trading teaches: costs, performance, and the parity with the backtest."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Outcome, Severity, check
from rooney_core.feedback.causes import USD_COLUMNS, Cause
from rooney_core.feedback.costs import CostBasis
from rooney_core.feedback.performance import LiveStatus

ROUNDING_USD = 1e-6
MOST_TIMES_ASSUMED = 3.0
"""Costs of own fills beyond so many times the assumed ones want a person's look."""


@check("cost_model", blocking=True)
def costs_are_sound(table: pl.DataFrame, here: Here) -> Outcome:
    """One row of this symbol, with costs that are finite and not below zero."""
    names = ("commission_per_contract_usd", "slippage_ticks")
    sound = table.select(pl.all_horizontal(*((pl.col(one) >= 0.0) for one in names)).all()).item()
    finite = table.select(pl.all_horizontal(*(pl.col(one).is_finite() for one in names)).all())
    fine = table["symbol"].to_list() == [here.symbol] and bool(sound) and bool(finite.item())
    return Outcome(fine, dict(table.row(0, named=True)) if table.height else {})


@check("cost_model", blocking=True)
def says_where_costs_are_from(table: pl.DataFrame, here: Here) -> Outcome:
    """Assumed costs are those of universe.yaml; others are of enough own fills."""
    row = table.row(0, named=True)
    facts = {"basis": row["cost_basis"], "fills": row["n_fills_used"], "why": row["cost_reason"]}
    if row["cost_basis"] == CostBasis.ASSUMED:
        assumed = (here.instrument.commission_per_contract_usd, here.instrument.slippage_ticks)
        fine = (row["commission_per_contract_usd"], row["slippage_ticks"]) == assumed
        return Outcome(fine, facts)
    return Outcome(row["n_fills_used"] >= here.params.min_fills, facts)


@check("cost_model")
def costs_are_near_what_was_assumed(table: pl.DataFrame, here: Here) -> Outcome:
    """Own fills cost less than three times what universe.yaml assumes."""
    row, one = table.row(0, named=True), here.instrument
    told = {
        "slippage": (row["slippage_ticks"], one.slippage_ticks),
        "commission": (row["commission_per_contract_usd"], one.commission_per_contract_usd),
    }
    far = {name: now for name, now in told.items() if now[0] > MOST_TIMES_ASSUMED * now[1] > 0.0}
    return Outcome(not far, {name: f"{now[0]:g} of {now[1]:g}" for name, now in told.items()})


@check("live_performance", severity=Severity.ERROR)
def is_as_expected(table: pl.DataFrame, here: Here) -> Outcome:
    """Win rate, profit, drawdown and slippage are inside what was expected of the model."""
    row = table.row(0, named=True)
    facts = {"status": row["live_status"], "words": row["words"], "trades": row["n_trades"]}
    return Outcome(row["live_status"] != LiveStatus.WORSE, facts)


@check("live_performance")
def expectation_is_known(table: pl.DataFrame, here: Here) -> Outcome:
    """What was traded is a model whose evaluation the lake holds."""
    row = table.row(0, named=True)
    facts = {"model": str(row["model_version"]), "words": row["words"]}
    return Outcome(row["live_status"] != LiveStatus.NO_MODEL, facts)


@check("live_performance", blocking=True)
def one_row_of_the_symbol(table: pl.DataFrame, here: Here) -> Outcome:
    """One row, of this symbol."""
    return Outcome(table["symbol"].to_list() == [here.symbol], {"rows": table.height})


@check("parity_report", severity=Severity.ERROR)
def no_difference_is_unexplained(table: pl.DataFrame, here: Here) -> Outcome:
    """Every difference between live and replay has a cause that something on record speaks for."""
    differences = here.beside.get("differences", pl.DataFrame(schema={"cause": pl.String}))
    unexplained = differences.filter(pl.col("cause") == Cause.UNEXPLAINED)
    n = int(table["n_unexplained"].sum())
    facts = {"unexplained": n, "USD": float(table["unexplained_usd"].abs().sum())}
    return Outcome(n == 0 and unexplained.is_empty(), facts, unexplained)


@check("parity_report", blocking=True)
def causes_add_up(table: pl.DataFrame, here: Here) -> Outcome:
    """Live minus replayed is the sum of the causes, each day."""
    apart = pl.col("live_pnl_usd") - pl.col("replayed_pnl_usd") - pl.sum_horizontal(*USD_COLUMNS)
    wrong = table.filter(apart.abs() > ROUNDING_USD)
    return Outcome(wrong.is_empty(), {"days": table.height, "wrong": wrong.height}, wrong)


@check("parity_report")
def every_run_was_replayed(table: pl.DataFrame, here: Here) -> Outcome:
    """The lake holds the release, the models and the bars of every run that traded the symbol."""
    runs = here.beside.get("runs", pl.DataFrame(schema={"is_replayed": pl.Boolean}))
    missing = runs.filter(~pl.col("is_replayed"))
    return Outcome(missing.is_empty(), {"runs": runs.height, "missing": missing.height}, missing)


@check("parity_report", severity=Severity.ERROR)
def live_profit_is_the_record_s(table: pl.DataFrame, here: Here) -> Outcome:
    """Summed by run, the live P&L is that of live_trades at the broker's prices, as far as these
    were reported; fills that no trade has are counted beside them."""
    trades = here.lake.read("live_trades", None).filter(pl.col("symbol") == here.symbol)
    net = pl.coalesce("reported_net_profit_usd", "net_profit_usd")
    recorded = trades.group_by("run_id").agg(net.sum().alias("recorded_usd"))
    differences = here.beside.get("differences", pl.DataFrame())
    strange = pl.DataFrame(schema={"run_id": pl.String, "strange_usd": pl.Float64})
    if not differences.is_empty():
        beside = differences.filter((pl.col("what") == "fill") & (pl.col("recorded") == "reported"))
        strange = beside.group_by("run_id").agg(strange_usd=pl.col("difference_usd").sum())
    told = table.group_by("run_id").agg(told_usd=pl.col("live_pnl_usd").sum())
    both = told.join(recorded, on="run_id", how="left").join(strange, on="run_id", how="left")
    expected = pl.col("recorded_usd").fill_null(0.0) + pl.col("strange_usd").fill_null(0.0)
    apart = (pl.col("told_usd") - expected).abs()
    wrong = both.filter(apart > here.params.tolerance_usd * (trades.height + 1))
    return Outcome(wrong.is_empty(), {"runs": both.height, "wrong": wrong.height}, wrong)
