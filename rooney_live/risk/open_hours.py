"""Is the market open? What is sent while it is closed fires at the venue's next open.

Belongs here: one question to the calendar. Does not belong here: the calendar
(`rooney_core.market`), deadlines, or what is done about the answer.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from rooney_core.market.calendar import schedule
from rooney_core.market.instruments import ProductGroup

_US = 1_000_000
_AROUND = timedelta(days=8)
"""More than the longest stretch without a session on either side."""


def is_open(product_group: ProductGroup, now_us: int) -> bool:
    """Whether a session of the group runs at `now_us`; its open is inclusive, its close exclusive.

    Pauses within a session count as open.
    """
    day = datetime.fromtimestamp(now_us / _US, UTC).date()
    return any(opens <= now_us < closes for opens, closes in _sessions(product_group, day))


def next_open_us(product_group: ProductGroup, now_us: int) -> int | None:
    """When the next session opens; `now_us` while one runs, None when none does within a week."""
    if is_open(product_group, now_us):
        return now_us
    day = datetime.fromtimestamp(now_us / _US, UTC).date()
    return min((one for one, _ in _sessions(product_group, day) if one > now_us), default=None)


@lru_cache(maxsize=64)
def _sessions(product_group: ProductGroup, day: date) -> tuple[tuple[int, int], ...]:
    known = schedule(product_group, day - _AROUND, day + _AROUND)
    columns = (known[name].dt.timestamp("us") for name in ("session_open", "session_close"))
    return tuple(zip(*columns, strict=True))
