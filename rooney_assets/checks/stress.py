"""Checks of the stress report."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Outcome, check
from rooney_core.gates.stress import stress_gate
from rooney_core.gates.stress.kinds import SHARES

CENT = 0.01
MOST_THAT_DIFFER = 0.05
"""Share of the validation sessions: a rule that holds for weeks may be in them at either end."""


@check("stress_report", blocking=True)
def every_scenario_is_there(table: pl.DataFrame, here: Here) -> Outcome:
    """As many scenarios as asked for, numbered from 0, or none where the verdict failed."""
    numbers = table["scenario"].to_list()
    complete = numbers in ([], list(range(here.params.n_scenarios)))
    kinds = table["kind"].n_unique()
    facts = {"scenarios": table.height, "asked for": here.params.n_scenarios, "kinds": kinds}
    return Outcome(complete and kinds <= len(SHARES), facts)


@check("stress_report", blocking=True)
def numbers_are_possible(table: pl.DataFrame, here: Here) -> Outcome:
    """Profits are known, drawdowns and losses are 0 or below, and the profit fits the return."""
    fits = pl.col("total_return") * pl.col("starting_cash_usd") - pl.col("net_profit_usd")
    possible = (
        pl.col("net_profit_usd").is_finite()
        & (pl.col("max_drawdown") <= 0.0)
        & (pl.col("worst_loss") <= 0.0)
        & (pl.col("n_trades") >= 0)
        & (fits.abs() < CENT)
    )
    wrong = table.filter(~possible.fill_null(False))
    return Outcome(wrong.is_empty(), {"impossible rows": wrong.height}, sample=wrong)


@check("stress_report")
def replay_is_what_was_published(table: pl.DataFrame, here: Here) -> Outcome:
    """Bars of the validation window, replayed with nothing done to them, give the published days.

    Trades that the training set leaves out (across a boundary of the windows, in the embargo after
    it, without a label) are replayed all the same: a few sessions may differ.
    """
    days = here.beside["undisturbed"]
    gap = (pl.col("replayed_pnl_usd") - pl.col("published_pnl_usd")).abs()
    other = days.filter((gap >= CENT).fill_null(True))
    share = other.height / max(1, days.height)
    facts = {"sessions": days.height, "that differ": other.height, "allowed": MOST_THAT_DIFFER}
    return Outcome(share <= MOST_THAT_DIFFER, facts, sample=other)


@check("stress_report")
def stress_gate_passes(table: pl.DataFrame, here: Here) -> Outcome:
    """Gate 2 is green. A failure is a finding, not a fault: the symbol stays out."""
    rows = stress_gate(table, here.params)
    facts = {str(row.code): row.reason for row in rows}
    return Outcome(all(row.passed for row in rows), facts)


@check("stress_report")
def ruin_is_out_of_sight(table: pl.DataFrame, here: Here) -> Outcome:
    """No reshuffled sequence of the trades loses all of the starting cash."""
    trades = here.beside["trades"]
    worst = float(trades["probability_of_ruin"].max() or 0.0)
    limit = float(trades["probability_of_drawdown_limit"].max() or 0.0)
    return Outcome(worst == 0.0, {"probability of ruin": worst, "of the drawdown limit": limit})
