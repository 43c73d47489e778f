"""The two secrets of the trader, where they come from, and how they stay out of everything else.

Belongs here: reading a secret, refusing a careless one, taking secrets out of a text. Does not
belong here: other settings. A value is never in argv, a log, the journal, the heartbeat or a
traceback; whoever needs it asks `reveal()` at the last moment.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from rooney_core.errors import RefusedError

DATABENTO_API_KEY: Final = "DATABENTO_API_KEY"
TRADERSPOST_WEBHOOK_URL: Final = "TRADERSPOST_WEBHOOK_URL"
NOTIFY_URLS: Final = "NOTIFY_URLS"
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
HIDDEN: Final = "***"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_SHORTEST: Final = 6


class SecretRefused(RefusedError):
    """A secret that is missing, empty, or in a file that others can read."""


class Secret:
    """A value that does not show: repr and str are `***`, and it cannot be pickled or compared."""

    __slots__ = ("_value", "name")

    def __init__(self, name: str, value: str) -> None:
        self.name = name
        self._value = value

    def reveal(self) -> str:
        """The value. Never keep, log or format what this returns."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __reduce__(self) -> str:
        raise TypeError(f"{self.name} is a secret and is not written anywhere.")


_known: Final[set[str]] = set()
"""Every value read in this process, in each shape in which it could be printed."""


def read_secret(name: str, environment: Mapping[str, str] | None = None) -> Secret:
    """The secret from systemd's credentials, the file that <NAME>_FILE names, or the environment.

    The first of these that is there counts. Raises SecretRefused when there is none, when it is
    empty or when its file can be read by the group or by others; the message names the place and
    never the value.
    """
    found = find_secret(name, environment)
    if found is None:
        raise SecretRefused(
            f"{name} is not set. Give it as a systemd credential (LoadCredential={name}:FILE), as "
            f"a file of mode 0600 named by {name}_FILE, or, in development, as a variable."
        )
    return found


def find_secret(name: str, environment: Mapping[str, str] | None = None) -> Secret | None:
    """As `read_secret`; None where nothing is set."""
    given = os.environ if environment is None else environment
    if CREDENTIALS in given and (path := Path(given[CREDENTIALS]) / name).exists():
        # systemd's own folder: nobody but the service can reach it, whatever the file's mode says.
        value = _content(name, path)
    elif f"{name}_FILE" in given:
        value = _private(name, Path(given[f"{name}_FILE"]))
    elif name in given:
        value = given[name].strip()
    else:
        return None
    if not value:
        raise SecretRefused(f"{name} is empty; give it its value, or unset it.")
    remember(value)
    return Secret(name, value)


def remember(value: str) -> None:
    """Have `scrub` take out this value: in plain, quoted as in a URL, escaped as in JSON; and what
    is secret in a URL alone: its path, its user, its password, the values of its query."""
    for one in (value, *_parts_of(value)):
        for shape in (one, quote(one, safe=""), json.dumps(one)[1:-1]):
            if len(shape) >= _SHORTEST:
                _known.add(shape)


def _parts_of(value: str) -> list[str]:
    if "://" not in value:
        return []
    try:
        parts = urlsplit(value)
    except ValueError:
        # No URL, whatever it looks like: whoever wants one says so.
        return []
    named = [parts.path.strip("/"), parts.username or "", parts.password or ""]
    return named + [word for _, word in parse_qsl(parts.query)]


def scrub(text: str) -> str:
    """The text without any secret that this process has read."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text


def _private(name: str, path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise SecretRefused(
            f"{name}_FILE names {path}, which cannot be read: {error.strerror}."
        ) from None
    if mode & _OTHERS:
        raise SecretRefused(
            f"{path} holds {name} and can be used by the group or by others "
            f"(mode {stat.S_IMODE(mode):04o}); run `chmod 600 {path}`."
        )
    return _content(name, path)


def _content(name: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretRefused(
            f"{path}, which holds {name}, cannot be read: {type(error).__name__}."
        ) from None
