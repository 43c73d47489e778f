"""Every kind of notice by mail and by Slack, through apprise, to servers that speak as these do."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from servers import SLACK, MailServer, SlackBehindProxy

from rooney_assets.notices.records import Notice, NoticeKind
from rooney_assets.notices.rounds import MOST_MESSAGES, Post
from rooney_assets.settings import Settings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOOK = "T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
ALARMS = (
    NoticeKind.RUN_FAILURE,
    NoticeKind.CHECK_FAILED,
    NoticeKind.STALE_ASSET,
    NoticeKind.PROMOTION_REFUSED,
    NoticeKind.DRIFT,
    NoticeKind.APPROVAL_EXPIRED,
    NoticeKind.EMERGENCY_STOP,
    NoticeKind.DIGEST,
)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    yield server
    server.close()


@pytest.fixture
def slack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackBehindProxy]:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(SLACK).configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    server = SlackBehindProxy(context)
    monkeypatch.setenv("HTTPS_PROXY", server.proxy)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    for name in ("no_proxy", "NO_PROXY", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    yield server
    server.close()


def office_with(tmp_path: Path, *urls: str) -> Post:
    page = tmp_path / "addresses"
    page.write_text("\n".join(urls), encoding="utf-8")
    page.chmod(0o600)
    environ = {
        "ROONEY_LAKE": str(tmp_path / "lake"),
        "ROONEY_STATE": str(tmp_path / "state"),
        "ROONEY_NOTIFY": str(page),
    }
    return Post.of(Settings.from_environment(environ))


def mail_url(port: int) -> str:
    there = "from=rooney@example.com&to=me@example.com&mode=insecure"
    return f"mailto://rooney:word@127.0.0.1:{port}?{there}"


def notice(kind: NoticeKind) -> Notice:
    return Notice(kind, f"about {kind}", f"why {kind}", f"https://factory.example/{kind}")


def test_every_kind_arrives_by_mail_once_with_its_link(tmp_path: Path, mail: MailServer) -> None:
    office = office_with(tmp_path, mail_url(mail.port))
    assert len(ALARMS) <= MOST_MESSAGES
    for _ in range(2):
        for kind in ALARMS:
            office.raise_(notice(kind), NOON)
        office.deliver(NOON)
    assert [one["Subject"] for one in mail.got] == [notice(kind).title for kind in ALARMS]
    assert mail.to == ["me@example.com"] * len(ALARMS)
    for kind, message in zip(ALARMS, mail.got, strict=True):
        body = message.get_body(("plain", "html"))
        assert body is not None
        text = body.get_content()
        assert f"why {kind}" in text
        assert f"https://factory.example/{kind}" in text
    assert office.book.n_waiting() == 0


def test_mail_that_is_refused_waits_and_its_password_is_nowhere(
    tmp_path: Path, mail: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    mail.refuses = True
    office = office_with(tmp_path, mail_url(mail.port).replace(":word@", ":very-secret@"))
    office.raise_(notice(NoticeKind.DRIFT), NOON)
    assert office.deliver(NOON) == (1, 1)
    assert (mail.got, office.book.n_waiting()) == ([], 1)
    kept = office.channels.log.read_text() + office.book.path.read_bytes().decode("latin-1")
    assert "very-secret" not in kept + caplog.text


def test_a_mail_server_that_says_nothing_ends_by_itself(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{mail_url(silent.getsockname()[1])}&rto=1&cto=1"
        office = office_with(tmp_path, url)
        [(name, problem)] = office.channels.try_out("t", "b").items()
    assert problem == f"{name} did not take it"


def test_slack_gets_what_its_webhook_takes(tmp_path: Path, slack: SlackBehindProxy) -> None:
    office = office_with(tmp_path, f"slack://{HOOK}")
    office.raise_(notice(NoticeKind.EMERGENCY_STOP), NOON)
    assert office.deliver(NOON) == (2, 0)
    assert slack.connected == [f"{SLACK}:443"]
    [(path, body)] = slack.got
    assert path == f"/services/{HOOK}"
    told = json.dumps(body)
    assert "Rooney: emergency stop, about EMERGENCY_STOP" in told
    assert "why EMERGENCY_STOP" in told
    assert "https://factory.example/EMERGENCY_STOP" in told


def test_slack_that_refuses_is_asked_again(tmp_path: Path, slack: SlackBehindProxy) -> None:
    slack.status = 500
    office = office_with(tmp_path, f"slack://{HOOK}")
    office.raise_(notice(NoticeKind.STALE_ASSET), NOON)
    assert office.deliver(NOON) == (1, 1)
    kept = office.channels.log.read_text() + office.book.path.read_bytes().decode("latin-1")
    assert HOOK.rpartition("/")[2] not in kept
    slack.status = 200
    assert office.deliver(NOON.replace(hour=13)) == (1, 0)
    assert len(slack.got) == 2
