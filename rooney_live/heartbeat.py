"""heartbeat.json: what the trader last knew of itself, for whoever watches it from outside.

Belongs here: writing the file whole or not at all, and reading it. Does not belong here: what it
says (`runtime`), or what is done when it is old (`risk.monitor`).
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from rooney_core.errors import MissingArtifact

FILE_NAME: Final = "heartbeat.json"


class HeartbeatFailed(OSError):
    """The heartbeat could not be written; the one before is still whole."""


def write_heartbeat(live: Path, facts: Mapping[str, Any]) -> None:
    """Replace the file: a temporary one, fsync, rename; a full disk leaves the old one whole.

    A number that is none (NaN, infinite) becomes null: JSON has no other word for it. Raises
    HeartbeatFailed.
    """
    path, new = live / FILE_NAME, live / f"{FILE_NAME}.new"
    content = json.dumps(_plain(facts), allow_nan=False).encode()
    try:
        # A file object writes all of it or raises: a disk that is nearly full takes a part.
        with open(new, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise HeartbeatFailed(error.errno, f"{path} cannot be written: {error.strerror}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def read_heartbeat(live: Path) -> dict[str, Any]:
    """What the trader last said. Raises MissingArtifact where there is nothing that can be read."""
    path = live / FILE_NAME
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise MissingArtifact(f"{path} tells nothing ({type(error).__name__}).") from None
    if not isinstance(found, dict):
        raise MissingArtifact(f"{path} tells nothing: it is no JSON object.")
    return found
