"""What the trader needs from a market, whoever plays it: history to warm up, then bars as they end.

Belongs here: the protocol of a feed and the trader's book of reference closes. Does not belong
here: a vendor, a file, or a replay of one (`rooney_live.rehearsal`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple, Protocol

import numpy as np

from rooney_core.decision import Bar
from rooney_core.features import ReferenceCloses


class ReferenceClose(NamedTuple):
    """One session close of a reference symbol (adjusted), known from `known_at_us` on."""

    known_at_us: int
    symbol: str
    close: float


class Feed(Protocol):
    """A market. Bars are complete and oldest first; history ends where live begins."""

    def history(self, symbol: str) -> Iterable[Bar]:
        """Past bars, enough to warm up."""

    def live(self, symbol: str) -> Iterable[Bar]:
        """Bars to decide on."""

    def reference_closes(self) -> Iterable[ReferenceClose]:
        """Session closes of all reference symbols, by the time they became known."""


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


class ReferenceBook:
    """The reference closes known so far; it never holds one that a later moment brings."""

    def __init__(self, closes: Iterable[ReferenceClose]) -> None:
        self._coming = iter(closes)
        self._next = next(self._coming, None)
        self._known: dict[str, list[ReferenceClose]] = {}
        self._arrays: dict[str, ReferenceCloses] = {}

    def known_at(self, moment_us: int) -> Mapping[str, ReferenceCloses]:
        """Closes with known_at_us <= `moment_us`, by symbol. Moments must not decrease."""
        arrived = set()
        while self._next is not None and self._next.known_at_us <= moment_us:
            self._known.setdefault(self._next.symbol, []).append(self._next)
            arrived.add(self._next.symbol)
            self._next = next(self._coming, None)
        for symbol in arrived:
            known = self._known[symbol]
            self._arrays[symbol] = ReferenceCloses(
                known_at_us=np.array([one.known_at_us for one in known], dtype=np.int64),
                close=np.array([one.close for one in known], dtype=np.float64),
            )
        return self._arrays
