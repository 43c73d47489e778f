"""A market that is whole before it begins, and the moments that it is made of.

Belongs here: the protocol of such a feed, and its bars and facts merged into moments. Does not
belong here: a market as it happens (`feeds`), or stored bars (`rehearsal`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Generic, Protocol, TypeVar

from rooney_core.decision import Bar
from rooney_core.market.bars import BarArrays
from rooney_live.feeds.records import HourClose, Moment, PeerSession, SessionClose, WarmUp


class Feed(Protocol):
    """A market. Bars are complete and oldest first; history ends where live begins."""

    def history(self, symbol: str) -> BarArrays:
        """Past bars: enough to warm up, and all there are where positions are held overnight."""

    def live(self, symbol: str) -> Iterable[Bar]:
        """Bars to decide on."""

    def session_closes(self) -> Iterable[SessionClose]:
        """Sessions of every symbol that informs features, by the time they became known."""

    def hour_closes(self) -> Iterable[HourClose]:
        """Hours of every symbol that informs features hourly, by the time they became known.

        What is before the live bars is there too: as many hours of each as a feature looks at.
        """

    def peer_sessions(self) -> Iterable[PeerSession]:
        """Sessions of all peer symbols, by the time they became known."""


class Known(Protocol):
    """A fact of one symbol, with the moment from which it may be used."""

    @property
    def known_at_us(self) -> int: ...

    @property
    def symbol(self) -> str: ...


Fact = TypeVar("Fact", bound=Known)


class Coming(Generic[Fact]):
    """Facts in the order in which they become known, handed out when they are."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._coming = iter(facts)
        self._next = next(self._coming, None)

    def until(self, moment_us: int) -> tuple[Fact, ...]:
        """Those known by a moment that were not handed out yet."""
        known = []
        while self._next is not None and self._next.known_at_us <= moment_us:
            known.append(self._next)
            self._next = next(self._coming, None)
        return tuple(known)


class FeedMoments:
    """A feed as a warm-up and the moments after it; `symbols` are in order of priority."""

    def __init__(self, feed: Feed, symbols: Sequence[str]) -> None:
        self._feed, self._symbols = feed, symbols
        self._sessions = Coming(feed.session_closes())
        self._hours = Coming(feed.hour_closes())
        self._peers = Coming(feed.peer_sessions())

    def warm_up(self) -> WarmUp:
        """History, and what was known of others by the end of it. To be asked once, first."""
        history = {symbol: self._feed.history(symbol) for symbol in self._symbols}
        end_us = max((int(one.bar_end_us[-1]) for one in history.values() if len(one)), default=0)
        return WarmUp(history, self._until(end_us, ()))

    def moments(self) -> Iterator[Moment]:
        """Merge the live bars of all symbols by bar_end, with what became known by then."""
        bars = [
            (bar.bar_end_us, priority, bar)
            for priority, symbol in enumerate(self._symbols)
            for bar in self._feed.live(symbol)
        ]
        bars.sort(key=lambda entry: entry[:2])
        for end_us, together in groupby(bars, key=lambda entry: entry[0]):
            yield self._until(end_us, tuple(bar for _, _, bar in together))

    def _until(self, end_us: int, bars: tuple[Bar, ...]) -> Moment:
        return Moment(
            end_us,
            bars,
            self._sessions.until(end_us),
            self._hours.until(end_us),
            self._peers.until(end_us),
        )
