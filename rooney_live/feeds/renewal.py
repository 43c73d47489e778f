"""When the vendor may have moved a continuous symbol to another contract.

Belongs here: those times. Does not belong here: what a roll does to prices (`series.py`).

A subscription keeps the contract that it began with; only a fresh one is mapped anew. The vendor's
mappings change at midnight UTC. A rehearsal's stored chains change with the exchange's session.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from rooney_core.market.calendar import HOURS

_DAY_US: Final = 86_400 * 1_000_000
_GROUP: Final = "equity_index"  # all futures groups open alike


def renewal_before(moment_us: int, is_stand_in: bool) -> int:
    """The latest such time at or before a moment, microseconds UTC."""
    if not is_stand_in:
        return moment_us // _DAY_US * _DAY_US
    return next(
        at for at in (_open_us(moment_us, back) for back in (-1, 0, 1, 2)) if at <= moment_us
    )


def renewal_after(moment_us: int, is_stand_in: bool) -> int:
    """The first such time after a moment, microseconds UTC."""
    if not is_stand_in:
        return (moment_us // _DAY_US + 1) * _DAY_US
    return next(
        at for at in (_open_us(moment_us, back) for back in (2, 1, 0, -1)) if at > moment_us
    )


def _open_us(moment_us: int, days_back: int) -> int:
    """The session's open on the date of a moment, less some days."""
    hours = HOURS[_GROUP]
    local = datetime.fromtimestamp(moment_us // 1_000_000, UTC).astimezone(ZoneInfo(hours.zone))
    day = local.date() - timedelta(days=days_back)
    opens: time = hours.opens
    return int(datetime.combine(day, opens, ZoneInfo(hours.zone)).timestamp()) * 1_000_000
