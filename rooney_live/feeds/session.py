"""Sessions with the vendor's live service, one dataset, one after the other, in a thread.

Belongs here: connecting, the watchdog, hanging up, backing off. Does not belong here: what a record
means (`live.py`).

The vendor's own reconnection is not used: it ends on a clean close, hangs when a session ends
before it began, and loses what happened meanwhile. Each session is a new client, on a loop of this
dataset's own, so that a client that hangs can be abandoned and one dataset never holds up another.
"""

from __future__ import annotations

import asyncio
import math
import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

import databento
from databento.common.error import BentoError

from rooney_live.feeds.channel import Channel
from rooney_live.feeds.settings import FeedSettings
from rooney_live.secrets import scrub

_LOOK_SECONDS: Final = 0.02
_PORT: Final = 13_000
_OWN_FAULTS: Final = ("Connection to", "Authentication with")
Ending = Literal["renewed", "closed", "lost", "silent", "refused"]


@dataclass(frozen=True)
class Subscription:
    """One schema of a dataset; `start_us`: replay begins there (microseconds UTC)."""

    schema: str
    stype: str
    symbols: tuple[str, ...]
    start_us: int | None


@dataclass(frozen=True)
class Received:
    """A record of the vendor's, or None for the beginning of a session.

    `epoch` numbers the sessions of a dataset from 1.
    """

    dataset: str
    epoch: int
    record: Any
    arrived_ns: int


@dataclass(frozen=True)
class Ended:
    """A session is over. `why`: see FeedCode; `wait_seconds` until the next is tried."""

    dataset: str
    epoch: int
    ending: Ending
    why: str
    wait_seconds: float


class _Loop(asyncio.SelectorEventLoop):
    """A loop that knows its connections: the client forgets one whose key was not answered."""

    def __init__(self) -> None:
        super().__init__()
        self._made: list[asyncio.Transport] = []
        # How sessions end is told by `Ended`; what the client leaves behind needs no log.
        self.set_exception_handler(lambda *_: None)

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        """As the base's."""
        transport, protocol = await super().create_connection(*args, **kwargs)
        self._made.append(transport)
        return transport, protocol

    def hang_up(self) -> None:
        """Abort every connection; in the loop."""
        for one in self._made:
            one.abort()
        self._made.clear()

    def run(self) -> None:
        """Until stopped; then nothing is left open."""
        asyncio.set_event_loop(self)
        self.run_forever()
        self.hang_up()
        tasks = asyncio.all_tasks(self)
        for one in tasks:
            one.cancel()
        self.run_until_complete(asyncio.gather(*tasks, asyncio.sleep(0), return_exceptions=True))
        self.close()


class DatasetSessions:
    """Keeps one dataset connected until `close`. `subscriptions` is asked before each session."""

    def __init__(
        self,
        dataset: str,
        subscriptions: Callable[[], Sequence[Subscription]],
        settings: FeedSettings,
        channel: Channel[Received | Ended],
    ) -> None:
        self.dataset = dataset
        self.epoch = 0
        self._subscriptions = subscriptions
        self._settings = settings
        self._channel = channel
        self._closing = threading.Event()
        self._hang_up = threading.Event()
        self._go_on = threading.Event()
        self._is_renewing = False
        self._seen = 0.0
        self._n_records = 0
        self._loop = _Loop()
        name = f"feed-{dataset}"
        self._reader = threading.Thread(target=self._loop.run, name=f"{name}-io", daemon=True)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin the first session."""
        self._reader.start()
        self._thread.start()

    def renew(self) -> None:
        """End this session and begin another at once."""
        self._is_renewing = True
        self._hang_up.set()
        self._go_on.set()

    def close(self) -> None:
        """Hang up; nothing follows. Does not wait."""
        self._closing.set()
        self._hang_up.set()
        self._go_on.set()

    def join(self, seconds: float) -> None:
        """Wait for the threads after `close`."""
        self._thread.join(seconds)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._reader.join(seconds)

    def _run(self) -> None:
        failed = 0
        while not self._closing.is_set():
            self.epoch += 1
            self._hang_up.clear()
            self._go_on.clear()
            self._is_renewing, self._n_records = False, 0
            ending, why = self._session(self.epoch)
            if self._closing.is_set():
                return
            failed = 0 if self._n_records else failed + 1
            wait = self._wait_seconds(ending, failed)
            self._channel.put(Ended(self.dataset, self.epoch, ending, scrub(why), wait))
            if wait:
                self._go_on.wait(wait)

    def _wait_seconds(self, ending: Ending, failed: int) -> float:
        settings = self._settings
        if ending == "renewed":
            return 0.0
        if ending == "refused":
            return settings.refused_seconds
        longest = settings.first_wait_seconds * 2.0 ** min(failed, 32)
        wait = min(longest, settings.longest_wait_seconds)
        return wait * (1.0 - settings.jitter * random.random())

    def _session(self, epoch: int) -> tuple[Ending, str]:
        """One session, from connecting to its end, and how it ended."""
        client = self._client()
        try:
            # A session that is refused, or never answers, ends here too.
            refused = self._open(client, epoch)
            return refused or self._watch(client)
        except Exception as error:  # noqa: BLE001 - the client is not ours; its fault is a session
            return "lost", f"{type(error).__name__}: {error}"
        finally:
            self._hang_up.set()  # whoever waits to hand over a record of it, stops
            self._abandon(client)

    def _client(self) -> databento.Live:
        settings = self._settings
        address = settings.live_address
        host, port = address if address is not None else (None, _PORT)
        return databento.Live(
            key=settings.key.reveal(),
            gateway=host,
            port=port,
            heartbeat_interval_s=settings.heartbeat_seconds,
            reconnect_policy="none",
            loop=self._loop,
        )

    def _open(self, client: databento.Live, epoch: int) -> tuple[Ending, str] | None:
        def receive(record: Any) -> None:
            self._receive(epoch, record)

        client.add_callback(receive)
        patience = threading.Timer(self._settings.connect_seconds, self._cancel_all)
        patience.daemon = True
        patience.start()
        try:
            for one in self._subscriptions():
                client.subscribe(
                    dataset=self.dataset,
                    schema=one.schema,
                    stype_in=one.stype,
                    symbols=list(one.symbols),
                    start=None if one.start_us is None else one.start_us * 1_000,
                )
            # Told before it is: records come in another thread, and must not come first.
            self._channel.put(Received(self.dataset, epoch, None, time.perf_counter_ns()))
            self._seen = time.monotonic()
            client.start()
        except BentoError as error:
            is_own = str(error).startswith(_OWN_FAULTS)
            return ("lost" if is_own else "refused"), str(error)
        except (CancelledError, asyncio.CancelledError, TimeoutError):
            return "silent", f"no answer within {self._settings.connect_seconds:g} s"
        except (OSError, ValueError, RuntimeError) as error:
            return "lost", f"{type(error).__name__}: {error}"
        finally:
            patience.cancel()
        return None

    def _watch(self, client: databento.Live) -> tuple[Ending, str]:
        """Until the session ends, or says nothing for too long."""
        while not self._hang_up.wait(_LOOK_SECONDS):
            if not client.is_connected():
                return "lost", "the vendor closed the connection"
            silent = time.monotonic() - self._seen
            if silent > self._settings.silent_seconds:
                return "silent", f"nothing came for {silent:.0f} s, not even a heartbeat"
        return ("renewed" if self._is_renewing else "closed"), "hung up"

    def _receive(self, epoch: int, record: Any) -> None:
        """Called by the client, in this dataset's loop, for each record."""
        arrived_ns = time.perf_counter_ns()
        if epoch != self.epoch or self._hang_up.is_set():
            return
        self._n_records += 1
        is_bar = isinstance(record, databento.OHLCVMsg)
        is_heartbeat = isinstance(record, databento.SystemMsg) and record.is_heartbeat()
        if not is_heartbeat:
            # Time spent waiting for the reader is not the vendor's silence.
            self._seen = math.inf
            item = Received(self.dataset, epoch, record, arrived_ns)
            self._channel.put(item, wake=not is_bar, give_up=self._hang_up)
        self._seen = time.monotonic()

    def _cancel_all(self) -> None:
        """End what the client waits for; it has no bound of its own for a server that says half."""

        def cancel() -> None:
            for task in asyncio.all_tasks(self._loop):
                task.cancel()

        self._loop.call_soon_threadsafe(cancel)

    def _abandon(self, client: databento.Live) -> None:
        self._loop.call_soon_threadsafe(self._loop.hang_up)
        with suppress(ValueError, RuntimeError):  # it never connected
            client.terminate()
