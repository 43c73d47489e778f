"""Databento's live service on loopback, over stored bars: the real protocol for the real client.

Belongs here: listening, the clock, ending sessions. Does not belong here: the protocol
(`gateway_session.py`). Nothing here talks to the vendor, and nothing served comes from there.

With a speed, time runs from `first_us` on, that many seconds in one. Without, every session is told
all there is from where it starts, as fast as it is read: what is not read stays in the sockets.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Sequence
from typing import Final, Self

from rooney_core.errors import InvalidSetting
from rooney_live.rehearsal.gateway_bars import GatewayBars
from rooney_live.rehearsal.gateway_faults import FaultList, GatewayFault
from rooney_live.rehearsal.gateway_session import GatewaySession, Over

LOOPBACK: Final = "127.0.0.1"
_SMALL_BUFFER: Final = 65_536
_JOIN_SECONDS: Final = 5.0


class Gateway:
    """A context manager: serves `bars` from entering to leaving.

    `key`: any other one is refused; None takes any. `faults` happen once each. `position_us`: the
    latest end of an interval that was told to anybody. Raises InvalidSetting for an unusable port.
    """

    def __init__(
        self,
        bars: GatewayBars,
        first_us: int,
        speed: float | None = None,
        faults: Sequence[GatewayFault] = (),
        key: str | None = None,
        port: int = 0,
        began_ns: int | None = None,
    ) -> None:
        self.bars, self.first_us, self.speed, self.key = bars, first_us, speed, key
        self.faults = FaultList(faults)
        self.position_us = first_us
        self.n_sessions = 0
        self.began_ns = time.time_ns() if began_ns is None else began_ns
        self._port = port
        self._address: tuple[str, int] | None = None
        self._loop = asyncio.new_event_loop()
        self._sessions: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._run, name="local-gateway", daemon=True)

    @property
    def address(self) -> str:
        """host:port, while it serves."""
        if self._address is None:
            raise RuntimeError("Gateway serves only inside its `with` block.")
        return f"{self._address[0]}:{self._address[1]}"

    def now_us(self, position_us: int) -> int:
        """The gateway's present; without a speed, where the session that asks stands."""
        if self.speed is None:
            return position_us
        passed_ns = time.time_ns() - self.began_ns
        return self.first_us + int(passed_ns * self.speed) // 1_000

    def seconds_until(self, end_us: int) -> float:
        """Seconds of the host until a time of the market's; 0 without a speed."""
        if self.speed is None:
            return 0.0
        return max(0.0, (end_us - self.now_us(end_us)) / 1_000_000 / self.speed)

    def reached(self, end_us: int) -> None:
        """A session was told everything up to a time."""
        self.position_us = max(self.position_us, end_us)

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        try:
            starting.result()
        except OSError as error:
            self._stop()
            raise InvalidSetting(
                f"Nothing can listen on port {self._port} of {LOOPBACK}: {error.strerror}. Choose "
                "another port, or 0 for a free one."
            ) from None
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_JOIN_SECONDS)
        self._stop()
        self._address = None

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_JOIN_SECONDS)
        self._loop.close()

    def hang_up(self) -> None:
        """End every session, as the vendor does on Saturdays."""
        for one in list(self._sessions):
            self._loop.call_soon_threadsafe(one.cancel)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    async def _listen(self) -> None:
        self._listening = await asyncio.start_server(self._serve, LOOPBACK, self._port)
        host, port = self._listening.sockets[0].getsockname()[:2]
        self._address = (host, port)

    async def _end(self) -> None:
        if self._listening is not None:
            self._listening.close()
        for one in list(self._sessions):
            one.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        await asyncio.sleep(0)  # for what the ended sessions still have to close

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        own = asyncio.current_task()
        assert own is not None
        self._sessions.add(own)
        self.n_sessions += 1
        raw: socket.socket = writer.get_extra_info("socket")
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.speed is None:
            # A small buffer: whoever reads slowly is not told much in advance.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SMALL_BUFFER)
            writer.transport.set_write_buffer_limits(high=_SMALL_BUFFER)
        try:
            if self.faults.take(("refuse",), "", self.position_us):
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            await GatewaySession(self, reader, writer).serve()
        except (Over, OSError, asyncio.CancelledError):
            # The session is over: by a fault, by its client, or because the gateway ends.
            return
        finally:
            self._sessions.discard(own)
            writer.close()
