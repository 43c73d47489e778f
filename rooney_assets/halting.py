"""The emergency stop, as every automation obeys it: a tick that asks for nothing and says why.

Belongs here: the words of the stop, and wrapping functions of schedules and sensors with it. Does
not belong here: the file itself (`promotion.emergency_stop`), or what a schedule would ask for.

An automation that is halted keeps its cursor: what changed meanwhile is asked for afterwards. A run
that an automation asked for before the stop, and that has not begun a step yet, is refused there.
"""

import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import dagster as dg

from rooney_assets.lake import Lake
from rooney_assets.promotion import STOP_FILE, emergency_stop

AUTOMATION_TAG: Final = "rooney/automation"
"""On every run that an automation asked for: which one."""
REASON_TAG: Final = "rooney/reason"
"""On the same runs: why, in words."""
_ASKED_BY: Final = (AUTOMATION_TAG, "dagster/schedule_name", "dagster/sensor_name")

Asked = dg.SkipReason | dg.SensorResult | Iterable[dg.RunRequest] | None


def stop_words(lake_root: Path) -> str | None:
    """Why nothing runs by itself now, in words; None where no stop is in force."""
    said = emergency_stop(Lake(lake_root))
    if said is None:
        return None
    return f"EMERGENCY STOP: {said} (remove {lake_root / STOP_FILE} to go on)"


def unless_stopped(lake_root: Path, asks: Callable[..., Any]) -> Callable[..., Any]:
    """A schedule's or sensor's function that is not called while the stop is in force."""

    def evaluate(context: Any) -> Any:
        words = stop_words(lake_root)
        return dg.SkipReason(words) if words is not None else asks(context)

    return evaluate


def refusal_of_a_run(tags: Mapping[str, str], lake: Lake) -> str | None:
    """Why a step of a run with these tags may not begin; None where it may.

    What a person asked for by hand goes on: the stop halts automations, and promotions by their
    own condition.
    """
    asked_by = _asker(tags)
    words = None if asked_by is None else stop_words(lake.root)
    return None if words is None else f"{words}; this run was asked for by {asked_by}"


def tags_of_asker(tags: Mapping[str, str]) -> dict[str, str]:
    """For runs that a run with these tags makes: what halts it halts them too."""
    asked_by, reason = _asker(tags), tags.get(REASON_TAG, "the clock")
    return {} if asked_by is None else {AUTOMATION_TAG: asked_by, REASON_TAG: reason}


def _asker(tags: Mapping[str, str]) -> str | None:
    return next((tags[name] for name in _ASKED_BY if name in tags), None)


class StoppableFollower(dg.AutomationConditionSensorDefinition):
    """Evaluates the automation conditions of its assets, unless the emergency stop is in force."""

    def __init__(self, lake_root: Path, **of_any_follower: Any) -> None:
        # Conditions of our own are only evaluated in our process; Dagster calls that a beta.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            super().__init__(**of_any_follower, use_user_code_server=True)
        self._lake_root = lake_root

    def evaluate_tick(self, context: Any) -> Any:
        """As of any sensor; while stopped a skip with the words, and the cursor as it was."""
        words = stop_words(self._lake_root)
        if words is None:
            return super().evaluate_tick(context)
        skipping = dg.SensorDefinition(
            name=self.name, evaluation_fn=lambda _: dg.SkipReason(words), job_name=self.name
        )
        return skipping.evaluate_tick(context)
