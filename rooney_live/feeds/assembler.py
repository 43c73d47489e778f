"""From arrivals to moments: which bars there are at an interval's end, and when it is complete.

Belongs here: the clock of bars, what becomes of each arrival, the order of moments. Does not belong
here: sockets and waiting (`session.py`, `live.py`), or one symbol's prices (`series.py`).

Nothing here reads a clock or waits, so that the same arrivals always make the same moments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from rooney_core.decision import Bar
from rooney_live.feeds.facts_of_tables import Fact
from rooney_live.feeds.gaps import HOUR_US, is_open_hour
from rooney_live.feeds.known import Knowing
from rooney_live.feeds.plan import DAY_MINUTES, MINUTE_US, Leg
from rooney_live.feeds.records import (
    FeedCode,
    FeedNote,
    HourClose,
    Moment,
    PeerSession,
    SessionClose,
)
from rooney_live.feeds.series import Arrival, Series
from rooney_live.feeds.settings import FeedSettings

Told = Moment | FeedNote
_NEVER_US = 2**62


@dataclass
class Stream:
    """One schema of one dataset. `through_us`: every bar that ends by then has arrived.

    `has_finer`: these are days, and the dataset has shorter bars too. `is_absent`: the vendor knows
    none of its symbols, so that nobody says when its intervals end.

    `is_waited_for`: moments wait until it is through; not while its dataset is away for long.
    """

    interval_us: int
    is_stand_in: bool
    has_finer: bool = False
    through_us: int = 0
    is_waited_for: bool = True
    is_absent: bool = False

    @property
    def silent_until_us(self) -> int:
        """No bar of it that is not there yet ends before or at this time."""
        if self.is_stand_in:
            # Its days end with their sessions; they come before the hours that end with them.
            return _NEVER_US if self.has_finer else self.through_us
        return self.through_us // self.interval_us * self.interval_us + self.interval_us - 1


class Assembler:
    """Collects what arrives of all datasets and closes moments in order.

    Before `go_live` it only collects, and `collected` gives what came.
    """

    def __init__(self, legs: tuple[Leg, ...], settings: FeedSettings) -> None:
        self.legs = {leg.symbol: leg for leg in legs}
        self.series = {leg.symbol: Series(leg) for leg in legs}
        self.streams = {
            (leg.dataset, leg.schema): Stream(leg.interval_us, leg.is_stand_in) for leg in legs
        }
        for (dataset, _), stream in self.streams.items():
            lengths = [one.interval_us for one in legs if one.dataset == dataset]
            is_day = stream.interval_us == DAY_MINUTES * MINUTE_US
            stream.has_finer = is_day and min(lengths) < stream.interval_us
        self.last_end_us = 0
        self._settings = settings
        self._is_live = False
        self._knowing: dict[str, Knowing] = {}
        self._pending: dict[int, dict[str, Arrival]] = {}
        self._late: list[tuple[str, Arrival]] = []
        self._ticks: set[int] = set()
        self._missed: set[tuple[int, str]] = set()
        self._unresolved: set[str] = set()

    def position_us(self, dataset: str) -> int:
        """Up to where everything of a dataset is here."""
        every = [one for (name, _), one in self.streams.items() if name == dataset]
        streams = [one for one in every if not one.is_absent] or every
        whole_us = min(one.silent_until_us for one in streams)
        return min(whole_us, max(one.through_us for one in streams))

    def through(self, dataset: str, schema: str | None, end_us: int) -> None:
        """An interval is complete, says the vendor; without a schema, each that ends then is."""
        for (name, own), stream in self.streams.items():
            is_meant = own == schema or (schema is None and end_us % stream.interval_us == 0)
            if name == dataset and is_meant and end_us > stream.through_us:
                stream.through_us = end_us
                self._ticks.add(end_us)

    def told_us(self, dataset: str) -> int:
        """The latest end of an interval that a dataset told of."""
        return max(one.through_us for (name, _), one in self.streams.items() if name == dataset)

    def replayed(self, dataset: str, end_us: int, schema: str | None = None) -> None:
        """The vendor has replayed all that ended by a time, of one schema or of each."""
        for (name, own), stream in self.streams.items():
            if name == dataset and schema in (None, own):
                stream.through_us = max(stream.through_us, end_us)

    def arrive(self, symbol: str, arrival: Arrival, now_us: int | None) -> list[FeedNote]:
        """One bar. `now_us`: the present, None where the stream alone tells the time."""
        series = self.series[symbol]
        if not series.is_in_front(arrival):
            return []
        code, words = self._too_early(series, arrival, now_us)
        if code is None:
            code, words = series.judge(arrival)
        if code is not None:
            return [self.note(code, symbol, arrival.time_us, words)] if words else []
        end_us = series.end_us(arrival)
        if end_us > self.last_end_us or not self._is_live:
            self._pending.setdefault(end_us, {})[symbol] = arrival
            return []
        self._late.append((symbol, arrival))
        words = f"the bar from {arrival.time_us} us came after its interval was complete"
        return [self.note(FeedCode.LATE_BAR, symbol, arrival.time_us, words)]

    def recall(self, symbol: str, arrivals: Iterable[Arrival]) -> list[FeedNote]:
        """Bars of history that are still to be told, oldest first; before `go_live`.

        Which contract was in front, history says itself. What was replayed too stays as it came.
        """
        told, series = [], self.series[symbol]
        for one in arrivals:
            code, words = series.judge(one)
            if code is None:
                self._pending.setdefault(series.end_us(one), {})[symbol] = one
            elif words:
                told.append(self.note(code, symbol, one.time_us, words))
        return told

    def waiting(self, symbol: str) -> list[Arrival]:
        """Bars of a symbol that no moment has told yet, oldest first."""
        ends = sorted(self._pending)
        return [self._pending[one][symbol] for one in ends if symbol in self._pending[one]]

    def missing(self) -> list[FeedNote]:
        """Hours of an open market without a bar of a traded symbol, each told once.

        The last moment's are not among them: a bar may be late.
        """
        due = [one for one in self._missed if one[0] < self.last_end_us]
        self._missed -= set(due)
        return [
            self.note(
                FeedCode.MISSING_BAR,
                symbol,
                end_us - HOUR_US,
                f"no bar came from {end_us - HOUR_US} to {end_us} us, and its market was open",
            )
            for end_us, symbol in sorted(due)
            if is_open_hour(self.legs[symbol], end_us - HOUR_US)
        ]

    def overdue(self, now_us: int) -> None:
        """Declare complete what ended long enough ago with nobody saying so."""
        settled_us = now_us - self._settings.settle_us
        ends = [end for end in self._pending if end <= settled_us]
        for end_us in ends:
            for symbol in self._pending[end_us]:
                leg = self.legs[symbol]
                stream = self.streams[leg.dataset, leg.schema]
                stream.through_us = max(stream.through_us, end_us)
                self._ticks.add(end_us)

    def collected(self, until_us: int) -> dict[str, list[Arrival]]:
        """Take out bars that end by a time, by symbol, oldest first."""
        found: dict[str, list[Arrival]] = {}
        for end_us in sorted(end for end in self._pending if end <= until_us):
            for symbol, arrival in self._pending.pop(end_us).items():
                found.setdefault(symbol, []).append(arrival)
        self._ticks = {one for one in self._ticks if one > until_us}
        return found

    def go_live(self, until_us: int, primers: Mapping[str, Iterable[Bar]]) -> None:
        """From now on moments after `until_us` are closed; `primers`: each symbol's last bars."""
        self._is_live, self.last_end_us = True, until_us
        for symbol, leg in self.legs.items():
            if leg.informs:
                knowing = self._knowing[symbol] = Knowing(leg, until_us)
                for bar in primers.get(symbol, ()):
                    knowing.add(bar)
                knowing.until(until_us)

    @property
    def is_kept_waiting(self) -> bool:
        """True while something could be closed but for a dataset that lags."""
        ready = self._ends()
        return bool(ready) and ready[0] > self.complete_us

    def give_up_waiting(self) -> list[str]:
        """Stop waiting for the streams that lag; their datasets."""
        ready = self._ends()
        lagging = set()
        for (dataset, _), stream in self.streams.items():
            if ready and stream.is_waited_for and stream.silent_until_us < ready[0]:
                stream.is_waited_for = False
                lagging.add(dataset)
        return sorted(lagging)

    def leave_out(self, unresolved: Collection[str]) -> None:
        """Do not wait for streams of which every symbol is unknown to the vendor."""
        self._unresolved = set(unresolved)
        for (dataset, schema), stream in self.streams.items():
            members = [
                leg.symbol
                for leg in self.legs.values()
                if (leg.dataset, leg.schema) == (dataset, schema)
            ]
            stream.is_absent = all(one in unresolved for one in members)

    def wait_again(self, dataset: str) -> None:
        """A dataset is back."""
        for (name, _), stream in self.streams.items():
            if name == dataset:
                stream.is_waited_for = True

    def close(self, now_us: int | None, until_us: int = _NEVER_US) -> list[Moment]:
        """Every moment that is complete, and ends by `until_us`, oldest first."""
        if not self._is_live:
            return []
        moments = self._close_late() if self._late else []
        frontier_us = min(self.complete_us, until_us)
        for end_us in self._ends():
            if end_us > frontier_us:
                break
            self._ticks.discard(end_us)
            moments += self._close(end_us, self._pending.pop(end_us, {}), now_us)
        return moments

    def note(self, code: FeedCode, symbol: str, at_us: int, message: str) -> FeedNote:
        """A note about a symbol."""
        return FeedNote(code, self.legs[symbol].dataset, symbol, at_us, message)

    @property
    def complete_us(self) -> int:
        """Every bar that ends by this time has arrived, or is not waited for any more."""
        waited = [
            one.silent_until_us
            for one in self.streams.values()
            if one.is_waited_for and not one.is_absent
        ]
        # With every dataset away there is no clock, but for what is overdue.
        return min(waited, default=max(one.through_us for one in self.streams.values()))

    def _ends(self) -> list[int]:
        return sorted({*self._pending, *self._ticks})

    def _too_early(
        self, series: Series, arrival: Arrival, now_us: int | None
    ) -> tuple[FeedCode | None, str]:
        leg = series.leg
        if now_us is None:
            # The stream is its own clock: it may forget to tell one end of an interval, not two.
            stream = self.streams[leg.dataset, leg.schema]
            latest_us = stream.through_us + 2 * leg.interval_us
            is_early = stream.through_us > 0 and arrival.time_us >= latest_us
            is_early = is_early and leg.minutes != DAY_MINUTES
        else:
            is_early = series.end_us(arrival) > now_us + self._settings.max_ahead_us
        if not is_early:
            return None, ""
        words = f"the bar of {arrival.contract} from {arrival.time_us} us is not over yet"
        return FeedCode.FUTURE_BAR, words

    def _close(
        self, end_us: int, arrivals: Mapping[str, Arrival], now_us: int | None
    ) -> list[Moment]:
        taken = {one: self.series[one].take(arrivals[one]) for one in self.legs if one in arrivals}
        for symbol, bar in taken.items():
            if symbol in self._knowing:
                self._knowing[symbol].add(bar)
        self._miss(end_us, arrivals)
        known = self._known(end_us)
        earlier = sorted({one.known_at_us for one in known if one.known_at_us < end_us})
        moments = [
            _moment(at, (), [one for one in known if one.known_at_us == at], 0, False)
            for at in earlier
        ]
        now_known = [one for one in known if one.known_at_us >= end_us]
        bars = tuple(bar for one, bar in taken.items() if self.legs[one].is_traded)
        if bars or now_known:
            arrived = max((arrivals[bar.symbol].arrived_ns for bar in bars), default=0)
            moments.append(_moment(end_us, bars, now_known, arrived, self._is_old(end_us, now_us)))
        self.last_end_us = max(self.last_end_us, end_us)
        return moments

    def _miss(self, end_us: int, arrivals: Collection[str]) -> None:
        for symbol, leg in self.legs.items():
            is_expected = leg.is_traded and leg.interval_us == HOUR_US and end_us % HOUR_US == 0
            if is_expected and symbol not in arrivals and symbol not in self._unresolved:
                self._missed.add((end_us, symbol))

    def _close_late(self) -> list[Moment]:
        """Bars whose moment is over: one moment each, just after the last."""
        moments = []
        for symbol, arrival in sorted(self._late, key=lambda one: one[1].time_us):
            bar = self.series[symbol].take(arrival)
            self._missed.discard((bar.bar_end_us, symbol))
            if symbol in self._knowing:
                self._knowing[symbol].add(bar)
            if self.legs[symbol].is_traded:
                self.last_end_us += 1
                moments.append(_moment(self.last_end_us, (bar,), [], arrival.arrived_ns, True))
        self._late.clear()
        return moments

    def _known(self, end_us: int) -> list[Fact]:
        """Facts known by a moment. One that is told after its time is told as of this moment."""
        found = [fact for one in self._knowing.values() for fact in one.until(end_us)]
        told = [
            one if one.known_at_us > self.last_end_us else one._replace(known_at_us=end_us)
            for one in found
        ]
        return sorted(told, key=lambda one: (one.known_at_us, one.symbol))

    def _is_old(self, end_us: int, now_us: int | None) -> bool:
        return now_us is not None and now_us - end_us > self._settings.max_bar_age_us


def _moment(
    end_us: int, bars: tuple[Bar, ...], known: list[Fact], arrived_ns: int, is_late: bool
) -> Moment:
    return Moment(
        end_us,
        bars,
        tuple(one for one in known if isinstance(one, SessionClose)),
        tuple(one for one in known if isinstance(one, HourClose)),
        tuple(one for one in known if isinstance(one, PeerSession)),
        arrived_ns,
        is_late,
    )
