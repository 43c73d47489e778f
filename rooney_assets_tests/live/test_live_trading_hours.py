"""When an order may leave: the exchange's hours, day by day, as it publishes them.

Expected times are worked by hand from CME's holiday calendar (Chicago is UTC-6 in winter, UTC-5 in
summer).
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from monitor_desk import INSTRUMENTS

from rooney_live.hours import TradingHours

HOURS = TradingHours(INSTRUMENTS)


def us(moment: str) -> int:
    return int(datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        # An ordinary day's pause is 16:00 to 17:00 in Chicago.
        ("2026-01-15T21:59:59", True),
        ("2026-01-15T22:00:00", False),
        ("2026-01-15T23:00:00", True),
        # Martin Luther King's day: trading stops at noon, and the session goes on at 17:00.
        ("2026-01-19T17:59:59", True),
        ("2026-01-19T18:00:00", False),
        ("2026-01-19T22:30:00", False),
        ("2026-01-19T23:00:00", True),
        # Thanksgiving, the same; Memorial Day, in summer time.
        ("2026-11-26T18:00:00", False),
        ("2026-11-26T23:00:00", True),
        ("2026-05-25T16:59:59", True),
        ("2026-05-25T17:00:00", False),
        ("2026-05-25T22:00:00", True),
        # A weekend, around the change to summer time on 2026-03-08.
        ("2026-03-06T22:00:00", False),
        ("2026-03-08T21:59:59", False),
        ("2026-03-08T22:00:00", True),
        # Good Friday is closed in 2025.
        ("2025-04-18T15:00:00", False),
    ],
)
def test_the_market_is_open_when_the_exchange_says_so(moment, is_open):
    assert HOURS.is_open("SIM_ES", us(moment)) is is_open


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-01-19T18:00:00", "2026-01-19T23:00:00"),
        ("2026-01-16T22:00:00", "2026-01-18T23:00:00"),
        ("2025-04-17T22:30:00", "2025-04-20T22:00:00"),
    ],
)
def test_what_cannot_leave_now_leaves_at_the_next_open(moment, opens):
    assert HOURS.next_open_us("SIM_ES", us(moment)) == us(opens)


def test_what_nobody_knows_is_never_held_up():
    assert HOURS.is_open("GONE", us("2026-01-17T12:00:00"))
