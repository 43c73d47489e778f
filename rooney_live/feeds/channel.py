"""From a vendor's thread to the loop: records in order, and a brake when nobody reads.

Belongs here: handing over between threads. Does not belong here: what is handed over.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from typing import Any, Final, Generic, TypeVar

CAPACITY: Final = 4_096
_LOOK_AGAIN_SECONDS: Final = 0.05
Item = TypeVar("Item")


class Channel(Generic[Item]):
    """Many threads put, one loop takes. A thread that puts into a full channel waits.

    So what cannot be dealt with stays in the sockets, and the vendor's side feels it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, capacity: int = CAPACITY) -> None:
        self._loop = loop
        self._capacity = capacity
        self._items: deque[Item] = deque()
        self._filled = asyncio.Event()
        self._drained = threading.Event()
        self._is_closed = False

    def put(self, item: Item, wake: bool = True, give_up: threading.Event | None = None) -> None:
        """Append; from any thread but the loop's. `give_up` set: the item is dropped when full."""
        while len(self._items) >= self._capacity and not self._is_closed:
            self._drained.clear()
            self._wake()
            if give_up is not None and give_up.is_set():
                return
            self._drained.wait(_LOOK_AGAIN_SECONDS)
        self._items.append(item)
        if wake:
            self._wake()

    def take(self) -> Item | None:
        """The oldest item, None when there is none; in the loop."""
        if not self._items:
            return None
        item = self._items.popleft()
        if len(self._items) * 2 < self._capacity and not self._drained.is_set():
            self._drained.set()
        return item

    async def filled(self, seconds: float) -> bool:
        """Wait until something was put that wakes, at most so long; False when nothing was."""
        if self._items:
            return True
        self._filled.clear()
        try:
            await asyncio.wait_for(self._filled.wait(), seconds)
        except TimeoutError:
            return bool(self._items)
        return True

    def nudge(self) -> None:
        """Wake the loop's side, from the loop."""
        self._filled.set()

    def close(self) -> None:
        """Let every waiting thread go on."""
        self._is_closed = True
        self._drained.set()
        self._filled.set()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._filled.set)
        except RuntimeError:
            # The loop is closed: nobody reads any more.
            self._is_closed = True


AnyChannel = Channel[Any]
