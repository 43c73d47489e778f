"""The stages of the graph: which assets run together, in one process, as one run of a partition.

Belongs here: the order and the words. Does not belong here: launching. A stage waits for the one
before: a symbol's features read every reference symbol's bars, a portfolio reads every symbol.
"""

from __future__ import annotations

from dataclasses import dataclass

from rooney_assets.graph.declaration import Partitioning


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
