"""Stored bars as moments: what a live market would have told, bar by bar, without a socket.

Belongs here: the order of what became known, and prices as they were known at the time. Does not
belong here: finding or cutting bars (`bars.py`).

Stored adjustments know every later roll. A market that is played may not: the contract that is in
front before the first live session is unadjusted here, and a roll changes what comes after it, not
what was told before. Differences of adjusted prices, which is all that decisions read, stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING

import polars as pl

from rooney_core.decision import bars_of
from rooney_core.market.adjustment import DIGITS
from rooney_core.market.bars import BarArrays
from rooney_live.feeds.facts_of_tables import (
    Fact,
    hour_closes,
    moment_of,
    past_of,
    peer_sessions,
    session_closes,
)
from rooney_live.feeds.records import Moment, WarmUp

if TYPE_CHECKING:
    from rooney_live.rehearsal.bars import RehearsalMarket


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
