"""The local vendor over the small release's bars, and the real client following it.

Belongs here: starting both, and collecting what is told. Does not belong here: tests.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from rooney_core.market.simulation import SimulatedMarket
from rooney_core.release import Release
from rooney_live.clock import DrivenClock, ScaledClock
from rooney_live.feeds.live import LiveMarket
from rooney_live.feeds.records import FeedCode, FeedHealth, FeedNote, Moment, WarmUp
from rooney_live.feeds.settings import FeedSettings
from rooney_live.rehearsal.bars import EMBEDDED, RehearsalMarket, open_market
from rooney_live.rehearsal.vendor import LocalVendor, StoredMarket
from rooney_live.secrets import Secret

KEY = "db-a-made-up-key-of-a-test-0001"
HOUR_US = 3_600 * 1_000_000
IMPATIENT = {
    "first_wait_seconds": 0.01,
    "longest_wait_seconds": 0.05,
    "refused_seconds": 0.05,
    "grace_seconds": 10.0,
    "connect_seconds": 5.0,
    "silent_seconds": 20.0,
}


class SteppedClock(ScaledClock):
    """A host's clock that somebody sets."""

    def __init__(self, start_us: int, speed: float, began_ns: int, steps: Mapping[int, int]):
        super().__init__(start_us, speed, began_ns)
        self._steps = steps

    def now_us(self) -> int:
        true_us = super().now_us()
        wrong_by = [by for at, by in sorted(self._steps.items()) if at <= true_us]
        return true_us + (wrong_by[-1] if wrong_by else 0)


@dataclass
class Followed:
    """What a market told, until it was hung up."""

    warm_up: WarmUp
    moments: list[Moment] = field(default_factory=list)
    notes: list[FeedNote] = field(default_factory=list)
    health: Mapping[str, FeedHealth] = field(default_factory=dict)

    def bars(self) -> list[tuple[str, int, float]]:
        """Symbol, end and close of every bar that was told."""
        return [(one.symbol, one.bar_end_us, one.close) for m in self.moments for one in m.bars]

    def stored(self, moments: Sequence[Moment]) -> list[tuple[str, int, float]]:
        """The same of stored moments, after what was history when this warm-up ended."""
        began_us = self.warm_up.past.end_us
        later = [one for one in moments if one.end_us > began_us]
        return [(one.symbol, one.bar_end_us, one.close) for m in later for one in m.bars]

    def codes(self) -> list[FeedCode]:
        """Codes of the notes, without those of every session."""
        every_day = (FeedCode.CONNECTED, FeedCode.ROLLED)
        return [one.code for one in self.notes if one.code not in every_day]


@dataclass
class Rehearsed:
    """A stored market, what it tells without sockets, and the vendor that plays it."""

    release: Release
    market: RehearsalMarket
    vendor: LocalVendor
    moments: list[Moment]
    warm_up: WarmUp
    settings: FeedSettings

    @property
    def first_us(self) -> int:
        """Where live begins."""
        return self.warm_up.past.end_us

    @property
    def last_us(self) -> int:
        """The last moment."""
        return self.moments[-1].end_us

    def follow(
        self, since_us: int | None = None, until_us: int | None = None, **changed
    ) -> Followed:
        """Warm up and follow with the real client, as fast as it goes."""
        settings = replace(self.settings, **changed)
        clock = DrivenClock(self.first_us if since_us is None else since_us)
        live = LiveMarket(self.release, settings, clock)
        return asyncio.run(_follow(live, clock, since_us, until_us or self.last_us))

    def follow_paced(
        self,
        speed: float,
        until_us: int,
        steps: Mapping[int, int] | None = None,
        since_us: int | None = None,
        offset_us: int = 0,
        **changed,
    ) -> Followed:
        """The same in the market's time, so many times as fast as the host's.

        `steps`: from a time on, by how much the trader's clock is wrong from then on, both in us.
        The market's time begins `offset_us` after its first, now; what happens while the trader
        warms up is its history.
        """
        self.vendor.live.began_ns = time.time_ns() - int(offset_us * 1_000 / speed)
        settings = replace(self.settings, paced_by_stream=False, speed=speed, **changed)
        clock = SteppedClock(self.first_us, speed, self.vendor.began_ns, steps or {})
        live = LiveMarket(self.release, settings, clock)
        return asyncio.run(_follow(live, clock, since_us, until_us))


@contextmanager
def rehearsed(
    release: Release,
    bars: Path,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    n_sessions: int,
    simulated: SimulatedMarket | None = EMBEDDED,
    since: date | None = None,
    **options,
) -> Iterator[Rehearsed]:
    """The last sessions of the bars, played on loopback until the block ends.

    `since`: the first session that the vendor has.
    """
    market = open_market(bars, release, n_sessions, simulated)
    warm_up, moments = market.warm_up(), list(market.moments())
    stored = StoredMarket.of(release, bars, simulated)
    if since is not None:
        kept = {one: frame.filter(pl.col("session") >= since) for one, frame in stored.bars.items()}
        stored = replace(stored, bars=kept)
    with LocalVendor(stored, state, warm_up.past.end_us, key=KEY, **options) as vendor:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(vendor.certificate))
        monkeypatch.setenv("SSL_CERT_FILE", str(vendor.certificate))
        settings = FeedSettings(
            key=Secret("DATABENTO_API_KEY", KEY),
            gateway=vendor.gateway,
            history=vendor.history,
            stand_in=True,
            paced_by_stream=True,
            **IMPATIENT,
        )
        yield Rehearsed(release, market, vendor, moments, warm_up, settings)


def plain(moments: Sequence[Moment]) -> list[Moment]:
    """Moments without the host's time of arrival."""
    return [replace(one, arrived_ns=0) for one in moments]


async def _follow(live: LiveMarket, clock, since_us: int | None, until_us: int) -> Followed:
    try:
        found = Followed(await live.warm_up(since_us))
        async for told in live.events():
            if isinstance(told, FeedNote):
                found.notes.append(told)
                continue
            found.moments.append(told)
            if isinstance(clock, DrivenClock):
                clock.advance(told.end_us)
            if told.end_us >= until_us:
                break
        found.health = live.health(clock.now_us())
        return found
    finally:
        await live.close()
