"""Random markets nastier than real ones: gaps, missing bars, no volume, early closes, rolls.

Belongs here: bars and signals drawn by hypothesis. Does not belong here: assertions.

Only the shape is drawn (sizes, shares and a seed); numpy fills in the rest, so that a failing
example shrinks to a small market.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from rooney_core.market.bars import BarArrays
from rooney_core.strategies import Signals

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
TICK = 0.25
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Shape:
    """What hypothesis draws; shares in [0, 1]."""

    seed: int
    n_sessions: int
    bars_a_session: int
    missing: float
    without_volume: float
    without_range: float
    early_closes: float
    unscheduled: float
    gaps: float
    rolls: float


def shapes(max_sessions: int = 12) -> st.SearchStrategy[Shape]:
    share = st.sampled_from([0.0, 0.05, 0.3])
    return st.builds(
        Shape,
        seed=st.integers(0, 2**32 - 1),
        n_sessions=st.integers(1, max_sessions),
        bars_a_session=st.integers(1, 23),
        missing=share,
        without_volume=share,
        without_range=share,
        early_closes=share,
        unscheduled=share,
        gaps=share,
        rolls=share,
    )


def market(shape: Shape) -> BarArrays:
    """Bars of that shape. The flat deadline may lie inside a bar; every session has its own."""
    rng = np.random.default_rng(shape.seed)
    per, n = shape.bars_a_session, shape.n_sessions * shape.bars_a_session
    day = np.repeat(np.arange(16_000, 16_000 + shape.n_sessions), per)
    opens_at = day.astype(np.int64) * DAY_US - 2 * HOUR_US
    start = opens_at + np.tile(np.arange(per), shape.n_sessions) * HOUR_US
    hours = np.full(shape.n_sessions, 0.8 * per)
    early = rng.random(shape.n_sessions) < shape.early_closes
    hours[early] = rng.uniform(0, per, early.sum())
    hours[rng.random(shape.n_sessions) < shape.unscheduled] = 0.0
    deadline = opens_at + np.repeat((hours * 4).round() / 4 * HOUR_US, per).astype(np.int64)

    close = 400 + np.cumsum(rng.integers(-6, 7, n)) * TICK
    jump = np.where(rng.random(n) < shape.gaps, rng.integers(-30, 31, n), 0) * TICK
    opening = np.concatenate(([400.0], close[:-1])) + jump
    above, below = rng.integers(0, 5, (2, n)) * TICK
    high, low = np.maximum(opening, close) + above, np.minimum(opening, close) - below
    still = rng.random(n) < shape.without_range
    opening[still] = high[still] = low[still] = close[still]

    rolled = np.repeat(rng.random(shape.n_sessions) < shape.rolls, per)
    rolled[np.arange(n) % per > 0] = False
    gap = np.where(rolled, rng.integers(-20, 21, n), 0) * TICK
    adjustment = gap.sum() - np.cumsum(gap)
    volume = np.where(rng.random(n) < shape.without_volume, 0.0, rng.integers(1, 500, n))

    kept = rng.random(n) >= shape.missing
    kept[0] = True
    columns = {
        "bar_start_us": start,
        "bar_end_us": start + HOUR_US,
        "open": opening - adjustment,
        "high": high - adjustment,
        "low": low - adjustment,
        "close": close - adjustment,
        "adjustment": adjustment,
        "volume": volume,
        "session": day.astype(np.int32),
        "flat_deadline_us": deadline,
        "session_open_us": opens_at,
        "session_close_us": opens_at + per * HOUR_US,
    }
    return BarArrays(**{name: np.ascontiguousarray(one[kept]) for name, one in columns.items()})


def with_rolls_within_sessions(bars: BarArrays, seed: int, share: float) -> BarArrays:
    """`bars` with more rolls, at any bar: the same adjusted prices, other raw ones."""
    rng = np.random.default_rng(seed)
    rolled = rng.random(len(bars)) < share
    gap = np.where(rolled, rng.integers(-20, 21, len(bars)), 0) * TICK
    more = gap.sum() - np.cumsum(gap)
    raw = {name: getattr(bars, name) - more for name in PRICES}
    return replace(bars, adjustment=bars.adjustment + more, **raw)


def random_signals(bars: BarArrays, seed: int) -> Signals:
    """Signals of both sides that no rule would give: dense, contradictory, with odd stops."""
    rng = np.random.default_rng(seed)
    n = len(bars)
    stop = rng.choice([np.nan, 0.0, -1.0, 0.5, 1.25, 4.0], n)
    return Signals(
        entry=rng.choice(np.array([-1, 0, 1], np.int8), n, p=[0.2, 0.5, 0.3]),
        exit=rng.random(n) < 0.15,
        stop_distance=stop,
        max_bars=int(rng.integers(1, 8)),
    )


FEATURES = ("stop", "target_distance", "target_level", "trail", "orders", "decides", "overnight")


def rich_signals(bars: BarArrays, seed: int) -> Signals:
    """Random signals with any mix of orders, stops, targets, trails, decision bars and nights."""
    rng = np.random.default_rng(seed)
    n = len(bars)
    has = dict(zip(FEATURES, rng.random(len(FEATURES)) < 0.5, strict=True))
    adjusted = bars.close + bars.adjustment

    def distances() -> np.ndarray:
        return rng.choice([np.nan, 0.0, -1.0, 0.25, 0.5, 1.25, 1.3, 4.0], n)

    def levels() -> np.ndarray:
        away = rng.choice([np.nan, -2.0, -0.5, -0.25, 0.0, 0.25, 0.3, 0.5, 2.0], n)
        return adjusted + away

    order = rng.choice(["stop", "limit"]) if has["orders"] else "market"
    return Signals(
        entry=rng.choice(np.array([-1, 0, 1], np.int8), n, p=[0.2, 0.5, 0.3]),
        exit=rng.random(n) < rng.choice([0.02, 0.15]),
        stop_distance=distances() if has["stop"] else None,
        max_bars=int(rng.integers(1, 12)),
        target_distance=distances() if has["target_distance"] else None,
        target_level=levels() if has["target_level"] else None,
        trail_distance=distances() if has["trail"] else None,
        entry_level=levels() if order != "market" or rng.random() < 0.1 else None,
        order=str(order),
        decides=rng.random(n) < rng.choice([0.05, 0.5]) if has["decides"] else None,
        overnight=bool(has["overnight"]),
    )
