"""Where bars should be and are not, and what a roll was worth when bars alone do not say.

Belongs here: open hours of a leg, and the gap of two contracts in their last common bar. Does not
belong here: what is done about either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

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


class Rolled(NamedTuple):
    """A roll: the contract before, the one from `at_us` (microseconds UTC) on."""

    old: str
    new: str
    at_us: int


def common_gaps(service: HistoryService, leg: Leg, rolls: Sequence[Rolled]) -> list[float | None]:
    """Of each roll, new minus old close in the last bar that both contracts have before it; None
    without one in the days before. One question for all of them."""
    if not rolls:
        return []
    _, end_us = service.ends_us(leg.dataset, leg.schema)
    times = [one.at_us for one in rolls]
    bounds = (min(times) - _COMMON_DAYS * _DAY_US, min(max(times), end_us))
    contracts = tuple(sorted({name for one in rolls for name in (one.old, one.new)}))
    question = Question(leg.dataset, leg.schema, "raw_symbol", contracts, *bounds)
    bars = service.bars(question, [leg]).get(leg.symbol)
    if bars is None:
        return [None] * len(rolls)
    timed = bars.with_columns(at_us=pl.col("time").dt.timestamp("us"))
    closes = {key[0]: one for key, one in timed.partition_by("contract", as_dict=True).items()}
    return [_gap(closes, one) for one in rolls]


def _gap(closes: Mapping[Any, pl.DataFrame], roll: Rolled) -> float | None:
    if roll.old not in closes or roll.new not in closes:
        return None
    first_us = roll.at_us - _COMMON_DAYS * _DAY_US
    old, new = (
        closes[one].filter(pl.col("at_us").is_between(first_us, roll.at_us, closed="left"))
        for one in (roll.old, roll.new)
    )
    common = old.join(new, on="at_us", suffix="_new", maintain_order="left")
    if common.is_empty():
        return None
    return float(common["close_new"][-1]) - float(common["close"][-1])
