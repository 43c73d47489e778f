"""What trading costs: commission and slippage, and what a fill price becomes.

Belongs here: the price of a fill and the fee on it. Does not belong here: when a fill happens
(`kernel`), or margin and financing, which Rooney does not model.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from rooney_core.market.instruments import Instrument

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class CostModel(BaseModel):
    """`commission_per_contract_usd` per side, `slippage_ticks` against us on every fill."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    commission_per_contract_usd: NonNegative
    slippage_ticks: NonNegative

    @classmethod
    def of(cls, instrument: Instrument) -> CostModel:
        """The costs on the instrument's page of facts."""
        return cls(
            commission_per_contract_usd=instrument.commission_per_contract_usd,
            slippage_ticks=instrument.slippage_ticks,
        )

    def times(self, factor: float) -> CostModel:
        """These costs multiplied; 2 is the robustness check of the ranking."""
        return CostModel(
            commission_per_contract_usd=factor * self.commission_per_contract_usd,
            slippage_ticks=factor * self.slippage_ticks,
        )

    def slippage(self, instrument: Instrument) -> float:
        """Price units lost on one fill; a buy fills that much higher, a sale lower."""
        return self.slippage_ticks * instrument.tick_size

    def net_profit_usd(
        self,
        side: npt.NDArray[np.int8],
        entry_price: npt.NDArray[np.float64],
        exit_price: npt.NDArray[np.float64],
        instrument: Instrument,
        rolls: npt.NDArray[np.int64] | int = 0,
        roll_gap: npt.NDArray[np.float64] | float = 0.0,
    ) -> npt.NDArray[np.float64]:
        """USD per contract of round trips, prices before slippage; all fills' costs deducted.

        A trade that changed contracts `rolls` times on its way has two more fills each time, and
        `roll_gap`, the sum of new minus old price, is not earned: each leg counts in its contract.
        """
        gross = side * (exit_price - entry_price - roll_gap) * instrument.multiplier
        fills = 2.0 + 2.0 * rolls
        fees = fills * self.commission_per_contract_usd
        profit: npt.NDArray[np.float64] = (
            gross - fills * self.slippage(instrument) * instrument.multiplier - fees
        )
        return profit
