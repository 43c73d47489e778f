"""The form of an answer to "may the trader start?".

Belongs here: one answer, and asking. Does not belong here: any question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from rooney_core.errors import RooneyError


@dataclass(frozen=True)
class Check:
    """One answer. `passed` is None for a check that could not be asked.

    `is_red`: shown in red all the same, because it goes on a person's word. `rows`: a table that
    belongs to it, each row with the same keys.
    """

    name: str
    passed: bool | None
    detail: str
    is_red: bool = False
    rows: Sequence[dict[str, Any]] = field(default=())


def ask(name: str, question: Callable[[], str]) -> Check:
    """What the question answers, or why it refuses."""
    try:
        return Check(name, True, question())
    except RooneyError as error:
        return Check(name, False, str(error))


def skipped(names: Sequence[str], why: str) -> list[Check]:
    """Answers to questions that could not be asked."""
    return [Check(name, None, why) for name in names]
