"""What the trader needs from a market, whoever plays it: history to warm up, then bars as they end.

Belongs here: the protocol of a feed, and the trader's books of what other symbols did. Does not
belong here: a vendor, a file, or a replay of one (`rooney_live.rehearsal`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from rooney_core.decision import Bar
from rooney_core.features import ReferenceCloses
from rooney_core.market.bars import BarArrays
from rooney_core.strategies.peers import PeerSessions


class ReferenceClose(NamedTuple):
    """One session close of a reference symbol (adjusted), known from `known_at_us` on."""

    known_at_us: int
    symbol: str
    close: float


class PeerSession(NamedTuple):
    """One session of a peer symbol (adjusted prices), known from `known_at_us` on."""

    known_at_us: int
    symbol: str
    session: int
    open: float
    high: float
    low: float
    close: float


class Feed(Protocol):
    """A market. Bars are complete and oldest first; history ends where live begins."""

    def history(self, symbol: str) -> BarArrays:
        """Past bars: enough to warm up, and all there are where positions are held overnight."""

    def live(self, symbol: str) -> Iterable[Bar]:
        """Bars to decide on."""

    def reference_closes(self) -> Iterable[ReferenceClose]:
        """Session closes of all reference symbols, by the time they became known."""

    def peer_sessions(self) -> Iterable[PeerSession]:
        """Sessions of all peer symbols, by the time they became known."""


class Step(NamedTuple):
    """All bars that end at one moment, in order of priority; symbols without a bar are absent."""

    bar_end_us: int
    bars: Sequence[Bar]


def steps(feed: Feed, symbols: Sequence[str]) -> Iterator[Step]:
    """Merge the live bars of all symbols by bar_end; `symbols` are in order of priority."""
    bars = [
        (bar.bar_end_us, priority, bar)
        for priority, symbol in enumerate(symbols)
        for bar in feed.live(symbol)
    ]
    bars.sort(key=lambda entry: entry[:2])
    for bar_end_us, together in groupby(bars, key=lambda entry: entry[0]):
        yield Step(bar_end_us, [bar for _, _, bar in together])


class Known(Protocol):
    """A fact of one symbol, with the moment from which it may be used."""

    @property
    def known_at_us(self) -> int: ...

    @property
    def symbol(self) -> str: ...


Fact = TypeVar("Fact", bound=Known)
Arrays = TypeVar("Arrays")


class Book(Generic[Fact, Arrays]):
    """What is known so far of other symbols; it never holds a fact that a later moment brings."""

    def __init__(self, facts: Iterable[Fact], arrays_of: Callable[[list[Fact]], Arrays]) -> None:
        self._coming = iter(facts)
        self._next = next(self._coming, None)
        self._arrays_of = arrays_of
        self._known: dict[str, list[Fact]] = {}
        self._arrays: dict[str, Arrays] = {}

    def known_at(self, moment_us: int) -> Mapping[str, Arrays]:
        """Facts with known_at_us <= `moment_us`, by symbol. Moments must not decrease."""
        arrived = set()
        while self._next is not None and self._next.known_at_us <= moment_us:
            self._known.setdefault(self._next.symbol, []).append(self._next)
            arrived.add(self._next.symbol)
            self._next = next(self._coming, None)
        for symbol in arrived:
            self._arrays[symbol] = self._arrays_of(self._known[symbol])
        return self._arrays


def reference_book(feed: Feed) -> Book[ReferenceClose, ReferenceCloses]:
    """The reference closes of a feed, as they become known."""
    return Book(feed.reference_closes(), _closes)


def peer_book(feed: Feed) -> Book[PeerSession, PeerSessions]:
    """The peers' sessions of a feed, as they become known."""
    return Book(feed.peer_sessions(), _sessions)


def _closes(known: list[ReferenceClose]) -> ReferenceCloses:
    return ReferenceCloses(
        known_at_us=np.array([one.known_at_us for one in known], dtype=np.int64),
        close=np.array([one.close for one in known], dtype=np.float64),
    )


def _sessions(known: list[PeerSession]) -> PeerSessions:
    return PeerSessions(
        known_at_us=np.array([one.known_at_us for one in known], dtype=np.int64),
        session=np.array([one.session for one in known], dtype=np.int32),
        open=np.array([one.open for one in known], dtype=np.float64),
        high=np.array([one.high for one in known], dtype=np.float64),
        low=np.array([one.low for one in known], dtype=np.float64),
        close=np.array([one.close for one in known], dtype=np.float64),
    )
