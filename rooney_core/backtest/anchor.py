"""Adjusted prices of a window that know nothing of the rolls after it.

Belongs here: on which contract the prices of a window are levelled. Does not belong here: the gaps
of the rolls (`rooney_core.market.adjustment`), or where a window ends (the caller).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rooney_core.market.adjustment import DIGITS
from rooney_core.market.bars import BarArrays


def anchored(bars: BarArrays) -> BarArrays:
    """The bars, adjusted onto the contract of the last one; the same where they are already.

    Bars that were cut from a longer history are levelled on a contract that comes later. That is
    one constant more, but its bits decide ties of adjusted prices: of decimals that float64 cannot
    hold, (a + c) < (b + c) need not be a < b. So the constant goes, and its dust with it.
    """
    if len(bars) == 0 or bars.adjustment[-1] == 0.0:
        return bars
    return replace(bars, adjustment=np.round(bars.adjustment - bars.adjustment[-1], DIGITS))
