"""Internal bar strength: buy a weak close, sell a strong one. Three rules on hourly bars, nine on
sessions.

Belongs here: one file per variant. Does not belong here: behaviour that all variants share
(`rooney_core.strategies.variant`).
"""

from __future__ import annotations

from typing import Final

from rooney_core.strategies.ibs.ibs_adaptive_exit import IBS_ADAPTIVE_EXIT
from rooney_core.strategies.ibs.ibs_band import IBS_BAND
from rooney_core.strategies.ibs.ibs_baseline import IBS_BASELINE
from rooney_core.strategies.ibs.ibs_daily import IBS_DAILY
from rooney_core.strategies.ibs.ibs_early_week import IBS_EARLY_WEEK
from rooney_core.strategies.ibs.ibs_filtered import IBS_FILTERED
from rooney_core.strategies.ibs.ibs_high_volatility import IBS_HIGH_VOLATILITY
from rooney_core.strategies.ibs.ibs_prior_high_exit import IBS_PRIOR_HIGH_EXIT
from rooney_core.strategies.ibs.ibs_rsi_confluence import IBS_RSI_CONFLUENCE
from rooney_core.strategies.ibs.ibs_short_bear import IBS_SHORT_BEAR
from rooney_core.strategies.ibs.ibs_two_day_mean import IBS_TWO_DAY_MEAN
from rooney_core.strategies.ibs.ibs_wide_range import IBS_WIDE_RANGE
from rooney_core.strategies.variant import Variant

VARIANTS: Final[tuple[Variant, ...]] = (
    IBS_BASELINE,
    IBS_FILTERED,
    IBS_ADAPTIVE_EXIT,
    IBS_DAILY,
    IBS_WIDE_RANGE,
    IBS_HIGH_VOLATILITY,
    IBS_PRIOR_HIGH_EXIT,
    IBS_RSI_CONFLUENCE,
    IBS_TWO_DAY_MEAN,
    IBS_EARLY_WEEK,
    IBS_SHORT_BEAR,
    IBS_BAND,
)
