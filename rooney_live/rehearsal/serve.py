"""The local Databento as a program: what it prints, and how it is ended.

Belongs here: the words around `LocalHistory`, and signals. Does not belong here: arguments
(`rooney_live/cli.py`), or what is served.
"""

from __future__ import annotations

import shlex
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from rooney_live.rehearsal.historical import LocalHistory, ServedRequest
from rooney_live.rehearsal.history_faults import Fault
from rooney_live.rehearsal.history_faults import random_faults as draw_faults

LOCAL_KEY: Final = "db-local-rehearsal-no-real-key"
"""What is offered as a key where none was asked for: any other one does as well."""

_RANDOM_REQUESTS: Final = 10_000
_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


def serve_until_stopped(
    folder: Path,
    state: Path,
    say: Callable[[str], None],
    port: int,
    faults: Sequence[str],
    random_faults: int | None,
    key: str | None,
) -> None:
    """Serve until SIGINT or SIGTERM; only in the main thread, which alone gets signals.

    `say` gets lines: comments and `export` lines for a shell, then one line a request. `key` is
    never among them. Raises UnknownName and InvalidSetting for a fault that does not exist, and
    MissingArtifact for a folder without bars.
    """
    planned = [Fault.parse(one) for one in faults]
    if random_faults is not None:
        planned += draw_faults(random_faults, _RANDOM_REQUESTS)
    stop = threading.Event()
    before = {one: signal.signal(one, lambda *_: stop.set()) for one in _STOPPING}
    try:
        with LocalHistory(
            folder,
            faults=planned,
            key=key,
            port=port,
            state=state,
            on_request=lambda request: say(described(request)),
        ) as history:
            for line in introduction(history, folder, key is not None):
                say(line)
            stop.wait()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    say("# Stopped.")


def introduction(history: LocalHistory, folder: Path, has_own_key: bool) -> list[str]:
    """What a user has to know, as comments, and has to export, as a shell takes it."""
    certificate = shlex.quote(str(history.certificate.resolve()))
    key = f"export DATABENTO_API_KEY={LOCAL_KEY}"
    return [
        f"# Serving the bars in {folder}. These are your own bars, not Databento's: nothing is",
        "# fetched from the vendor, nothing is billed, and the prices of requests are made up.",
        "# In the shell that asks (where nothing else should use TLS: it trusts only this server):",
        "export ROONEY_SOURCE=databento",
        f"export ROONEY_DATABENTO_GATEWAY={history.gateway}",
        "# DATABENTO_API_KEY: the key that was given with --key." if has_own_key else key,
        f"export REQUESTS_CA_BUNDLE={certificate}",
        f"export SSL_CERT_FILE={certificate}",
        "# Ctrl-C ends it. Requests:",
    ]


def described(request: ServedRequest) -> str:
    """One line about a request; "cut off" in place of a status where there was no answer."""
    asked = request.params
    symbols = asked.get("symbols", "")
    shown = symbols if len(symbols) <= 60 else f"{symbols[:57]}..."
    start, end = (asked.get(name, asked.get(f"{name}_date", "")) for name in ("start", "end"))
    parts = [str(request.status or "cut off"), request.endpoint, asked.get("dataset", "")]
    parts += [asked.get("schema", ""), shown, f"{start}..{end}" if start else ""]
    parts += [f"[fault: {request.fault}]" if request.fault else ""]
    return " ".join(part for part in parts if part)
