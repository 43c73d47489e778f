"""The continuous bars of one symbol as they come: checked, in order, once, and across rolls.

Belongs here: what becomes of every bar, and the roll's gap. Does not belong here: when a bar may be
decided on (`assembler.py`), or what others make of it (`known.py`).

Prices stay raw. The contract in front when the series began has adjustment 0, and a roll lowers
the adjustment of what follows by its gap: differences of adjusted prices are those of the batch.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from rooney_core.decision import Bar
from rooney_core.market.adjustment import DIGITS
from rooney_live.feeds.bar_clock import BarClock
from rooney_live.feeds.plan import DAY_MINUTES, Leg
from rooney_live.feeds.records import FeedCode

UNDEFINED_PRICE: Final = 2**63 - 1
PRICE_UNITS: Final = 1e9
_MOST_VOLUME: Final = 2**53
_REMEMBERED: Final = 4_096


class Arrival(NamedTuple):
    """One bar of the vendor's: start in microseconds UTC, prices in 1e-9, and its session's number.

    `minutes`: of its schema. `arrived_ns`: `time.perf_counter_ns`.
    """

    contract: str
    minutes: int
    time_us: int
    values: tuple[int, int, int, int, int]
    epoch: int
    arrived_ns: int


class Series:
    """The bars of one leg: `begin`, then `judge` what arrives, and `take` what is complete."""

    def __init__(self, leg: Leg) -> None:
        self.leg = leg
        self.clock = BarClock(leg)
        self.contract = ""
        self.front = ""
        self.front_since_us = 0
        self.last_start_us = -1
        self.last_end_us = 0
        self.last_close = 0.0
        self.adjustment = 0.0
        self.n_gaps = 0
        self.n_missing = 0
        """Bars that must come before the symbol can be trusted again after a gap."""
        self.known_gap: tuple[str, float] | None = None
        self._begun_us = -1
        self._seen: OrderedDict[int, Arrival] = OrderedDict()

    def begin(self, contract: str, start_us: int, end_us: int, close: float) -> None:
        """Stand after a history whose last bar this is; its contract is unadjusted from now on."""
        self._begun_us = start_us
        self.contract, self.last_start_us, self.last_end_us = contract, start_us, end_us
        self.last_close, self.adjustment = close, 0.0
        self.front = self.front or contract

    def is_in_front(self, arrival: Arrival) -> bool:
        """False for a bar of a contract before it came to the front, or after it left."""
        if arrival.contract == self.front:
            return arrival.time_us >= self.front_since_us
        return arrival.time_us < self.front_since_us

    def judge(self, arrival: Arrival) -> tuple[FeedCode | None, str]:
        """What is wrong with a bar, and in words; None: it can be taken once it is complete.

        A bar that this series has from its history, or an earlier session with the vendor, is a
        replay: the code is DUPLICATE without words, and nobody needs to know.
        """
        fault = self._own_fault(arrival)
        if fault is not None:
            return fault
        before = self._seen.get(arrival.time_us)
        if before is not None and before.contract == arrival.contract:
            return _repeated(before, arrival)
        if arrival.time_us <= self._begun_us:
            return FeedCode.DUPLICATE, ""
        if arrival.time_us <= self.last_start_us:
            return FeedCode.OUT_OF_ORDER, f"{_told(arrival)}, after one that starts later"
        self._seen[arrival.time_us] = arrival
        while len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return None, ""

    def end_us(self, arrival: Arrival) -> int:
        """When the bar ends."""
        return self.clock.at(arrival.time_us, arrival.contract).bar_end_us

    def take(self, arrival: Arrival) -> Bar:
        """The bar, with its adjustment; the series stands after it."""
        opened, high, low, close, volume = arrival.values
        if self.contract and arrival.contract != self.contract:
            self._roll(arrival.contract, opened / PRICE_UNITS)
        self.contract = arrival.contract
        timing = self.clock.at(arrival.time_us, arrival.contract)
        bar = Bar(
            self.leg.symbol,
            arrival.contract,
            timing.bar_start_us,
            timing.bar_end_us,
            opened / PRICE_UNITS,
            high / PRICE_UNITS,
            low / PRICE_UNITS,
            close / PRICE_UNITS,
            self.adjustment,
            float(volume),
            timing.session,
            timing.flat_deadline_us,
            timing.session_open_us,
            timing.session_close_us,
            timing.exchange_hour,
            timing.last_safe_day,
        )
        self.last_start_us, self.last_end_us = arrival.time_us, timing.bar_end_us
        self.last_close = bar.close
        self.n_missing = max(0, self.n_missing - 1)
        return bar

    def _roll(self, contract: str, opened: float) -> None:
        gap = opened - self.last_close
        if self.known_gap is not None and self.known_gap[0] == contract:
            gap = self.known_gap[1]
        self.known_gap = None
        moved = round(self.adjustment - gap, DIGITS)
        self.adjustment = 0.0 if moved == 0.0 else moved

    def _own_fault(self, arrival: Arrival) -> tuple[FeedCode, str] | None:
        leg, (opened, high, low, close, volume) = self.leg, arrival.values
        is_off_grid = leg.minutes != DAY_MINUTES and arrival.time_us % leg.interval_us
        if arrival.minutes != leg.minutes or is_off_grid:
            return FeedCode.WRONG_INTERVAL, f"{_told(arrival)} of {arrival.minutes} minutes"
        if UNDEFINED_PRICE in arrival.values[:4]:
            return FeedCode.UNDEFINED_PRICE, f"{_told(arrival)} has no price"
        if not low <= min(opened, close) <= max(opened, close) <= high:
            return FeedCode.INCONSISTENT, f"{_told(arrival)} cannot be"
        if not 0 <= volume <= _MOST_VOLUME:
            return FeedCode.BAD_VOLUME, f"{_told(arrival)} has volume {volume}"
        return None


def _repeated(before: Arrival, arrival: Arrival) -> tuple[FeedCode, str]:
    if before.values != arrival.values:
        return FeedCode.REVISED, f"{_told(arrival)}; kept: {_told(before)}"
    is_replay = before.epoch != arrival.epoch
    return FeedCode.DUPLICATE, "" if is_replay else f"{_told(arrival)} came twice"


def _told(arrival: Arrival) -> str:
    opened, high, low, close = (
        "none" if one == UNDEFINED_PRICE else f"{one / PRICE_UNITS:.10g}"
        for one in arrival.values[:4]
    )
    return (
        f"the bar of {arrival.contract} from {arrival.time_us} us, open {opened} high {high} low "
        f"{low} close {close} volume {arrival.values[4]}"
    )
