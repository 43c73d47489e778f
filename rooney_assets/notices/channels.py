"""How a notice travels: always into a log file, and to wherever a person's page of addresses says.

Belongs here: reading that page, and sending through apprise (desktop, e-mail, Slack and a hundred
others). Does not belong here: what is sent, or when.

An address of apprise holds passwords and tokens: it stands in a private file, and is shown nowhere.
"""

from __future__ import annotations

import hashlib
import json
import logging
import stat
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from rooney_assets.notices.book import FOLDER
from rooney_assets.settings import NOTIFY_SETTING
from rooney_core.errors import InvalidSetting

LOG: Final = "log"
"""Name of the channel that is always there."""
LOG_FILE: Final = "notices.log"
LARGEST_LOG: Final = 4_000_000
"""Bytes; a larger log becomes notices.log.1, in place of the one before."""
SECONDS: Final = 3
"""To connect, and to answer, where an address does not say otherwise."""

_OTHERS_MAY_READ: Final = stat.S_IRWXG | stat.S_IRWXO
_NAME_LENGTH: Final = 8


@dataclass(frozen=True)
class Address:
    """One of apprise's addresses. `name`: kind and digest, such as `slack:1f3a09bc`."""

    name: str
    url: str = field(repr=False)


def addresses_in(page: Path | None) -> tuple[Address, ...]:
    """The addresses of a page: one a line, `#` begins a remark; () without a page.

    Raises InvalidSetting for a page that cannot be read, that others may read, or with a line that
    apprise does not know; the message never shows the line.
    """
    if page is None:
        return ()
    try:
        if page.stat().st_mode & _OTHERS_MAY_READ:
            raise InvalidSetting(
                f"{page} may be read by others, and holds passwords and tokens. Make it yours "
                f"alone: chmod 600 {page}."
            )
        lines = page.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSetting(
            f"{NOTIFY_SETTING} names {page}, which cannot be read: {type(error).__name__}. Give it "
            "a private file with one apprise address a line, or unset it for the log file alone."
        ) from None
    found = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if text and not text.startswith("#"):
            found.append(_address(text, f"{page}, line {number}"))
    return tuple(found)


def _address(text: str, where: str) -> Address:
    url = _with_patience(text)
    if not _is_known(url):
        raise InvalidSetting(
            f"{where} is no address that apprise knows; write one such as dbus://, "
            "mailtos://user:password@host?to=me@host or slack://token/token/token."
        )
    digest = hashlib.sha256(text.encode()).hexdigest()[:_NAME_LENGTH]
    return Address(f"{urlsplit(text).scheme.lower()}:{digest}", url)


def _with_patience(url: str) -> str:
    """With time limits for connecting and reading, unless it has its own."""
    asked = parse_qs(urlsplit(url).query)
    limits = [f"{name}={SECONDS}" for name in ("cto", "rto") if name not in asked]
    if not limits:
        return url
    return f"{url}{'&' if '?' in url else '?'}{'&'.join(limits)}"


def _is_known(url: str) -> bool:
    with _silent():
        # Takes half a second to import; whoever has the log file alone does not wait for it.
        import apprise

        return apprise.Apprise.instantiate(url) is not None


@dataclass(frozen=True)
class Channels:
    """Where notices go: the log below the state folder, and these addresses."""

    state: Path
    addresses: tuple[Address, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The log first."""
        return (LOG, *(one.name for one in self.addresses))

    @property
    def log(self) -> Path:
        """The log: a JSON object a line."""
        return self.state / FOLDER / LOG_FILE

    def write(self, facts: Mapping[str, object], now: datetime) -> str | None:
        """Append to the log; what went wrong, or None."""
        line = json.dumps({"at": now.isoformat(), **facts}, ensure_ascii=False)
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            if self.log.exists() and self.log.stat().st_size > LARGEST_LOG:
                self.log.replace(self.log.with_name(f"{LOG_FILE}.1"))
            with self.log.open("a", encoding="utf-8") as log:
                log.write(f"{line}\n")
        except OSError as error:
            return f"{self.log} cannot be written: {error.strerror or type(error).__name__}"
        return None

    def send(self, name: str, title: str, body: str) -> str | None:
        """Send through the address of this name; what went wrong without its secret, or None.

        An address that is gone from the page since counts as told: nobody waits there any more.
        """
        url = next((one.url for one in self.addresses if one.name == name), None)
        return None if url is None else _notify(name, url, title, body)

    def try_out(self, title: str, body: str) -> dict[str, str | None]:
        """Send to every address; by name, what went wrong."""
        return {one.name: _notify(one.name, one.url, title, body) for one in self.addresses}


def _notify(name: str, url: str, title: str, body: str) -> str | None:
    with _silent():
        import apprise

        sender = apprise.Apprise()
        sender.add(url)
        # The answer is a record of its own: only its truth says whether everybody was reached.
        arrived = bool(sender.notify(title=title, body=body))
    return None if arrived else f"{name} did not take it"


@contextmanager
def _silent() -> Iterator[None]:
    """apprise tells its log of addresses, and Python of modules that apprise should not use any
    more; nothing of that is ours to show."""
    log = logging.getLogger("apprise")
    was, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        log.disabled = was


def channel_kinds(names: Sequence[str]) -> str:
    """For a person: `log, slack, mailtos`."""
    return ", ".join(dict.fromkeys(name.partition(":")[0] for name in names))
