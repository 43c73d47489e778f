"""One session of the local gateway: greeting, key, subscriptions, then records until it ends.

Belongs here: the vendor's live protocol, and its faults. Does not belong here: listening
(`gateway.py`), or which bars there are (`gateway_bars.py`).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from databento_dbn import (
    ErrorCode,
    ErrorMsg,
    Metadata,
    SType,
    SystemCode,
    SystemMsg,
)

from rooney_live.feeds.plan import DAY_MINUTES, schema_of
from rooney_live.feeds.renewal import renewal_after, renewal_before
from rooney_live.rehearsal.gateway_bars import Chain, StoredBar, Tick
from rooney_live.rehearsal.gateway_faults import BAR_KINDS, CLOCK_KINDS, SYMBOL_KINDS, GatewayFault
from rooney_live.rehearsal.gateway_records import bad_copy, bar_record, heartbeat, mapping
from rooney_live.rehearsal.history_symbology import instrument_id

if TYPE_CHECKING:
    from rooney_live.rehearsal.gateway import Gateway

VERSION: Final = "0.6.1"
_BUCKET: Final = 5  # letters of the key that the client shows
_DAY_US: Final = 86_400 * 1_000_000
_GARBAGE: Final = b"\x00" * 3 + b"no record" * 20
_RENEWAL_SECONDS: Final = 0.25


class Over(Exception):
    """The session ends here."""


@dataclass
class Asked:
    """What a client subscribed to in one line."""

    schema: str
    stype: str
    symbols: tuple[str, ...]
    start_us: int | None


@dataclass
class _Mapped:
    """A chain and the contract of it that this session gets; replay begins with `since_us`."""

    chain: Chain
    contract: str
    is_by_name: bool
    since_us: int
    number: int | None = None


@dataclass
class GatewaySession:
    """One client's connection."""

    gateway: Gateway
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    dataset: str = ""
    heartbeat_seconds: float = 30.0
    asked: list[Asked] = field(default_factory=list)
    _mapped: list[_Mapped] = field(default_factory=list)
    _held: list[Any] = field(default_factory=list)
    _is_holding: bool = False
    _read_until_us: int = 2**62
    """What comes later is thrown away by a client that asks anew: a fault would show to nobody."""

    async def serve(self) -> None:
        """From greeting to end. Raises Over where a fault ends it, OSError where a client does."""
        await self._greet()
        await self._subscriptions()
        self._fail("drop_before_metadata")
        self._send(self._metadata())
        if self._fault("mute"):
            await self.writer.drain()
            await asyncio.Event().wait()
        self._send(*self._mappings())
        await self.writer.drain()
        await self._stream()

    async def _greet(self) -> None:
        challenge = secrets.token_hex(16)
        self.writer.write(f"lsg_version={VERSION}\ncram={challenge}\n".encode())
        answer = await self._line()
        self.dataset = answer.get("dataset", "")
        self.heartbeat_seconds = float(answer.get("heartbeat_interval_s", 30))
        self._fail("drop_at_auth")
        known = self._knows(challenge, answer.get("auth", ""))
        if not known or self._fault("reject"):
            self._refuse("authentication failed")
        if self.dataset not in self.gateway.bars.datasets:
            self._refuse(f"unknown dataset {self.dataset}")
        self.writer.write(f"success=1|session_id={secrets.randbits(31)}\n".encode())
        await self.writer.drain()

    def _knows(self, challenge: str, auth: str) -> bool:
        digest, _, bucket = auth.partition("-")
        key = self.gateway.key
        if key is None:
            return bool(digest) and bool(bucket)
        wanted = hashlib.sha256(f"{challenge}|{key}".encode()).hexdigest()
        return hmac.compare_digest(digest, wanted) and bucket == key[-_BUCKET:]

    def _refuse(self, why: str) -> None:
        self.writer.write(f"success=0|error={why}\n".encode())
        raise Over

    async def _subscriptions(self) -> None:
        while True:
            line = await self._line()
            if "start_session" in line:
                return
            start = line.get("start")
            self.asked.append(
                Asked(
                    line["schema"],
                    line["stype_in"],
                    tuple(line["symbols"].split(",")),
                    None if start is None else int(start) // 1_000,
                )
            )

    async def _line(self) -> dict[str, str]:
        text = (await self.reader.readline()).decode()
        if not text.endswith("\n"):
            raise Over
        pairs = (one.partition("=") for one in text.strip().split("|"))
        return {name: value for name, _, value in pairs}

    def _metadata(self) -> bytes:
        return bytes(
            Metadata(
                dataset=self.dataset,
                start=self.gateway.now_us(self._start_us()) * 1_000,
                stype_in=None,
                stype_out=SType.INSTRUMENT_ID,
                schema=None,
                symbols=[],
                partial=[],
                not_found=[],
                mappings=[],
                ts_out=False,
            )
        )

    def _start_us(self) -> int:
        starts = [one.start_us for one in self.asked if one.start_us is not None]
        # Without a clock the present is where the client stands, which its latest start says.
        latest = min if self.gateway.speed is not None else max
        return latest(starts, default=self.gateway.first_us)

    def _mappings(self) -> Iterator[Any]:
        """What each symbol is from now on; an error for what is none."""
        now_us = self.gateway.now_us(self._start_us())
        known = self.gateway.bars.by_symbol(self.dataset)
        for one in self.asked:
            lost = []
            for symbol in one.symbols:
                found = self._map(one, symbol, known, now_us)
                if found is None or self._fault_of(SYMBOL_KINDS, now_us, symbol.split(".")[0]):
                    lost.append(symbol)
                    continue
                self._mapped.append(found)
                yield self._told(symbol, found, now_us)
            if lost:
                words = f"Failed to resolve symbols: {', '.join(lost)}"
                code = ErrorCode.SYMBOL_RESOLUTION_FAILED
                yield ErrorMsg(now_us * 1_000, words, True, code)

    def _map(self, asked: Asked, symbol: str, known: Any, now_us: int) -> _Mapped | None:
        if asked.stype == "continuous":
            chain = known.get(symbol)
            if chain is None or schema_of(chain.leg.minutes) != asked.schema:
                return None
            # As the vendor does, by the day (here: the session) in which the subscription begins.
            front = chain.front(renewal_before(now_us, is_stand_in=True))
            later = chain.front(now_us)
            return _Mapped(chain, later or front, False, asked.start_us or 0)
        for chain in known.values():
            is_served = schema_of(chain.leg.minutes) == asked.schema
            if is_served and symbol in chain.contracts:
                return _Mapped(chain, symbol, True, asked.start_us or 0)
        return None

    def _told(self, symbol: str, one: _Mapped, now_us: int) -> Any:
        return mapping(one.chain, symbol, one.contract, one.is_by_name, one.number, now_us)

    async def _stream(self) -> None:
        gateway, start_us = self.gateway, self._start_us()
        has_start = any(one.start_us is not None for one in self.asked)
        position_us = start_us
        if gateway.speed is not None:
            now_us = gateway.now_us(start_us)
            position_us = await self._replay(start_us, now_us) if has_start else now_us
        renews_us = renewal_after(position_us, is_stand_in=True)
        if gateway.speed is None:
            self._read_until_us = renews_us
        for tick in gateway.bars.ticks(self.dataset, position_us):
            await self._until(tick.end_us)
            await self._tick(tick)
            if gateway.speed is None and tick.end_us >= renews_us:
                renews_us = renewal_after(tick.end_us, is_stand_in=True)
                await self._leave_time_to_renew()
        await self._heartbeats()

    async def _leave_time_to_renew(self) -> None:
        """Whoever asks anew here would throw away what is sent meanwhile."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.reader.read(1), _RENEWAL_SECONDS)
            raise Over

    async def _replay(self, start_us: int, now_us: int) -> int:
        """All bars since the starts, without ends of intervals, then the word that it is done.

        As the vendor does, by `ts_event`: a bar that began before its subscription's start is not
        replayed, even where it ended after it. But a stored day, which is a whole session, is
        replayed by its end. Each schema is told of by itself.
        """
        oldest_us = now_us - _DAY_US
        if start_us < oldest_us:
            words = "the start is longer ago than what can be replayed"
            self._send(ErrorMsg(now_us * 1_000, words, True, ErrorCode.REPLAY_DATA_AGED_OUT))
        reached_us = max(start_us, oldest_us)
        for tick in self.gateway.bars.ticks(self.dataset, reached_us):
            if tick.end_us > now_us:
                break
            for chain, bar in tick.bars:
                is_day = chain.leg.minutes == DAY_MINUTES
                if is_day or bar.time_us >= max(oldest_us, self._since_us(chain)):
                    self._send(*self._records(chain, bar))
            await self.writer.drain()
        for schema in dict.fromkeys(one.schema for one in self.asked):
            words = f"Replay of {schema} completed"
            self._send(SystemMsg(now_us * 1_000, words, SystemCode.REPLAY_COMPLETED))
        await self.writer.drain()
        return now_us

    def _since_us(self, chain: Chain) -> int:
        return min((one.since_us for one in self._mapped if one.chain is chain), default=0)

    async def _until(self, end_us: int) -> None:
        """Wait until the gateway's clock is there, with a heartbeat now and then."""
        while (wait := self.gateway.seconds_until(end_us)) > 0.0:
            if wait <= self.heartbeat_seconds:
                await asyncio.sleep(wait)
            else:
                await asyncio.sleep(self.heartbeat_seconds)
                self._send(heartbeat(self.gateway.now_us(end_us)))
                await self.writer.drain()

    async def _heartbeats(self) -> None:
        """Nothing is left to tell, but that the session lives."""
        while True:
            await asyncio.sleep(self.heartbeat_seconds)
            self._send(heartbeat(self.gateway.now_us(self.gateway.first_us)))
            await self.writer.drain()

    async def _tick(self, tick: Tick) -> None:
        await self._stream_faults(tick.end_us)
        late: list[Any] = []
        for minutes in tick.minutes:
            for chain, bar in tick.bars:
                if chain.leg.minutes == minutes:
                    self._remap(chain, bar)
                    self._send(*self._with_faults(chain, bar, late))
            schema = schema_of(minutes)
            is_asked = any(one.schema == schema for one in self.asked)
            if is_asked and not self._fault_of(CLOCK_KINDS, tick.end_us):
                words = f"End of interval for {schema}"
                self._send(SystemMsg(tick.end_us * 1_000, words, SystemCode.END_OF_INTERVAL))
        self._send(*late)
        if tick.bars and not self._is_holding:
            self._send(*self._held)
            self._held.clear()
        self._is_holding = False
        self.gateway.reached(tick.end_us)
        await self.writer.drain()

    def _remap(self, chain: Chain, bar: StoredBar) -> None:
        """Follow a stored chain that changes contracts within a session, as no vendor's does."""
        if bar.begins_session:
            return
        for one in self._mapped:
            if one.chain is chain and not one.is_by_name and one.contract != bar.contract:
                before = chain.bars[max(0, chain.bars.index(bar) - 1)]
                if before.contract == one.contract:
                    one.contract, one.number = bar.contract, None
                    self._send(self._told(chain.leg.vendor_symbol, one, bar.time_us))

    def _records(self, chain: Chain, bar: StoredBar) -> Iterator[Any]:
        """The bar, when this session is mapped to its contract."""
        for one in self._mapped:
            if one.chain is chain and one.contract == bar.contract:
                yield bar_record(chain, bar, one.number)
                return

    def _with_faults(self, chain: Chain, bar: StoredBar, late: list[Any]) -> Iterator[Any]:
        records = list(self._records(chain, bar))
        fault = self._fault_of(BAR_KINDS, bar.end_us, chain.leg.symbol) if records else None
        if fault is None:
            yield from records
            return
        if fault.kind == "late":
            late += records
        elif fault.kind in ("duplicate", "revised"):
            yield from records
            yield bad_copy(chain, bar, fault.kind)
        elif fault.kind == "mapping_change":
            one = next(one for one in self._mapped if one.chain is chain and not one.is_by_name)
            one.number = (one.number or instrument_id(self.dataset, bar.contract)) ^ 1 | 2**30
            yield self._told(chain.leg.vendor_symbol, one, bar.time_us)
            yield from self._records(chain, bar)
        elif fault.kind == "out_of_order":
            self._held += records
            self._is_holding = True
        elif fault.kind != "missing":
            yield bad_copy(chain, bar, fault.kind)
            yield from records

    async def _stream_faults(self, at_us: int) -> None:
        if self._fault_of(("fin",), at_us):
            await self.writer.drain()
            raise Over
        if self._fault_of(("rst",), at_us):
            await self.writer.drain()
            self._reset()
        if self._fault_of(("garbage",), at_us):
            self.writer.write(_GARBAGE)
            await self.writer.drain()
            raise Over
        if self._fault_of(("silence",), at_us):
            await self.writer.drain()
            await asyncio.Event().wait()
        if self._fault_of(("heartbeat_only",), at_us):
            await self._heartbeats()
        if self._fault_of(("error",), at_us):
            words = "Something went wrong in the gateway"
            self._send(ErrorMsg(at_us * 1_000, words, True, ErrorCode.INTERNAL_ERROR))

    def _send(self, *records: Any) -> None:
        if self.writer.is_closing():
            raise Over
        self.writer.write(b"".join(bytes(one) for one in records))

    def _fault(self, kind: str) -> GatewayFault | None:
        return self.gateway.faults.take((kind,), self.dataset, self.gateway.position_us)

    def _fault_of(
        self, kinds: Iterable[str], at_us: int, symbol: str | None = None
    ) -> GatewayFault | None:
        if at_us > self._read_until_us:
            return None
        return self.gateway.faults.take(tuple(kinds), self.dataset, at_us, symbol)

    def _fail(self, kind: str) -> None:
        if self._fault(kind):
            raise Over

    def _reset(self) -> None:
        """Close so that the kernel sends RST: linger on, for no time."""
        own: socket.socket | None = self.writer.get_extra_info("socket")
        if own is not None:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        raise Over
