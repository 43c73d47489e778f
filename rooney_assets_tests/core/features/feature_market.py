"""Bars for feature tests: a random walk with rolls, still bars, odd sizes. No assertions here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rooney_core.features import ReferenceCloses
from rooney_core.market.bars import BarArrays

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
PER_SESSION = 23


def walk(seed: int, n: int = 400) -> BarArrays:
    """n hourly bars of 23-hour sessions; prices are no multiples of anything, one roll in 90."""
    rng = np.random.default_rng(seed)
    close = 100.0 + np.cumsum(rng.normal(size=n))
    opening = np.concatenate(([100.0], close[:-1]))
    still = rng.random(n) < 0.05
    above, below = rng.random((2, n)) * ~still
    close = np.where(still, opening, close)
    gaps = np.where(rng.random(n) < 1 / 90, rng.normal(size=n), 0.0)
    day = np.arange(n) // PER_SESSION + 16_000
    opens = day * DAY_US - HOUR_US
    start = opens + np.arange(n) % PER_SESSION * HOUR_US
    return BarArrays(
        bar_start_us=start,
        bar_end_us=start + HOUR_US,
        open=opening,
        high=np.maximum(opening, close) + above,
        low=np.minimum(opening, close) - below,
        close=close,
        # Backward spread: 0 on the last contract.
        adjustment=np.concatenate((np.cumsum(gaps[::-1])[::-1][1:], [0.0])),
        volume=rng.integers(0, 500, n).astype(np.float64),
        session=day.astype(np.int32),
        flat_deadline_us=opens + 20 * HOUR_US,
        session_open_us=opens,
        session_close_us=opens + PER_SESSION * HOUR_US,
    )


def daily_closes(seed: int, n: int = 60) -> ReferenceCloses:
    """n daily closes, known 22 hours into days 15 970 and on, so 30 of them before `walk`."""
    rng = np.random.default_rng(seed)
    known = np.arange(15_970, 15_970 + n) * DAY_US + 22 * HOUR_US
    return ReferenceCloses(known, 50.0 + np.cumsum(rng.normal(size=n)))


def changed_at(bars: BarArrays, t: int) -> BarArrays:
    """The same bars with every price and size of bar t changed."""
    other = {
        name: getattr(bars, name).copy() for name in ("open", "high", "low", "close", "volume")
    }
    for values in other.values():
        values[t] = values[t] * 1.5 + 7.0
    other["high"][t] += 40.0
    return replace(bars, **other)
