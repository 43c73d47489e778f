"""One connection to the venue: bytes out, one answer in.

Belongs here: the socket's events and HTTP/1.1 by h11. Does not belong here: what an answer means
(`webhook.py`).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final, cast

import h11

_MAX_BODY_BYTES: Final = 65_536


class LineCut(Exception):
    """The connection ended, or spoke no HTTP, before the answer was whole; `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Answer:
    """A whole answer. `retry_after_seconds`: as the header says in seconds; None without."""

    status: int
    body: bytes
    retry_after_seconds: float | None


class Line(asyncio.Protocol):
    """A connection that carries one request at a time. `idle_since`: time.monotonic()."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.CLIENT)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._response: h11.Response | None = None
        self._body = b""
        self._is_spoilt = False
        self.idle_since = time.monotonic()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def is_ready(self) -> bool:
        """True when a request may be sent on it."""
        return (
            self._transport is not None
            and not self._transport.is_closing()
            and not self._is_spoilt
            and self._waiting is None
        )

    @property
    def partial_status(self) -> int | None:
        """Status of an answer that began, whole or not."""
        return None if self._response is None else self._response.status_code

    def send(
        self, target: bytes, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[asyncio.Future[Answer], int]:
        """Write a POST in one piece; the answer to come, and perf_counter_ns when it left."""
        if self._transport is None or not self.is_ready:
            raise AssertionError("send() is called on a line that is ready")
        request = h11.Request(method="POST", target=target, headers=headers)
        events = (request, h11.Data(data=body), h11.EndOfMessage())
        raw = b"".join(self._http.send(one) or b"" for one in events)
        self._response, self._body = None, b""
        answer = self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        return answer, time.perf_counter_ns()

    def close(self) -> None:
        """Close the connection; an answer that is waited for does not come any more.

        At once: TLS's own farewell would wait for a venue that may not answer. `lost` is done when
        the socket is gone.
        """
        self._is_spoilt = True
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket, and TLS on it, stands."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; bytes that nobody asked for spoil the line."""
        if self._waiting is None:
            self.close()
            return
        self._http.receive_data(data)
        self._advance()

    def eof_received(self) -> None:
        """The venue's side is closed, which ends an answer without a length."""
        self._is_spoilt = True
        if self._waiting is not None:
            self._http.receive_data(b"")
            self._advance()

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone; whoever waits learns it."""
        self._is_spoilt = True
        if not self.lost.done():
            self.lost.set_result(None)
        self._fail("CLOSED" if error is None else type(error).__name__)

    def _advance(self) -> None:
        try:
            while self._waiting is not None:
                event = self._http.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    return
                self._take(event)
        except h11.RemoteProtocolError:
            self.close()
            self._fail("CUT_ANSWER" if self._response is not None else "NO_HTTP")

    def _take(self, event: object) -> None:
        if isinstance(event, h11.Response):
            self._response = event
        elif isinstance(event, h11.Data):
            self._body += bytes(event.data)
            if len(self._body) > _MAX_BODY_BYTES:
                self.close()
                self._fail("TOO_LONG")
        elif isinstance(event, h11.EndOfMessage):
            self._finish()
        elif isinstance(event, h11.ConnectionClosed):
            self._fail("CLOSED")

    def _finish(self) -> None:
        waiting, response = self._waiting, self._response
        if waiting is None or response is None:
            raise AssertionError("an answer ends after it began")
        self._waiting = None
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self.idle_since = time.monotonic()
        else:
            self.close()
        if not waiting.done():
            waiting.set_result(Answer(response.status_code, self._body, _retry_after(response)))

    def _fail(self, code: str) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(LineCut(code))
            # Seen: a trader that ends may have nobody left who waits, and asyncio would complain.
            waiting.exception()


def _retry_after(response: h11.Response) -> float | None:
    for name, value in response.headers:
        if name == b"retry-after" and value.strip().isdigit():
            return float(value)
    return None
