"""What the trader needs from a market, whoever plays it: history to warm up, then bars as they end.

Belongs here: the protocol of a feed, and the trader's books of what other symbols did. Does not
belong here: a vendor, a file, or a replay of one (`rooney_live.rehearsal`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from rooney_core.decision import Bar
from rooney_core.features import FeedNames, Feeds, HourlyCloses, PartnerIbs, ReferenceCloses
from rooney_core.features.hourly import HOURLY_CLOSES
from rooney_core.features.pair import NO_PARTNER
from rooney_core.features.references import REFERENCE_CLOSES
from rooney_core.market.bars import BarArrays
from rooney_core.strategies.peers import PeerSessions


class SessionClose(NamedTuple):
    """One session of a symbol that informs features, known from `known_at_us` on.

    `close` is adjusted; `ibs` is the session's internal bar strength.
    """

    known_at_us: int
    symbol: str
    close: float
    ibs: float


class HourClose(NamedTuple):
    """The last bar of an hour of a symbol that informs features, known from `known_at_us` on.

    `close` is raw, and close + adjustment adjusted; `ibs` is the bar's internal bar strength.
    """

    known_at_us: int
    symbol: str
    close: float
    adjustment: float
    ibs: float


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


class Book(Generic[Fact, Arrays]):
    """What is known so far of other symbols; it never holds a fact that a later moment brings.

    `keep`: how many of the last facts of a symbol anybody looks at; None: all.
    """

    def __init__(
        self,
        facts: Iterable[Fact],
        arrays_of: Callable[[Sequence[Fact]], Arrays],
        keep: int | None = None,
    ) -> None:
        self._coming = iter(facts)
        self._next = next(self._coming, None)
        self._arrays_of = arrays_of
        self._keep = keep
        self._known: dict[str, deque[Fact]] = {}
        self._arrays: dict[str, Arrays] = {}

    def known_at(self, moment_us: int) -> Mapping[str, Arrays]:
        """Facts with known_at_us <= `moment_us`, by symbol. Moments must not decrease."""
        arrived = set()
        while self._next is not None and self._next.known_at_us <= moment_us:
            known = self._known.setdefault(self._next.symbol, deque(maxlen=self._keep))
            known.append(self._next)
            arrived.add(self._next.symbol)
            self._next = next(self._coming, None)
        for symbol in arrived:
            self._arrays[symbol] = self._arrays_of(self._known[symbol])
        return self._arrays


class FeatureBooks:
    """What is known so far of the symbols that inform features: the Feeds of each symbol."""

    def __init__(self, feed: Feed) -> None:
        self._sessions = Book(feed.session_closes(), _days, keep=REFERENCE_CLOSES)
        self._hours = Book(feed.hour_closes(), _hours, keep=HOURLY_CLOSES)

    def known_at(self, moment_us: int, names: FeedNames) -> Feeds:
        """The feeds of a symbol with these names. Moments must not decrease."""
        days, hours = self._sessions.known_at(moment_us), self._hours.known_at(moment_us)
        return Feeds(
            daily={one: days[one].closes for one in names.daily if one in days},
            hourly={one: hours[one].closes for one in names.hourly if one in hours},
            partner=_partner(hours.get(names.partner or ""), days.get(names.partner or "")),
        )


class _Days(NamedTuple):
    closes: ReferenceCloses
    ibs: npt.NDArray[np.float64]


class _Hours(NamedTuple):
    closes: HourlyCloses
    ibs: npt.NDArray[np.float64]


def peer_book(feed: Feed) -> Book[PeerSession, PeerSessions]:
    """The peers' sessions of a feed, as they become known."""
    return Book(feed.peer_sessions(), _sessions)


def _partner(hours: _Hours | None, days: _Days | None) -> PartnerIbs:
    return PartnerIbs(
        NO_PARTNER.hour_known_at_us if hours is None else hours.closes.known_at_us,
        NO_PARTNER.hour_ibs if hours is None else hours.ibs,
        NO_PARTNER.session_known_at_us if days is None else days.closes.known_at_us,
        NO_PARTNER.session_ibs if days is None else days.ibs,
    )


def _days(known: Sequence[SessionClose]) -> _Days:
    closes = ReferenceCloses(
        known_at_us=np.array([one.known_at_us for one in known], dtype=np.int64),
        close=np.array([one.close for one in known], dtype=np.float64),
    )
    return _Days(closes, np.array([one.ibs for one in known], dtype=np.float64))


def _hours(known: Sequence[HourClose]) -> _Hours:
    closes = HourlyCloses(
        known_at_us=np.array([one.known_at_us for one in known], dtype=np.int64),
        close=np.array([one.close for one in known], dtype=np.float64),
        adjustment=np.array([one.adjustment for one in known], dtype=np.float64),
    )
    return _Hours(closes, np.array([one.ibs for one in known], dtype=np.float64))


def _sessions(known: Sequence[PeerSession]) -> PeerSessions:
    return PeerSessions(
        known_at_us=np.array([one.known_at_us for one in known], dtype=np.int64),
        session=np.array([one.session for one in known], dtype=np.int32),
        open=np.array([one.open for one in known], dtype=np.float64),
        high=np.array([one.high for one in known], dtype=np.float64),
        low=np.array([one.low for one in known], dtype=np.float64),
        close=np.array([one.close for one in known], dtype=np.float64),
    )
