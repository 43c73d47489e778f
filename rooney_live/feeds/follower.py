"""What each record of the vendor's means: mappings, bars, the clock of bars, errors.

Belongs here: records turned into what the assembler is told, and notes. Does not belong here:
threads and waiting (`session.py`, `live.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import databento
from databento_dbn import ErrorCode, SystemCode

from rooney_live.feeds.assembler import Assembler
from rooney_live.feeds.history import contract_name
from rooney_live.feeds.plan import DAY_MINUTES, MINUTE_US, SCHEMAS, Leg
from rooney_live.feeds.records import FeedCode, FeedNote, FeedState
from rooney_live.feeds.renewal import renewal_after, renewal_before
from rooney_live.feeds.series import Arrival
from rooney_live.feeds.session import Ended, Received, Subscription
from rooney_live.feeds.settings import FeedSettings
from rooney_live.secrets import scrub

_SECOND_US: Final = 1_000_000
_SILENT_INTERVALS: Final = 2
_SCHEMA: Final = re.compile(r"ohlcv-1[mhd]")
_MINUTES_OF_RTYPE: Final = {32: 0, 33: 1, 34: 60, 35: 1440, 36: 1440}


class Rolled(NamedTuple):
    """A symbol's new contract; `at_us`: from when on it is in front."""

    symbol: str
    old: str
    new: str
    at_us: int


@dataclass
class Following:
    """Where one dataset stands. `ids`: instrument -> (symbol, contract) of this session.

    `stale_epoch`: records of this session and those before are not read any more. `renews_us`: when
    a fresh subscription is due. `is_caught_up`: this session has replayed all it was asked to;
    `replaying`: schemas that it has not.
    """

    dataset: str
    is_stand_in: bool
    ids: dict[int, tuple[str, str]] = field(default_factory=dict)
    epoch: int = 0
    stale_epoch: int = 0
    renews_us: int = 0
    mapped_us: int = 0
    connected_us: int = 0
    is_connected: bool = False
    is_caught_up: bool = False
    replaying: set[str] = field(default_factory=set)
    mapped: set[str] = field(default_factory=set)


class Follower:
    """Tells the assembler what arrives. `renew_wanted` and `rolled` are for whoever acts on it."""

    def __init__(self, assembler: Assembler, settings: FeedSettings) -> None:
        self.assembler = assembler
        self.following = {
            leg.dataset: Following(leg.dataset, leg.is_stand_in) for leg in assembler.legs.values()
        }
        self.raw_names: dict[str, str] = {}
        self.unresolved: set[str] = set()
        self.renew_wanted: list[str] = []
        self.rolled: list[Rolled] = []
        self._settings = settings
        self._by_name = {(leg.dataset, leg.vendor_symbol): leg for leg in assembler.legs.values()}

    def begin(self, dataset: str, position_us: int) -> None:
        """Follow from a position on."""
        one = self.following[dataset]
        one.renews_us = renewal_after(position_us, one.is_stand_in)
        one.mapped_us = renewal_before(position_us, one.is_stand_in)

    def subscriptions(self, dataset: str) -> list[Subscription]:
        """What the next session asks for, each schema from where it stands."""
        by_stream: dict[tuple[str, str], list[Leg]] = {}
        for leg in self.assembler.legs.values():
            if leg.dataset == dataset:
                by_stream.setdefault((leg.schema, leg.stype), []).append(leg)
        asked = []
        for (schema, stype), legs in by_stream.items():
            start_us = self._start_us(dataset, schema)
            names = tuple(leg.vendor_symbol for leg in legs)
            asked.append(Subscription(schema, stype, names, start_us))
            fronts = [self.assembler.series[leg.symbol].front for leg in legs]
            raw = tuple(self.raw_names[one] for one in fronts if one in self.raw_names)
            # The contract that was in front: its bars up to the roll are asked for by name, since
            # the continuous symbol has moved on when a session begins after it.
            if raw and stype == "continuous" and not self._settings.paced_by_stream:
                asked.append(Subscription(schema, "raw_symbol", raw, start_us))
        return asked

    def first_us(self, dataset: str) -> int:
        """From when on bars of a dataset are not here yet, or only in part."""
        schemas = (own for name, own in self.assembler.streams if name == dataset)
        return min(self._start_us(dataset, own) for own in schemas)

    def read(self, item: Received, now_us: int) -> list[FeedNote]:
        """One record, or the beginning of a session."""
        one = self.following[item.dataset]
        if item.epoch <= one.stale_epoch:
            return []
        if item.record is None:
            return self._connected(one, item.epoch, now_us)
        record = item.record
        if isinstance(record, databento.OHLCVMsg):
            return self._bar(one, item, now_us)
        if isinstance(record, databento.SystemMsg):
            self._system(one, record)
            return []
        if isinstance(record, databento.SymbolMappingMsg):
            return self._mapping(one, record, now_us)
        if isinstance(record, databento.ErrorMsg):
            return self._error(one, record, now_us)
        return []

    def ended(self, item: Ended, now_us: int) -> list[FeedNote]:
        """A session is over."""
        one = self.following[item.dataset]
        one.is_connected = one.is_caught_up = False
        code = {
            "silent": FeedCode.FEED_SILENT,
            "refused": FeedCode.NOT_ENTITLED,
        }.get(item.ending, FeedCode.DISCONNECTED)
        if item.ending == "renewed":
            return []
        told = [FeedNote(code, item.dataset, "", now_us, item.why)]
        message = f"the next session in {item.wait_seconds:.2f} s"
        return [*told, FeedNote(FeedCode.RECONNECTING, item.dataset, "", now_us, message)]

    def renew_overdue(self, now_us: int) -> None:
        """Ask for fresh subscriptions whose time has come, though no record said so."""
        for one in self.following.values():
            if one.is_connected and now_us >= one.renews_us + self._settings.settle_us:
                self._renew(one, renewal_before(now_us, one.is_stand_in))

    def start_over(self, dataset: str) -> None:
        """Read nothing more of this session; another begins where the dataset stands."""
        one = self.following[dataset]
        self._renew(one, one.mapped_us)

    def stalled(self, now_us: int) -> list[FeedNote]:
        """Hang up where sessions say that they live, and no interval ever ends."""
        told = []
        for one in self.following.values():
            of_dataset = [leg for leg in self.assembler.legs.values() if leg.dataset == one.dataset]
            shortest_us = min(leg.interval_us for leg in of_dataset)
            since_us = max(self.assembler.told_us(one.dataset), one.connected_us)
            silent_us = _SILENT_INTERVALS * shortest_us + self._settings.settle_us
            if one.is_connected and now_us - since_us > silent_us:
                message = "no interval ended for too long, though the session lives"
                told.append(FeedNote(FeedCode.FEED_SILENT, one.dataset, "", now_us, message))
                self._renew(one, one.mapped_us)
        return told

    def state(self, symbol: str) -> FeedState:
        """What can be expected of a symbol."""
        leg = self.assembler.legs[symbol]
        one = self.following[leg.dataset]
        if symbol in self.unresolved:
            return FeedState.UNRESOLVED
        if not one.is_connected:
            return FeedState.RECONNECTING
        is_whole = one.is_caught_up and not self.assembler.series[symbol].n_missing
        return FeedState.LIVE if is_whole else FeedState.WARMING_UP

    def _start_us(self, dataset: str, schema: str) -> int:
        streams = self.assembler.streams
        others = [one for (name, own), one in streams.items() if name == dataset]
        shortest = min(others, key=lambda one: one.interval_us)
        own = streams[dataset, schema]
        # Days come with the hours that they end with: where those are, these are too.
        through_us = shortest.through_us
        if not own.is_stand_in:
            through_us = min(own.through_us, through_us)
        if self._settings.paced_by_stream:
            return through_us
        if own.is_stand_in and own.interval_us == DAY_MINUTES * MINUTE_US:
            return through_us  # its days are replayed by their end
        # Replay gives the bars that start at or after this time: the one that runs is among them.
        return through_us // own.interval_us * own.interval_us

    def _connected(self, one: Following, epoch: int, now_us: int) -> list[FeedNote]:
        one.epoch, one.is_connected, one.is_caught_up = epoch, True, False
        one.connected_us = now_us
        one.replaying = {own for name, own in self.assembler.streams if name == one.dataset}
        one.ids.clear()
        one.mapped.clear()
        message = "subscribed"
        return [FeedNote(FeedCode.CONNECTED, one.dataset, "", now_us, message)]

    def _bar(self, one: Following, item: Received, now_us: int) -> list[FeedNote]:
        record = item.record
        time_us = record.ts_event // 1_000
        named = one.ids.get(record.instrument_id)
        if named is None:
            message = f"a bar of instrument {record.instrument_id}, which no mapping names"
            return [FeedNote(FeedCode.UNKNOWN_ID, one.dataset, "", time_us, message)]
        symbol, contract = named
        arrival = Arrival(
            contract,
            _MINUTES_OF_RTYPE.get(int(record.rtype), 0),
            time_us,
            (record.open, record.high, record.low, record.close, record.volume),
            item.epoch,
            item.arrived_ns,
        )
        present = None if self._settings.paced_by_stream else now_us
        return self.assembler.arrive(symbol, arrival, present)

    def _system(self, one: Following, record: Any) -> None:
        at_us = record.ts_event // 1_000
        found = _SCHEMA.search(record.msg)
        schema = found.group() if found and found.group() in SCHEMAS.values() else None
        if record.code == SystemCode.END_OF_INTERVAL:
            self.assembler.through(one.dataset, schema, min(at_us, one.renews_us))
            if self._settings.paced_by_stream:
                self._caught_up(one)
            if at_us >= one.renews_us and self._is_shortest(one.dataset, schema):
                self._renew(one, one.renews_us)
        elif record.code == SystemCode.REPLAY_COMPLETED:
            self.assembler.replayed(one.dataset, at_us - self._settings.settle_us, schema)
            one.replaying -= one.replaying if schema is None else {schema}
            if not one.replaying:
                self._caught_up(one)

    def _caught_up(self, one: Following) -> None:
        if not one.is_caught_up:
            one.is_caught_up = True
            self.assembler.wait_again(one.dataset)

    def _is_shortest(self, dataset: str, schema: str | None) -> bool:
        """Whether this is the dataset's finest clock: coarser ones tick before it."""
        names = [own for name, own in self.assembler.streams if name == dataset]
        return schema is None or schema == next(one for one in SCHEMAS.values() if one in names)

    def _renew(self, one: Following, at_us: int) -> None:
        one.stale_epoch = one.epoch
        one.mapped_us, one.renews_us = at_us, renewal_after(at_us, one.is_stand_in)
        one.is_connected = one.is_caught_up = False
        self.renew_wanted.append(one.dataset)

    def _mapping(self, one: Following, record: Any, now_us: int) -> list[FeedNote]:
        name, raw = str(record.stype_in_symbol), str(record.stype_out_symbol)
        leg = self._by_name.get((one.dataset, name))
        if leg is None:
            return self._mapping_by_name(one, record, name)
        day = datetime.fromtimestamp(now_us / _SECOND_US, UTC).date()
        contract = contract_name(raw, leg, day)
        self.raw_names[contract] = raw
        is_again = leg.symbol in one.mapped
        one.mapped.add(leg.symbol)
        if leg.symbol in self.unresolved:
            self.unresolved.discard(leg.symbol)
            self.assembler.leave_out(self.unresolved)
        series = self.assembler.series[leg.symbol]
        before, series_was = series.front, series.contract
        if is_again and before != contract:
            # The old instrument says nothing any more that could be in front.
            one.ids = {key: value for key, value in one.ids.items() if value[0] != leg.symbol}
        one.ids[record.instrument_id] = (leg.symbol, contract)
        if before == contract:
            return []
        series.front = contract
        if not before:
            return []
        series.front_since_us = (
            self.assembler.position_us(one.dataset) if is_again else one.mapped_us
        )
        self.rolled.append(
            Rolled(leg.symbol, series_was or before, contract, series.front_since_us)
        )
        code = FeedCode.MAPPING_CHANGED if is_again else FeedCode.ROLLED
        message = f"{before} is followed by {contract}"
        return [FeedNote(code, one.dataset, leg.symbol, series.front_since_us, message)]

    def _mapping_by_name(self, one: Following, record: Any, raw: str) -> list[FeedNote]:
        """A contract that was asked for by its own name."""
        for leg in self.assembler.legs.values():
            series = self.assembler.series[leg.symbol]
            if leg.dataset == one.dataset and self.raw_names.get(series.contract) == raw:
                one.ids.setdefault(record.instrument_id, (leg.symbol, series.contract))
        return []

    def _error(self, one: Following, record: Any, now_us: int) -> list[FeedNote]:
        words = scrub(str(record.err))
        names = {
            name: leg for (dataset, name), leg in self._by_name.items() if dataset == one.dataset
        }
        meant = [leg for name, leg in names.items() if name in words]
        if record.code == ErrorCode.SYMBOL_RESOLUTION_FAILED or meant:
            self.unresolved |= {leg.symbol for leg in meant}
            self.assembler.leave_out(self.unresolved)
            return [
                FeedNote(FeedCode.UNRESOLVED, one.dataset, symbol, now_us, words)
                for symbol in ([leg.symbol for leg in meant] or [""])
            ]
        return [FeedNote(FeedCode.VENDOR_ERROR, one.dataset, "", now_us, words)]
