"""What a symbol's bars tell about it to others: hours, sessions and peers, when they are known.

Belongs here: the same facts, bit for bit, as the batch makes of whole tables
(`HourlyCloses`, `session_bars`, `PeerSessions`), made bar by bar. Does not belong here: their use.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from rooney_core.decision import Bar
from rooney_core.features.hourly import HOUR_US
from rooney_core.indicators import internal_bar_strength
from rooney_live.feeds.facts_of_tables import Fact
from rooney_live.feeds.plan import Leg
from rooney_live.feeds.records import HourClose, PeerSession, SessionClose

_NEVER: Final = -1


class Knowing:
    """Takes the bars of one leg, oldest first, and hands out each fact once, when it is known.

    `told_us`: what was known by then is not told again.
    """

    def __init__(self, leg: Leg, told_us: int = 0) -> None:
        self._leg = leg
        self._told_us = told_us
        self._hour: Bar | None = None
        self._session: list[Bar] = []
        self._told_session = _NEVER
        self._ready: list[Fact] = []

    def add(self, bar: Bar) -> None:
        """The next bar."""
        if self._leg.hourly:
            if self._hour is not None and _hour_of(self._hour) != _hour_of(bar):
                self._tell_hour(self._hour)
            self._hour = bar
        if self._leg.daily or self._leg.peer:
            if self._session and self._session[0].session != bar.session:
                self._tell_session()
            # A bar after the session was told cannot change what was known; nobody is told.
            if bar.session > self._told_session:
                self._session.append(bar)

    def until(self, moment_us: int) -> list[Fact]:
        """Facts known by a moment that were not told yet, unsorted."""
        if self._hour is not None and _hour_known_us(self._hour) <= moment_us:
            self._tell_hour(self._hour)
            self._hour = None
        if self._session and _session_known_us(self._session) <= moment_us:
            self._tell_session()
        ready = [one for one in self._ready if one.known_at_us > self._told_us]
        self._ready.clear()
        return ready

    def _tell_hour(self, bar: Bar) -> None:
        self._ready.append(
            HourClose(
                _hour_known_us(bar),
                bar.symbol,
                bar.close,
                bar.adjustment,
                _strength(bar.high, bar.low, bar.close),
            )
        )

    def _tell_session(self) -> None:
        bars, last = self._session, self._session[-1]
        self._session = []
        self._told_session = last.session
        moves = [bar.adjustment - last.adjustment for bar in bars]
        opened = bars[0].open + moves[0]
        high = max(bar.high + moved for bar, moved in zip(bars, moves, strict=True))
        low = min(bar.low + moved for bar, moved in zip(bars, moves, strict=True))
        known_us, own = max(last.session_close_us, last.bar_end_us), last.adjustment
        if self._leg.daily:
            ibs = _strength(high, low, last.close)
            self._ready.append(SessionClose(known_us, last.symbol, last.close + own, ibs))
        if self._leg.peer:
            prices = (opened + own, high + own, low + own, last.close + own)
            self._ready.append(PeerSession(known_us, last.symbol, last.session, *prices))


def _hour_of(bar: Bar) -> int:
    return bar.bar_start_us // HOUR_US


def _hour_known_us(bar: Bar) -> int:
    return max(bar.bar_end_us, (_hour_of(bar) + 1) * HOUR_US)


def _session_known_us(bars: list[Bar]) -> int:
    return max(bars[-1].session_close_us, bars[-1].bar_end_us)


def _strength(high: float, low: float, close: float) -> float:
    return float(internal_bar_strength(*(np.array([one]) for one in (high, low, close)))[0])
