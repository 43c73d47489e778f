"""The trader's log: one JSON object a line on stdout, for journald or whoever reads it.

Belongs here: the shape of a line, and that no secret is in it. Does not belong here: what is worth
a line, or keeping lines (systemd does).
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from rooney_live.secrets import scrub

LOGGER: Final = "rooney_live"
_EXTRAS: Final = (
    *("code", "decision_id", "order_id", "symbol", "run_id", "seconds"),
    *("arrived_ns", "decided_ns", "committed_ns", "first_byte_ns"),
)
# What libraries log at these levels may quote a URL or a header.
_QUIET: Final = ("databento", "apprise", "urllib3", "requests", "asyncio", "websockets")


class JsonLines(logging.Formatter):
    """time (UTC, ISO), level, message; where given code, decision_id, order_id, symbol, run_id,
    seconds, and `perf_counter_ns` of the steps to a request."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; an exception is its class and message, without the trace's local values."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _EXTRAS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = f"{record.exc_info[0].__name__}: {record.exc_info[1]}"
        return scrub(json.dumps(line, default=str))


class _Stream(logging.StreamHandler[TextIO]):
    """A full disk or a closed pipe costs lines, never the trader."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say nothing: the place to say it is the one that failed."""


def log_to(stream: TextIO | None = None, level: int = logging.INFO) -> logging.Logger:
    """Begin to log, in place of whatever was set up before; returns the trader's logger."""
    handler = _Stream(stream or sys.stdout)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    logger = logging.getLogger(LOGGER)
    logger.setLevel(level)
    return logger
