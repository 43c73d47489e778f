"""The fault plan: what goes wrong in a rehearsal, and when; drawn from one seed.

Belongs here: the plan's types and how a seed becomes one. Does not belong here: doing it (gateway,
receiver, crash points, `stage.py`), or the faults of a single line of the list, which are tests.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Final

from rooney_live.crash_points import ORDER_STEPS, Blow, Crash, Step
from rooney_live.rehearsal.gateway_faults import GatewayFault
from rooney_live.rehearsal.history_faults import Fault
from rooney_live.rehearsal.receiver_faults import OrderFault

INTENTS: Final = ("enter", "exit")
_SEEDS: Final = 2**31
_LATEST_ORDER: Final = 4
_LATEST_MOMENT: Final = 40
_MOST_CRASHES: Final = 3
_ELSEWHERE: Final = (Step.AFTER_WARM_UP, Step.AFTER_MOMENT)
_SHARE_ELSEWHERE: Final = 0.2
_SHARE_TERMINATED: Final = 0.2


@dataclass(frozen=True)
class FaultPlan:
    """What goes wrong. `seed`: None for nothing.

    `market`, `venue`: seeds of the gateway's and the receiver's own faults, None for none of
    theirs; `feed`, `orders`, `history`: such faults by name. `crashes`: one per start of the
    trader, in order; after the last it runs undisturbed.
    """

    seed: int | None = None
    market: int | None = None
    venue: int | None = None
    crashes: tuple[Crash, ...] = ()
    feed: tuple[GatewayFault, ...] = ()
    orders: tuple[OrderFault, ...] = ()
    history: tuple[Fault, ...] = ()

    def as_row(self) -> dict[str, Any]:
        """For a report in JSON: all that is needed to do it again."""
        named = {
            name: [dict(vars(one)) for one in getattr(self, name)]
            for name in ("crashes", "feed", "orders", "history")
        }
        return {"seed": self.seed, "market": self.market, "venue": self.venue} | named


NO_FAULTS: Final = FaultPlan()


def draw_plan(seed: int) -> FaultPlan:
    """A rehearsal's faults: some of the market's, some of the venue's, and one to three crashes.

    The same seed is the same plan. Consecutive seeds go through every step of both intents: the
    first crash of seeds n to n + 11 is a different one each, so that a soak misses none.
    """
    drawn = random.Random(seed)
    first = _swept(seed, drawn)
    others = tuple(_anywhere(drawn) for _ in range(drawn.randrange(_MOST_CRASHES)))
    return FaultPlan(seed, drawn.randrange(_SEEDS), drawn.randrange(_SEEDS), (first, *others))


def crash_only(seed: int) -> FaultPlan:
    """The first crash of `draw_plan`, and nothing else: the harness of crash points."""
    return FaultPlan(seed, crashes=(_swept(seed, random.Random(seed)),))


def _swept(seed: int, drawn: random.Random) -> Crash:
    """Every step of an order and both intents in turn, always kill -9."""
    every = [(step, intent) for step in ORDER_STEPS for intent in INTENTS]
    step, intent = every[seed % len(every)]
    return Crash(step, intent, drawn.randint(1, _LATEST_ORDER))


def _anywhere(drawn: random.Random) -> Crash:
    blow = Blow.TERMINATE if drawn.random() < _SHARE_TERMINATED else Blow.KILL
    if drawn.random() < _SHARE_ELSEWHERE:
        step = drawn.choice(_ELSEWHERE)
        nth = 1 if step is Step.AFTER_WARM_UP else drawn.randint(1, _LATEST_MOMENT)
        return Crash(step, "", nth, blow)
    intent = drawn.choice(INTENTS)
    return Crash(drawn.choice(ORDER_STEPS), intent, drawn.randint(1, _LATEST_ORDER), blow)
