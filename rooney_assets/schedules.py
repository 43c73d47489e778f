"""What runs by the clock: fetching, the weekly training, the monthly rebalance, the recalibration.

Belongs here: when, as which job, and what a tick asks for. Does not belong here: what a job does
(`recalibration`, the stages), or what follows from it by itself (`automation`).

Every schedule asks for nothing while the emergency stop is in force, and says so (`halting`).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import dagster as dg

from rooney_assets.graph.declaration import ASSETS, Partitioning, partition_of
from rooney_assets.graph.plan import basis_of, is_current
from rooney_assets.halting import (
    AUTOMATION_TAG,
    REASON_TAG,
    refusal_of_a_run,
    tags_of_asker,
    unless_stopped,
)
from rooney_assets.lake import Lake
from rooney_assets.recalibration import ASSET, Recalibrated, Workshop, recalibrate
from rooney_assets.recalibration_plan import planned
from rooney_assets.run_control import WHOLE_CHAIN_TAGS, set_pool_limits
from rooney_assets.settings import (
    AUTOMATION_SETTING,
    RECALIBRATION_SETTING,
    Settings,
    Switch,
)
from rooney_assets.sources import BarSource
from rooney_core.errors import RooneyError
from rooney_core.market.hours import HOURS
from rooney_core.market.instruments import Universe

JOB: Final = "recalibration"
SCHEDULE: Final = "quarterly_recalibration"
QUARTERLY: Final = "0 6 1 1,4,7,10 *"
"""At 06:00 UTC on the first day of a quarter, when the vendor has the quarter's last session."""
SCHEDULE_TAG: Final = "dagster/schedule_name"

REBALANCE_JOB: Final = "rebalance"
REBALANCE: Final = "monthly_rebalance"
MONTHLY: Final = "0 18 * * 0#1"
"""At 18:00 UTC on the first Sunday of a month: markets open a few hours later."""
REBALANCED_STAGES: Final = ("mandate_page", "portfolio_of_month", "release")

TRAINING: Final = "weekly_retraining"
WEEKLY: Final = "0 6 * * 6"
"""At 06:00 UTC on Saturday: the week's sessions are over, and two days are free for it."""

AFTER_CLOSE: Final = timedelta(minutes=30)
NEXT_MORNING: Final = 5
"""Hour of the day after, in the group's zone: for vendors who publish a session overnight."""

FETCHED_STAGE: Final = "bars_of_symbol"
TRAINED_STAGE: Final = "research_of_symbol"


def build_recalibration(
    settings: Settings, universe: Universe
) -> tuple[dg.JobDefinition, dg.ScheduleDefinition]:
    """The job and its schedule, which is stopped unless ROONEY_RECALIBRATION is on.

    A switch in the UI counts more than the setting.
    """
    job = _chain_job(
        JOB,
        "Recalibration: the whole chain on what the source tells now. A candidate "
        "that passes every gate is promoted when the mandate allows it; a report either way, "
        f"in `{ASSET}`.",
        settings,
        universe,
        None,
    )
    schedule = dg.ScheduleDefinition(
        name=SCHEDULE,
        job=job,
        cron_schedule=QUARTERLY,
        execution_timezone="UTC",
        execution_fn=_asking(settings, lambda context: dg.RunRequest(tags=_tags(SCHEDULE))),
        description=f"Every quarter; switched on here or by {RECALIBRATION_SETTING}=on. By hand: "
        "`rooney recalibrate`.",
        default_status=_status(settings.recalibration),
    )
    return job, schedule


def build_rebalance(
    settings: Settings, universe: Universe
) -> tuple[dg.JobDefinition, dg.ScheduleDefinition]:
    """The monthly rebalance: portfolio, gates and release of the month that trades next."""
    job = _chain_job(
        REBALANCE_JOB,
        "Portfolio, paper trading, gates and release of the month that trades next, from the "
        f"models that are there; nothing is trained. A report either way, in `{ASSET}`.",
        settings,
        universe,
        REBALANCED_STAGES,
    )
    schedule = dg.ScheduleDefinition(
        name=REBALANCE,
        job=job,
        cron_schedule=MONTHLY,
        execution_timezone="UTC",
        execution_fn=_asking(settings, lambda context: dg.RunRequest(tags=_tags(REBALANCE))),
        description=f"On the first Sunday of a month; switched on here or by "
        f"{AUTOMATION_SETTING}=on. By hand: the job `{REBALANCE_JOB}`.",
        default_status=_status(settings.automation),
    )
    return job, schedule


def build_fetching(settings: Settings, universe: Universe, job: Any) -> list[dg.ScheduleDefinition]:
    """A schedule per product group: after its close, and again the next morning.

    It asks for a run of each symbol whose source has something that the lake has not.
    """
    groups: dict[str, list[str]] = {}
    for symbol in universe.symbols:
        groups.setdefault(universe[symbol].product_group, []).append(symbol)
    return [_fetching(settings, universe, job, *group) for group in sorted(groups.items())]


def build_training(settings: Settings, universe: Universe, job: Any) -> dg.ScheduleDefinition:
    """The weekly training: a run of each tradable symbol of which anything is stale."""

    def asks(context: Any) -> Iterator[Any]:
        resources = context.resources
        shop = Workshop(settings, universe, resources.bars, resources.lake)
        stale: dict[str, list[str]] = {}
        for name, key, because in planned(shop).iter_rows():
            if ASSETS[name].partitioning is Partitioning.TRADABLE:
                stale.setdefault(key, []).append(f"{name} ({because})")
        if not stale:
            yield dg.SkipReason("Every model is of the bars and the code of now.")
        for symbol, tables in stale.items():
            reason = f"weekly: {len(tables)} tables are stale, first {tables[0]}"
            yield _request(context, TRAINING, symbol, reason)

    return dg.ScheduleDefinition(
        name=TRAINING,
        job=job,
        cron_schedule=WEEKLY,
        execution_timezone="UTC",
        execution_fn=_asking(settings, asks),
        required_resource_keys={"lake", "bars"},
        description="Trains and evaluates what new bars made stale: challengers, which the gates "
        f"judge. Switched on here or by {AUTOMATION_SETTING}=on. By hand: `rooney train SYMBOL`.",
        default_status=_status(settings.automation),
    )


def fetching_name(product_group: str) -> str:
    """The name of a product group's schedule."""
    return f"fetch_{product_group}"


def fetching_times(product_group: Any) -> tuple[str, list[str]]:
    """Zone and cron lines of a product group's schedule: after each close, and the morning after.

    A session that ends early was over before; a holiday's tick finds nothing new.
    """
    hours = HOURS[product_group]
    after = datetime.combine(datetime.min, hours.closes) + AFTER_CLOSE
    return hours.zone, [f"{after.minute} {after.hour} * * 1-5", f"0 {NEXT_MORNING} * * 2-6"]


def _fetching(
    settings: Settings, universe: Universe, job: Any, group: str, symbols: list[str]
) -> dg.ScheduleDefinition:
    name, (zone, times) = fetching_name(group), fetching_times(group)

    def asks(context: Any) -> Iterator[Any]:
        lake, source = context.resources.lake, context.resources.bars
        news = {one: news_of(one, universe, source, lake) for one in symbols}
        if not any(news.values()):
            yield dg.SkipReason(f"Nothing new of {', '.join(symbols)} at the source.")
        for symbol, reason in news.items():
            if reason:
                yield _request(context, name, symbol, reason)

    return dg.ScheduleDefinition(
        name=name,
        job=job,
        cron_schedule=times,
        execution_timezone=zone,
        execution_fn=_asking(settings, asks),
        required_resource_keys={"lake", "bars"},
        description=f"New bars of {', '.join(symbols)} after the close. Switched on here or by "
        f"{AUTOMATION_SETTING}=on. By hand: `rooney materialize --to session_bars`.",
        default_status=_status(settings.automation),
    )


def news_of(symbol: str, universe: Universe, source: BarSource, lake: Lake) -> str:
    """Why a symbol's bars are to be fetched; empty where the lake has what the source has.

    A source that cannot say is asked by the run, which fails where everybody sees it. A symbol
    that is only watched is followed once somebody has fetched it.
    """
    asset = ASSETS["raw_bars"]
    partition = partition_of(asset, symbol)
    if lake.version(asset.name, partition) is None:
        return "" if symbol in universe.watched else "never fetched"
    try:
        basis = basis_of(asset, symbol, universe, source, lake, None)
        return "" if is_current(asset, symbol, basis, lake) else "the source has other bars"
    except RooneyError as error:
        return f"whether there is news is not known: {error}"


def _request(context: Any, automation: str, symbol: str, reason: str) -> dg.RunRequest:
    """A run of one symbol, once per tick however often the tick is evaluated."""
    when = context.scheduled_execution_time.isoformat()
    tags = _tags(automation, reason)
    return dg.RunRequest(run_key=f"{symbol} {when}", partition_key=symbol, tags=tags)


def _tags(automation: str, reason: str = "the clock") -> dict[str, str]:
    return {AUTOMATION_TAG: automation, REASON_TAG: reason}


def _asking(settings: Settings, asks: Any) -> Any:
    """The function of a schedule: halted by the stop; pools have their limits before any run."""

    def asks_with_limits(context: Any) -> Any:
        set_pool_limits(context.instance)
        return asks(context)

    return unless_stopped(settings.lake, asks_with_limits)


def _status(switch: Switch) -> dg.DefaultScheduleStatus:
    on, off = dg.DefaultScheduleStatus.RUNNING, dg.DefaultScheduleStatus.STOPPED
    return on if switch == "on" else off


def _chain_job(
    name: str,
    description: str,
    settings: Settings,
    universe: Universe,
    only: tuple[str, ...] | None,
) -> dg.JobDefinition:
    """One step that works stages off in worker processes, as `rooney materialize` does.

    Stages wait for each other, and each run of a partition is in Dagster's log as any other.
    """

    @dg.op(name=f"{name}_step", description=description, required_resource_keys={"lake", "bars"})
    def step(context: dg.OpExecutionContext) -> None:
        _run(context, settings, universe, only)

    @dg.job(
        name=name,
        description=description,
        executor_def=dg.in_process_executor,
        tags=WHOLE_CHAIN_TAGS,
    )
    def job() -> None:
        step()

    return job


def _run(
    context: dg.OpExecutionContext,
    settings: Settings,
    universe: Universe,
    only: tuple[str, ...] | None,
) -> None:
    lake: Lake = context.resources.lake
    source: BarSource = context.resources.bars
    refused = refusal_of_a_run(context.run.tags, lake)
    if refused is not None:
        raise dg.Failure(description=refused, allow_retries=False)
    schedule = context.run.tags.get(SCHEDULE_TAG)
    asked_by = f"schedule {schedule}" if schedule else "the job, by hand"

    def tell(event: Mapping[str, Any]) -> None:
        if event["event"] in ("milestone", "reason", "run_ended", "run_failed", "stage"):
            context.log.info(_line(event))

    shop, tags = Workshop(settings, universe, source, lake), tags_of_asker(context.run.tags)
    done = recalibrate(shop, asked_by, tell, only=only, tags=tags)
    context.log_event(
        dg.AssetMaterialization(ASSET, partition=done.id, metadata=facts_of(done, context.run_id))
    )
    context.log.info(f"{done.outcome}: {done.reason}")
    if not done.succeeded:
        raise dg.Failure(description=f"{done.outcome}: {done.reason}", allow_retries=False)


def facts_of(done: Recalibrated, run_id: str) -> dict[str, Any]:
    """The report for the UI."""
    row = {name: str(value) for name, value in done.row.row(0, named=True).items()}
    return {**row, "run": run_id, "changes": done.changes.height}


def _line(event: Mapping[str, Any]) -> str:
    known = ("stage", "asset", "key", "text", "tasks", "partitions")
    told = (f"{name} {event[name]}" for name in known if event.get(name) not in (None, ""))
    return f"{event['event']}: {', '.join(told)}"
