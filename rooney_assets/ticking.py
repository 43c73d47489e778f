"""What every schedule and sensor would ask for now: a real tick of each, and nothing launched.

Belongs here: listing automations, and evaluating one by hand. Does not belong here: launching what
it asks for (`rooney_assets.cli`), or printing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorStatus


@dataclass(frozen=True)
class Automation:
    """One schedule or sensor. `when`: its cron lines with their zone, or its interval.

    `is_on`: as the UI's switch says, or its default where nobody switched it. `last_tick`: when and
    how it last ticked, empty where it never did.
    """

    name: str
    kind: str
    when: str
    description: str
    is_on: bool
    last_tick: str


@dataclass(frozen=True)
class Tick:
    """What one evaluation came to. `requests`: runs that are wanted; `skipped`: why none are.

    `cursor`: a sensor's memory after it, which counts only for whoever keeps it.
    """

    name: str
    requests: tuple[dg.RunRequest, ...]
    skipped: str
    cursor: str | None


def automations(defs: dg.Definitions, instance: dg.DagsterInstance) -> list[Automation]:
    """Every schedule and sensor of the code location, schedules first, by name."""
    repository = defs.get_repository_def()
    states = {one.instigator_name: one for one in instance.all_instigator_state()}
    found = []
    for schedule in repository.schedule_defs:
        cron = schedule.cron_schedule
        lines = [cron] if isinstance(cron, str) else [*cron]
        when = f"{' and '.join(lines)}, {schedule.execution_timezone or 'UTC'}"
        is_on = _is_on(schedule.name, schedule.default_status.value, states)
        found.append(_of("schedule", schedule, when, is_on, states, instance))
    for sensor in repository.sensor_defs:
        when = f"every {sensor.minimum_interval_seconds or 30} s"
        is_on = _is_on(sensor.name, sensor.default_status.value, states)
        found.append(_of("sensor", sensor, when, is_on, states, instance))
    return sorted(found, key=lambda one: (one.kind, one.name))


def tick(
    defs: dg.Definitions,
    name: str,
    instance: dg.DagsterInstance,
    now: datetime | None = None,
    cursor: str | None = None,
) -> Tick:
    """Evaluate a schedule or sensor as the daemon would at `now` (UTC, default: this moment).

    `cursor`: a sensor's memory, where the instance has none of it. Nothing is launched, and the
    memory is left as it is. Raises DagsterInvariantViolationError for an unknown name, and what the
    tick itself raises.
    """
    repository = defs.get_repository_def()
    at, resources = now or datetime.now(UTC), repository.get_top_level_resources()
    if repository.has_schedule_def(name):
        schedule = repository.get_schedule_def(name)
        with dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=at,
            repository_def=repository,
            resources=_needed(schedule, resources),
        ) as context:
            data: Any = schedule.evaluate_tick(context)
            return Tick(name, tuple(data.run_requests or ()), data.skip_message or "", None)
    sensor = repository.get_sensor_def(name)
    states = {one.instigator_name: one for one in instance.all_instigator_state()}
    kept = states.get(name)
    known = kept is not None and kept.instigator_data is not None
    before = kept.instigator_data.cursor if known else cursor
    with dg.build_sensor_context(
        instance=instance,
        cursor=before,
        repository_def=repository,
        sensor_name=name,
        resources=_needed(sensor, resources),
    ) as context:
        data = sensor.evaluate_tick(context)
        skipped = data.skip_message or ""
        return Tick(name, tuple(data.run_requests or ()), skipped, data.cursor)


def _needed(definition: Any, resources: Mapping[str, Any]) -> dict[str, Any]:
    """The resources that a schedule or sensor asks for, and no others."""
    return {name: resources[name] for name in definition.required_resource_keys}


def _of(
    kind: str,
    definition: Any,
    when: str,
    is_on: bool,
    states: dict[str, Any],
    instance: dg.DagsterInstance,
) -> Automation:
    return Automation(
        definition.name,
        kind,
        when,
        definition.description or "",
        is_on,
        _last_tick(definition.name, states, instance),
    )


def _is_on(name: str, default: str, states: dict[str, Any]) -> bool:
    state = states.get(name)
    if state is None or state.status is InstigatorStatus.DECLARED_IN_CODE:
        return default == dg.DefaultSensorStatus.RUNNING.value
    return bool(state.status is InstigatorStatus.RUNNING)


def _last_tick(name: str, states: dict[str, Any], instance: dg.DagsterInstance) -> str:
    state = states.get(name)
    if state is None:
        return ""
    ticks: Sequence[Any] = instance.get_ticks(
        state.instigator_origin_id, state.selector_id, limit=1
    )
    if not ticks:
        return ""
    last = ticks[0]
    at = datetime.fromtimestamp(last.timestamp, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    told = last.skip_reason or (str(last.error.message) if last.error else "")
    return f"{at} {last.status.value}{': ' + told if told else ''}"
