"""Is the market of a symbol open now, and when does it open next? The broker queues what comes
outside, so nothing may be sent then.

Belongs here: the exchange calendar, looked up by the microsecond. Does not belong here: the
calendar's facts (`rooney_core.market`), or flat deadlines (each bar has its own).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

import polars as pl

from rooney_core.market.calendar import day_hours
from rooney_core.market.instruments import Instrument, ProductGroup

_DAYS_BEFORE: Final = 4
_DAYS_AFTER: Final = 14
_US: Final = 1_000_000
_COLUMNS: Final = ("opens", "closes")
Hours = tuple[list[int], list[int]]


class TradingHours:
    """Sessions of some symbols around the present; a new stretch is read when the old one ends."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._groups = {symbol: one.product_group for symbol, one in instruments.items()}
        self._known: dict[ProductGroup, Hours] = {}
        self._from_us = self._to_us = 0

    def is_open(self, symbol: str, now_us: int) -> bool:
        """Whether the symbol trades at `now_us`; the open is inclusive, the close is not.

        A symbol that nobody knows any more counts as open: its exit is not held up.
        """
        if symbol not in self._groups:
            return True
        opens, closes = self._around(symbol, now_us)
        at = bisect_right(opens, now_us) - 1
        return at >= 0 and now_us < closes[at]

    def next_open_us(self, symbol: str, now_us: int) -> int:
        """`now_us` while it is open, else when it opens next."""
        if self.is_open(symbol, now_us):
            return now_us
        opens, _ = self._around(symbol, now_us)
        return opens[bisect_right(opens, now_us)]

    def prepare(self, now_us: int) -> None:
        """Look up what the next days need, so that nobody has to wait for it later."""
        if not self._from_us <= now_us < self._to_us:
            day = datetime.fromtimestamp(now_us / _US, UTC).date()
            groups = set(self._groups.values())
            self._known = {group: _hours(group, day) for group in groups}
            midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
            self._from_us = int(midnight.timestamp()) * _US
            self._to_us = self._from_us + int(timedelta(days=1).total_seconds()) * _US

    def _around(self, symbol: str, now_us: int) -> Hours:
        self.prepare(now_us)
        return self._known[self._groups[symbol]]


def _hours(group: ProductGroup, day: date) -> Hours:
    """Of each day by itself: a session that begins with a bank holiday's hours has a pause in it,
    which may be as long as an afternoon."""
    days = pl.Series([day + timedelta(days=at) for at in range(-_DAYS_BEFORE, _DAYS_AFTER + 1)])
    table = day_hours(days, group).filter("is_traded").sort("opens")
    opens, closes = (table[name].dt.timestamp("us").to_list() for name in _COLUMNS)
    return opens, closes
