"""Starting the trader, which is recovering it: verify, lock, open, check, resolve, warm up, trade.

Belongs here: building every part from settings and secrets, the tasks of the loop, and how they
end. Does not belong here: the steps of a moment (`runtime`). Exit codes: 0 ended as told, 1 refused
or stopped by itself; a second SIGTERM ends at once with 143, and the next start recovers.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rooney_core.errors import RooneyError
from rooney_core.lineage import combined_version
from rooney_core.release import Release
from rooney_live import crash_points
from rooney_live.admission import Admission
from rooney_live.clock import Clock, DrivenClock, ScaledClock, SystemClock
from rooney_live.code_version import code_version
from rooney_live.codes import TraderCode
from rooney_live.control import Controls
from rooney_live.desk import Desk
from rooney_live.engine import Engine
from rooney_live.feeds.live import LiveMarket
from rooney_live.feeds.quiet import QuietMarket
from rooney_live.feeds.records import Market
from rooney_live.feeds.settings import FeedSettings, addresses
from rooney_live.hours import TradingHours
from rooney_live.instance import TRADER_LOCK, Lock, listen
from rooney_live.journal import Journal, JournalRefused, Run
from rooney_live.ledger import Ledger
from rooney_live.logs import log_to
from rooney_live.notices import Notices, open_notices
from rooney_live.orders.outbox import Outbox
from rooney_live.orders.webhook import Timeouts, Webhook
from rooney_live.rehearsal.rehearsal_file import RehearsalFile, refuse_remote
from rooney_live.release_store import read_release
from rooney_live.risk.journal_book import book_from_journal
from rooney_live.risk.kill import FLAG, killed_by_variable
from rooney_live.runtime import Parts, Runtime
from rooney_live.secrets import DATABENTO_API_KEY, TRADERSPOST_WEBHOOK_URL, read_secret
from rooney_live.settings import FLATTEN, Settings
from rooney_live.standing import Standing
from rooney_live.teller import Teller

BEAT_S: Final = 1.0
TEND_S: Final = 1.0
_DRIVEN_PATIENCE: Final[Mapping[str, Any]] = {
    "heartbeat_seconds": 2,
    "silent_seconds": 6.0,
    "connect_seconds": 4.0,
    "first_wait_seconds": 0.1,
    "longest_wait_seconds": 2.0,
    "refused_seconds": 2.0,
}
"""Where no time passes while the trader waits, and the other end is on this machine."""
_DRIVEN_TIMEOUTS: Final = Timeouts(connect=2.0, read=3.0)
WARM_S: Final = 15.0
NOW_EXIT: Final = 143
_LAST_EXITS_US: Final = 3_600_000_000
_STOP_PATIENCE_US: Final = 150_000_000
"""Of the trader's clock, for exits at the end: the venue wants a minute between two signals."""


@dataclass
class _End:
    """How the trader was told to end. `positions`: "hold" or "flatten"."""

    event: asyncio.Event
    positions: str
    standing: Standing
    why: str = ""

    def tell(self, why: str, positions: str | None = None) -> None:
        if not self.event.is_set():
            self.why = why
            self.positions = positions or self.positions
            # At once: the moment that is being taken may still bring an entry.
            self.standing.is_stopping = True
            self.event.set()


def run_trader(settings: Settings, rehearsal: Path | None = None) -> int:
    """Trade until told to end; returns the exit code.

    `rehearsal`: the file that makes it a rehearsal, against stand-ins on this machine. Raises what
    refuses a start: ReleaseRejected, MissingArtifact, SecretRefused, AlreadyRunning,
    JournalRefused, InvalidSetting.
    """
    log_to()
    file = None if rehearsal is None else RehearsalFile.read(rehearsal)
    release = read_release(settings.lake)
    with Lock.take(settings.live / TRADER_LOCK):
        # Before anything is written: a trader that cannot trade leaves no run behind.
        Webhook(read_secret(TRADERSPOST_WEBHOOK_URL))
        market = _market_of(release, None, SystemClock()) if file is None else None
        with Journal.open(settings.journal) as journal:
            return asyncio.run(trade(_start_of(settings, release, journal, file, market)))


def _start_of(
    settings: Settings,
    release: Release,
    journal: Journal,
    file: RehearsalFile | None,
    market: Market | None,
) -> Start:
    """A start on record. `market`: None in a rehearsal, whose clock the journal knows."""
    journal.check()
    journal.reserve()
    if file is not None:
        _prepare_rehearsal(file, settings)
    run = _run_of(release, file)
    journal.begin(run, _wall_clock())
    clock = _clock_of(file, journal, run)
    market = market or _market_of(release, file, clock)
    killed = killed_by_variable(os.environ)
    start = Start(settings, release, journal, run, clock, market, killed=killed)
    if file is None:
        return start
    return replace(start, begin_us=file.first_us, last_us=file.last_us)


def _prepare_rehearsal(file: RehearsalFile, settings: Settings) -> None:
    """Trust the stand-ins' authority and nobody else, talk to this machine only, arm the crash."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        os.environ[name] = str(file.certificate)
    refuse_remote(read_secret(TRADERSPOST_WEBHOOK_URL).reveal(), TRADERSPOST_WEBHOOK_URL)
    if file.crash is not None:
        crash_points.arm(file.crash.to_crash(), settings.live / FLAG)


def _run_of(release: Release, file: RehearsalFile | None) -> Run:
    """The run that this start belongs to: the same code and release go on with theirs."""
    config, code = release.config, code_version()
    named = {"release": config.release_id, "code": code, "mode": "live"}
    sessions = () if file is None else file.sessions
    return Run(
        run_id=combined_version(named)[:16] if file is None else file.run_id,
        release_id=config.release_id,
        rebalance_month=config.rebalance_month,
        code_version=code,
        bars_version="" if file is None else file.bars_version,
        symbols=tuple(release.bundles),
        first_session=sessions[0] if sessions else None,
        last_session=sessions[-1] if sessions else None,
        mode="live" if file is None else "rehearsal",
    )


def _clock_of(file: RehearsalFile | None, journal: Journal, run: Run) -> Clock:
    """The host's; in a rehearsal, where the bars begin, or where an earlier start got to."""
    if file is None:
        return SystemClock()
    if file.speed is not None:
        return ScaledClock(file.first_us, file.speed, file.began_ns)
    rows = journal.query(
        "SELECT max(bar_end_us) AS last_us FROM decisions WHERE run_id = ?", (run.run_id,)
    )
    return DrivenClock(max(file.first_us, rows[0]["last_us"] or 0))


def _market_of(release: Release, file: RehearsalFile | None, clock: Clock) -> Market:
    if not release.bundles:
        return QuietMarket(clock, ends=file is not None)
    gateway, history = addresses(os.environ) if file is None else (file.gateway, file.history)
    is_driven = file is not None and file.speed is None
    settings = FeedSettings(
        key=read_secret(DATABENTO_API_KEY),
        speed=1.0 if file is None or file.speed is None else file.speed,
        gateway=gateway,
        history=history,
        stand_in=file is not None,
        paced_by_stream=is_driven,
        max_bar_age_seconds=float(release.config.live_limits.max_bar_age_seconds),
        **(_DRIVEN_PATIENCE if is_driven else {}),
    )
    return LiveMarket(release, settings, clock)


@dataclass(frozen=True)
class Start:
    """What a start is made of. `begin_us`, `last_us`: as `Parts` has them.

    `killed`: why the kill switch's variable kills, or None.
    """

    settings: Settings
    release: Release
    journal: Journal
    run: Run
    clock: Clock
    market: Market
    begin_us: int | None = None
    last_us: int | None = None
    killed: str | None = None


async def trade(start: Start) -> int:
    """Trade a market until told to end; the exit code. The lock is held by whoever calls."""
    journal, release, run = start.journal, start.release, start.run
    limits, known = release.config.live_limits, release.config.instruments
    ledger, controls, notices = Ledger(journal), Controls(journal), open_notices()
    live, clock = start.settings.live, start.clock
    patience = _DRIVEN_TIMEOUTS if isinstance(clock, DrivenClock) else None
    book = book_from_journal(journal, known, limits, clock.now_us())
    standing = Standing(live, limits, known, book, start.killed, limits=limits)
    teller = Teller(live, run, clock, start.market, ledger, standing, notices, log_to())
    parts = Parts(
        release=release,
        journal=journal,
        run=run,
        clock=clock,
        market=start.market,
        webhook=Webhook(read_secret(TRADERSPOST_WEBHOOK_URL), patience),
        teller=teller,
        ledger=ledger,
        outbox=Outbox(journal),
        controls=controls,
        standing=standing,
        hours=TradingHours(known),
        begin_us=start.begin_us,
        last_us=start.last_us,
    )
    teller.say(TraderCode.STARTED, f"release {run.release_id}, {len(release.bundles)} symbols")
    end = _End(asyncio.Event(), start.settings.at_stop, standing)
    return await _Process(start.settings, parts, end, notices).run()


class _Process:
    """The tasks of one trader, from its first to its last."""

    def __init__(self, settings: Settings, parts: Parts, end: _End, notices: Notices) -> None:
        self._settings = settings
        self._parts = parts
        self._end = end
        self._notices = notices
        desk = Desk(
            parts.journal,
            parts.outbox,
            parts.ledger,
            parts.run,
            parts.release.config.instruments,
            parts.hours,
        )
        admission = Admission(
            parts.release,
            parts.standing,
            parts.ledger,
            desk,
            parts.hours,
            lambda: parts.market.health(parts.clock.now_us()),
        )
        engine = Engine(parts.release, lambda: parts.ledger.symbols)
        self._runtime = Runtime(parts, admission, desk, engine, self._end.tell)
        self._tasks: list[asyncio.Task[Any]] = []
        self._sending: asyncio.Task[Any] | None = None
        self._failed: asyncio.Future[None] | None = None

    async def run(self) -> int:
        """Everything, in order; the exit code."""
        loop = asyncio.get_running_loop()
        self._failed = loop.create_future()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._on_signal, one)
        listener = await listen(self._settings.live, self._on_nudge)
        try:
            return await self._until_the_end()
        except Exception as error:  # noqa: BLE001 - whatever it is, exits go out and it is told
            await self._emergency(error)
            return 1
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            listener.close()
            await self._parts.market.close()
            await self._parts.webhook.close()
            self._parts.teller.stopped()
            self._notices.close()

    async def _until_the_end(self) -> int:
        # Before anything may leave: what is found SENDING is somebody's who is gone.
        self._runtime.recover()
        self._sending = self._begin(self._runtime.dispatcher.run())
        self._begin(self._beat())
        self._begin(self._keep_warm())
        trading = self._begin(self._recover_and_follow())
        stopping = self._begin(self._end.event.wait())
        assert self._failed is not None, "run() makes it"
        await asyncio.wait((trading, stopping, self._failed), return_when=asyncio.FIRST_COMPLETED)
        if self._failed.done():
            self._failed.result()
        if trading.done() and not stopping.done():
            await self._runtime.settle(_LAST_EXITS_US)
            self._parts.journal.finish(self._parts.run.run_id, _wall_clock())
            return 0
        await self._stop(trading)
        return 0

    async def _emergency(self, error: Exception) -> None:
        """Say why; exits that are on record get a while to be acknowledged."""
        self._runtime.emergency(error)
        is_sending = self._sending is not None and not self._sending.done()
        if is_sending and not isinstance(error, JournalRefused):
            with suppress(RooneyError):
                await self._runtime.settle(_STOP_PATIENCE_US)

    async def _recover_and_follow(self) -> None:
        await self._parts.webhook.warm()
        if not isinstance(self._parts.clock, DrivenClock):
            # Before the warm-up: a deadline does not wait for it.
            self._begin(self._tend())
        await self._runtime.warm_up()
        # What the warm-up left is not looked through again in the middle of a moment.
        gc.collect()
        gc.freeze()
        await self._runtime.follow()

    async def _stop(self, trading: asyncio.Task[Any]) -> None:
        """No new entries; what is in flight is resolved; positions by policy."""
        self._parts.teller.stopping(self._end.why)
        self._runtime.note_stop(self._end.why)
        self._runtime.dispatcher.end_entries()
        trading.cancel()
        await asyncio.gather(trading, return_exceptions=True)
        if self._end.positions == FLATTEN:
            self._runtime.leave_everything(FLATTEN)
            await self._runtime.settle(_STOP_PATIENCE_US)
        else:
            await self._runtime.dispatcher.drain()

    def _begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.append(task)
        task.add_done_callback(self._on_done)
        return task

    def _on_done(self, task: asyncio.Task[Any]) -> None:
        """No task may fail unseen: without its timer a trader would miss deadlines."""
        error = None if task.cancelled() else task.exception()
        if error is not None and self._failed is not None and not self._failed.done():
            self._failed.set_exception(error)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._end.event.is_set():
            # Everything that counts is committed; the next start resolves what is in flight.
            os._exit(NOW_EXIT)
        self._end.tell(f"told to end by {number.name}")

    def _on_nudge(self) -> None:
        try:
            self._runtime.tend(self._parts.clock.now_us())
        except RooneyError as error:
            self._parts.teller.say("NUDGE_FAILED", str(error))

    async def _tend(self) -> None:
        """Once a second: a step of the host's clock is noticed, and slept past by nobody."""
        while True:
            self._runtime.tend(self._parts.clock.now_us())
            await self._parts.clock.sleep(TEND_S)

    async def _beat(self) -> None:
        while True:
            await self._parts.teller.beat()
            await asyncio.to_thread(Journal.checkpoint, self._parts.journal.path)
            await asyncio.sleep(BEAT_S)

    async def _keep_warm(self) -> None:
        while True:
            with suppress(OSError):
                await self._parts.webhook.warm()
            await asyncio.sleep(WARM_S)


def _wall_clock() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
