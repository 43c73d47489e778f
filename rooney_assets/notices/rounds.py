"""One round: look, keep what was found, send what is due; by the sensor, or once by hand.

Belongs here: the order of these, and how much of it is done in one round. Does not belong here:
what is worth a notice (`watch`), or how it travels (`channels`).
"""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final

import dagster as dg

from rooney_assets.lake import Lake
from rooney_assets.notices.book import Due, NoticeBook
from rooney_assets.notices.channels import LOG, Channels, addresses_in
from rooney_assets.notices.records import CONDITIONS, NEWS, Notice
from rooney_assets.notices.watch import Seen, look
from rooney_assets.settings import Settings

MARK: Final = "runs seen until"
MOST_DUE: Final = 500
"""Deliveries taken up in one round."""
MOST_MESSAGES: Final = 10
"""To one address in one round; what is more comes as a line each in the last of them."""
SECONDS: Final = 40.0
"""A round sends no further message after this; a sensor's tick has 60."""


@dataclass(frozen=True)
class Round:
    """What a round did. `raised`: on their way now; `counted`: told shortly before; `over`: closed;
    `n_sent`, `n_failed`: messages; `n_waiting`: deliveries left for later rounds."""

    raised: tuple[Notice, ...]
    counted: int
    over: int
    n_sent: int
    n_failed: int
    n_waiting: int

    @property
    def words(self) -> str:
        """For the tick's log."""
        return (
            f"{len(self.raised)} raised, {self.counted} told before, {self.over} over; "
            f"{self.n_sent} messages sent, {self.n_failed} failed, {self.n_waiting} waiting"
        )


@dataclass(frozen=True)
class Post:
    """The office: book, channels, and where to look."""

    settings: Settings
    lake: Lake
    book: NoticeBook
    channels: Channels

    @classmethod
    def of(cls, settings: Settings) -> "Post":
        """Of these settings. Raises InvalidSetting for a wrong page of addresses."""
        channels = Channels(settings.state, addresses_in(settings.notify))
        return cls(settings, Lake(settings.lake), NoticeBook(settings.state), channels)

    def found(self, instance: dg.DagsterInstance) -> Seen:
        """What is to be told now; nothing is kept or sent."""
        mark = self.book.mark(MARK)
        since = None if mark is None else datetime.fromisoformat(mark)
        return look(instance, self.lake, self.settings.ui, since)

    def round(self, instance: dg.DagsterInstance) -> Round:
        """Look, keep, send."""
        now = datetime.now(UTC)
        seen = self.found(instance)
        raised, counted = [], 0
        for notice in (*seen.happened, *seen.lasting):
            if self.raise_(notice, now):
                raised.append(notice)
            else:
                counted += 1
        n_over = sum(self.book.close(key) for key in seen.over)
        self.book.settle(NEWS, {one.key for one in seen.happened})
        over = self.book.settle(CONDITIONS, {one.key for one in seen.lasting})
        for one in over:
            self.channels.write({"over": one.key, "subject": one.subject}, now)
        # The mark comes last: killed before, the same is found again, and counted.
        self.book.set_mark(MARK, seen.until.isoformat())
        self.book.forget(now)
        n_sent, n_failed = self.deliver(now)
        return Round(
            tuple(raised),
            counted,
            len(over) + n_over,
            n_sent,
            n_failed,
            self.book.n_waiting(),
        )

    def raise_(self, notice: Notice, now: datetime) -> bool:
        """Keep one notice for every channel; True when it is on its way."""
        return self.book.raise_(notice, self.channels.names, now)

    def deliver(self, now: datetime) -> tuple[int, int]:
        """Send what is due: messages that arrived, and that did not."""
        until = time.monotonic() + SECONDS
        due = sorted(self.book.due(now, MOST_DUE), key=lambda one: one.channel != LOG)
        n_sent = n_failed = 0
        for channel, waiting in groupby(due, key=lambda one: one.channel):
            for together in _messages(list(waiting), channel):
                if channel != LOG and time.monotonic() > until:
                    break
                problem = self._send(channel, together, now)
                n_sent, n_failed = n_sent + (problem is None), n_failed + (problem is not None)
        return n_sent, n_failed

    def _send(self, channel: str, together: list[Due], now: datetime) -> str | None:
        notices = [one.kept.notice for one in together]
        if channel == LOG:
            problem = self.channels.write(_facts(together[0]), now)
        else:
            problem = self.channels.send(channel, *_told(notices, together))
        if problem is None:
            self.book.sent(together)
            return None
        again = [self.book.failed(one, problem, now) for one in together]
        if channel != LOG:
            fate = "tried again later" if any(again) else "given up"
            self.channels.write({"problem": problem, "fate": fate, "n": len(together)}, now)
        return problem


def _messages(waiting: list[Due], channel: str) -> list[list[Due]]:
    """What goes together: a notice each, and the many that are left as one message."""
    if channel == LOG or len(waiting) <= MOST_MESSAGES:
        return [[one] for one in waiting]
    alone = MOST_MESSAGES - 1
    return [*([one] for one in waiting[:alone]), waiting[alone:]]


def _told(notices: list[Notice], together: list[Due]) -> tuple[str, str]:
    if len(notices) == 1:
        times = together[0].kept.n_times
        again = f"\n{times} times since {together[0].kept.first_at:%Y-%m-%d %H:%M} UTC"
        return notices[0].title, notices[0].body + (again if times > 1 else "")
    lines = [f"{one.title.removeprefix('Rooney: ')} {one.link}" for one in notices]
    shown = "\n".join(lines[:MOST_DUE])
    return f"Rooney: {len(notices)} more notices", shown


def _facts(one: Due) -> dict[str, object]:
    notice = one.kept.notice
    return {
        "kind": str(notice.kind),
        "subject": notice.subject,
        "words": notice.words,
        "link": notice.link,
        "n_times": one.kept.n_times,
    }
