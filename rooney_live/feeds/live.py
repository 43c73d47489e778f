"""A release's market as it happens: warm-up from history, then moments from the vendor's live feed.

Belongs here: the order of warm-up, sessions, moments and repairs; waiting. Does not belong here:
what a record means (`follower.py`), when a moment is complete (`assembler.py`), deciding.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import polars as pl

from rooney_core.decision import DecisionBundle
from rooney_core.errors import VendorRefused, VendorUnavailable
from rooney_core.market.bars import BarArrays
from rooney_core.market.rolls import CONTINUOUS_SCHEMA
from rooney_core.release import Release
from rooney_live.clock import Clock
from rooney_live.feeds.assembler import Assembler, Told
from rooney_live.feeds.channel import Channel
from rooney_live.feeds.facts_of_tables import past_of
from rooney_live.feeds.follower import Follower
from rooney_live.feeds.gaps import Rolled, common_gaps, is_open_between
from rooney_live.feeds.history import HistoryService
from rooney_live.feeds.plan import Leg, legs_of
from rooney_live.feeds.records import FeedCode, FeedHealth, FeedNote, FeedState, Moment, WarmUp
from rooney_live.feeds.series import Series
from rooney_live.feeds.session import DatasetSessions, Ended, Received
from rooney_live.feeds.settings import FeedSettings
from rooney_live.feeds.warm_up import (
    Fetched,
    arrivals_frame,
    arrivals_of,
    continuous,
    fetch,
    history_of,
    is_warm,
    past_facts,
    primers,
    raw_bars,
    split_at,
    starts_us,
)

_LOOK_SECONDS: Final = 0.5
_LOOK_CLOSELY_SECONDS: Final = 0.05
_SECOND_US: Final = 1_000_000
_JOIN_SECONDS: Final = 2.0


class LiveMarket:
    """A `Market` of the vendor's two services, or of a rehearsal's stand-ins for them.

    `warm_up` once, then `events`. Everything but sockets happens in the caller's loop.
    """

    def __init__(self, release: Release, settings: FeedSettings, clock: Clock) -> None:
        # What the client logs it also tells by records and endings, which become notes.
        logging.getLogger("databento").setLevel(logging.CRITICAL)
        self._release = release
        self._settings = settings
        self._clock = clock
        self._legs = legs_of(release, settings.stand_in)
        self._assembler = Assembler(self._legs, settings)
        self._follower = Follower(self._assembler, settings)
        self._history = HistoryService(settings)
        self._sessions: dict[str, DatasetSessions] = {}
        self._channel: Channel[Received | Ended] | None = None
        self._ready: list[Told] = []
        self._kept_waiting_since = math.inf
        self._silent: set[str] = set()
        self._is_closed = False

    async def warm_up(self, since_us: int | None = None) -> WarmUp:
        """See `Market`. History first, then live replay from where it ends until the present."""
        started_us = self._clock.now_us()
        self._channel = Channel(asyncio.get_running_loop())
        wanted_us = min(started_us, since_us or started_us)
        start_us = starts_us(self._release, wanted_us)
        fetched = await asyncio.to_thread(fetch, self._history, self._legs, start_us, started_us)
        self._ready += [*self._history.notes, *fetched.notes]
        self._history.notes.clear()
        self._stand_after(fetched)
        self._connect(fetched, started_us)
        await self._catch_up(started_us)
        until_us = wanted_us
        if since_us is None:
            until_us = max(wanted_us, min(self._clock.now_us(), self._assembler.complete_us))
        return await asyncio.to_thread(self._begin, fetched, until_us)

    async def events(self) -> AsyncIterator[Moment | FeedNote]:
        """See `Market`."""
        assert self._channel is not None, "warm_up comes first"
        while not self._is_closed:
            for told in await self._pump():
                yield told
            for told in self._housekeep():
                yield told
            is_waiting = self._kept_waiting_since < math.inf
            await self._channel.filled(_LOOK_CLOSELY_SECONDS if is_waiting else _LOOK_SECONDS)

    def health(self, now_us: int) -> Mapping[str, FeedHealth]:
        """See `Market`."""
        found = {}
        for symbol, series in self._assembler.series.items():
            age = (now_us - series.last_end_us) / _SECOND_US if series.last_end_us else math.inf
            state = FeedState.SILENT if symbol in self._silent else self._follower.state(symbol)
            found[symbol] = FeedHealth(
                series.last_end_us, age, series.contract, series.n_gaps, state
            )
        return found

    async def close(self) -> None:
        """See `Market`."""
        self._is_closed = True
        self._history.stop.set()
        if self._channel is not None:
            self._channel.close()
        for one in self._sessions.values():
            one.close()
        for one in self._sessions.values():
            await asyncio.to_thread(one.join, _JOIN_SECONDS)
        self._sessions.clear()

    @property
    def _present_us(self) -> int | None:
        """What bars are held to; None where they alone tell the time."""
        return None if self._settings.paced_by_stream else self._clock.now_us()

    def _connect(self, fetched: Fetched, now_us: int) -> None:
        """Begin a session with every dataset, each from where its history ends."""
        assert self._channel is not None
        self._follower.raw_names |= self._history.raw_names
        for dataset, end_us in fetched.ends_us.items():
            for (name, _), stream in self._assembler.streams.items():
                if name == dataset:
                    stream.through_us = end_us
            begins_us = end_us if self._settings.paced_by_stream else now_us
            self._follower.begin(dataset, begins_us)
            self._note_hole(dataset, end_us, now_us)
            sessions = DatasetSessions(
                dataset,
                partial(self._follower.subscriptions, dataset),
                self._settings,
                self._channel,
            )
            self._sessions[dataset] = sessions
            sessions.start()

    async def _catch_up(self, target_us: int) -> None:
        """Read what is replayed until every dataset is at the present."""
        ends_at = time.monotonic() + self._settings.warm_up_seconds
        while waiting := self._behind(target_us):
            if time.monotonic() > ends_at:
                self._go_without(waiting)
                return
            assert self._channel is not None
            await self._channel.filled(_LOOK_CLOSELY_SECONDS)
            while (item := self._channel.take()) is not None:
                self._ready += self._handle(item)
                if not self._behind(target_us):
                    break
            self._follower.renew_overdue(self._clock.now_us())
            self._renew()

    def _behind(self, target_us: int) -> list[str]:
        """Datasets that have not replayed all up to the target."""
        if self._settings.paced_by_stream:
            return [one for one in self._sessions if self._assembler.position_us(one) < target_us]
        return [name for name, one in self._follower.following.items() if not one.is_caught_up]

    def _go_without(self, datasets: list[str]) -> None:
        """Begin without datasets that only inform; refuse to without one that is traded."""
        traded = sorted(
            {leg.dataset for leg in self._legs if leg.is_traded and leg.dataset in datasets}
        )
        if traded:
            raise VendorUnavailable(
                f"{', '.join(traded)} did not replay up to the present within "
                f"{self._settings.warm_up_seconds:g} s, so that bars are missing. Look at the "
                "notes of the feed, and start again."
            )
        for (dataset, _), stream in self._assembler.streams.items():
            stream.is_waited_for = stream.is_waited_for and dataset not in datasets

    def _stand_after(self, fetched: Fetched) -> None:
        """Let every series know where its history ends."""
        for leg in self._legs:
            bars = fetched.bars.get(leg.symbol)
            if bars is not None and bars.height:
                _stand(self._assembler.series[leg.symbol], bars)

    def _begin(self, fetched: Fetched, until_us: int) -> WarmUp:
        """Make one history of what was fetched and what was replayed since; blocking."""
        collected = self._assembler.collected(until_us)
        legs = {leg.symbol: leg for leg in self._legs}
        frames: dict[str, pl.DataFrame] = {}
        histories: dict[str, BarArrays] = {}
        notes: list[FeedNote] = []
        for symbol, leg in legs.items():
            parts = [fetched.bars[symbol]] if symbol in fetched.bars else []
            parts += [arrivals_frame(collected[symbol])] if symbol in collected else []
            if not parts:
                continue
            vendor, later = split_at(pl.concat(parts), leg, until_us)
            raw = raw_bars(vendor, leg, notes)
            if not raw.is_empty():
                frames[symbol] = continuous(raw, leg, self._known_gaps)
                _stand(self._assembler.series[symbol], vendor)
                self._assembler.series[symbol].clock.prepare(until_us, raw["contract"][-1])
            notes += self._assembler.recall(symbol, arrivals_of(later, leg))
            self._await_roll(leg)
        for symbol, bundle in self._release.bundles.items():
            histories[symbol] = self._own_history(frames.get(symbol), bundle, legs[symbol], notes)
        self._assembler.go_live(
            until_us, {symbol: primers(frame, legs[symbol]) for symbol, frame in frames.items()}
        )
        self._ready += notes
        self._follower.rolled.clear()
        return WarmUp(
            history=histories,
            past=past_of(past_facts(frames, legs), until_us),
            contracts={one: self._assembler.series[one].contract for one in frames},
        )

    def _await_roll(self, leg: Leg) -> None:
        """Know the gap of a roll among the bars that are still to be told; blocking."""
        series = self._assembler.series[leg.symbol]
        waiting = self._assembler.waiting(leg.symbol)
        one = next((one for one in waiting if one.contract != series.contract), None)
        if one is not None and series.contract:
            gap = self._known_gap(leg, series.contract, one.contract, one.time_us)
            series.known_gap = None if gap is None else (one.contract, gap)

    def _own_history(
        self,
        frame: pl.DataFrame | None,
        bundle: DecisionBundle,
        leg: Leg,
        notes: list[FeedNote],
    ) -> BarArrays:
        known = pl.DataFrame(schema=CONTINUOUS_SCHEMA) if frame is None else frame
        history = history_of(known, bundle, leg)
        if not is_warm(history, bundle):
            message = (
                f"{len(history)} bars are there; {bundle.variant.name} needs "
                f"{bundle.warm_up_bars} and the end of a session. It is not traded until then"
            )
            at_us = self._clock.now_us()
            notes.append(FeedNote(FeedCode.WARM_UP_SHORT, leg.dataset, leg.symbol, at_us, message))
        return history

    async def _pump(self) -> list[Told]:
        """Read what arrived, up to the first complete moment."""
        assert self._channel is not None
        told, self._ready = self._ready, []
        while (item := self._channel.take()) is not None:
            told += self._handle(item)
            await self._learn_gaps(told)
            if isinstance(item, Received) and item.record is None:
                await self._repair(item.dataset, told)
            moments = self._assembler.close(self._present_us)
            if moments:
                return [*told, *moments]
        return told + list(self._assembler.close(self._present_us))

    def _handle(self, item: Received | Ended) -> list[Told]:
        now_us = self._clock.now_us()
        if isinstance(item, Ended):
            return list(self._follower.ended(item, now_us))
        told = self._follower.read(item, now_us)
        self._renew()
        return list(told)

    def _renew(self) -> None:
        for dataset in self._follower.renew_wanted:
            self._sessions[dataset].renew()
        self._follower.renew_wanted.clear()

    def _housekeep(self) -> list[Told]:
        """What time alone brings: overdue intervals, datasets that lag, fresh subscriptions."""
        told: list[Told] = []
        now_us = self._present_us
        if now_us is not None:
            self._assembler.overdue(now_us)
            self._follower.renew_overdue(now_us)
            self._renew()
            told += self._follower.stalled(now_us)
            self._renew()
            told += self._silences(now_us)
        told += self._assembler.close(now_us)
        told += self._assembler.missing()
        if not self._assembler.is_kept_waiting:
            self._kept_waiting_since = math.inf
        else:
            self._kept_waiting_since = min(self._kept_waiting_since, time.monotonic())
            if time.monotonic() - self._kept_waiting_since > self._settings.grace_seconds:
                self._assembler.give_up_waiting()
                self._kept_waiting_since = math.inf
        for series in self._assembler.series.values():
            series.clock.prepare(series.last_end_us, series.contract)
        return told

    def _silences(self, now_us: int) -> list[FeedNote]:
        """Traded symbols that should have had bars, each told once."""
        told = []
        for leg in self._legs:
            series = self._assembler.series[leg.symbol]
            quiet_us = 3 * leg.interval_us
            is_late = leg.is_traded and now_us - series.last_end_us > quiet_us + leg.interval_us
            if not is_late or not is_open_between(leg, now_us - quiet_us, now_us):
                self._silent.discard(leg.symbol)
            elif leg.symbol not in self._silent:
                self._silent.add(leg.symbol)
                message = f"no bar since {series.last_end_us} us, and its market is open"
                code = FeedCode.SYMBOL_SILENT
                told.append(FeedNote(code, leg.dataset, leg.symbol, now_us, message))
        return told

    def _note_hole(self, dataset: str, from_us: int, now_us: int) -> None:
        """Note bars that neither history nor replay gives, and distrust their symbols for long."""
        oldest_us = self._settings.oldest_us(now_us)
        if self._settings.paced_by_stream or from_us >= oldest_us:
            return
        for leg in self._legs:
            first_us = from_us // leg.interval_us * leg.interval_us
            if leg.dataset != dataset or not is_open_between(leg, first_us, oldest_us):
                continue
            series = self._assembler.series[leg.symbol]
            n_missing = (oldest_us - from_us) // leg.interval_us
            bundle = self._release.bundles.get(leg.symbol)
            looks_back = bundle.window_bars if bundle is not None else 0
            series.n_gaps += 1
            series.n_missing = looks_back
            code = FeedCode.GAP_TOO_LONG if n_missing > looks_back else FeedCode.GAP
            message = (
                f"bars from {from_us} to {oldest_us} us are neither in history nor replayed; "
                f"{looks_back} new ones are needed"
            )
            self._ready.append(FeedNote(code, dataset, leg.symbol, from_us, message))

    async def _repair(self, dataset: str, told: list[Told]) -> None:
        """After longer than the vendor replays: ask history for what lies between."""
        now_us = self._clock.now_us()
        from_us = self._assembler.position_us(dataset)
        oldest_us = self._settings.oldest_us(now_us)
        if self._settings.paced_by_stream or from_us >= oldest_us:
            return
        legs = [leg for leg in self._legs if leg.dataset == dataset]
        try:
            first_us = self._follower.first_us(dataset)
            found = await asyncio.to_thread(fetch, self._history, legs, first_us, now_us)
        except (VendorRefused, VendorUnavailable) as error:
            told.append(FeedNote(FeedCode.HISTORY_FAULT, dataset, "", now_us, str(error)))
            found = Fetched()
        for symbol, bars in found.bars.items():
            for arrival in arrivals_of(bars, self._assembler.legs[symbol]):
                told += self._assembler.arrive(symbol, arrival, now_us)
        reached_us = max(found.ends_us.get(dataset, from_us), from_us)
        self._note_hole(dataset, reached_us, now_us)
        self._assembler.replayed(dataset, max(reached_us, oldest_us))
        self._follower.start_over(dataset)
        self._renew()

    async def _learn_gaps(self, told: list[Told]) -> None:
        """Where a roll's gap is not that of the bars around it, ask for it before it is needed."""
        rolled, self._follower.rolled = self._follower.rolled, []
        for one in rolled:
            leg = self._assembler.legs[one.symbol]
            gap = await asyncio.to_thread(self._known_gap, leg, one.old, one.new, one.at_us)
            if gap is not None:
                self._assembler.series[one.symbol].known_gap = (one.new, gap)
            elif leg.is_stand_in:
                message = f"the gap from {one.old} to {one.new} is taken from the bars around it"
                told.append(FeedNote(FeedCode.GAP, leg.dataset, leg.symbol, one.at_us, message))

    def _known_gap(self, leg: Leg, old: str, new: str, at_us: int) -> float | None:
        return self._known_gaps(leg, [Rolled(old, new, at_us)])[0]

    def _known_gaps(self, leg: Leg, rolls: Sequence[Rolled]) -> Sequence[float | None]:
        """Gaps of a stored chain: what both contracts closed at in their last common bar."""
        with suppress(VendorRefused, VendorUnavailable):
            if leg.is_stand_in:
                return common_gaps(self._history, leg, rolls)
        return [None] * len(rolls)


def _stand(series: Series, vendor: pl.DataFrame) -> None:
    last = vendor.row(-1, named=True)
    time_us = int(vendor["time"].dt.timestamp("us")[-1])
    end_us = series.clock.at(time_us, last["contract"]).bar_end_us
    series.begin(last["contract"], time_us, end_us, last["close"])
