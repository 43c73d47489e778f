"""Does a symbol's model need another training, and why?

Belongs here: the reasons, and the memory that keeps one wobbling number from asking every day. Does
not belong here: where the numbers come from, or starting a training. A training makes a challenger
and nothing more: gates decide what is traded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class RetrainingCode(StrEnum):
    """Why a training is asked for."""

    FEATURE_DRIFT = "feature_drift"  # the features are of another distribution than was learnt
    CALIBRATION_DRIFT = "calibration_drift"  # wins are not as often as the model promises
    LIVE_WIN_RATE = "live_win_rate"  # live trades win outside the interval that was expected
    LIVE_DRAWDOWN = "live_drawdown"  # live losses are deeper than 95 % of the simulated ones
    MODEL_AGE = "model_age"  # nobody has trained it, or found it unchanged, for long


class RetrainingLimits(BaseModel):
    """When the sensor asks for a training.

    `confirmations`: so many reports in a row must show a reason before it counts. It ends when its
    number is below `clear_share` of its limit, and not before (hysteresis). A symbol is asked for
    again `cooldown_days` calendar days after it was at the earliest, whatever the reason.
    `max_model_age_days`: since it was last trained, or found unchanged by a training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    confirmations: Annotated[int, Field(ge=1, le=20)] = 2
    clear_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    cooldown_days: Annotated[int, Field(ge=0, le=366)] = 14
    max_model_age_days: Annotated[int, Field(ge=1, le=1000)] = 100

    @property
    def cooldown(self) -> timedelta:
        """`cooldown_days` as the time that passes."""
        return timedelta(days=self.cooldown_days)


@dataclass(frozen=True)
class Reading:
    """One number and its limit. `excess`: the number over the limit, >= 0; above 1 is a reason.

    `report`: what the number was read from, so that one report does not count twice; a number
    that is a fact at once (an age) needs no confirmation and has none.
    """

    code: RetrainingCode
    excess: float
    words: str
    report: str = ""


@dataclass(frozen=True)
class Standing:
    """What is remembered of one reason. `n_reports`: in a row that showed it; `report`: the last
    of them. `holds` from the confirmation on until it is cleared."""

    n_reports: int = 0
    report: str = ""
    holds: bool = False


@dataclass(frozen=True)
class Memory:
    """What is remembered of one symbol. `asked_at`: when a training was last asked for, UTC."""

    asked_at: datetime | None = None
    standings: dict[RetrainingCode, Standing] = field(default_factory=dict)


@dataclass(frozen=True)
class Wish:
    """A training that is wanted now: the reasons in words, by code."""

    reasons: dict[RetrainingCode, str]

    @property
    def words(self) -> str:
        """All reasons on a line."""
        return "; ".join(f"{code}: {words}" for code, words in self.reasons.items())


def judge(
    readings: tuple[Reading, ...], memory: Memory, now: datetime, limits: RetrainingLimits
) -> tuple[Memory, Wish | None, str]:
    """What is remembered from now on, the training that is wanted, and the answer in words.

    A reason without a reading stays as it was: silence clears nothing. `now` is UTC.
    """
    standings = dict(memory.standings)
    for one in readings:
        standings[one.code] = _moved(standings.get(one.code, Standing()), one, limits)
    kept = Memory(memory.asked_at, standings)
    held = {one.code: one.words for one in readings if standings[one.code].holds}
    if not held:
        waiting = [one.words for one in readings if standings[one.code].n_reports]
        told = f"to be confirmed: {'; '.join(waiting)}" if waiting else "no reason"
        return kept, None, told
    if memory.asked_at is not None and now < memory.asked_at + limits.cooldown:
        until = (memory.asked_at + limits.cooldown).strftime("%Y-%m-%d %H:%M")
        return kept, None, f"cooldown until {until} UTC, though {'; '.join(held.values())}"
    wish = Wish(held)
    return Memory(now, standings), wish, wish.words


def _moved(before: Standing, one: Reading, limits: RetrainingLimits) -> Standing:
    if one.report and one.report == before.report:
        return before
    if one.excess > 1:
        n = before.n_reports + 1
        return Standing(n, one.report, before.holds or not one.report or n >= limits.confirmations)
    if before.holds and one.excess >= limits.clear_share:
        return Standing(before.n_reports, one.report, True)
    return Standing(0, one.report, False)
