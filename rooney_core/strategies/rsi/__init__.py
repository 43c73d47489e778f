"""Wilder's RSI on sessions: buy what fell fast, most of it in an upward trend.

Belongs here: one file per variant. Does not belong here: behaviour that all variants share
(`rooney_core.strategies.variant`).
"""

from __future__ import annotations

from typing import Final

from rooney_core.strategies.rsi.rsi2_classic import RSI2_CLASSIC
from rooney_core.strategies.rsi.rsi2_cumulative import RSI2_CUMULATIVE
from rooney_core.strategies.rsi.rsi2_short import RSI2_SHORT
from rooney_core.strategies.rsi.rsi2_three_falls import RSI2_THREE_FALLS
from rooney_core.strategies.rsi.rsi2_unfiltered import RSI2_UNFILTERED
from rooney_core.strategies.rsi.rsi14_reclaim import RSI14_RECLAIM
from rooney_core.strategies.variant import Variant

VARIANTS: Final[tuple[Variant, ...]] = (
    RSI2_CLASSIC,
    RSI2_UNFILTERED,
    RSI2_CUMULATIVE,
    RSI2_THREE_FALLS,
    RSI2_SHORT,
    RSI14_RECLAIM,
)
