"""One trader per state folder, and a way to tap it on the shoulder.

Belongs here: the lock that a second instance is refused by, and the socket over which a command
says "look at the journal". Does not belong here: what is in the journal, or acting on it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rooney_core.errors import RefusedError

TRADER_LOCK: Final = "trader.lock"
MONITOR_LOCK: Final = "monitor.lock"
SOCKET: Final = "trader.sock"
_LOOK: Final = b"look"
_PRIVATE: Final = 0o600
_ENOUGH: Final = 64
_FLOCK: Final = "hhqqi0q"
"""The kernel's `struct flock`: type, whence, start, length (0: all of the file), pid."""


class AlreadyRunning(RefusedError):
    """Another process holds the lock of this state folder."""


class Lock:
    """An exclusive lock on a file, held until the process ends, however it ends.

    It belongs to the open file, not to the process (F_OFD_SETLK), so that it can be asked for
    without being taken: `is_held` never stands in the way of whoever takes it at that moment.
    """

    def __init__(self, handle: int, path: Path) -> None:
        self._handle = handle
        self.path = path

    @classmethod
    def take(cls, path: Path) -> Self:
        """Take the lock or raise AlreadyRunning, naming who has it; its end is not waited for."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PRIVATE)
        except OSError as error:
            raise AlreadyRunning(f"{path} cannot be opened: {error.strerror}.") from None
        try:
            fcntl.fcntl(handle, fcntl.F_OFD_SETLK, _whole_file())
            # The lock of versions before, one of which may still run while this one takes over.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(handle, _ENOUGH).decode(errors="replace").strip() or "unknown"
            os.close(handle)
            raise AlreadyRunning(
                f"Another process (pid {owner}) holds {path}: one trader per state folder. Stop it "
                "with `rooney-live stop`, or point ROONEY_STATE at another folder."
            ) from None
        # Only for people: the lock itself needs no content, so a full disk is no reason to stop.
        with suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
        return cls(handle, path)

    def release(self) -> None:
        """Let go; the file stays."""
        os.close(self._handle)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def is_held(path: Path) -> bool:
    """True while some process holds the lock; asking takes nothing. What cannot be asked counts as
    held: nobody may act as if alone."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        found = fcntl.fcntl(handle, fcntl.F_OFD_GETLK, _whole_file())
    except OSError:
        return True
    finally:
        os.close(handle)
    return bool(struct.unpack(_FLOCK, found)[0] != fcntl.F_UNLCK)


def _whole_file() -> bytes:
    return struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


def nudge(live: Path) -> bool:
    """Tell the trader to look at the journal; False when nobody listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        try:
            with _address(live) as address:
                sender.sendto(_LOOK, address)
        except OSError:
            return False
    return True


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, on_nudge: Callable[[], None]) -> None:
        self._on_nudge = on_nudge

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Whatever was sent, it means: look."""
        self._on_nudge()


async def listen(live: Path, on_nudge: Callable[[], None]) -> asyncio.DatagramTransport:
    """Call `on_nudge` in the loop for every tap; close what is returned to stop."""
    with suppress(FileNotFoundError):
        (live / SOCKET).unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        listening.setblocking(False)
        with _address(live) as address:
            listening.bind(address)
    except OSError:
        listening.close()
        raise
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Listener(on_nudge), sock=listening)
    return transport


@contextmanager
def _address(live: Path) -> Iterator[str]:
    """The socket's name, by way of its folder's handle: a state folder may be deep, and the
    kernel's names of sockets are short."""
    folder = os.open(live, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET}"
    finally:
        os.close(folder)
