"""Which costs a backtest by hand counts with, and where they are from.

Belongs here: asking the lake for the costs in force. Does not belong here: learning them
(`rooney_core.feedback.costs`), or what they do to a trade (`rooney_core.backtest.costs`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from rooney_assets.lake import Lake
from rooney_core.feedback.costs import CostBasis, with_costs
from rooney_core.market.instruments import Instrument

ASSET: Final = "cost_model"


@dataclass(frozen=True)
class InForce:
    """`instrument`: at the costs in force. `basis` and `words`: where they are from. `n_fills`: own
    fills that they were learnt from, 0 for assumed ones; `n_usable`: own fills that say something
    of slippage, so far. `version`: of the cost_model that was read, None where there is none."""

    instrument: Instrument
    basis: CostBasis
    words: str
    n_fills: int = 0
    n_usable: int = 0
    version: str | None = None

    @property
    def line(self) -> str:
        """Costs and origin, for a person."""
        one = self.instrument
        return (
            f"{one.commission_per_contract_usd:g} USD a contract and side, "
            f"{one.slippage_ticks:g} ticks a fill; {self.words}"
        )

    @property
    def differing(self) -> str:
        """What makes a trial at learnt costs another one; empty at the assumed ones."""
        if self.basis is CostBasis.ASSUMED:
            return ""
        one = self.instrument
        return f"{one.commission_per_contract_usd:g} USD, {one.slippage_ticks:g} ticks"


def costs_in_force(instrument: Instrument, lake: Lake) -> InForce:
    """What `cost_model` says of a symbol; as universe.yaml assumes while it has learnt nothing."""
    partition = ("symbol", instrument.symbol)
    if lake.version(ASSET, partition) is None:
        words = "as universe.yaml assumes: the lake has no cost_model of it"
        return InForce(instrument, CostBasis.ASSUMED, words)
    table, version = lake.read_versioned(ASSET, partition)
    fills = lake.beside(ASSET, partition, version=version).get("fills")
    row: dict[str, Any] = table.row(0, named=True)
    basis = CostBasis(row["cost_basis"])
    n_usable = 0 if fills is None else int(fills["is_usable"].sum())
    if basis is CostBasis.ASSUMED:
        # The page as it is now, as the factory would have it with its next run.
        words = f"{row['cost_reason']} ({n_usable} so far)"
        return InForce(instrument, basis, words, 0, n_usable, version)
    priced, n_fills = with_costs(instrument, table), int(row["n_fills_used"])
    return InForce(priced, basis, f"learnt {row['cost_reason']}", n_fills, n_usable, version)
