"""How a file reaches the disk: whole or not at all, whatever instruction the process dies at.

Belongs here: temporary names, fsync, rename, links, and clearing up after the killed. Does not
belong here: what is in the files.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl

from rooney_core.errors import LakeError

# Host and process are in the name: the next writer knows when a file has become nobody's.
_TEMPORARY = re.compile(r"\.(?P<host>.+)\.(?P<process>\d+)\.[0-9a-f]{12}\.tmp(\.wal)?")
# Nothing in the lake is edited in place: `current` may share its bytes with a version.
_READ_ONLY = 0o444


@contextmanager
def refusing(root: Path, doing: str) -> Iterator[None]:
    """Turn what the operating system refuses into a LakeError that says what to do."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise LakeError(
            f"Could not {doing} in the lake at {root}: {error}. What the lake held is unchanged; "
            "ROONEY_LAKE must name a folder that this user may write, on a disk with room."
        ) from error


@contextmanager
def temporary_name(folder: Path) -> Iterator[Path]:
    """A name for a file in the making, hidden from every glob; what is left there is removed."""
    path = folder / f".{socket.gethostname()}.{os.getpid()}.{secrets.token_hex(6)}.tmp"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Hold a lock file for a while; the kernel frees the lock of the killed."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def in_use(folder: Path) -> Iterator[None]:
    """Keep `alone_in` out of a folder for a while, after making it; many may do so at once.

    Where the file system knows no locks it keeps nobody out; `alone_in` refuses there.
    """
    make_folder(folder)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until nobody has the folder `in_use`, and keep it so. Raises OSError without locks."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def publish(target: Path, data: bytes | bytearray) -> None:
    """Let `data` appear as `target`, read-only, in one instant; replaces what was there."""
    with temporary_name(target.parent) as temporary:
        _write(temporary, data)
        os.replace(temporary, target)
    sync_folder(target.parent)


def link_over(source: Path, target: Path) -> None:
    """Let `target` appear in one instant as another name of `source`; replaces what was there."""
    with temporary_name(target.parent) as temporary:
        try:
            os.link(source, temporary)
        except OSError:
            # No hard links here: a copy, as durable as the original.
            _write(temporary, source.read_bytes())
        os.replace(temporary, target)
    sync_folder(target.parent)


def publish_new(target: Path, data: bytes) -> None:
    """Let a complete file appear under a name that is still free.

    Raises FileExistsError, and changes nothing, when it is taken. Where the file system has no hard
    links only the caller's lock keeps the name free.
    """
    with temporary_name(target.parent) as temporary:
        _write(temporary, data)
        try:
            os.link(temporary, target)
        except FileExistsError:
            raise
        except OSError:
            os.rename(temporary, target)
    sync_folder(target.parent)


def make_folder(folder: Path) -> None:
    """Create a folder and its parents so that they survive a power cut."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_orphans(folder: Path) -> None:
    """Remove unfinished files whose process, on this host, is dead."""
    for path, host, process in _unfinished(folder):
        if host == socket.gethostname() and not _is_alive(process):
            path.unlink(missing_ok=True)


def sweep(root: Path, older_than_seconds: float) -> int:
    """Remove unfinished files anywhere below `root` that nobody touched for so long; how many."""
    before = time.time() - older_than_seconds
    n_removed = 0
    for folder, _, _ in os.walk(root):
        for path, _, _ in _unfinished(Path(folder)):
            if path.stat().st_mtime <= before:
                path.unlink(missing_ok=True)
                n_removed += 1
    return n_removed


def _unfinished(folder: Path) -> Iterator[tuple[Path, str, int]]:
    names = os.listdir(folder) if folder.is_dir() else []
    for found in filter(None, map(_TEMPORARY.fullmatch, names)):
        yield folder / found.string, found["host"], int(found["process"])


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write(path: Path, data: bytes | bytearray) -> None:
    with open(path, "xb", opener=_open_read_only) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _open_read_only(path: str, flags: int) -> int:
    return os.open(path, flags, _READ_ONLY)
