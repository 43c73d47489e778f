"""The stages of the graph: which assets run together, in one process, as one run of a partition.

Belongs here: the order and the words. Does not belong here: launching. A stage waits for the one
before: a symbol's features read every other symbol's bars, a portfolio reads every symbol.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from rooney_assets.graph.declaration import Partitioning

FIRST_YEAR = 2026


def rebalance_months() -> list[str]:
    """Every month that a portfolio can be for, as YYYY-MM: 2026, and on to the end of next month.

    The first year is whole whatever the clock says, because the simulated market ends before it.
    """
    today = date.today()
    last = max(today.year * 12 + today.month, FIRST_YEAR * 12 + 11)
    return [f"{index // 12}-{index % 12 + 1:02}" for index in range(FIRST_YEAR * 12, last + 1)]


@dataclass(frozen=True)
class Stage:
    """One stage; `job` is its Dagster name."""

    job: str
    partitioning: Partitioning
    description: str


STAGES = (
    Stage("bars_of_symbol", Partitioning.SYMBOL, "Raw to session bars of one symbol."),
    Stage("truth_of_symbol", Partitioning.SIMULATED, "What the simulation planted in one symbol."),
    Stage(
        "live_feedback",
        Partitioning.JOURNAL,
        "What the trader wrote down since: runs, decisions, orders, fills and trades.",
    ),
    Stage(
        "research_of_symbol",
        Partitioning.TRADABLE,
        "Strategy Factory, training, evaluation, equity and stress of one tradable symbol, and "
        "what live trading says of it.",
    ),
    Stage("mandate_page", Partitioning.PAGE, "The limits that a person set."),
    Stage("portfolio_of_month", Partitioning.MONTH, "Portfolio and gates of one month."),
    Stage("release", Partitioning.NONE, "The production tables from the newest month."),
    Stage(
        "calibration",
        Partitioning.ON_DEMAND,
        "The gates' own error rates on simulated universes; only when it is asked for by name.",
    ),
)
