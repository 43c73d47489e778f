"""Breakouts that last hours or days: opening ranges, narrow sessions, stop orders at levels.

Belongs here: entries where price leaves a range of today or yesterday, and the day's own momentum.
Does not belong here: channels of many sessions (`trend`).
"""

from rooney_core.strategies.breakout.intraday_momentum import BREAKOUT_INTRADAY_MOMENTUM
from rooney_core.strategies.breakout.narrow_session import (
    BREAKOUT_INSIDE_SESSION,
    BREAKOUT_NARROW_SESSION,
)
from rooney_core.strategies.breakout.opening_range import (
    BREAKOUT_NARROW_OPENING,
    BREAKOUT_OPENING_RANGE,
)
from rooney_core.strategies.breakout.stretch import BREAKOUT_STRETCH
from rooney_core.strategies.breakout.volatility import BREAKOUT_VOLATILITY
from rooney_core.strategies.variant import Variant

VARIANTS: tuple[Variant, ...] = (
    BREAKOUT_OPENING_RANGE,
    BREAKOUT_NARROW_OPENING,
    BREAKOUT_STRETCH,
    BREAKOUT_NARROW_SESSION,
    BREAKOUT_INSIDE_SESSION,
    BREAKOUT_VOLATILITY,
    BREAKOUT_INTRADAY_MOMENTUM,
)
