"""A TradersPost webhook on loopback: TLS, real sockets, simulated fills, and faults on demand.

Belongs here: sockets, the certificate, the secret path, and the files that it leaves. Does not
belong here: what is answered (`receiver_answers.py`), positions (`receiver_book.py`). Nothing here
talks to the real one.
"""

from __future__ import annotations

import csv
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Final, Literal, Self
from uuid import uuid4

import h11
import trustme

from rooney_live.rehearsal.receiver_answers import (
    ReceivedRequest,
    Venue,
    VenueAnswer,
    not_found,
    page,
)
from rooney_live.rehearsal.receiver_book import Book, VenueFill
from rooney_live.rehearsal.receiver_faults import OrderFault, random_order_faults, take_fault
from rooney_live.rehearsal.receiver_prices import VenuePrices

LOOPBACK: Final = "127.0.0.1"
REQUESTS_FILE: Final = "receiver.jsonl"
FILLS_FILE: Final = "fills.csv"
_FILL_COLUMNS: Final = (
    *("at_us", "ticker", "quantity", "price", "kind", "order_id", "decision_id"),
)
_SEEDED_REQUESTS: Final = 10_000
_CHUNK: Final = 65_536
_BACKLOG: Final = 64
_RESET: Final = struct.pack("ii", 1, 0)  # linger on, for no time: the kernel sends RST


class Receiver:
    """A context manager: answers POSTs to `url` from entering to leaving, in threads.

    `state`: folder of the certificate, of receiver.jsonl (a line a request, appended as they come)
    and fills.csv (written on leaving). `prices`: what orders fill at; without, at signalPrice.
    `faults` may be changed while it serves; `seed` draws them. `clock`: which time the venue's
    limits are counted by, that of the signals or of arrival. `secret` is the part of the URL that
    nobody may print; it is made new each time.
    """

    def __init__(
        self,
        state: Path,
        *,
        prices: VenuePrices | None = None,
        seed: int | None = None,
        faults: Sequence[OrderFault] = (),
        clock: Literal["payload", "arrival"] = "payload",
        port: int = 0,
    ) -> None:
        self.faults = list(faults)
        if seed is not None:
            self.faults += random_order_faults(seed, _SEEDED_REQUESTS)
        self.certificate = state / "local_traderspost_ca.pem"
        self.secret = token_hex(16)
        self.path = f"/trading/webhook/{uuid4()}/{self.secret}"
        self.n_connections = 0
        self._state = state
        self._venue = Venue(Book(prices), clock)
        self._port = port
        self._lock = threading.Lock()
        self._leaving = threading.Event()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listening: socket.socket | None = None
        self._context: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        """The webhook, which is a secret as the real one is. Only while it serves."""
        if self._listening is None:
            raise RuntimeError("Receiver serves only inside its `with` block.")
        return f"https://{LOOPBACK}:{self._listening.getsockname()[1]}{self.path}"

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """Every request so far, in the order of arrival."""
        with self._lock:
            return tuple(self._venue.requests)

    @property
    def fills(self) -> tuple[VenueFill, ...]:
        """Every execution so far."""
        with self._lock:
            return tuple(self._venue.book.fills)

    def positions(self, until_us: int | None = None) -> dict[str, int]:
        """Signed contracts by ticker, with what a bracket or a level did until then."""
        with self._lock:
            return self._venue.book.positions(until_us)

    def __enter__(self) -> Self:
        authority = trustme.CA()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", LOOPBACK).configure_cert(self._context)
        self._state.mkdir(parents=True, exist_ok=True)
        authority.cert_pem.write_to_path(str(self.certificate))
        (self._state / REQUESTS_FILE).write_text("", encoding="utf-8")
        self._listening = socket.create_server((LOOPBACK, self._port), backlog=_BACKLOG)
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        if self._listening is not None:
            # Shutting down wakes the thread that accepts; closing alone would not.
            with suppress(OSError):
                self._listening.shutdown(socket.SHUT_RDWR)
            self._listening.close()
        for one in list(self._open):
            with suppress(OSError):
                # Not the one of TLS, which would take the session from the thread that reads.
                socket.socket.shutdown(one, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listening = None
        self._write_fills()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name="local-traderspost")  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._leaving.is_set() and self._listening is not None:
            try:
                raw, _ = self._listening.accept()
            except OSError:
                return
            self.n_connections += 1
            self._start(self._serve, raw)

    def _serve(self, raw: socket.socket) -> None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open.add(raw)
        held: socket.socket = raw
        try:
            with self._lock:
                fault = take_fault(self.faults, of_connection=True)
            if fault is not None and fault.kind != "none":
                self._spoil_handshake(raw, fault)
            elif self._context is not None:
                held = self._context.wrap_socket(raw, server_side=True)
                self._open.discard(raw)
                self._open.add(held)
                self._converse(held)
        except OSError:
            return  # a client that goes away, or trusts another authority, is not our failure
        finally:
            self._open.discard(held)
            with suppress(OSError):
                held.close()

    def _spoil_handshake(self, raw: socket.socket, fault: OrderFault) -> None:
        if fault.kind == "reset_handshake":
            _reset(raw)
        elif fault.kind == "garbage_handshake":
            raw.sendall(b"220 this is no TLS\r\n")
            raw.recv(_CHUNK)
        elif fault.kind == "stall_handshake":
            while raw.recv(_CHUNK):
                continue

    def _converse(self, line: socket.socket) -> None:
        """Requests of one connection, until it ends."""
        http = h11.Connection(h11.SERVER)
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(line.recv(_CHUNK))
            elif isinstance(event, h11.Request):
                request, body = event, b""
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                if not self._respond(line, http, request, body):
                    return
                http.start_next_cycle()
            else:
                return

    def _respond(
        self, line: socket.socket, http: h11.Connection, request: h11.Request, body: bytes
    ) -> bool:
        """Answer one request; False when the connection is over."""
        now_ns, perf_ns = time.time_ns(), time.perf_counter_ns()
        path = request.target.decode("ascii", "replace")
        if request.method != b"POST" or path != self.path:
            _send(line, http, not_found(path))
            return True
        with self._lock:
            fault = take_fault(self.faults, of_connection=False, action=_action(body))
            answer = self._venue.answer(body, fault, now_ns, perf_ns)
            self._write_request(self._venue.requests[-1])
        if fault is not None and fault.kind == "not_found":
            answer = not_found(path)
        kind = "none" if fault is None else fault.kind
        if fault is not None and kind == "slow":
            self._leaving.wait(fault.seconds)
        return self._send_spoilt(line, http, answer, kind)

    def _send_spoilt(
        self, line: socket.socket, http: h11.Connection, answer: VenueAnswer, kind: str
    ) -> bool:
        how, _, _ = kind.partition("_")
        if kind in ("reset_before", "reset_after"):
            _reset(line)
        elif kind in ("timeout_before", "timeout_after"):
            while line.recv(_CHUNK):
                continue
        elif kind in ("cut_200", "closing"):
            raw = _encoded(http, answer)
            line.sendall(raw[: len(raw) - len(answer.body) // 2] if how == "cut" else raw)
        elif kind == "garbage_after":
            line.sendall(b"\x00\x01 this is no HTTP\r\n\r\n")
        elif kind == "html_200":
            _send(line, http, page(200, "Just a moment..."))
            return True
        elif kind in ("server_error_before", "server_error_after"):
            _send(line, http, page(500, "Internal Server Error"))
            return True
        elif how != "close":
            _send(line, http, answer)
            return True
        return False

    def _write_request(self, request: ReceivedRequest) -> None:
        with (self._state / REQUESTS_FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(request.as_row()) + "\n")

    def _write_fills(self) -> None:
        with (self._state / FILLS_FILE).open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _FILL_COLUMNS)
            writer.writeheader()
            writer.writerows(vars(one) for one in self._venue.book.fills)


def _action(body: bytes) -> str:
    try:
        return str(json.loads(body)["action"])
    except (ValueError, KeyError, TypeError):
        return ""


def _encoded(http: h11.Connection, answer: VenueAnswer) -> bytes:
    headers = [
        ("Content-Type", answer.content_type),
        ("Content-Length", str(len(answer.body))),
        *answer.headers,
    ]
    events = (
        h11.Response(status_code=answer.status, headers=headers),
        h11.Data(data=answer.body),
        h11.EndOfMessage(),
    )
    return b"".join(http.send(one) or b"" for one in events)


def _send(line: socket.socket, http: h11.Connection, answer: VenueAnswer) -> None:
    line.sendall(_encoded(http, answer))


def _reset(line: socket.socket) -> None:
    with socket.socket(fileno=line.detach()) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
