"""Named places in the trader where a rehearsal may kill it, and the one call that stands there.

Belongs here: the names, and what happens at an armed one. Does not belong here: choosing one (the
fault plan), or the environment: nothing but a rehearsal's own file arms a point, so that a live
trader cannot be told to die by a variable. An unarmed point costs one comparison.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

KILL_FLAG_TEXT: Final = "a rehearsal's fault plan\n"


class Step(StrEnum):
    """Where a process can die, in the order in which an order passes them.

    BEFORE_INTENT   decided; nothing of the moment is committed
    AFTER_INTENT    the decision and its order are committed; the order's turn has not come
    AFTER_SENDING   SENDING is committed; no byte has left
    AFTER_POST      the request has left whole; no byte of its answer was read
    AFTER_ANSWER    the answer is read; nothing of it is committed
    AFTER_ACK       the answer is committed
    AFTER_WARM_UP   history is taken in; no live bar was seen
    AFTER_MOMENT    a moment's bars are decided and committed, orders or not
    """

    BEFORE_INTENT = "before_intent"
    AFTER_INTENT = "after_intent"
    AFTER_SENDING = "after_sending"
    AFTER_POST = "after_post"
    AFTER_ANSWER = "after_answer"
    AFTER_ACK = "after_ack"
    AFTER_WARM_UP = "after_warm_up"
    AFTER_MOMENT = "after_moment"


ORDER_STEPS: Final = (
    Step.BEFORE_INTENT,
    Step.AFTER_INTENT,
    Step.AFTER_SENDING,
    Step.AFTER_POST,
    Step.AFTER_ANSWER,
    Step.AFTER_ACK,
)
"""Those that an order passes; reached with its intent, "enter" or "exit"."""


class Blow(StrEnum):
    """What happens at an armed point.

    KILL             kill -9 of its own process: no handler runs, as in a power cut
    TERMINATE        SIGTERM to its own process
    TERMINATE_TWICE  a second SIGTERM right behind the first
    KILL_SWITCH      the flag file of the kill switch is written; the process lives
    FREEZE           SIGSTOP: the process hangs, as a stuck one would, until somebody continues it
    """

    KILL = "kill"
    TERMINATE = "terminate"
    TERMINATE_TWICE = "terminate_twice"
    KILL_SWITCH = "kill_switch"
    FREEZE = "freeze"


@dataclass(frozen=True)
class Crash:
    """One blow: when `step` is reached for the `nth` time (from 1) by an order of `intent`.

    `intent`: "enter" or "exit"; "" at the steps that no order passes.
    """

    step: Step
    intent: str = ""
    nth: int = 1
    blow: Blow = Blow.KILL


@dataclass
class _Armed:
    """The blow that waits in this process, and how often its point was reached."""

    crash: Crash | None = None
    kill_flag: Path | None = None
    n_reached: int = 0


_ARMED: Final = _Armed()


def arm(crash: Crash, kill_flag: Path | None = None) -> None:
    """Let `crash` happen in this process, once. `kill_flag`: the file KILL_SWITCH writes."""
    _ARMED.crash, _ARMED.kill_flag, _ARMED.n_reached = crash, kill_flag, 0


def disarm() -> None:
    """Let nothing happen any more."""
    _ARMED.crash = None


def reached(step: Step, intent: str = "") -> None:
    """Say that this place was reached; returns at once where nothing is armed for it."""
    crash = _ARMED.crash
    if crash is None or crash.step is not step or crash.intent != intent:
        return
    _ARMED.n_reached += 1
    if _ARMED.n_reached == crash.nth:
        _ARMED.crash = None
        _strike(crash.blow)


def _strike(blow: Blow) -> None:
    own = os.getpid()
    match blow:
        case Blow.KILL:
            os.kill(own, signal.SIGKILL)
        case Blow.TERMINATE:
            os.kill(own, signal.SIGTERM)
        case Blow.TERMINATE_TWICE:
            os.kill(own, signal.SIGTERM)
            os.kill(own, signal.SIGTERM)
        case Blow.FREEZE:
            os.kill(own, signal.SIGSTOP)
        case Blow.KILL_SWITCH:
            if _ARMED.kill_flag is None:
                raise AssertionError("arm() was given no file of the kill switch")
            _ARMED.kill_flag.write_text(KILL_FLAG_TEXT)
