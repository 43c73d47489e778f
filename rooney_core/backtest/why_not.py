"""Why did a variant not enter at some bar? The condition that failed, or what the clock forbade.

Belongs here: reading the conditions that a rule recorded, and the record of the very run that a
backtest is made of. Does not belong here: a condition (`rooney_core.strategies.conditions`), or the
order of events in a bar (`kernel`); nothing is decided here a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from rooney_core.backtest.anchor import anchored
from rooney_core.backtest.costs import EXCHANGE_ZONE
from rooney_core.backtest.kernel import (
    FLAT_LATE,
    ORDERS,
    REASONS,
    SIGNAL,
    TIME,
    is_last_before_flat,
    raw_level,
)
from rooney_core.backtest.play import BarEvents, trace
from rooney_core.errors import InvalidSetting, NotEnoughData
from rooney_core.market.bars import BarArrays
from rooney_core.market.instruments import Instrument
from rooney_core.strategies import Signals, Variant, VariantParams, find_variant
from rooney_core.strategies.conditions import Entry, Recorder, shown
from rooney_core.strategies.peers import NO_PEERS, Peers
from rooney_core.strategies.prices import Prices

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EXCHANGE: Final = ZoneInfo(EXCHANGE_ZONE)
SIDES: Final = {1: "long", -1: "short"}


class Cause(StrEnum):
    """What stood between a bar and a trade; TRADED where nothing did."""

    HISTORY = "HISTORY"
    NO_DECISION = "NO_DECISION"
    CONDITION = "CONDITION"
    IN_POSITION = "IN_POSITION"
    ONE_ORDER = "ONE_ORDER"
    FLAT_DEADLINE = "FLAT_DEADLINE"
    NO_LEVEL = "NO_LEVEL"
    NO_NEXT_BAR = "NO_NEXT_BAR"
    LAPSED = "LAPSED"
    TRADED = "TRADED"


@dataclass(frozen=True)
class Told:
    """One condition of an entry to `side` ("long", "short"), in words with its numbers."""

    side: str
    text: str
    holds: bool


@dataclass(frozen=True)
class WhyNot:
    """The answer for one bar; times UTC. `signal`: the side of the entry signal, 0 for none.

    `cause` and `text` say what decided; `also`, what stood in the way besides. `conditions` are
    those of the entry, none at a bar that the rule does not decide at.
    """

    bar_start: datetime
    bar_end: datetime
    session: date
    signal: int
    cause: Cause
    text: str
    also: tuple[str, ...]
    conditions: tuple[Told, ...]


@dataclass(frozen=True, eq=False)
class Inquiry:
    """One configuration, run over all bars given, with the conditions of its entries."""

    bars: BarArrays
    variant: Variant
    params: VariantParams
    prices: Prices
    signals: Signals
    entries: tuple[Entry, ...]
    events: BarEvents

    @classmethod
    def of(
        cls,
        bars: BarArrays,
        variant: Variant | str,
        params: object,
        instrument: Instrument,
        peers: Peers = NO_PEERS,
    ) -> Inquiry:
        """Run it, on prices levelled as `run_backtest` levels them. Raises as that does."""
        if len(bars) == 0:
            raise NotEnoughData(f"{instrument.symbol}: no bars arrived; there is nothing to ask.")
        chosen = find_variant(variant)
        parsed = chosen.parse_params(params)
        bars = anchored(bars)
        prices = Prices(bars, instrument, peers)
        recorded: Recorder = []
        prices.recorder = recorded
        signals = chosen.signals_of(prices, parsed)
        events = trace(bars, signals)
        return cls(bars, chosen, parsed, prices, signals, tuple(recorded), events)

    @property
    def decides_on_sessions(self) -> bool:
        """True when the conditions are about sessions, and count at each one's decision bar."""
        # The first session of the bars is in no view, so the numbers always differ.
        return len(self.entries[0].conditions[0].holds) != len(self.bars)

    def place(self, bar: int) -> int | None:
        """Where the conditions of this bar are in their arrays; None when there are none."""
        if not self.decides_on_sessions:
            return bar
        found = np.flatnonzero(self.prices.sessions.decision == bar)
        return int(found[0]) if len(found) else None

    def conditions(self, bar: int) -> tuple[Told, ...]:
        """Every condition of every side at this bar."""
        at = self.place(bar)
        if at is None:
            return ()
        return tuple(
            Told(SIDES[entry.side], one.told(at), bool(one.holds[at]))
            for entry in self.entries
            for one in entry.conditions
        )

    def bars_at(self, moment: datetime | date) -> list[int]:
        """The bars that are meant: by a time, the one that ends then, or else the one that it lies
        in; by a date, those of the session that the rule decides at.

        Raises InvalidSetting when there is none.
        """
        if isinstance(moment, datetime):
            return [self._bar_at(moment)]
        days = (moment - EPOCH.date()).days
        inside = np.flatnonzero(self.bars.session == days)
        if len(inside) == 0:
            raise InvalidSetting(f"No bar is of the session of {moment}. {self._span()}")
        deciding = [int(bar) for bar in inside if self.place(int(bar)) is not None]
        return deciding or [int(inside[-1])]

    def why_not(self, bar: int) -> WhyNot:
        """Why no trade came of this bar; or that one did."""
        (cause, text), *others = [*_reasons(self, bar)] or [_of_order(self, bar)]
        return WhyNot(
            bar_start=_moment(self.bars.bar_start_us[bar]),
            bar_end=_moment(self.bars.bar_end_us[bar]),
            session=EPOCH.date() + timedelta(days=int(self.bars.session[bar])),
            signal=int(self.signals.entry[bar]),
            cause=cause,
            text=text,
            also=tuple(words for _, words in others),
            conditions=self.conditions(bar),
        )

    def _bar_at(self, moment: datetime) -> int:
        if moment.tzinfo is None:
            raise InvalidSetting(f"{moment} has no zone; write 2015-03-05T21:00Z, for example.")
        wanted = (moment - EPOCH) // timedelta(microseconds=1)
        at = int(np.searchsorted(self.bars.bar_end_us, wanted))
        if at == len(self.bars) or self.bars.bar_start_us[at] > wanted:
            raise InvalidSetting(f"No bar ends at {_asked(moment)} or holds it. {self._span()}")
        return at

    def _span(self) -> str:
        first, last = self.bars.bar_start_us[0], self.bars.bar_end_us[-1]
        return f"The bars run from {_time(first)} to {_time(last)}, with the market's pauses."


Reason = tuple[Cause, str]


def _reasons(asked: Inquiry, bar: int) -> Iterator[Reason]:
    """What stood in the way, the decisive one first; nothing where an order was given."""
    stations: tuple[Callable[[Inquiry, int], Reason | None], ...] = (
        _of_history,
        _of_decision,
        _of_conditions,
        _of_position,
        _of_order_before,
        _of_deadline,
        _of_level,
    )
    return (found for one in stations if (found := one(asked, bar)) is not None)


def _of_history(asked: Inquiry, bar: int) -> Reason | None:
    needed, sessions = asked.variant.lookback(asked.params), asked.params.lookback_sessions
    if bar >= needed - 1:
        return None
    text = f"not enough history: {bar + 1} of {needed} bars"
    if sessions:
        over = int((asked.prices.sessions.decision[: bar + 1] <= bar).sum())
        text += f", the most that {sessions + 1} sessions can have; {over} are over"
    return Cause.HISTORY, text


def _of_decision(asked: Inquiry, bar: int) -> Reason | None:
    if asked.place(bar) is not None:
        return None
    view, day = asked.prices.sessions, asked.bars.session[bar]
    at = int(np.searchsorted(view.session, day))
    if at == len(view) or view.session[at] != day:
        return Cause.NO_DECISION, "the first session of the bars may be cut, and decides nothing"
    decision = int(view.decision[at])
    if decision < 0:
        closes = _time(asked.bars.session_close_us[bar])
        return Cause.NO_DECISION, f"no bar of this session reaches its scheduled close, {closes}"
    ends = _time(asked.bars.bar_end_us[decision])
    return Cause.NO_DECISION, f"this bar decides nothing: the one of its session ends at {ends}"


def _of_conditions(asked: Inquiry, bar: int) -> Reason | None:
    at = asked.place(bar)
    if at is None or asked.signals.entry[bar] != 0:
        return None
    by_side = {
        SIDES[entry.side]: "; ".join(one.told(at) for one in entry.conditions if not one.holds[at])
        for entry in asked.entries
    }
    failed = {side: words for side, words in by_side.items() if words}
    if not failed:
        return None
    if len(asked.entries) == 1:
        return Cause.CONDITION, failed.popitem()[1]
    return Cause.CONDITION, " | ".join(f"{side}: {words}" for side, words in failed.items())


def _of_position(asked: Inquiry, bar: int) -> Reason | None:
    events = asked.events
    if events.held[bar] == 0:
        return None
    entered = int(np.flatnonzero(events.entered[: bar + 1])[-1])
    leaving = ", its exit ordered for the next bar" if events.exit_pending[bar] else ""
    since = _time(asked.bars.bar_start_us[entered])
    side = SIDES[int(events.held[bar])]
    return Cause.IN_POSITION, f"a position is open: {side} since the bar of {since}{leaving}"


def _of_order_before(asked: Inquiry, bar: int) -> Reason | None:
    events = asked.events
    exited = int(events.exited[bar])
    once = "a bar gives one order at most"
    if exited not in (0, SIGNAL, TIME):
        how = "late, at the open" if exited == FLAT_LATE else "inside the bar"
        return Cause.ONE_ORDER, f"a position was closed {how} ({REASONS[exited]}); {once}"
    if events.lapsed[bar] != 0 and asked.signals.order == ORDERS[0]:
        return Cause.ONE_ORDER, f"the order of the bar before lapsed in this one; {once}"
    return None


def _of_deadline(asked: Inquiry, bar: int) -> Reason | None:
    bars = asked.bars
    times = bars.bar_start_us[bar], bars.bar_end_us[bar], bars.flat_deadline_us[bar]
    if asked.signals.overnight or not is_last_before_flat(*times):
        return None
    return (
        Cause.FLAT_DEADLINE,
        f"an entry in the next bar would pass the flat deadline, {_time(times[2])}",
    )


def _of_level(asked: Inquiry, bar: int) -> Reason | None:
    signals = asked.signals
    if signals.order == ORDERS[0] or signals.entry[bar] == 0 or signals.entry_level is None:
        return None
    if not np.isnan(signals.entry_level[bar]):
        return None
    return Cause.NO_LEVEL, f"the level of the {signals.order} order is not known"


def _of_order(asked: Inquiry, bar: int) -> Reason:
    """An order was given at the bar's close: what became of it."""
    bars, signals, events, after = asked.bars, asked.signals, asked.events, bar + 1
    order = f"a {signals.order} order to go {SIDES[int(signals.entry[bar])]}"
    if after == len(bars):
        return Cause.NO_NEXT_BAR, f"{order} was given, and no bar comes after this one"
    start = _time(bars.bar_start_us[after])
    if events.entered[after] != 0:
        return Cause.TRADED, f"{order} was given, and filled in the bar of {start}"
    late = not signals.overnight and (
        bars.flat_deadline_us[after] != bars.flat_deadline_us[bar]
        or bars.bar_end_us[after] > bars.flat_deadline_us[after]
    )
    if late:
        why = f"the next bar, {start}, is past the flat deadline (bars are missing)"
    elif bars.volume[after] <= 0.0:
        why = f"the next bar, {start}, has no volume"
    else:
        why = f"the next bar did not reach it: {_reach(asked, bar)}"
    return Cause.LAPSED, f"{order} was given, and lapsed: {why}"


def _reach(asked: Inquiry, bar: int) -> str:
    bars, level = asked.bars, np.nan
    if asked.signals.entry_level is not None:
        level = raw_level(asked.signals.entry_level[bar], bars.adjustment[bar + 1])
    low, high = shown(bars.low[bar + 1]), shown(bars.high[bar + 1])
    return f"its level {shown(level)}, the bar's range {low} to {high}"


def _asked(moment: datetime) -> str:
    """In both zones where it can be told: at the calendar's ends no other zone has a time."""
    try:
        return _time((moment - EPOCH) // timedelta(microseconds=1))
    except OverflowError:
        return moment.isoformat()


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=int(microseconds))


def _time(microseconds: int) -> str:
    moment = _moment(microseconds)
    return f"{moment:%Y-%m-%d %H:%M} UTC ({moment.astimezone(EXCHANGE):%H:%M} Chicago)"
