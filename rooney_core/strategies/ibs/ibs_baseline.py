"""IBS baseline: buy a weak close, sell a strong one. Facts only; behaviour is in `variant`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from rooney_core.strategies.conditions import all_of, below
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import (
    BoolArray,
    Signals,
    Variant,
    VariantParams,
    long_only,
)


class IbsBaselineParams(VariantParams):
    """`entry_below`, `exit_above`: internal bar strength in [0, 1], both exclusive."""

    entry_below: Annotated[float, Field(gt=0, le=0.5)] = 0.2
    exit_above: Annotated[float, Field(gt=0, lt=1)] = 0.8

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> Self:
        if self.entry_below >= self.exit_above:
            raise ValueError("entry_below must be smaller than exit_above")
        return self


def _enter(prices: Prices, entry_below: float) -> BoolArray:
    return all_of(prices, below("IBS", prices.ibs, entry_below, "entry_below"))


def _rule(prices: Prices, params: IbsBaselineParams) -> Signals:
    least, above = params.entry_below, params.exit_above
    return long_only(
        enter=prices.once("ibs_baseline.enter", lambda: _enter(prices, least), least),
        leave=prices.once("ibs.leave", lambda: prices.ibs > above, above),
        max_bars=params.max_bars,
    )


IBS_BASELINE = Variant(
    name="ibs_baseline",
    summary="Long after a close in the lowest part of its bar's range, until one in the highest.",
    source="Pagonidis, The IBS Effect (2013), on daily bars; catalogue A12. Kinlay (2016) finds no "
    "such effect within the day: on hourly bars it has to prove itself. Flat by the flat time.",
    params_type=IbsBaselineParams,
    axes={
        "entry_below": (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4),
        "exit_above": (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9),
        "max_bars": (3, 6, 9, 12, 18),
    },
    rule=_rule,
)
