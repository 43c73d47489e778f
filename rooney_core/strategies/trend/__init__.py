"""Following trends: breakouts of many sessions, crossing averages, the sign of past moves.

Belongs here: rules that hold for weeks what has been moving. Does not belong here: breakouts that
are closed within days (`breakout`). All decide once a session and hold overnight.
"""

from rooney_core.strategies.trend.average_cross import TREND_SMA_FAST, TREND_SMA_SLOW
from rooney_core.strategies.trend.band_breakout import TREND_BAND_BREAKOUT
from rooney_core.strategies.trend.directional import TREND_ADX
from rooney_core.strategies.trend.donchian import TREND_DONCHIAN_FAST, TREND_DONCHIAN_SLOW
from rooney_core.strategies.trend.macd_cross import TREND_MACD_CROSS
from rooney_core.strategies.trend.momentum import TREND_MOMENTUM_QUARTER, TREND_MOMENTUM_YEAR
from rooney_core.strategies.variant import Variant

VARIANTS: tuple[Variant, ...] = (
    TREND_DONCHIAN_FAST,
    TREND_DONCHIAN_SLOW,
    TREND_SMA_FAST,
    TREND_SMA_SLOW,
    TREND_MACD_CROSS,
    TREND_MOMENTUM_YEAR,
    TREND_MOMENTUM_QUARTER,
    TREND_ADX,
    TREND_BAND_BREAKOUT,
)
