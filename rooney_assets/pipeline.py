"""One round of everything that runs by itself, by hand: what is asked for, why, and doing it.

Belongs here: which schedules are due, what sensors and schedules ask for, and working it off in
worker processes, without a daemon. Does not belong here: the automations (`schedules`, `sensors`,
`automation`), what follows (`following`), a tick of one (`ticking`), or printing
(`rooney_assets.cli.pipeline`).

A round is: ask every schedule and sensor; run what they ask for; make what follows from it by the
same table of followers that the conditions are made from; and again, until nothing is asked for.
Last, notices are sent.
Schedules that fetch are asked each time, for they ask for nothing when there is no news; any other
when its time has come since it was last asked, by the daemon or here. What somebody switched off in
the UI is not asked, unless it is named.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorStatus, SensorInstigatorData
from dagster._utils.schedules import cron_string_iterator, reverse_cron_string_iterator
from dagster_shared.record import copy

from rooney_assets.following import FOLLOWERS, Wish, following
from rooney_assets.halting import AUTOMATION_TAG, REASON_TAG, stop_words
from rooney_assets.lake.durable import make_folder, publish
from rooney_assets.pool import Listener, Report, Task, work
from rooney_assets.recalibration import Workshop, recalibrate
from rooney_assets.schedules import JOB, REBALANCE_JOB, REBALANCED_STAGES, fetching_name
from rooney_assets.stages import STAGES
from rooney_assets.ticking import tick
from rooney_assets.worker import QUIET
from rooney_core.errors import RefusedError, RooneyError, UnknownName

BY_HAND: Final = "rooney pipeline --once"
ACTS_TAG: Final = "rooney/acts_in_its_tick"
"""On a sensor that does its work in its tick, and asks for no run: no tick of it is a dry one."""
SWITCHED_OFF: Final = "switched off in the UI"
MOST_PASSES: Final = 3
"""A round that still finds work after these is ended; the next one goes on."""
CHAINS: Final[Mapping[str, tuple[str, ...] | None]] = {JOB: None, REBALANCE_JOB: REBALANCED_STAGES}
"""Jobs that work stages off in processes of their own, and which."""


@dataclass(frozen=True)
class Answer:
    """What one automation said: its wishes, or in words why it has none.

    `was_asked`: False where its time has not come. `cursor`: a sensor's memory after it.
    """

    automation: str
    wishes: tuple[Wish, ...]
    words: str
    was_asked: bool = True
    cursor: str | None = None


@dataclass(frozen=True)
class Floor:
    """What a round works on."""

    shop: Workshop
    defs: dg.Definitions
    instance: dg.DagsterInstance

    @property
    def memory(self) -> "Memory":
        """What was asked here before."""
        return Memory(self.shop.settings.state / "pipeline.json")


@dataclass(frozen=True)
class Memory:
    """When each schedule was last asked here, and each sensor's cursor; one file, whole or not."""

    path: Path

    def read(self) -> dict[str, dict[str, str]]:
        """By name; a file that is not there, or is not ours, is an empty memory."""
        try:
            document = json.loads(self.path.read_bytes())
            return {name: dict(document[name]) for name in ("asked", "cursors")}
        except (OSError, ValueError, KeyError, TypeError):
            return {"asked": {}, "cursors": {}}

    def write(self, asked: Mapping[str, str], cursors: Mapping[str, str]) -> None:
        """Put both in place of what was there."""
        make_folder(self.path.parent)
        document = {"asked": dict(asked), "cursors": dict(cursors)}
        publish(self.path, json.dumps(document, indent=2).encode())


@dataclass
class Round:
    """What a round came to: everything that was said, and what was made of it."""

    answers: list[Answer] = field(default_factory=list)
    report: Report = field(default_factory=Report)
    is_settled: bool = False


def ask(floor: Floor, now: datetime, only: tuple[str, ...] | None = None) -> list[Answer]:
    """What every automation asks for at `now` (UTC), in order; nothing is run, nothing remembered.

    `only`: the automations of these names, due or not, switched off or not. Raises RefusedError
    while an emergency stop is in force, UnknownName for a name that is none.
    """
    require_no_stop(floor)
    known = [*(one.name for one in _definitions(floor)), *FOLLOWERS]
    for name in only or ():
        if name not in known:
            raise UnknownName.among("automation", name, known)
    answers = [
        _answer(floor, definition, now, is_named=only is not None)
        for definition in _definitions(floor)
        if only is None or definition.name in only
    ]
    return [*answers, *_followed(floor, only)]


def do(
    floor: Floor,
    now: datetime,
    tell: Listener,
    *,
    only: tuple[str, ...] | None = None,
    processes: int | None = None,
) -> Round:
    """Ask, and run what is asked for, until nothing is; at most `MOST_PASSES` times.

    Last, what acts in its own tick has one. Raises as `ask`. A run that fails is in the report; the
    others go on.
    """
    done, named = Round(), only
    _remember_first(floor, now)
    for _ in range(MOST_PASSES):
        answers = ask(floor, now, named)
        done.answers += [one for one in answers if one.automation not in _acting(floor)]
        _remember(floor, answers, now)
        wishes = [wish for one in answers for wish in one.wishes]
        if wishes:
            _run(floor, wishes, tell, processes, done.report)
        # What was named is asked once; what follows from what was made, again.
        named = None if only is None else tuple(one for one in FOLLOWERS if one in only)
        done.is_settled = not wishes or named == ()
        if done.is_settled or not done.report.succeeded:
            break
    done.answers += _acted(floor, now, only)
    return done


def require_no_stop(floor: Floor) -> None:
    """Raise RefusedError while an emergency stop is in force."""
    words = stop_words(floor.shop.lake.root)
    if words is not None:
        raise RefusedError(words)


def due(definition: Any, asked: str | None, now: datetime) -> bool:
    """Whether a schedule's time has come since it was last asked (ISO time, None: never)."""
    if asked is None:
        return False
    lines = definition.cron_schedule
    zone = definition.execution_timezone or "UTC"
    last = max(
        next(iter(reverse_cron_string_iterator(now.timestamp(), line, zone)))
        for line in ([lines] if isinstance(lines, str) else lines)
    )
    return bool(last > datetime.fromisoformat(asked))


def next_time(definition: Any, now: datetime) -> datetime:
    """When a schedule ticks next, UTC."""
    lines = definition.cron_schedule
    zone = definition.execution_timezone or "UTC"
    return min(
        next(iter(cron_string_iterator(now.timestamp(), line, zone)))
        for line in ([lines] if isinstance(lines, str) else lines)
    ).astimezone(UTC)


def _definitions(floor: Floor) -> Iterator[Any]:
    """Schedules and sensors in the order of a round: fetching, arrivals, then the rest by name.

    The following sensors are not among them: here it is staleness that follows.
    """
    repository = floor.defs.get_repository_def()
    every = [*repository.schedule_defs, *repository.sensor_defs]
    first = ("arrivals",)
    ours = (one for one in every if not isinstance(one, dg.AutomationConditionSensorDefinition))
    yield from sorted(ours, key=lambda one: (not _fetches(one), one.name not in first, one.name))


def _fetches(definition: Any) -> bool:
    return bool(definition.name.startswith(fetching_name("")))


def _followed(floor: Floor, only: tuple[str, ...] | None) -> list[Answer]:
    """What each of the two following sensors asks for."""
    asked = [
        name
        for name in FOLLOWERS
        if (only is None and not _is_switched_off(floor, name)) or name in (only or ())
    ]
    wishes = following(floor.shop, asked) if asked else []
    answers = []
    for name in FOLLOWERS:
        mine = tuple(one for one in wishes if one.automation == name)
        if name in asked:
            words = "" if mine else "Nothing that follows is stale."
            answers.append(Answer(name, mine, words))
        elif only is None:
            answers.append(Answer(name, (), SWITCHED_OFF, False))
    return answers


def _acting(floor: Floor) -> list[str]:
    """What does its work in its tick."""
    return [one.name for one in _definitions(floor) if one.tags.get(ACTS_TAG) == "true"]


def _acted(floor: Floor, now: datetime, only: tuple[str, ...] | None) -> list[Answer]:
    """A tick each of what acts in its own, unless it is switched off and not named."""
    answers = []
    for name in _acting(floor):
        if only is None and _is_switched_off(floor, name):
            answers.append(Answer(name, (), SWITCHED_OFF, False))
        elif only is None or name in only:
            answers.append(Answer(name, (), tick(floor.defs, name, floor.instance, now).skipped))
    return answers


def _answer(floor: Floor, definition: Any, now: datetime, *, is_named: bool) -> Answer:
    name = definition.name
    if not is_named and _is_switched_off(floor, name):
        return Answer(name, (), SWITCHED_OFF, False)
    if definition.tags.get(ACTS_TAG) == "true":
        return Answer(name, (), "acts in its own tick, last of a round; asks for no run", False)
    is_clocked = isinstance(definition, dg.ScheduleDefinition) and not _fetches(definition)
    if is_clocked and not is_named and not due(definition, _asked(floor, name), now):
        when = next_time(definition, now).strftime("%Y-%m-%d %H:%M")
        return Answer(name, (), f"not due before {when} UTC; --only {name} asks it now", False)
    cursor = floor.memory.read()["cursors"].get(name)
    try:
        found = tick(floor.defs, name, floor.instance, now, cursor)
    except RooneyError as error:
        return Answer(name, (), f"it could not be asked: {error}")
    wishes = tuple(_wish(name, definition.job_name, one) for one in found.requests)
    return Answer(name, wishes, found.skipped, cursor=found.cursor)


def _wish(automation: str, job: str, request: dg.RunRequest) -> Wish:
    chosen = tuple(one.to_user_string() for one in request.asset_selection or ())
    reason = request.tags.get(REASON_TAG, "")
    return Wish(automation, request.job_name or job, request.partition_key, reason, chosen)


def _is_switched_off(floor: Floor, name: str) -> bool:
    """Whether a person stopped it; that it is off by default is no such word."""
    states = floor.instance.all_instigator_state()
    return any(
        one.instigator_name == name and one.status is InstigatorStatus.STOPPED for one in states
    )


def _asked(floor: Floor, name: str) -> str | None:
    """When a schedule was last asked: by the daemon, or here."""
    here = floor.memory.read()["asked"].get(name)
    for state in floor.instance.all_instigator_state():
        if state.instigator_name == name:
            ticks = floor.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
            if ticks:
                there = datetime.fromtimestamp(ticks[0].timestamp, UTC).isoformat()
                return max(there, here or there)
    return here


def _remember_first(floor: Floor, now: datetime) -> None:
    """A schedule that nobody ever asked is due from its next time on."""
    kept = floor.memory.read()
    clocked = [one.name for one in _definitions(floor) if isinstance(one, dg.ScheduleDefinition)]
    first = {name: now.isoformat() for name in clocked}
    floor.memory.write({**first, **kept["asked"]}, kept["cursors"])


def _remember(floor: Floor, answers: Iterable[Answer], now: datetime) -> None:
    """Who was asked now, and the memory of the sensors: where the daemon keeps it, too."""
    kept = floor.memory.read()
    asked = {one.automation: now.isoformat() for one in answers if one.was_asked}
    cursors = {one.automation: one.cursor for one in answers if one.cursor is not None}
    floor.memory.write({**kept["asked"], **asked}, {**kept["cursors"], **cursors})
    for state in floor.instance.all_instigator_state():
        data = state.instigator_data
        if state.instigator_name in cursors and isinstance(data, SensorInstigatorData):
            moved = copy(data, cursor=cursors[state.instigator_name])
            floor.instance.update_instigator_state(state.with_data(moved))


def _run(
    floor: Floor, wishes: list[Wish], tell: Listener, processes: int | None, report: Report
) -> None:
    """Stage by stage, for each waits for the one before; jobs that are chains go last."""
    for stage in STAGES:
        tasks = [_task(floor, one) for one in merged(wishes) if one.job == stage.job]
        if tasks:
            tell(
                {
                    "event": "stage",
                    "stage": stage.job,
                    "tasks": len(tasks),
                    "partitions": len(tasks),
                }
            )
            work(tasks, floor.shop.settings, report, tell, processes=processes, force=False)
    of_stages = {one.job for one in STAGES}
    for wish in wishes:
        if wish.job in CHAINS:
            chain = CHAINS[wish.job]
            done = recalibrate(
                floor.shop,
                BY_HAND,
                tell,
                processes=processes,
                heard=report.count,
                only=chain,
                tags=_tags(wish),
            )
            for where, why in done.failures.iter_rows():
                report.failures.setdefault(where, why)
        elif wish.job not in of_stages:
            _run_here(floor, wish, report)


def _run_here(floor: Floor, wish: Wish, report: Report) -> None:
    """A job that makes no table, in this process."""
    done = floor.defs.resolve_job_def(wish.job).execute_in_process(
        instance=floor.instance, run_config=QUIET, raise_on_error=False, tags=_tags(wish)
    )
    if not done.success:
        report.failures.setdefault(wish.job, f"run {done.run_id} failed; Dagster's UI has its log")


def merged(wishes: Iterable[Wish]) -> list[Wish]:
    """One run per job and partition; whoever wants all of a job's assets has what others want."""
    found: dict[tuple[str, str | None], Wish] = {}
    for one in wishes:
        before = found.get((one.job, one.key))
        if before is None:
            found[one.job, one.key] = one
        elif before.assets and one.assets:
            both = tuple(dict.fromkeys((*before.assets, *one.assets)))
            reason = f"{before.reason}; {one.reason}"
            found[one.job, one.key] = Wish(before.automation, one.job, one.key, reason, both)
        elif before.assets:
            found[one.job, one.key] = one
    return list(found.values())


def _task(floor: Floor, wish: Wish) -> Task:
    assets = wish.assets or _assets_of(floor, wish.job)
    return Task(wish.job, wish.key, assets, _tags(wish))


def _tags(wish: Wish) -> dict[str, str]:
    asked = {AUTOMATION_TAG: wish.automation, REASON_TAG: wish.reason}
    return {**asked, "rooney/launched_by": BY_HAND}


def _assets_of(floor: Floor, job: str) -> tuple[str, ...]:
    definition = floor.defs.resolve_job_def(job)
    return tuple(one.to_user_string() for one in definition.asset_layer.executable_asset_keys)
