"""What is known so far of other symbols, and the rows of features that it gives.

Belongs here: the trader's books of sessions, hours and peers, filled moment by moment. Does not
belong here: where they come from (`feeds`), or the arithmetic of a feature (core).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from rooney_core.features import FeedNames
from rooney_core.features.panel import FeaturePanel
from rooney_core.market.bars import BarArrays
from rooney_core.strategies.peers import PeerSessions
from rooney_live.feeds.records import Moment, PeerSession


class FeatureFacts:
    """What is known so far of the bars that features are made of, and the rows that they give.

    `names`: the symbols that are decided on, and whose bars inform each.
    """

    def __init__(self, names: Mapping[str, FeedNames]) -> None:
        self._panel = FeaturePanel(names)

    def begin(self, symbol: str, history: BarArrays) -> None:
        """Start a symbol with the bars before its first live one."""
        self._panel.take_history(symbol, history)

    def learn(self, moment: Moment) -> None:
        """Take in what a moment tells of other symbols. Moments must rise."""
        for day in moment.sessions:
            self._panel.take_session(day.symbol, day.known_at_us, day.close, day.ibs)
        for hour in moment.hours:
            known = (hour.known_at_us, hour.close, hour.adjustment, hour.ibs)
            self._panel.take_hour(hour.symbol, *known)

    def take(self, moment: Moment) -> None:
        """Take in a moment: what it tells of others, then its own bars."""
        self.learn(moment)
        for bar in moment.bars:
            self._panel.take_bar(bar.symbol, bar)

    def row(self, symbol: str) -> npt.NDArray[np.float64]:
        """The features of a symbol at the end of its last bar; of prior trades it knows nothing."""
        return self._panel.rows([symbol])[symbol]


class PeerBook:
    """The peers' sessions as they become known; it never holds one that a later moment brings."""

    def __init__(self) -> None:
        self._rows: dict[str, list[PeerSession]] = {}
        self._arrays: dict[str, PeerSessions] = {}
        self._stale: set[str] = set()

    def take(self, session: PeerSession) -> None:
        """The next session of a peer."""
        self._rows.setdefault(session.symbol, []).append(session)
        self._stale.add(session.symbol)

    @property
    def known(self) -> Mapping[str, PeerSessions]:
        """All sessions taken in, oldest first, by symbol."""
        for symbol in self._stale:
            self._arrays[symbol] = _arrays(self._rows[symbol])
        self._stale.clear()
        return self._arrays


def _arrays(known: list[PeerSession]) -> PeerSessions:
    return PeerSessions(
        known_at_us=np.array([one.known_at_us for one in known], dtype=np.int64),
        session=np.array([one.session for one in known], dtype=np.int32),
        open=np.array([one.open for one in known], dtype=np.float64),
        high=np.array([one.high for one in known], dtype=np.float64),
        low=np.array([one.low for one in known], dtype=np.float64),
        close=np.array([one.close for one in known], dtype=np.float64),
    )
