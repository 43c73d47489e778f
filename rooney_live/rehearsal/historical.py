"""A Databento historical service on loopback, over the user's own bars: TLS, and the real protocol.

Belongs here: sockets, the certificate, authentication, and the faults of a connection. Does not
belong here: what is answered (`history_answers.py`). Nothing here talks to the vendor, and nothing
that it serves comes from there.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
import socket
import ssl
import struct
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qsl, urlsplit

import trustme

from rooney_core.errors import InvalidSetting
from rooney_live.rehearsal.history_answers import HistoryAnswers
from rooney_live.rehearsal.history_faults import Fault, take_fault
from rooney_live.rehearsal.history_protocol import Answer, Refusal

__all__ = ["Fault", "LocalHistory", "ServedRequest"]

LOOPBACK: Final = "127.0.0.1"
_PREFIX: Final = "/v0/"
_MAX_BODY_BYTES: Final = 1_000_000
_IDLE_SECONDS: Final = 30
_POLL_SECONDS: Final = 0.02  # how long leaving may wait for the listening thread


@dataclass(frozen=True)
class ServedRequest:
    """One request: what was asked, never with which key. `fault` is the kind that was shown."""

    endpoint: str
    params: Mapping[str, str]
    status: int
    fault: str | None


class LocalHistory:
    """A context manager: serves `folder` from entering to leaving.

    `gateway` is host:port, as the vendor's client takes it; `certificate` the CA bundle that it has
    to trust (REQUESTS_CA_BUNDLE, SSL_CERT_FILE), made new at every start; its private key is never
    written. With `key`, any other key is refused. `faults` may be changed while it serves.
    `on_request` is called after each request, in the thread that served it. `ends_us`: the present
    in microseconds UTC, asked at each request; nothing that starts at or after it is there yet.

    Raises MissingArtifact when the folder has no bars, InvalidSetting for an unusable port.
    """

    def __init__(
        self,
        folder: Path,
        *,
        faults: Sequence[Fault] = (),
        key: str | None = None,
        port: int = 0,
        state: Path,
        on_request: Callable[[ServedRequest], None] | None = None,
        ends_us: Callable[[], int] | None = None,
    ) -> None:
        self.faults = list(faults)
        self.requests: list[ServedRequest] = []
        self.certificate = state / "local_databento_ca.pem"
        self._answers = HistoryAnswers(folder, ends_us)
        self._key = key
        self._port = port
        self._on_request = on_request
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def gateway(self) -> str:
        """Host and port, while it serves."""
        if self._server is None:
            raise RuntimeError("LocalHistory serves only inside its `with` block.")
        return f"{LOOPBACK}:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", LOOPBACK).configure_cert(context)
        self.certificate.parent.mkdir(parents=True, exist_ok=True)
        authority.cert_pem.write_to_path(str(self.certificate))
        try:
            self._server = _Server(self, context, self._port)
        except OSError as error:
            raise InvalidSetting(
                f"Nothing can listen on port {self._port} of {LOOPBACK}: {error.strerror}. Choose "
                "another --port, or 0 for a free one."
            ) from None
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), name="local-databento"
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.hang_up()
            self._server.server_close()
        self._server = self._thread = None

    def admits_all(self) -> None:
        """Take any key from now on."""
        self._key = None

    def answer(
        self, endpoint: str, params: Mapping[str, str], key: str | None
    ) -> tuple[Answer, Fault | None]:
        """The answer to one request, and the fault that goes with it."""
        with self._lock:
            fault = take_fault(self.faults, endpoint)
            if not self._admits(key):
                refusal = Refusal(401, "auth_authentication_failed", "Authentication failed.")
                return refusal.answer(), fault
            is_empty = fault is not None and fault.kind == "empty"
            answer = self._answers.answer(endpoint, params, is_empty)
            return (answer if fault is None else fault.spoil(answer)), fault

    def served(self, request: ServedRequest) -> None:
        """Remember a request that was answered."""
        with self._lock:
            self.requests.append(request)
            if self._on_request is not None:
                self._on_request(request)

    def _admits(self, key: str | None) -> bool:
        if not key:
            return False
        return self._key is None or hmac.compare_digest(key.encode(), self._key.encode())


class _Server(ThreadingHTTPServer):
    """The listening socket, bound to loopback, and the connections that are open."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, history: LocalHistory, context: ssl.SSLContext, port: int) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.history = history
        self._open: set[socket.socket] = set()
        # The handshake happens in the request's own thread: a client that stalls stalls itself.
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Only this machine is served."""
        self._open.add(request)
        return ipaddress.ip_address(client_address[0]).is_loopback

    def shutdown_request(self, request: Any) -> None:
        """Close a connection, saying so to the other side."""
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep open, so that their threads end."""
        for one in list(self._open):
            try:
                # Not the one of TLS, which would take the session from the thread that reads.
                socket.socket.shutdown(one, socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away, or trusts another certificate, is not our failure."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, writes answers."""

    protocol_version = "HTTP/1.1"
    server_version = "LocalDatabento"
    timeout = _IDLE_SECONDS
    server: _Server

    def do_GET(self) -> None:
        """Parameters are in the URL."""
        self._serve(urlsplit(self.path).query)

    def do_POST(self) -> None:
        """Parameters are a form in the body."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _MAX_BODY_BYTES:
            self.close_connection = True
            self._send(Refusal(413, "validation_failed", "The request is too long.").answer())
            return
        self._serve(self.rfile.read(int(length)).decode("utf-8", "replace"))

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a request is told by `on_request`, without its headers."""

    def _serve(self, form: str) -> None:
        params = dict(parse_qsl(form))
        endpoint = urlsplit(self.path).path.removeprefix(_PREFIX)
        answer, fault = self.server.history.answer(endpoint, params, self._key())
        kind = None if fault is None or fault.kind == "none" else fault.kind
        status = 0 if kind == "reset" else answer.status
        # Told before it is sent, so that whoever has the answer also finds the request.
        self.server.history.served(ServedRequest(endpoint, params, status, kind))
        if kind == "reset":
            self._reset()
        else:
            self._send(answer)

    def _key(self) -> str | None:
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            return base64.b64decode(encoded, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            return None

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if not answer.is_framed:
            self.send_header("Connection", "close")  # which also ends our side after this answer
            self.end_headers()
            self.wfile.writelines(answer.stream)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in answer.stream:
            if part:  # a part without bytes would say that the body ends here
                self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def _reset(self) -> None:
        """Close so that the kernel sends RST: linger on, for no time."""
        self.close_connection = True
        with socket.socket(fileno=self.connection.detach()) as plain:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
