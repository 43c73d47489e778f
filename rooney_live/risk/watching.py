"""Starting the monitor as a process: its lock, its log, its secret, its signals.

Belongs here: putting the parts together. Does not belong here: what the monitor does (`monitor`).
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Mapping
from pathlib import Path

from rooney_core.errors import RooneyError
from rooney_core.market.instruments import Instrument
from rooney_core.release.limits import LiveLimits
from rooney_live.clock import SystemClock
from rooney_live.instance import MONITOR_LOCK, Lock, nudge
from rooney_live.logs import LOGGER, log_to
from rooney_live.notices import Notices, open_notices
from rooney_live.orders.webhook import Webhook
from rooney_live.rehearsal.rehearsal_file import refuse_remote
from rooney_live.release_store import read_release
from rooney_live.risk.monitor import Monitor, MonitorSettings
from rooney_live.risk.watch import Watched
from rooney_live.secrets import TRADERSPOST_WEBHOOK_URL, read_secret, scrub
from rooney_live.settings import Settings


def run_monitor(
    settings: Settings, max_heartbeat_seconds: float, authority: Path | None = None
) -> None:
    """Watch until SIGTERM or SIGINT. `authority`: of a drill's local venue, the only one trusted.

    Raises AlreadyRunning for a second one on the same state folder, and SecretRefused without the
    webhook: a monitor that could not act does not start. Without a release that verifies it watches
    all the same, by the default limits: what is held names its own tickers.
    """
    logger = log_to()
    with Lock.take(settings.live / MONITOR_LOCK):
        secret = read_secret(TRADERSPOST_WEBHOOK_URL)
        if authority is not None:
            refuse_remote(secret.reveal(), TRADERSPOST_WEBHOOK_URL)
        watched = _watched(settings, max_heartbeat_seconds, logger)
        notices = open_notices()
        webhook = Webhook(secret, authority=authority)
        try:
            asyncio.run(_watch(MonitorSettings(watched, authority is not None), webhook, notices))
        finally:
            notices.close()
            logger.info("the monitor has ended", extra={"code": "MONITOR_ENDED"})


def _watched(settings: Settings, max_heartbeat_seconds: float, logger: logging.Logger) -> Watched:
    instruments: Mapping[str, Instrument] = {}
    limits = LiveLimits()
    try:
        config = read_release(settings.lake).config
    except RooneyError as error:
        logger.error("watching without a release: %s", error, extra={"code": "NO_RELEASE"})
    else:
        instruments, limits = config.instruments, config.live_limits
    return Watched(settings.live, settings.journal, instruments, limits, max_heartbeat_seconds)


async def _watch(settings: MonitorSettings, webhook: Webhook, notices: Notices) -> None:
    logger, loop = logging.getLogger(LOGGER), asyncio.get_running_loop()
    live = settings.watched.live

    def say(code: str, words: str) -> None:
        told = scrub(words)
        logger.warning(told, extra={"code": code})
        notices.tell(f"rooney monitor: {code}", told)
        # A trader that does not hang should look at the journal now, not at its next bar.
        nudge(live)

    watching = Monitor(settings, webhook, SystemClock(), say)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, watching.stop)
    logger.info("watching %s", live, extra={"code": "MONITOR_STARTED"})
    await watching.run()
