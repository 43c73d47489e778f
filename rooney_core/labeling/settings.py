"""What a trade's label says, and which windows train: every choice of labelling that a person has.

Belongs here: frozen, validated settings. Does not belong here: how a label is found
(`triple_barrier.py`), or how a model is trained (`rooney_core.modeling.settings`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Multiple = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]


class LabelSettings(BaseModel):
    """Settings of one training set.

    `method`: "strategy" labels a trade by what the strategy itself made of it; "triple_barrier" by
    which of three barriers the price meets first after the same entry. Barriers lie
    `profit_multiple` and `stop_multiple` times a `barrier_unit` from the entry price; the unit is
    of the last `unit_bars` bars at the signal: "atr", the plain mean of the true ranges, or
    "volatility", the standard deviation (ddof 1) of the changes of the close from bar to bar. The
    vertical barrier is the close of the `vertical_bars`-th bar held, the entry's bar counted.

    `windows`: "three_way" trains on the train window alone; "two_way" on validation too, which
    leaves no window between training and the sealed test, and is warned of.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["strategy", "triple_barrier"] = "strategy"
    profit_multiple: Multiple = 2.0
    stop_multiple: Multiple = 2.0
    barrier_unit: Literal["atr", "volatility"] = "atr"
    unit_bars: Annotated[int, Field(ge=2, le=1000)] = 20
    vertical_bars: Annotated[int, Field(ge=1, le=10_000)] = 12
    windows: Literal["three_way", "two_way"] = "three_way"
