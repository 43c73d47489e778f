"""What a notice is: its kind, what it is about, and the name that tells it from others.

Belongs here: the record and its kinds. Does not belong here: finding notices (`watch`), or keeping
them (`book`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

LONGEST_WORDS: Final = 1_500
"""Characters of a notice; what is longer is cut, and the link has all of it."""


class NoticeKind(StrEnum):
    """What happened. A condition lasts until it is over; anything else happened once.

    RUN_FAILURE        a run of Dagster failed
    CHECK_FAILED       a check of severity ERROR failed
    DRIFT              a check of drift_report failed
    PROMOTION_REFUSED  a release candidate was not promoted, and by which condition
    RETRAINING         news: a model was trained anew because a sensor asked for it, and why
    RELEASED           news: another release is traded from now on, what it trades and what left
    STALE_ASSET        condition: an asset missed its freshness policy
    APPROVAL_EXPIRED   condition: the release in production may open no trade any more
    APPROVAL_EXPIRES   condition: it may do so for a few days only
    EMERGENCY_STOP     condition: the stop file is there, and halts every automation
    DIGEST             the day in a few lines
    TEST               somebody tries whether notices arrive
    """

    RUN_FAILURE = "RUN_FAILURE"
    CHECK_FAILED = "CHECK_FAILED"
    DRIFT = "DRIFT"
    PROMOTION_REFUSED = "PROMOTION_REFUSED"
    RETRAINING = "RETRAINING"
    RELEASED = "RELEASED"
    STALE_ASSET = "STALE_ASSET"
    APPROVAL_EXPIRED = "APPROVAL_EXPIRED"
    APPROVAL_EXPIRES = "APPROVAL_EXPIRES"
    EMERGENCY_STOP = "EMERGENCY_STOP"
    DIGEST = "DIGEST"
    TEST = "TEST"


CONDITIONS: Final = frozenset(
    (
        NoticeKind.STALE_ASSET,
        NoticeKind.APPROVAL_EXPIRED,
        NoticeKind.APPROVAL_EXPIRES,
        NoticeKind.EMERGENCY_STOP,
    )
)
"""Kinds that last: they are over when whoever looks does not find them any more."""

MERELY_TOLD: Final = frozenset(
    (NoticeKind.RETRAINING, NoticeKind.RELEASED, NoticeKind.DIGEST, NoticeKind.TEST)
)
"""Kinds of which nothing is wrong: told once, and never among what is open."""


@dataclass(frozen=True)
class Notice:
    """Something to tell a person.

    `subject`: what it is about, in a few words, without a time, such as `strategy_results[ES]`: two
    notices of one kind and subject are the same one again. `words`: why. `link`: where to look, an
    address of the UI; empty for none.
    """

    kind: NoticeKind
    subject: str
    words: str
    link: str = ""

    @property
    def key(self) -> str:
        """What tells it from others."""
        return f"{self.kind}:{self.subject}"

    @property
    def title(self) -> str:
        """One line: `Rooney: run failure, strategy_results[ES]`."""
        return f"Rooney: {self.kind.replace('_', ' ').lower()}, {self.subject}"

    @property
    def body(self) -> str:
        """The words, cut where they are too long, and the link."""
        words = self.words.strip()
        if len(words) > LONGEST_WORDS:
            words = f"{words[:LONGEST_WORDS]} ..."
        return f"{words}\n{self.link}".strip()
