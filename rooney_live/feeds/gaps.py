"""Where bars should be and are not, and what a roll was worth when bars alone do not say.

Belongs here: open hours of a leg, and the gap of two contracts in their last common bar. Does not
belong here: what is done about either.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

import polars as pl

from rooney_core.market.calendar import expected_bar_starts
from rooney_core.market.instruments import ProductGroup
from rooney_live.feeds.history import HistoryService, Question
from rooney_live.feeds.plan import DAY_MINUTES, Leg

_DAY_US: Final = 86_400 * 1_000_000
_COMMON_DAYS: Final = 10
_DAYS_KEPT: Final = 64
HOUR_US: Final = 3_600 * 1_000_000


def is_open_between(leg: Leg, first_us: int, last_us: int) -> bool:
    """Whether the schedule has all, or at least some whole, bars of a leg in [first, last).

    For days: whether a session lies in it.
    """
    first, last = (
        datetime.fromtimestamp(one / 1_000_000, UTC).date() for one in (first_us, last_us)
    )
    minutes = leg.minutes if leg.minutes == DAY_MINUTES else 60
    starts = expected_bar_starts(leg.instrument.product_group, first, last, minutes)
    times = starts["bar_start"].dt.timestamp("us")
    length_us = min(leg.interval_us, last_us - first_us)
    return bool(((times >= first_us) & (times + length_us <= last_us)).any())


def is_open_hour(leg: Leg, start_us: int) -> bool:
    """Whether the schedule has a bar of an hour, whole or short, that starts then."""
    return start_us in _open_hours(leg.instrument.product_group, start_us // _DAY_US)


@lru_cache(maxsize=_DAYS_KEPT)
def _open_hours(group: ProductGroup, day: int) -> frozenset[int]:
    """Starts of the hours with bars on a UTC day since 1970, and on some around it."""
    middle = date(1970, 1, 1) + timedelta(days=day)
    around = (middle - timedelta(days=1), middle + timedelta(days=2))
    starts = expected_bar_starts(group, *around)["bar_start"]
    return frozenset(starts.dt.timestamp("us").to_list())


def common_gap(
    service: HistoryService, leg: Leg, contracts: tuple[str, str], at_us: int
) -> float | None:
    """New minus old close in the last bar that both contracts have before `at_us`; None without."""
    _, end_us = service.ends_us(leg.dataset, leg.schema)
    bounds = (at_us - _COMMON_DAYS * _DAY_US, min(at_us, end_us))
    question = Question(leg.dataset, leg.schema, "raw_symbol", contracts, *bounds)
    bars = service.bars(question, [leg]).get(leg.symbol)
    if bars is None:
        return None
    old, new = (bars.filter(pl.col("contract") == one).select("time", "close") for one in contracts)
    common = old.join(new, on="time", suffix="_new", maintain_order="left")
    if common.is_empty():
        return None
    return float(common["close_new"][-1]) - float(common["close"][-1])
