"""Checks of stage 2: the Strategy Factory."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Outcome, check
from rooney_core.strategies import VARIANTS

LEAST_TRADES = 100


@check("strategy_results", blocking=True)
def every_configuration_is_there(table: pl.DataFrame, here: Here) -> Outcome:
    """One row per configuration of every grid: an uncounted trial would flatter the rest."""
    expected = sum(len(variant.grid()) for variant in VARIANTS.values())
    distinct = table.select("variant", "params").n_unique()
    facts = {"expected": expected, "rows": table.height, "distinct": distinct}
    return Outcome(expected == table.height == distinct, facts)


@check("strategy_results")
def most_configurations_trade(table: pl.DataFrame, here: Here) -> Outcome:
    """At least half of the configurations have a trade."""
    share = float((table["n_trades"] > 0).mean() or 0.0)
    return Outcome(share >= 0.5, {"share that trades": share})


@check("strategy_ranking", blocking=True)
def ranks_follow_merit(table: pl.DataFrame, here: Here) -> Outcome:
    """Ranks are 1, 2, 3, ...; those that meet the criteria come first, then by falling Sharpe."""
    ranks = table["rank"].to_list() == list(range(1, table.height + 1))
    merit = list(zip(table["meets_criteria"], table["annual_sharpe"].fill_nan(-1e9), strict=True))
    return Outcome(ranks and merit == sorted(merit, reverse=True), {"rows": table.height})


@check("strategy_ranking")
def some_variant_meets_the_criteria(table: pl.DataFrame, here: Here) -> Outcome:
    """At least one variant meets every criterion; without one, a candidate goes on all the same."""
    met = int(table["meets_criteria"].sum())
    return Outcome(met > 0, {"meeting": met, "of": table.height})


@check("best_strategy", blocking=True)
def one_known_variant(table: pl.DataFrame, here: Here) -> Outcome:
    """Exactly one row, of a variant and parameters that this code knows."""
    names = table["variant"].to_list()
    known = len(names) == 1 and names[0] in VARIANTS
    if known:
        VARIANTS[names[0]].parse_params(table["params"][0])
    return Outcome(known, {"variant": str(names)})


@check("best_strategy")
def enough_trades_to_learn_from(table: pl.DataFrame, here: Here) -> Outcome:
    """At least 100 trades in the train window: fewer cannot train a model."""
    trades = int(table["n_trades"][0])
    return Outcome(trades >= LEAST_TRADES, {"trades": trades, "needed": LEAST_TRADES})
