"""What trading costs: commission and slippage, and what a fill price becomes.

Belongs here: the price of a fill and the fee on it. Does not belong here: when a fill happens
(`kernel`), on which day a cost is booked (`accounts`), or financing, which Rooney does not model.
"""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from rooney_core.market.instruments import Instrument

NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
EXCHANGE_ZONE: Final = "America/Chicago"
HOURS_PER_DAY: Final = 24


class CostModel(BaseModel):
    """`commission_per_contract_usd` per side, `slippage_ticks` against us on every fill.

    `slippage_by_hour`: 24 factors on the slippage, by the hour of the exchange's clock (Chicago)
    in which the fill's bar starts; None: 1 at every hour. `margin_per_contract_usd`: what a broker
    asks to hold one contract, None where unknown; returns on it are reported, no fill asks for it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    commission_per_contract_usd: NonNegative
    slippage_ticks: NonNegative
    slippage_by_hour: (
        Annotated[
            tuple[NonNegative, ...], Field(min_length=HOURS_PER_DAY, max_length=HOURS_PER_DAY)
        ]
        | None
    ) = None
    margin_per_contract_usd: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @classmethod
    def of(cls, instrument: Instrument) -> CostModel:
        """The costs on the instrument's page of facts."""
        return cls(
            commission_per_contract_usd=instrument.commission_per_contract_usd,
            slippage_ticks=instrument.slippage_ticks,
            slippage_by_hour=instrument.slippage_by_hour,
            margin_per_contract_usd=instrument.margin_per_contract_usd,
        )

    def times(self, factor: float) -> CostModel:
        """These costs multiplied; 2 is the robustness check of the ranking."""
        return self.model_copy(
            update={
                "commission_per_contract_usd": factor * self.commission_per_contract_usd,
                "slippage_ticks": factor * self.slippage_ticks,
            }
        )

    def slippage(self, instrument: Instrument) -> float:
        """Price units lost on one fill at factor 1; a buy fills that much higher, a sale lower."""
        return self.slippage_ticks * instrument.tick_size

    def slippage_factors(self, bar_start_us: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The factor on the slippage of a fill in each of these bars, f8 of their number."""
        if self.slippage_by_hour is None:
            return np.ones(len(bar_start_us))
        times = pl.Series(bar_start_us).cast(pl.Datetime("us", "UTC"))
        hours = times.dt.convert_time_zone(EXCHANGE_ZONE).dt.hour().to_numpy()
        factors: npt.NDArray[np.float64] = np.array(self.slippage_by_hour)[hours]
        return factors

    def net_profit_usd(
        self,
        side: npt.NDArray[np.int8],
        entry_price: npt.NDArray[np.float64],
        exit_price: npt.NDArray[np.float64],
        instrument: Instrument,
        rolls: npt.NDArray[np.int64] | int = 0,
        roll_gap: npt.NDArray[np.float64] | float = 0.0,
        slippages: npt.NDArray[np.float64] | None = None,
    ) -> npt.NDArray[np.float64]:
        """USD per contract of round trips, prices before slippage; all fills' costs deducted.

        A trade that changed contracts `rolls` times on its way has two more fills each time, and
        `roll_gap`, the sum of new minus old price, is not earned: each leg counts in its contract.
        `slippages`: sum of the slippage factors of all its fills; None: 1 for each fill.
        """
        gross = side * (exit_price - entry_price - roll_gap) * instrument.multiplier
        fills = 2.0 + 2.0 * rolls
        fees = fills * self.commission_per_contract_usd
        lost = (fills if slippages is None else slippages) * self.slippage(instrument)
        profit: npt.NDArray[np.float64] = gross - lost * instrument.multiplier - fees
        return profit
