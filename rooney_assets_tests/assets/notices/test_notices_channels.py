"""Messages really sent through apprise to servers of this test, and pages that are refused."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from rooney_assets.notices.book import NoticeBook
from rooney_assets.notices.channels import Channels, addresses_in
from rooney_assets.notices.records import Notice, NoticeKind
from rooney_assets.notices.rounds import MOST_MESSAGES, Post
from rooney_assets.settings import Settings
from rooney_core.errors import InvalidSetting

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = "very-secret-token"


class Receiver:
    """A server that keeps what is posted to it."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append(json.loads(body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *arguments: object) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server.server_port}/{SECRET}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


def page(tmp_path: Path, *lines: str, mode: int = 0o600) -> Path:
    path = tmp_path / "addresses"
    path.write_text("\n".join(lines), encoding="utf-8")
    path.chmod(mode)
    return path


def post(tmp_path: Path, *urls: str) -> Post:
    environ = {
        "ROONEY_LAKE": str(tmp_path / "lake"),
        "ROONEY_STATE": str(tmp_path / "state"),
        "ROONEY_NOTIFY": str(page(tmp_path, "# mine", "", *urls)),
    }
    return Post.of(Settings.from_environment(environ))


def logged(office: Post) -> list[dict[str, Any]]:
    return [json.loads(line) for line in office.channels.log.read_text().splitlines()]


def notice(number: int = 1) -> Notice:
    return Notice(NoticeKind.RUN_FAILURE, f"job[{number}]", "no answer", f"http://ui/{number}")


def test_a_message_arrives_with_its_link(tmp_path: Path, receiver: Receiver) -> None:
    office = post(tmp_path, receiver.url)
    assert office.raise_(notice(), NOON)
    assert office.deliver(NOON) == (2, 0)
    (got,) = receiver.got
    assert got["title"] == "Rooney: run failure, job[1]"
    assert got["message"] == "no answer\nhttp://ui/1"
    (line,) = logged(office)
    assert (line["kind"], line["link"]) == ("RUN_FAILURE", "http://ui/1")
    assert office.deliver(NOON) == (0, 0)


def test_what_a_server_refuses_waits_and_no_secret_is_logged(
    tmp_path: Path, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 500
    office = post(tmp_path, receiver.url)
    office.raise_(notice(), NOON)
    assert office.deliver(NOON) == (1, 1)
    assert office.book.n_waiting() == 1
    assert "tried again later" in logged(office)[-1]["fate"]
    kept = office.channels.log.read_text() + office.book.path.read_bytes().decode("latin-1")
    assert SECRET not in kept + caplog.text + repr(office)


def test_an_address_that_nobody_answers_ends_by_itself(tmp_path: Path) -> None:
    """The kernel accepts the connection, and nobody ever answers: the limits of the address end
    it."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"json://127.0.0.1:{silent.getsockname()[1]}/x?rto=1&cto=1"
        office = post(tmp_path, url)
        (name, problem), *rest = office.channels.try_out("t", "b").items()
    assert not rest
    assert name.startswith("json:")
    assert problem == f"{name} did not take it"


def test_many_notices_are_few_messages(tmp_path: Path, receiver: Receiver) -> None:
    office = post(tmp_path, receiver.url)
    for number in range(25):
        office.raise_(notice(number), NOON)
    n_sent, n_failed = office.deliver(NOON)
    assert (n_sent, n_failed) == (25 + MOST_MESSAGES, 0)
    assert len(receiver.got) == MOST_MESSAGES
    assert receiver.got[-1]["title"] == "Rooney: 16 more notices"
    assert receiver.got[-1]["message"].count("run failure, job[") == 16
    assert len(logged(office)) == 25
    assert office.book.n_waiting() == 0


def test_a_page_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = page(tmp_path, f"json://host/{SECRET}", mode=0o640)
    with pytest.raises(InvalidSetting, match="may be read by others") as told:
        addresses_in(path)
    assert SECRET not in str(told.value)
    with pytest.raises(InvalidSetting, match="cannot be read: FileNotFoundError"):
        addresses_in(tmp_path / "nowhere")


def test_a_line_that_is_no_address_is_named_and_not_shown(tmp_path: Path) -> None:
    path = page(tmp_path, "# Slack", f"slakc://{SECRET}")
    with pytest.raises(InvalidSetting, match="line 2 is no address") as told:
        addresses_in(path)
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    "url",
    [
        "mailtos://user:word@example.com?to=me@example.com",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "json://host/path?rto=9",
    ],
)
def test_mail_and_slack_are_known_and_have_patience(tmp_path: Path, url: str) -> None:
    (one,) = addresses_in(page(tmp_path, url))
    assert one.url.count("cto=3") == 1
    assert one.url.count("rto=") == 1
    assert url not in repr(one)
    assert one.name.partition(":")[0] == url.partition(":")[0]


def test_a_large_log_is_moved_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rooney_assets.notices.channels.LARGEST_LOG", 10)
    channels = Channels(tmp_path)
    for number in range(3):
        assert channels.write({"n": number}, NOON) is None
    assert json.loads(channels.log.read_text())["n"] == 2
    assert json.loads(channels.log.with_name("notices.log.1").read_text())["n"] == 1
    assert NoticeBook(tmp_path).kept() == []
