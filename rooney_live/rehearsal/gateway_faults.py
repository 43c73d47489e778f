"""What can go wrong with a live feed, as the local gateway shows it: when, how often, to whom.

Belongs here: the kinds, and drawing a plan of them from a seed. Does not belong here: doing it
(`gateway_session.py`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from rooney_core.errors import UnknownName

CONNECTION_KINDS: Final = ("refuse", "reject", "drop_at_auth", "drop_before_metadata", "mute")
STREAM_KINDS: Final = ("fin", "rst", "garbage", "silence", "heartbeat_only", "error")
BAR_KINDS: Final = (
    *("duplicate", "revised", "inconsistent", "undefined", "bad_volume", "future", "out_of_order"),
    *("wrong_interval", "unknown_id", "late", "missing", "mapping_change"),
)
CLOCK_KINDS: Final = ("no_end_of_interval",)
SYMBOL_KINDS: Final = ("unresolved",)
KINDS: Final = (*CONNECTION_KINDS, *STREAM_KINDS, *BAR_KINDS, *CLOCK_KINDS, *SYMBOL_KINDS)
HARMLESS_KINDS: Final = (
    *("refuse", "fin", "rst", "garbage", "drop_before_metadata"),
    *("duplicate", "revised", "inconsistent", "undefined", "bad_volume", "future"),
    *("wrong_interval", "unknown_id"),
)
"""Those after which every bar still comes in time: decisions must be what they were."""


@dataclass(frozen=True)
class GatewayFault:
    """One thing that goes wrong, `times` times.

    Of a connection, from the next one on. refuse: closed at once. reject: the key is refused.
    drop_at_auth: closed instead of an answer to the key. drop_before_metadata: closed after the
    session was started. mute: metadata, and then nothing for ever.
    Of a stream, at the first interval that ends at or after `at_us`. fin, rst: closed, reset.
    garbage: bytes that are no record. silence: nothing any more. heartbeat_only: no bars, no ends
    of intervals, but heartbeats. error: an error record that is about no symbol.
    Of the bar of `symbol` (empty: of the first) that ends then. duplicate: sent twice. revised:
    sent again with another close. inconsistent, undefined, bad_volume, wrong_interval, unknown_id:
    such a copy comes before the true bar. future: a bar of the next day comes before. out_of_order:
    it comes after the one that follows it. late: it comes after the end of its interval.
    missing: it never comes. mapping_change: the symbol is mapped to its contract under another id.
    no_end_of_interval: nobody says that the interval is over. unresolved: the subscription to the
    symbol fails.
    """

    kind: str
    at_us: int = 0
    symbol: str = ""
    dataset: str = ""
    times: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UnknownName.among("fault of the gateway", self.kind, KINDS)


class FaultList:
    """Faults that are still to come; each is taken once per time."""

    def __init__(self, faults: Sequence[GatewayFault]) -> None:
        self._faults = list(faults)
        self.shown: list[GatewayFault] = []

    def add(self, fault: GatewayFault) -> None:
        """One more, after those that are planned."""
        self._faults.append(fault)

    def take(
        self, kinds: Sequence[str], dataset: str, at_us: int, symbol: str | None = None
    ) -> GatewayFault | None:
        """The first fault of these kinds that is due; for bars, of this symbol or of any."""
        for index, one in enumerate(self._faults):
            is_of = one.kind in kinds and one.dataset in ("", dataset) and one.at_us <= at_us
            if is_of and (symbol is None or one.symbol in ("", symbol)):
                left = [replace(one, times=one.times - 1)] if one.times > 1 else []
                self._faults[index : index + 1] = left
                self.shown.append(one)
                return one
        return None


def random_faults(
    seed: int,
    first_us: int,
    last_us: int,
    n_faults: int = 8,
    kinds: Sequence[str] = HARMLESS_KINDS,
) -> list[GatewayFault]:
    """`n_faults` at random times in [first, last), of these kinds; the same seed, the same plan."""
    draw = random.Random(seed)
    times = sorted(draw.randrange(first_us, max(last_us, first_us + 1)) for _ in range(n_faults))
    return [GatewayFault(draw.choice(list(kinds)), at_us) for at_us in times]
