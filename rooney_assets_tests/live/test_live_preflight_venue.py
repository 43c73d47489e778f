"""Preflight's questions to the world outside: secrets, the webhook, the vendor's gateways."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from contextlib import contextmanager
from pathlib import Path

import trustme

from rooney_live.preflight_answers import Check
from rooney_live.preflight_venue import live_host, venue_checks
from rooney_live.release_store import read_release

WEBHOOK, KEY = "TRADERSPOST_WEBHOOK_URL", "DATABENTO_API_KEY"


class Bare:
    """A server that speaks TLS, or only TCP, and notes every byte after the handshake."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self.heard: list[bytes] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._tls = tls
        self._has_heard = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            try:
                if self._tls is not None:
                    line = self._tls.wrap_socket(line, server_side=True)
                self.heard.append(line.recv(1000))
            except OSError as error:
                self.heard.append(type(error).__name__.encode())
            line.close()
            self._has_heard.set()

    def all_heard(self) -> list[bytes]:
        """What was heard, once the first caller has hung up."""
        assert self._has_heard.wait(10.0)
        return self.heard

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()


@contextmanager
def bare(tls: ssl.SSLContext | None = None):
    server = Bare(tls)
    try:
        yield server
    finally:
        server.close()


def venue(lake: Path, **environment: str) -> dict[str, Check]:
    return {one.name: one for one in venue_checks(read_release(lake), environment)}


def test_the_webhook_is_reached_by_tls_and_nothing_is_sent(lake, tmp_path, monkeypatch):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    pem = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(pem))
    with bare(context) as server:
        url = f"https://127.0.0.1:{server.port}/trading/webhook/very/secret"
        # Nobody vouches for it yet.
        found = venue(lake, **{WEBHOOK: url})["webhook reachable"]
        assert found.passed is False
        assert "secret" not in found.detail
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        found = venue(lake, **{WEBHOOK: url})["webhook reachable"]
        assert found.passed, found.detail
    assert server.heard[-1] == b""


def test_a_webhook_that_nobody_answers_or_that_is_no_url_fails(lake):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    for url in (f"http://127.0.0.1:{port}/a/secret", "http://example.org/a/secret", "secret"):
        found = venue(lake, **{WEBHOOK: url})["webhook reachable"]
        assert found.passed is False, url
        assert "a/secret" not in found.detail


def test_a_secret_that_others_can_read_fails_and_is_not_shown(lake, tmp_path):
    path = tmp_path / "webhook"
    path.write_text("https://127.0.0.1:1/hidden/place")
    path.chmod(0o640)
    found = venue(lake, **{f"{WEBHOOK}_FILE": str(path)})
    assert found[f"secret {WEBHOOK}"].passed is False
    assert "chmod 600" in found[f"secret {WEBHOOK}"].detail
    assert found["webhook reachable"].passed is None
    path.chmod(0o600)
    found = venue(lake, **{f"{WEBHOOK}_FILE": str(path)})
    assert found[f"secret {WEBHOOK}"].passed
    assert not any("hidden" in one.detail for one in found.values())


def real(lake: Path):
    """The same release, as of a real market: what it needs is not made up by anybody."""
    release = read_release(lake)
    return type(release)(release.config.model_copy(update={"is_simulated": False}), release.bundles)


def test_a_real_market_needs_both_secrets_and_its_feeds(lake, tmp_path, monkeypatch):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with bare(context) as history, bare() as gateway:
        places = {
            "ROONEY_DATABENTO_GATEWAY": f"127.0.0.1:{history.port}",
            "ROONEY_LIVE_GATEWAY": f"127.0.0.1:{gateway.port}",
        }
        found = {one.name: one for one in venue_checks(real(lake), places)}
        assert found["feeds reachable"].passed, found["feeds reachable"].detail
        assert (history.all_heard(), gateway.all_heard()) == ([b""], [b""])
    assert found[f"secret {WEBHOOK}"].passed is False
    assert found[f"secret {KEY}"].passed is False
    assert found["webhook reachable"].passed is None
    found = {one.name: one for one in venue_checks(real(lake), places)}
    assert found["feeds reachable"].passed is False
    assert f"127.0.0.1:{history.port}" in found["feeds reachable"].detail
    wrong = {one.name: one for one in venue_checks(real(lake), {"ROONEY_LIVE_GATEWAY": "here"})}
    assert wrong["feeds reachable"].passed is False


def test_a_gateway_is_named_as_the_vendor_s_client_names_it():
    from databento.live import session
    from databento.live.protocol import DatabentoLiveProtocol  # noqa: F401

    source = Path(session.__file__).read_text()
    pattern = re.search(r'f"(\{[^"]+\}\.lsg\.databento\.com)"', source)
    assert pattern is not None
    assert live_host("GLBX.MDP3") == "glbx-mdp3.lsg.databento.com"
