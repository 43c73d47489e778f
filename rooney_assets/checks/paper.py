"""Checks of stage 4: the release candidate, and its trading on paper."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Outcome, Severity, check
from rooney_core.gates.paper import EMPTY, TRADED, paper_gate
from rooney_core.release import load_release

MONTH = "rebalance_month"


@check("release_candidate", blocking=True)
def candidate_is_what_the_trader_accepts(table: pl.DataFrame, here: Here) -> Outcome:
    """The candidate and its models pass the trader's own verification, hash by hash."""
    release = load_release(table, here.beside["models"].drop(MONTH))
    traded = ", ".join(release.bundles) or "nothing"
    return Outcome(True, {"candidate": release.config.release_id, "trades": traded})


@check("release_candidate", blocking=True)
def candidate_is_the_portfolio(table: pl.DataFrame, here: Here) -> Outcome:
    """Symbols and contracts are those of the month's portfolio, and every other symbol has none."""
    members = here.lake.read("portfolio_config", (MONTH, str(here.partition)))
    chosen = dict(members.select("symbol", "size").iter_rows())
    offered = dict(table.filter(pl.col("size") > 0).select("symbol", "size").iter_rows())
    is_whole = set(table["symbol"]) == set(here.universe.tradable)
    return Outcome(chosen == offered and is_whole, {"chosen": chosen, "offered": offered})


@check("paper_report", blocking=True)
def speaks_of_the_candidate(table: pl.DataFrame, here: Here) -> Outcome:
    """One row, about exactly the release candidate that the lake holds for this month."""
    candidate = here.lake.read("release_candidate", (MONTH, str(here.partition)))
    expected = str(candidate["release_id"][0])
    told = table["candidate_id"].to_list()
    return Outcome(told == [expected], {"candidate": expected, "report": ", ".join(told)})


@check("paper_report", severity=Severity.ERROR)
def decided_as_the_replay(table: pl.DataFrame, here: Here) -> Outcome:
    """Every decision and trade is the batch path's, by the factory's count and the trader's own."""
    counts = table.select("n_unexplained", "n_unexplained_by_trader").row(0)
    facts = dict(zip(("recounted", "by the trader"), (str(one) for one in counts), strict=True))
    fine = table["status"][0] != TRADED or counts == (0, 0)
    return Outcome(fine, facts, here.beside.get("differences"))


@check("paper_report", severity=Severity.ERROR)
def no_emergency_stop_on_paper(table: pl.DataFrame, here: Here) -> Outcome:
    """The trader never stopped by itself, and never had to be stopped."""
    stops = table["n_emergency_stops"][0] or 0
    return Outcome(stops == 0, {"emergency stops": stops, "note": table["note"][0]})


@check("paper_report")
def paper_gate_would_pass(table: pl.DataFrame, here: Here) -> Outcome:
    """Grade A or B, or nothing to trade; each row of the gate with its number is below."""
    rows = paper_gate(table, here.params.paper)
    told = {str(row.code): row.reason for row in rows}
    is_open = table["status"][0] in (TRADED, EMPTY)
    return Outcome(is_open and all(row.passed for row in rows), told)
