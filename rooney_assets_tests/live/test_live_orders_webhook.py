"""The webhook: what it refuses, what it reads of an answer, and that its URL is in no output."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from order_desk import (
    MINUTE_US,
    PATIENT,
    QUICK,
    Desk,
    desk_and_receiver,
    entry,
    leaving,
    opened,
)

from rooney_core.errors import InvalidSetting
from rooney_live.orders.records import PostKind, PostResult
from rooney_live.orders.webhook import Webhook, WebhookUnreachable
from rooney_live.rehearsal.receiver import Receiver
from rooney_live.rehearsal.receiver_faults import KINDS, OrderFault
from rooney_live.secrets import Secret

SECRET_PATH = "/trading/webhook/5e3c7a0e-1111-4222/0123456789abcdef"


def secret(url: str) -> Secret:
    return Secret("TRADERSPOST_WEBHOOK_URL", url)


@pytest.mark.parametrize(
    "url",
    [
        f"http://example.com{SECRET_PATH}",
        f"ftp://127.0.0.1{SECRET_PATH}",
        f"https://user:name@example.com{SECRET_PATH}",
        f"https://{SECRET_PATH}",
        f"https://example.com:0{SECRET_PATH}",
        f"https://example.com:port{SECRET_PATH}",
        f"https://[::1{SECRET_PATH}",
        f"https://example.com{SECRET_PATH}\r\nHost: other",
        f"https://example.com{SECRET_PATH}/ü",
        "https://example.com/",
        "https://example.com",
        SECRET_PATH,
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(InvalidSetting, match="TRADERSPOST_WEBHOOK_URL") as caught:
        Webhook(secret(url))
    told = "".join(traceback.format_exception(caught.value))
    assert "0123456789abcdef" not in told
    assert "name@" not in told


def test_its_repr_names_the_host_alone() -> None:
    assert repr(Webhook(secret(f"https://example.com{SECRET_PATH}"))) == (
        "Webhook(https://example.com/***)"
    )


def test_an_authority_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("no certificate")
    with pytest.raises(InvalidSetting, match=r"ca\.pem holds no certificates"):
        Webhook(secret(f"https://example.com{SECRET_PATH}"), authority=path)


def test_reaching_it_makes_a_connection_and_no_request(tmp_path: Path) -> None:
    with Receiver(tmp_path) as receiver:
        asyncio.run(Webhook(secret(receiver.url), authority=receiver.certificate).reach())
        untrusting = Webhook(secret(receiver.url))
        with pytest.raises(WebhookUnreachable, match="TLS") as caught:
            asyncio.run(untrusting.reach())
        assert receiver.n_connections == 2
        assert receiver.requests == ()
        assert receiver.secret not in "".join(traceback.format_exception(caught.value))


@contextmanager
def answering(raw: bytes) -> Iterator[str]:
    """A plain server on loopback that gives these bytes to one request, and closes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            line, _ = listening.accept()
            with line:
                line.recv(65_536)
                line.sendall(raw)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{SECRET_PATH}"
        thread.join()


def posted(url: str, body: bytes | None = b"{}") -> PostResult:
    async def play() -> PostResult:
        webhook = Webhook(secret(url), PATIENT)
        result = await webhook.post(lambda: body)
        await webhook.close()
        return result

    return asyncio.run(play())


def answer(status: str, body: str, *headers: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


SUCCESS = '{"success":true,"id":"1","logId":"2"}'


@pytest.mark.parametrize(
    ("raw", "kind", "code"),
    [
        (answer("200 OK", SUCCESS), PostKind.ACKED, ""),
        (answer("201 Created", SUCCESS), PostKind.ACKED, ""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + answer("200 OK", SUCCESS), PostKind.ACKED, ""),
        (b"HTTP/1.0 200 OK\r\n\r\n" + SUCCESS.encode(), PostKind.ACKED, ""),
        (b"HTTP/1.0 200 OK\r\n\r\n" + SUCCESS.encode()[:-1], PostKind.UNKNOWN, "HTTP_200"),
        (answer("200 OK", '{"success":false}'), PostKind.UNKNOWN, "HTTP_200"),
        (answer("200 OK", '{"success":"true"}'), PostKind.UNKNOWN, "HTTP_200"),
        (answer("200 OK", "[true]"), PostKind.UNKNOWN, "HTTP_200"),
        (answer("200 OK", ""), PostKind.UNKNOWN, "HTTP_200"),
        (answer("200 OK", "[" * 60_000), PostKind.UNKNOWN, "HTTP_200"),
        (answer("200 OK", " " * 70_000), PostKind.UNKNOWN, "TOO_LONG"),
        (answer("204 No Content", ""), PostKind.UNKNOWN, "HTTP_204"),
        (answer("302 Found", "", "Location: /"), PostKind.UNKNOWN, "HTTP_302"),
        (answer("401 Unauthorized", ""), PostKind.REJECTED, "HTTP_401"),
        (answer("408 Request Timeout", ""), PostKind.UNKNOWN, "HTTP_408"),
        (answer("400 Bad Request", "{}")[:-1], PostKind.REJECTED, "CUT_ANSWER"),
        (answer("429 Too Many Requests", "{}")[:-1], PostKind.RETRY_LATER, "CUT_ANSWER"),
        (answer("503 Unavailable", "", "Retry-After: 5"), PostKind.UNKNOWN, "HTTP_503"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", PostKind.UNKNOWN, "NO_HTTP"),
        (b"SSH-2.0-OpenSSH\r\n", PostKind.UNKNOWN, "NO_HTTP"),
        (b"", PostKind.UNKNOWN, "CLOSED"),
    ],
)
def test_what_an_answer_means(raw: bytes, kind: PostKind, code: str) -> None:
    with answering(raw) as url:
        result = posted(url)
    if code in ("NO_HTTP", "CLOSED"):
        # Whether the end or the rest is seen first is the kernel's to say.
        assert result.code in ("NO_HTTP", "CLOSED", "ConnectionResetError")
    else:
        assert result.code == code
    assert result.kind is kind
    assert result.first_byte_ns is not None


def test_what_the_server_echoes_of_the_url_is_taken_out() -> None:
    words = f'{{"messageCode":"0123456789abcdef","message":"POST {SECRET_PATH} refused"}}'
    with answering(answer("400 Bad Request", words)) as url:
        result = posted(url)
    assert result.kind is PostKind.REJECTED
    assert (result.code, result.detail) == ("***", "POST /*** refused")


def test_no_body_sends_nothing(tmp_path: Path) -> None:
    with Receiver(tmp_path) as receiver:

        async def play() -> PostResult:
            webhook = Webhook(secret(receiver.url), authority=receiver.certificate)
            result = await webhook.post(lambda: None)
            await webhook.close()
            return result

        assert asyncio.run(play()).kind is PostKind.DENIED
        assert receiver.requests == ()


def test_the_url_is_in_no_journal_log_result_or_repr_under_any_fault(tmp_path, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    faults = [OrderFault(kind, code="invalid-payload") for kind in KINDS if kind != "slow"]
    shown = []
    with desk_and_receiver(tmp_path, *faults, timeouts=QUICK) as (desk, receiver):
        for number in range(len(faults)):
            desk.run(entry(f"SIM_A{number}"), leaving(f"SIM_B{number}"), for_us=3 * MINUTE_US)
        hidden = (receiver.secret, receiver.path, receiver.url)
        shown += [repr(one) for one in desk.results]
        shown += [repr(desk.webhook), repr(vars(desk.dispatcher)), caplog.text]
        assert receiver.faults == []
    shown += [desk_of_dead_end(tmp_path / "other", receiver.path)]
    files = [
        path.read_bytes().decode("utf-8", "replace")
        for path in sorted(tmp_path.rglob("*"))
        if path.is_file()
    ]
    assert len(files) >= 4
    for text in shown + files:
        assert not [one for one in hidden if one in text]


def desk_of_dead_end(folder: Path, path: str) -> str:
    """What is shown of a webhook where nobody listens."""
    with opened(folder) as journal:
        desk = Desk(journal, f"http://127.0.0.1:9{path}", None)
        desk.run(entry(), leaving("SIM_CL"))
        return repr(desk.results)
