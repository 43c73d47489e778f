"""The stages of the graph: which assets run together, in one process, as one run of a partition.

Belongs here: the order and the words. Does not belong here: launching. A stage waits for the one
before: a symbol's features read every reference symbol's bars, a portfolio reads every symbol.
"""

from __future__ import annotations

from dataclasses import dataclass

from rooney_assets.graph.declaration import Partitioning

FIRST_YEAR, LAST_YEAR = 2021, 2035


def rebalance_months() -> list[str]:
    """Every month that a portfolio can be for, as YYYY-MM, whatever today's date is."""
    return [
        f"{year}-{month:02}" for year in range(FIRST_YEAR, LAST_YEAR + 1) for month in range(1, 13)
    ]


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
        "research_of_symbol",
        Partitioning.TRADABLE,
        "Strategy Factory, training, evaluation and equity of one tradable symbol.",
    ),
    Stage("portfolio_of_month", Partitioning.MONTH, "Portfolio and gates of one month."),
    Stage("release", Partitioning.NONE, "The production tables from the newest month."),
)
