"""May a release still open trades? Approvals and overrides end by date; what is open may be left.

Belongs here: reading a release's terms on a day. Does not belong here: the clock (who asks brings
the day), or what the trader does about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from rooney_core.release.terms import ReleaseTerms


class TradingState(StrEnum):
    """ACTIVE: trades are opened and left. REDUCING: no new entry, exits go on."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"


def trading_state(terms: ReleaseTerms, symbol: str, day: date) -> TradingState:
    """The state of one symbol on a day: a session's date, or today's.

    REDUCING from the day after `approved_until`, for every symbol, and from the day after an
    override of this symbol ended: it passed that gate on a person's word alone, and for so long.
    """
    ended = day > terms.approved_until or any(
        one.symbol == symbol and day > one.until for one in terms.overrides
    )
    return TradingState.REDUCING if ended else TradingState.ACTIVE


def may_enter(terms: ReleaseTerms, symbol: str, day: date) -> bool:
    """Whether the symbol may open a trade on a day."""
    return trading_state(terms, symbol, day) is TradingState.ACTIVE


def lapsed(terms: ReleaseTerms, symbols: Iterable[str], day: date) -> tuple[str, ...]:
    """What has ended by a day, in words; empty while every one of `symbols` may open trades.

    So it is for a release that trades nothing: there is no entry that could be denied.
    """
    traded = set(symbols)
    found = []
    if traded and day > terms.approved_until:
        found.append(
            f"the approval of this release ended on {terms.approved_until}: REDUCING, no new entry "
            "of any symbol, exits go on; promote a newer release"
        )
    found += [
        f"the override of {one.symbol}'s {one.gate} gate ended on {one.until}: REDUCING, no new "
        f"entry of {one.symbol}, exits go on ({one.who}: {one.reason})"
        for one in terms.overrides
        if one.symbol in traded and day > one.until
    ]
    return tuple(found)


def overrides_shown(terms: ReleaseTerms, day: date) -> tuple[str, ...]:
    """Every override that holds on a day, in words: to be shown in red wherever it counts."""
    return tuple(
        f"OVERRIDE: {one.symbol} passes its {one.gate} gate until {one.until} on the word of "
        f"{one.who}: {one.reason}"
        for one in terms.overrides
        if day <= one.until
    )
