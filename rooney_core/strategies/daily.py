"""From a daily rule's opinion on each session to signals on bars.

Belongs here: putting session arrays onto decision bars. Does not belong here: a rule.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from rooney_core.indicators.arrays import FloatArray
from rooney_core.strategies.prices import Prices
from rooney_core.strategies.variant import BoolArray, Signals


def daily_signals(
    prices: Prices,
    *,
    enter: BoolArray | npt.NDArray[np.int8],
    leave: BoolArray,
    max_bars: int,
    side: int = 1,
    stop_distance: FloatArray | None = None,
    target_distance: FloatArray | None = None,
    target_level: FloatArray | None = None,
    trail_distance: FloatArray | None = None,
) -> Signals:
    """Signals that act at the next session's first bar and may be held overnight.

    All arrays have one value per session of `prices.sessions`. `enter`: where to take `side`, or
    the sides themselves. `leave`: where to close whatever is held. `max_bars` counts sessions.
    A session without a decision bar has no say.
    """
    sessions, n_bars = prices.sessions, len(prices)

    def spread(values: FloatArray | None) -> FloatArray | None:
        return None if values is None else sessions.spread_prices(values, n_bars)

    return Signals(
        entry=sessions.at_decisions(enter, n_bars).astype(np.int8) * np.int8(side),
        exit=sessions.at_decisions(leave, n_bars).astype(np.bool_, copy=False),
        stop_distance=spread(stop_distance),
        max_bars=max_bars,
        target_distance=spread(target_distance),
        target_level=spread(target_level),
        trail_distance=spread(trail_distance),
        decides=prices.decides,
        overnight=True,
    )
