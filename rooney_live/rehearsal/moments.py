"""Stored bars as moments: what a live market would have told, bar by bar, without a socket.

Belongs here: the order of what became known, and prices as they were known at the time. Does not
belong here: finding or cutting bars (`bars.py`).

Stored adjustments know every later roll. A market that is played may not: the contract that is in
front before the first live session is unadjusted here, and a roll changes what comes after it, not
what was told before. Differences of adjusted prices, which is all that decisions read, stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

from rooney_core.decision import bars_of
from rooney_core.features import HourlyCloses, PartnerIbs, ReferenceCloses
from rooney_core.market.adjustment import DIGITS
from rooney_core.market.bars import BarArrays
from rooney_core.strategies.peers import PeerSessions
from rooney_live.feeds.records import HourClose, Moment, PeerSession, SessionClose, WarmUp

if TYPE_CHECKING:
    from rooney_live.rehearsal.bars import RehearsalMarket

Fact = SessionClose | HourClose | PeerSession


def warm_up_of(market: RehearsalMarket) -> WarmUp:
    """Everything before the first live bar."""
    pasts = {
        symbol: as_known(one.frame, market.sessions).head(one.first_live)
        for symbol, one in market.symbols.items()
    }
    return WarmUp(
        history={
            symbol: BarArrays.from_frame(past, market.symbols[symbol].instrument)
            for symbol, past in pasts.items()
        },
        past=past_of(_facts(market), _begins_us(market)),
        contracts={symbol: past["contract"][-1] for symbol, past in pasts.items() if past.height},
    )


def moments_of(market: RehearsalMarket) -> Iterator[Moment]:
    """What became known afterwards, oldest first: one moment for each time when anything did."""
    begins_us = _begins_us(market)
    facts = [one for one in _facts(market) if one.known_at_us > begins_us]
    bars = [
        (bar.bar_end_us, priority, bar)
        for priority, (_, one) in enumerate(market.symbols.items())
        if one.first_live < one.frame.height
        for bar in bars_of(
            as_known(one.frame, market.sessions).slice(one.first_live), one.instrument
        )
    ]
    ends = [(fact.known_at_us, -1, fact) for fact in facts]
    every = sorted([*bars, *ends], key=lambda entry: entry[:2])
    for end_us, together in groupby(every, key=lambda entry: entry[0]):
        told = [one for _, _, one in together]
        known = moment_of(end_us, (one for one in told if isinstance(one, Fact)))
        own = tuple(one for one in told if not isinstance(one, Fact))
        yield Moment(end_us, own, known.sessions, known.hours, known.peers)


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


def as_known(frame: pl.DataFrame, sessions: tuple[date, ...]) -> pl.DataFrame:
    """Bars or sessions, with adjustments as they are told: 0 for what is in front when live begins.

    Rounded, since adjustments are sums of prices of `DIGITS` decimals.
    """
    if frame.is_empty() or not sessions:
        return frame
    past = frame.filter(pl.col("session") < sessions[0])["adjustment"]
    base = past[-1] if len(past) else frame["adjustment"][0]
    moved = (pl.col("adjustment") - base).round(DIGITS)
    # A rounded zero may be negative, and a bit is a bit.
    return frame.with_columns(adjustment=pl.when(moved == 0.0).then(0.0).otherwise(moved))


def _facts(market: RehearsalMarket) -> list[Fact]:
    def told(frames: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        return {symbol: as_known(frame, market.sessions) for symbol, frame in frames.items()}

    facts: list[Fact] = [
        *session_closes(told(market.references)),
        *hour_closes(told(market.hours)),
        *peer_sessions(told(market.peers)),
    ]
    return sorted(facts, key=lambda one: (one.known_at_us, one.symbol))


def _begins_us(market: RehearsalMarket) -> int:
    """Where history ends: the last end of a bar before the live ones."""
    ends = [
        int(one.frame["bar_end"].dt.timestamp("us")[one.first_live - 1])
        for one in market.symbols.values()
        if one.first_live
    ]
    return max(ends, default=0)
