"""One POST to TradersPost, and exactly what is known after it.

Belongs here: the connection, HTTP, and the reading of answers. Does not belong here: when and how
often something is sent (`dispatcher.py`).

The URL is the only credential: it is in no message, result or repr of this module. Only a failure
to connect (DNS, TCP, TLS) is surely unsent. Proxy variables are not followed; redirects neither.
HTTP is h11's, so that the bytes and the moment in which they leave are ours; TLS trusts what the
host trusts (SSL_CERT_FILE and SSL_CERT_DIR count).
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from rooney_core.errors import InvalidSetting, RefusedError
from rooney_live.orders.line import Answer, Line, LineCut
from rooney_live.orders.records import PostKind, PostResult
from rooney_live.secrets import HIDDEN, Secret, remember, scrub

_MESSAGE_CODE: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MAX_DETAIL: Final = 200
_SHORTEST_SECRET: Final = 8
_MAX_IDLE_SECONDS: Final = 50.0
"""A connection that was idle for longer is made anew: the venue may be about to close it."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds of the host's time: until TCP and TLS stand, and until the answer is whole."""

    connect: float = 5.0
    read: float = 10.0


class WebhookUnreachable(RefusedError):
    """No connection can be made; nothing was sent."""

    def __init__(self, code: str) -> None:
        super().__init__(
            f"The webhook cannot be reached: {code}. Nothing was sent. Check the network, DNS, the "
            "host's certificates and that TRADERSPOST_WEBHOOK_URL is the one TradersPost shows."
        )
        self.code = code


@dataclass(frozen=True)
class Flight:
    """A request that has left and is not answered. `first_byte_ns`: perf_counter_ns."""

    line: Line
    answer: asyncio.Future[Answer]
    first_byte_ns: int


Compose = Callable[[], bytes | None]
"""Called when the connection stands, right before the first byte: the body, or None for no."""


class Webhook:
    """Connections to one URL, kept open between requests. Only for one event loop."""

    def __init__(
        self,
        url: Secret,
        timeouts: Timeouts | None = None,
        n_warm: int = 2,
        authority: Path | None = None,
    ) -> None:
        """`authority`: PEM of the only authorities to trust, for rehearsals; else the host's.

        Raises InvalidSetting for what is no https URL (http is for loopback only).
        """
        parts = _checked(url)
        remember(url.reveal())
        self._url = url
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = _tls(authority) if parts.scheme == "https" else None
        self._timeouts = timeouts or Timeouts()
        self._n_warm = n_warm
        self._idle: list[Line] = []
        self._lines: dict[asyncio.Future[None], Line] = {}

    def __repr__(self) -> str:
        return f"Webhook(https://{self._host}/{HIDDEN})"

    async def warm(self) -> None:
        """Keep a few connections open, so that the next signal finds one; failures are silent."""
        fresh = [one for one in self._idle if self._is_usable(one)]
        for stale in set(self._idle) - set(fresh):
            stale.close()
        self._idle = fresh
        for _ in range(self._n_warm - len(fresh)):
            try:
                self._idle.append(await self._connect())
            except WebhookUnreachable:
                return

    async def reach(self) -> None:
        """Make a connection and close it: no request. Raises WebhookUnreachable."""
        line = await self._connect()
        line.close()
        await asyncio.wait([line.lost])

    async def close(self) -> None:
        """Close every connection; returns when the sockets are gone.

        Whoever still waits for an answer does not get it: UNKNOWN.
        """
        self._idle.clear()
        for line in self._lines.values():
            line.close()
        if self._lines:
            await asyncio.wait(list(self._lines))

    async def post(self, compose: Compose) -> PostResult:
        """Send one request and read its answer; never raises for what the network does."""
        begun = self.send(compose) or await self.connect_and_send(compose)
        return await self.outcome(begun)

    def send(self, compose: Compose) -> Flight | PostResult | None:
        """Send at once on a connection that is kept; None where there is none.

        DENIED, and nothing sent, when `compose` says so.
        """
        line = self._take_idle()
        return None if line is None else self._send_on(line, compose)

    async def connect_and_send(self, compose: Compose) -> Flight | PostResult:
        """As `send` on a new connection; NOT_SENT when none can be made."""
        try:
            line = await self._connect()
        except WebhookUnreachable as error:
            return PostResult(PostKind.NOT_SENT, error.code, "no connection; nothing was sent")
        return self._send_on(line, compose)

    async def outcome(self, begun: Flight | PostResult) -> PostResult:
        """What became of it, by the read timeout at the latest."""
        if isinstance(begun, PostResult):
            return begun
        try:
            async with asyncio.timeout(self._timeouts.read):
                return self._read(await begun.answer, begun.first_byte_ns)
        except (LineCut, TimeoutError) as error:
            code = error.code if isinstance(error, LineCut) else "READ_TIMEOUT"
            return self._cut(begun.line.partial_status, code, begun.first_byte_ns)
        finally:
            self._put_back(begun.line)

    def _send_on(self, line: Line, compose: Compose) -> Flight | PostResult:
        body = compose()
        if body is None:
            self._idle.append(line)
            return PostResult(PostKind.DENIED)
        return Flight(line, *line.send(self._target(), self._headers(len(body)), body))

    def _take_idle(self) -> Line | None:
        while self._idle:
            line = self._idle.pop()
            if self._is_usable(line):
                return line
            line.close()
        return None

    def _is_usable(self, line: Line) -> bool:
        return line.is_ready and time.monotonic() - line.idle_since < _MAX_IDLE_SECONDS

    def _put_back(self, line: Line) -> None:
        if line.is_ready:
            self._idle.append(line)
        else:
            line.close()

    async def _connect(self) -> Line:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._timeouts.connect):
                _, line = await loop.create_connection(
                    Line,
                    self._host,
                    self._port,
                    ssl=self._tls,
                    server_hostname=self._host if self._tls is not None else None,
                )
        except (OSError, UnicodeError) as error:
            raise WebhookUnreachable(_connect_code(error)) from None
        self._lines[line.lost] = line
        line.lost.add_done_callback(self._lines.pop)
        if not line.is_ready:
            raise WebhookUnreachable("CLOSED")
        return line

    def _target(self) -> bytes:
        parts = urlsplit(self._url.reveal())
        return (parts.path + (f"?{parts.query}" if parts.query else "")).encode()

    def _headers(self, length: int) -> list[tuple[str, str]]:
        default = 443 if self._tls is not None else 80
        return [
            ("Host", self._host if self._port == default else f"{self._host}:{self._port}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(length)),
            ("Accept", "application/json"),
            ("User-Agent", "rooney-live"),
        ]

    def _read(self, answer: Answer, first_byte_ns: int) -> PostResult:
        status, document = answer.status, _document(answer.body)
        code, detail = self._words(document)
        kind = _kind(status, document.get("success") is True)
        if kind is PostKind.ACKED:
            code, detail = "", f"log {self._hidden(str(document.get('logId', '')))}"
        elif not code:
            code = f"HTTP_{status}"
        return PostResult(kind, code, detail, status, first_byte_ns, answer.retry_after_seconds)

    def _cut(self, status: int | None, code: str, first_byte_ns: int) -> PostResult:
        """The answer did not come whole; a refusal in its first line is a refusal all the same."""
        kind = PostKind.UNKNOWN if status is None else _kind(status, is_success=False)
        return PostResult(kind, code, "the answer did not come whole", status, first_byte_ns)

    def _words(self, document: dict[str, Any]) -> tuple[str, str]:
        code = document.get("messageCode")
        message = document.get("message")
        is_code = isinstance(code, str) and _MESSAGE_CODE.fullmatch(code) is not None
        return (
            self._hidden(str(code)) if is_code else "",
            self._hidden(message) if isinstance(message, str) else "",
        )

    def _hidden(self, text: str) -> str:
        """What a server says, without any part of the URL that it may have echoed."""
        text = scrub(text)
        for part in re.split(r"[/?&=]", self._target().decode()):
            if len(part) >= _SHORTEST_SECRET:
                text = text.replace(part, HIDDEN)
        return text[:_MAX_DETAIL]


def _checked(url: Secret) -> SplitResult:
    """The parts of the URL; what is wrong with it is told without it."""
    try:
        parts = urlsplit(url.reveal())
        host, port = parts.hostname or "", parts.port
        text = url.reveal()
    except ValueError:
        raise InvalidSetting(f"{url.name} is no URL.") from None
    is_local = parts.scheme == "http" and _is_loopback(host)
    problem = ""
    if parts.scheme != "https" and not is_local:
        problem = "it has to begin with https:// (http:// is for rehearsals on this machine only)"
    elif not host or parts.username is not None or port == 0:
        problem = "it needs a host, and no user name before it"
    elif len(parts.path) < 2:
        problem = "it has no path, and the path is what names the strategy"
    elif not text.isascii() or any(one <= " " for one in text):
        problem = "it holds spaces or characters that no URL has"
    if problem:
        raise InvalidSetting(f"{url.name} cannot be used: {problem}.")
    return parts


def _tls(authority: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise InvalidSetting(
            f"{authority} holds no certificates to trust: {type(error).__name__}."
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _connect_code(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "CONNECT_TIMEOUT"
    if isinstance(error, socket.gaierror | UnicodeError):
        return "DNS"
    if isinstance(error, ssl.SSLError):
        return "TLS"
    if isinstance(error, ConnectionRefusedError):
        return "REFUSED"
    return type(error).__name__


def _document(body: bytes) -> dict[str, Any]:
    """The answer as a JSON object; anything else, HTML too, says nothing."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _kind(status: int, is_success: bool) -> PostKind:
    if 200 <= status < 300:
        return PostKind.ACKED if is_success else PostKind.UNKNOWN
    if status == 429:
        return PostKind.RETRY_LATER
    # A request that timed out at the venue may have been read before.
    if 400 <= status < 500 and status != 408:
        return PostKind.REJECTED
    return PostKind.UNKNOWN
