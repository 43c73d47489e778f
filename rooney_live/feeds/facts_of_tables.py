"""Whole tables as facts that become known: sessions, hours and peers, by the core's own functions.

Belongs here: the rows of a table in the shape in which a feed tells them. Does not belong here:
facts that are made bar by bar (`known.py`), or tables themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from rooney_core.features import HourlyCloses, PartnerIbs, ReferenceCloses
from rooney_core.strategies.peers import PeerSessions
from rooney_live.feeds.records import HourClose, Moment, PeerSession, SessionClose

Fact = SessionClose | HourClose | PeerSession


def moment_of(end_us: int, facts: Iterable[Fact]) -> Moment:
    """A moment without bars, of facts in their order."""
    known = list(facts)
    return Moment(
        end_us,
        sessions=tuple(one for one in known if isinstance(one, SessionClose)),
        hours=tuple(one for one in known if isinstance(one, HourClose)),
        peers=tuple(one for one in known if isinstance(one, PeerSession)),
    )


def past_of(facts: Iterable[Fact], until_us: int) -> Moment:
    """Facts known by a moment."""
    return moment_of(until_us, (one for one in facts if one.known_at_us <= until_us))


def session_closes(frames: Mapping[str, pl.DataFrame]) -> list[SessionClose]:
    """Of session_bars by symbol, by the time they became known."""
    closes = []
    for symbol, frame in frames.items():
        known = ReferenceCloses.from_session_bars(frame)
        ibs = PartnerIbs.from_bars(None, frame).session_ibs
        columns = (one.tolist() for one in (known.known_at_us, known.close, ibs))
        closes += [SessionClose(at, symbol, *one) for at, *one in zip(*columns, strict=True)]
    return sorted(closes)


def hour_closes(frames: Mapping[str, pl.DataFrame]) -> list[HourClose]:
    """Of continuous_bars, or their hours, by symbol, by the time they became known."""
    closes = []
    for symbol, frame in frames.items():
        known = HourlyCloses.from_bars(frame)
        ibs = PartnerIbs.from_bars(frame, None).hour_ibs
        arrays = (known.known_at_us, known.close, known.adjustment, ibs)
        columns = (one.tolist() for one in arrays)
        closes += [HourClose(at, symbol, *one) for at, *one in zip(*columns, strict=True)]
    return sorted(closes)


def peer_sessions(frames: Mapping[str, pl.DataFrame]) -> list[PeerSession]:
    """Of session_bars by symbol, by the time they became known."""
    sessions = []
    for symbol, frame in frames.items():
        known = PeerSessions.from_session_bars(frame)
        columns = (known.known_at_us, known.session, known.open, known.high, known.low)
        rows = zip(*(one.tolist() for one in (*columns, known.close)), strict=True)
        sessions += [PeerSession(at, symbol, *values) for at, *values in rows]
    return sorted(sessions)
