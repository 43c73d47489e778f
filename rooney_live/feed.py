"""What the trader needs from a market, whoever plays it: history to warm up, then bars as they end.

Belongs here: the protocol of a feed, and the trader's books of what other symbols did. Does not
belong here: a vendor, a file, or a replay of one (`rooney_live.rehearsal`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rooney_core.decision import Bar
from rooney_core.features import FeedNames
from rooney_core.features.panel import FeaturePanel
from rooney_core.market.bars import BarArrays
from rooney_core.strategies.peers import PeerSessions
from rooney_live.feeds.records import HourClose, PeerSession, SessionClose


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


class _Coming(Generic[Fact]):
    """Facts in the order in which they become known, handed out when they are."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._coming = iter(facts)
        self._next = next(self._coming, None)

    def until(self, moment_us: int) -> Iterator[Fact]:
        """Those known by a moment that were not handed out yet."""
        while self._next is not None and self._next.known_at_us <= moment_us:
            yield self._next
            self._next = next(self._coming, None)


class Book(Generic[Fact, Arrays]):
    """What is known so far of other symbols; it never holds a fact that a later moment brings."""

    def __init__(self, facts: Iterable[Fact], arrays_of: Callable[[list[Fact]], Arrays]) -> None:
        self._coming = _Coming(facts)
        self._arrays_of = arrays_of
        self._known: dict[str, list[Fact]] = {}
        self._arrays: dict[str, Arrays] = {}

    def known_at(self, moment_us: int) -> Mapping[str, Arrays]:
        """Facts with known_at_us <= `moment_us`, by symbol. Moments must not decrease."""
        arrived = set()
        for fact in self._coming.until(moment_us):
            self._known.setdefault(fact.symbol, []).append(fact)
            arrived.add(fact.symbol)
        for symbol in arrived:
            self._arrays[symbol] = self._arrays_of(self._known[symbol])
        return self._arrays


class FeatureFacts:
    """What is known so far of the bars that features are made of, and the rows that they give.

    `names`: the symbols that are decided on, and whose bars inform each.
    """

    def __init__(self, feed: Feed, names: Mapping[str, FeedNames]) -> None:
        self._panel = FeaturePanel(names)
        self._sessions = _Coming(feed.session_closes())
        self._hours = _Coming(feed.hour_closes())

    def begin(self, symbol: str, history: BarArrays) -> None:
        """Start a symbol with the bars before its first live one."""
        self._panel.take_history(symbol, history)

    def take(self, step: Step) -> None:
        """Take in the bars of a moment, and all that is known by then. Moments must rise."""
        for day in self._sessions.until(step.bar_end_us):
            self._panel.take_session(day.symbol, day.known_at_us, day.close, day.ibs)
        for hour in self._hours.until(step.bar_end_us):
            known = (hour.known_at_us, hour.close, hour.adjustment, hour.ibs)
            self._panel.take_hour(hour.symbol, *known)
        for bar in step.bars:
            self._panel.take_bar(bar.symbol, bar)

    def row(self, symbol: str) -> npt.NDArray[np.float64]:
        """The features of a symbol at the end of its last bar; of prior trades it knows nothing."""
        return self._panel.rows([symbol])[symbol]


def peer_book(feed: Feed) -> Book[PeerSession, PeerSessions]:
    """The peers' sessions of a feed, as they become known."""
    return Book(feed.peer_sessions(), _sessions)


def _sessions(known: list[PeerSession]) -> PeerSessions:
    return PeerSessions(
        known_at_us=np.array([one.known_at_us for one in known], dtype=np.int64),
        session=np.array([one.session for one in known], dtype=np.int32),
        open=np.array([one.open for one in known], dtype=np.float64),
        high=np.array([one.high for one in known], dtype=np.float64),
        low=np.array([one.low for one in known], dtype=np.float64),
        close=np.array([one.close for one in known], dtype=np.float64),
    )
