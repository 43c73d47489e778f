"""Checks of stage 4: the gates' answers."""

from __future__ import annotations

import polars as pl

from rooney_assets.graph.declaration import Here, Outcome, check


@check("gate_report", blocking=True)
def every_symbol_is_judged(table: pl.DataFrame, here: Here) -> Outcome:
    """Every tradable symbol has at least one row: silence is not a pass."""
    silent = sorted(set(here.universe.tradable) - set(table["symbol"]))
    return Outcome(not silent, {"without an answer": ", ".join(silent)})


@check("gate_report", blocking=True)
def limits_are_the_portfolio_s(table: pl.DataFrame, here: Here) -> Outcome:
    """Members, if any, were selected under the same limit of simultaneous positions."""
    members = here.lake.read("portfolio_config", ("rebalance_month", str(here.partition)))
    selected = members["max_positions"].unique().to_list()
    judged = table["max_positions"].unique().to_list()
    return Outcome(selected in ([], judged), {"selected": str(selected), "judged": str(judged)})


@check("gate_report", blocking=True)
def every_refusal_has_a_reason(table: pl.DataFrame, here: Here) -> Outcome:
    """Each row says why in words."""
    mute = table.filter(pl.col("reason").fill_null("").str.len_chars() == 0).height
    return Outcome(mute == 0, {"rows without a reason": mute})
