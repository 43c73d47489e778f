"""A real Postgres server of a test's own: made by initdb, started by pg_ctl, gone afterwards.

Belongs here: starting it. Does not belong here: assertions.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TOOLS = ("initdb", "pg_ctl")
UNPRIVILEGED = ("postgres", "nobody")
"""Postgres refuses to run as root; one of these does it then."""


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of an empty server, as SQLAlchemy takes it; skips where there is none to start.

    Its folder is not below pytest's, which other users may not enter.
    """
    if any(shutil.which(one) is None for one in TOOLS):
        pytest.skip("no Postgres is installed")
    folder = Path(tempfile.mkdtemp(prefix="rooney-postgres-"))
    user = _user()
    if user is not None:
        shutil.chown(folder, user)
    data, port = folder / "data", _free_port()
    options = f"-k {folder} -h 127.0.0.1 -p {port} -c fsync=off -c max_connections=50"
    start = ["pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start"]
    try:
        make = ["initdb", "-D", str(data), "-U", "rooney", "--auth=trust", "-E", "UTF8", "-N"]
        _run(make, folder, user)
        _run(start, folder, user)
        yield f"postgresql+psycopg2://rooney@127.0.0.1:{port}/postgres"
    finally:
        stop = ["pg_ctl", "-D", str(data), "-m", "immediate", "stop"]
        subprocess.run(stop, cwd=folder, user=user, check=False, capture_output=True)
        shutil.rmtree(folder)


def _run(command: list[str], folder: Path, user: str | None) -> None:
    # A server keeps what it inherits open: its output goes to its log, not into a pipe.
    with (folder / f"{command[0]}.out").open("wb") as told:
        subprocess.run(command, cwd=folder, user=user, check=True, stdout=told, stderr=told)


def _user() -> str | None:
    """Whom the server runs as; None for whoever runs the test."""
    if os.geteuid() != 0:
        return None
    known = {one.pw_name for one in pwd.getpwall()}
    found = next((one for one in UNPRIVILEGED if one in known), None)
    if found is None:
        pytest.skip("root may not run Postgres, and there is nobody else")
    return found


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
