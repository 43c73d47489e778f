"""Messages to people, over whatever apprise can reach, and never in the trader's way.

Belongs here: the bounded queue and its worker. Does not belong here: what deserves a message, or
the log. A service that is down or hangs costs messages: they are counted, and the trader goes on.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from rooney_live.logs import LOGGER
from rooney_live.secrets import NOTIFY_URLS, Secret, find_secret, remember, scrub

Send = Callable[[str, str], bool]

QUEUE_SIZE: Final = 100
TIMEOUT_S: Final = 3
"""For connecting, and for the answer, each; apprise's own default would wait for longer."""


@dataclass(frozen=True)
class Notice:
    """`title` in a few words, `body` in a few lines; neither holds a secret."""

    title: str
    body: str


class Notices:
    """Hands notices to a worker thread; `tell` never waits and never raises."""

    def __init__(self, send: Send | None, size: int = QUEUE_SIZE) -> None:
        self._send = send
        self._waiting: queue.Queue[Notice | None] = queue.Queue(size)
        self.n_sent = self.n_failed = self.n_dropped = 0
        self._worker: threading.Thread | None = None
        if send is not None:
            self._worker = threading.Thread(target=self._work, name="notices", daemon=True)
            self._worker.start()

    def tell(self, title: str, body: str) -> None:
        """Queue a notice, without any secret; a full queue drops it and counts it."""
        if self._send is None:
            return
        try:
            self._waiting.put_nowait(Notice(scrub(title), scrub(body)))
        except queue.Full:
            self.n_dropped += 1

    def close(self, timeout_s: float = TIMEOUT_S) -> None:
        """Let the worker send what waits, for so long at most; the rest is lost."""
        if self._worker is None:
            return
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            return
        self._worker.join(timeout_s)

    def _work(self) -> None:
        send = self._send
        while send is not None and (notice := self._waiting.get()) is not None:
            # Services are plug-ins of other people: whatever one raises is a notice that failed.
            try:
                is_sent = bool(send(notice.title, notice.body))
            except Exception as error:  # noqa: BLE001
                logging.getLogger(LOGGER).warning("a notice failed: %s", type(error).__name__)
                is_sent = False
            if is_sent:
                self.n_sent += 1
            else:
                self.n_failed += 1


def open_notices() -> Notices:
    """To the services in NOTIFY_URLS (a secret; apprise URLs with spaces between); or to nobody."""
    urls = find_secret(NOTIFY_URLS)
    return Notices(None if urls is None else _apprise(urls))


def with_timeouts(url: str) -> str:
    """The URL with apprise's `rto` and `cto` set, unless it sets them itself; what is no URL stays
    as it is, for apprise to refuse."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    given = parse_qsl(parts.query, keep_blank_values=True)
    names = {name for name, _ in given}
    added = [(name, str(TIMEOUT_S)) for name in ("rto", "cto") if name not in names]
    return urlunsplit(parts._replace(query=urlencode([*given, *added])))


def _apprise(urls: Secret) -> Send:
    # Imported here: it takes a while, and a trader without services needs none of it.
    import apprise

    service = apprise.Apprise()
    for number, url in enumerate(urls.reveal().split(), start=1):
        whole = with_timeouts(url)
        remember(url)
        remember(whole)
        if not service.add(whole):
            told = f"{NOTIFY_URLS}: apprise knows no such URL as number {number}; it gets nothing"
            logging.getLogger(LOGGER).error(told, extra={"code": "NO_NOTICES"})

    def send(title: str, body: str) -> bool:
        return bool(service.notify(title=title, body=body))

    return send
