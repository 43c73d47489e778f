"""What time it is, and waiting: the trader's, a rehearsal's at some speed, or one that is driven.

Belongs here: clocks. Does not belong here: sessions and deadlines (`rooney_core.market`). Every
part of the trader is given its clock; none reads the host's by itself.
"""

from __future__ import annotations

import asyncio
import time
from heapq import heappop, heappush
from itertools import count
from typing import Protocol

SECOND_US = 1_000_000


class Clock(Protocol):
    """Microseconds since 1970-01-01 UTC. The host's clock may step; nothing here promises rises."""

    def now_us(self) -> int:
        """The present."""

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds of this clock; others run meanwhile."""


class SystemClock:
    """The host's clock."""

    def now_us(self) -> int:
        """The host's present."""
        return time.time_ns() // 1_000

    async def sleep(self, seconds: float) -> None:
        """Wait as the loop does."""
        await asyncio.sleep(max(0.0, seconds))


class ScaledClock:
    """A clock that runs `speed` times as fast as the host's, and showed `start_us` at `began_ns`.

    `began_ns`: `time.time_ns()`, by default now; processes that are given the same agree.
    """

    def __init__(self, start_us: int, speed: float, began_ns: int | None = None) -> None:
        if not speed > 0.0:
            raise ValueError(f"speed={speed!r} arrived; a clock runs at more than 0.")
        self._start_us, self._speed = start_us, speed
        self._began_ns = time.time_ns() if began_ns is None else began_ns

    def now_us(self) -> int:
        """The scaled present."""
        passed_us = (time.time_ns() - self._began_ns) / 1_000
        return self._start_us + int(passed_us * self._speed)

    async def sleep(self, seconds: float) -> None:
        """Wait for the scaled time, which is shorter for a speed above 1."""
        await asyncio.sleep(max(0.0, seconds) / self._speed)


class DrivenClock:
    """A clock that stands still until it is told to move: time is what the bars say it is.

    `advance` wakes, in order, whoever slept until then. Where nobody drives it at the moment,
    `skip` moves it to the next sleeper, so that a wait costs nothing.
    """

    def __init__(self, start_us: int) -> None:
        self._now_us = start_us
        self._order = count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now_us(self) -> int:
        """Where it stands."""
        return self._now_us

    def advance(self, until_us: int) -> None:
        """Move to `until_us` and wake whoever slept until then; never backwards."""
        self._now_us = max(self._now_us, until_us)
        while self._sleepers and self._sleepers[0][0] <= self._now_us:
            *_, sleeper = heappop(self._sleepers)
            if not sleeper.done():
                sleeper.set_result(None)

    @property
    def next_us(self) -> int | None:
        """When the first sleeper wakes; None while nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was driven past that time."""
        if seconds <= 0.0:
            await asyncio.sleep(0)
            return
        until_us = self._now_us + int(seconds * SECOND_US)
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (until_us, next(self._order), waiting))
        await waiting
