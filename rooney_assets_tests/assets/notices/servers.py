"""Servers that speak as a mail server and as Slack, for messages that are really sent.

Belongs here: the servers, and what arrived at them. Does not belong here: assertions.
"""

from __future__ import annotations

import json
import ssl
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

SLACK = "hooks.slack.com"


class MailServer:
    """Takes every message (RFC 5321), from whoever says a user and a password."""

    def __init__(self) -> None:
        self.got: list[EmailMessage] = []
        self.to: list[str] = []
        self.refuses = False
        mail = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                self.say("220 here")
                while line := self.rfile.readline().decode().strip():
                    verb = line.partition(" ")[0].upper()
                    if verb == "QUIT":
                        self.say("221 bye")
                        return
                    self.answer(verb, line)

            def answer(self, verb: str, line: str) -> None:
                if verb == "EHLO":
                    self.say("250-here\r\n250 AUTH PLAIN")
                elif verb == "AUTH":
                    self.say("235 welcome")
                elif verb == "RCPT" and mail.refuses:
                    self.say("550 nobody of that name")
                elif verb == "DATA":
                    self.say("354 go on")
                    self.take()
                    self.say("250 taken")
                else:
                    if verb == "RCPT":
                        mail.to.append(line.partition("<")[2].rstrip(">"))
                    self.say("250 fine")

            def take(self) -> None:
                lines = []
                while (line := self.rfile.readline()) != b".\r\n":
                    lines.append(line.removeprefix(b"."))
                message = message_from_bytes(b"".join(lines), policy=policy.default)
                assert isinstance(message, EmailMessage)
                mail.got.append(message)

            def say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self._server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


class SlackBehindProxy:
    """A proxy behind which hooks.slack.com is this server, with a certificate of its own."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.connected: list[str] = []
        self.status = 200
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                slack.connected.append(self.path)
                self.send_response(200)
                self.end_headers()
                with context.wrap_socket(self.connection, server_side=True) as inside:
                    self.rfile = inside.makefile("rb")
                    self.wfile = inside.makefile("wb")  # type: ignore[assignment]
                    self.handle_one_request()
                    self.wfile.flush()
                self.close_connection = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                slack.got.append((self.path, json.loads(body)))
                self.send_response(slack.status)
                self.end_headers()
                self.wfile.write(b"ok" if slack.status == 200 else b"no_service")

            def log_message(self, *arguments: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def proxy(self) -> str:
        """Its address, as HTTPS_PROXY takes it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
