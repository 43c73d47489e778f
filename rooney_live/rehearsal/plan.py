"""The fault plan: what goes wrong in a rehearsal, and when; drawn from one seed.

Belongs here: the plan's types and how a seed becomes one. Does not belong here: doing it (gateway,
receiver, crash points, harness).
"""

from __future__ import annotations

from dataclasses import dataclass

from rooney_live.crash_points import Crash


@dataclass(frozen=True)
class FaultPlan:
    """What goes wrong. `seed`: None for nothing.

    `market`, `venue`: seeds of the gateway's and the receiver's own plans, None for none of
    theirs. `crashes`: one per start of the trader, in order; after the last it runs undisturbed.
    """

    seed: int | None = None
    market: int | None = None
    venue: int | None = None
    crashes: tuple[Crash, ...] = ()


NO_FAULTS = FaultPlan()
