"""The market of an empty portfolio.

Belongs here: a `Market` in which nothing happens. Does not belong here: any feed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from rooney_live.clock import Clock
from rooney_live.feeds.records import FeedHealth, FeedNote, Moment, WarmUp


class QuietMarket:
    """The market of an empty portfolio: nothing is traded, so nothing is followed."""

    def __init__(self, clock: Clock, ends: bool) -> None:
        self._clock = clock
        self._closed = asyncio.Event()
        if ends:
            self._closed.set()

    async def warm_up(self, since_us: int | None = None) -> WarmUp:
        """No history."""
        return WarmUp({}, Moment(self._clock.now_us()))

    async def events(self) -> AsyncIterator[Moment | FeedNote]:
        """None, until it is closed."""
        await self._closed.wait()
        nothing: tuple[Moment, ...] = ()
        for one in nothing:
            yield one

    def health(self, now_us: int) -> Mapping[str, FeedHealth]:
        """Of nobody."""
        return {}

    async def close(self) -> None:
        """End `events`."""
        self._closed.set()
