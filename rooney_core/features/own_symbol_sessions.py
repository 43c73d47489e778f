"""Features of the session and of the clock: where the day stands, and what the last one did.

Belongs here: sessions as trade dates, the exchange's clock, days to the roll. Does not belong here:
windows of n bars (`own_symbol_windows.py`), or the calendar itself (`rooney_core.market`).

The first bar of a session is known as such only when the bar before it is seen. That bar lies in
the last `SESSION_BARS` bars, or everything that counts from it is NaN.
"""

from __future__ import annotations

import math
from typing import Final

from rooney_core.features.own_symbol_columns import Floats, Integers, gap, inlined

SESSION_BARS: Final = 100
"""Hourly bars that surely hold this session, the one before and a bar more: a session with a bank
holiday's hours has at most 48, a stray bar of a weekend included."""
_THURSDAY: Final = 3
"""Weekday of day 0, 1970-01-01, counted from Monday."""


@inlined
def first_bar(t: int, last: int, begin: Integers) -> int:
    """First bar of the session of bar `last`, or -1 where bar t cannot know it, or last is -1."""
    if last < 0:
        return -1
    first = begin[last]
    return first if first > 0 and first - 1 > t - SESSION_BARS else -1


@inlined
def this_session(
    t: int, first: int, open_: Floats, close: Floats, adjustment: Floats, unit: float
) -> tuple[float, float]:
    """Gap at the open of the session that began at bar `first`, and the close's distance to it."""
    if first < 0:
        return math.nan, math.nan
    before = close[first - 1] + gap(adjustment, first - 1, first)
    opened = open_[first] + gap(adjustment, first, t)
    return (open_[first] - before) / unit, (close[t] - opened) / unit


@inlined
def strength_of(first: int, last: int, high: Floats, low: Floats, close: Floats) -> float:
    """Internal bar strength of a session from bar `first` to bar `last`, of its running range."""
    if first < 0:
        return math.nan
    span = high[last] - low[last]
    return 0.5 if span == 0.0 else (close[last] - low[last]) / span


@inlined
def previous_return(
    first: int, last: int, open_: Floats, close: Floats, adjustment: Floats, price: float
) -> float:
    """From the open to the close of a session / price."""
    if first < 0:
        return math.nan
    opened = open_[first] + gap(adjustment, first, last)
    return float(close[last] - opened) / price


@inlined
def previous_range(first: int, last: int, high: Floats, low: Floats, unit: float) -> float:
    """High - low of a session, of its running range / unit."""
    return (high[last] - low[last]) / unit if first >= 0 else math.nan


@inlined
def progress(end_us: int, opens_us: int, closes_us: int) -> float:
    """Elapsed share of the scheduled hours."""
    return (end_us - opens_us) / (closes_us - opens_us) if closes_us > opens_us else math.nan


@inlined
def weekday(session: int) -> float:
    """0 = Monday to 6 = Sunday."""
    return float((session + _THURSDAY) % 7)
