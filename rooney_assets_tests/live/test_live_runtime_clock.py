"""Clocks: the host's scaled, and one that stands until it is driven."""

from __future__ import annotations

import asyncio
import time

import pytest

from rooney_live.clock import DrivenClock, ScaledClock, SystemClock

NOON_US = 1_614_600_000_000_000
SECOND_US = 1_000_000


def test_the_hosts_clock_is_the_hosts():
    before = time.time_ns() // 1_000
    assert before <= SystemClock().now_us() <= time.time_ns() // 1_000


def test_a_scaled_clock_agrees_with_whoever_began_at_the_same_time():
    began_ns = time.time_ns() - 3 * 10**9
    one, other = ScaledClock(NOON_US, 100.0, began_ns), ScaledClock(NOON_US, 100.0, began_ns)
    first, second = one.now_us(), other.now_us()
    # Three seconds ago, a hundred times as fast: five minutes have passed at least.
    assert NOON_US + 300 * SECOND_US <= first <= second


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_clock_that_does_not_run_is_refused(speed):
    with pytest.raises(ValueError, match="more than 0"):
        ScaledClock(NOON_US, speed)


def test_a_driven_clock_wakes_sleepers_in_order_and_only_when_driven():
    woken = []

    async def sleeper(clock, name, seconds):
        await clock.sleep(seconds)
        woken.append((name, clock.now_us()))

    async def drive():
        clock = DrivenClock(NOON_US)
        tasks = [
            asyncio.create_task(sleeper(clock, name, seconds))
            for name, seconds in (("late", 60.0), ("early", 5.0), ("at once", 0.0))
        ]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert woken == [("at once", NOON_US)]
        assert clock.next_us == NOON_US + 5 * SECOND_US
        clock.advance(NOON_US + 4 * SECOND_US)
        await asyncio.sleep(0)
        assert len(woken) == 1
        clock.advance(clock.next_us)
        await asyncio.sleep(0)
        clock.advance(NOON_US + 90 * SECOND_US)
        clock.advance(NOON_US)
        await asyncio.gather(*tasks)
        assert clock.next_us is None
        assert clock.now_us() == NOON_US + 90 * SECOND_US

    asyncio.run(drive())
    assert woken[1:] == [
        ("early", NOON_US + 5 * SECOND_US),
        ("late", NOON_US + 90 * SECOND_US),
    ]


def test_a_sleeper_that_was_cancelled_is_not_waited_for():
    async def drive():
        clock = DrivenClock(NOON_US)
        task = asyncio.create_task(clock.sleep(10.0))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert clock.next_us is None
        clock.advance(NOON_US + 20 * SECOND_US)

    asyncio.run(drive())
