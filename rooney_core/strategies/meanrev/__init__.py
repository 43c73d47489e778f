"""Mean reversion on sessions: buy far below the usual price, sell where it is usual again.

Belongs here: one file per variant. Does not belong here: behaviour that all variants share
(`rooney_core.strategies.variant`).
"""

from __future__ import annotations

from typing import Final

from rooney_core.strategies.meanrev.meanrev_bollinger import MEANREV_BOLLINGER
from rooney_core.strategies.meanrev.meanrev_connors_rsi import MEANREV_CONNORS_RSI
from rooney_core.strategies.meanrev.meanrev_double_sevens import MEANREV_DOUBLE_SEVENS
from rooney_core.strategies.meanrev.meanrev_falling_closes import MEANREV_FALLING_CLOSES
from rooney_core.strategies.meanrev.meanrev_keltner import MEANREV_KELTNER
from rooney_core.strategies.meanrev.meanrev_percent_b import MEANREV_PERCENT_B
from rooney_core.strategies.meanrev.meanrev_williams import MEANREV_WILLIAMS
from rooney_core.strategies.meanrev.meanrev_zscore import MEANREV_ZSCORE
from rooney_core.strategies.meanrev.meanrev_zscore_uptrend import MEANREV_ZSCORE_UPTREND
from rooney_core.strategies.variant import Variant

VARIANTS: Final[tuple[Variant, ...]] = (
    MEANREV_BOLLINGER,
    MEANREV_PERCENT_B,
    MEANREV_ZSCORE,
    MEANREV_ZSCORE_UPTREND,
    MEANREV_CONNORS_RSI,
    MEANREV_FALLING_CLOSES,
    MEANREV_DOUBLE_SEVENS,
    MEANREV_WILLIAMS,
    MEANREV_KELTNER,
)
