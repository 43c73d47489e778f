"""What runs by itself: the quarterly recalibration, as a Dagster job with its schedule.

Belongs here: when, and as which job. Does not belong here: what it does (`recalibration`).

The job is one step that works the stages off in worker processes, as `rooney materialize` does:
stages wait for each other, and each run of a partition is in Dagster's log as any other.
"""

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg

from rooney_assets.lake import Lake
from rooney_assets.recalibration import ASSET, Recalibrated, Workshop, recalibrate
from rooney_assets.settings import RECALIBRATION_SETTING, Settings
from rooney_assets.sources import BarSource
from rooney_core.market.instruments import Universe

JOB: Final = "recalibration"
SCHEDULE: Final = "quarterly_recalibration"
QUARTERLY: Final = "0 6 1 1,4,7,10 *"
"""At 06:00 UTC on the first day of a quarter, when the vendor has the quarter's last session."""
SCHEDULE_TAG: Final = "dagster/schedule_name"


def build_recalibration(
    settings: Settings, universe: Universe
) -> tuple[dg.JobDefinition, dg.ScheduleDefinition]:
    """The job and its schedule, which is stopped unless ROONEY_RECALIBRATION is on.

    A switch in the UI counts more than the setting.
    """

    @dg.op(
        name="recalibrate",
        description="The whole chain for candidates, promotion where the mandate allows it, "
        "and a report.",
        required_resource_keys={"lake", "bars"},
    )
    def recalibrate_all(context: dg.OpExecutionContext) -> None:
        _run(context, settings, universe)

    @dg.job(
        name=JOB,
        description="Recalibration: the whole chain on what the source tells now. A candidate "
        "that passes every gate is promoted when the mandate allows it; a report either way, "
        f"in `{ASSET}`.",
        executor_def=dg.in_process_executor,
    )
    def job() -> None:
        recalibrate_all()

    is_on = settings.recalibration == "on"
    schedule = dg.ScheduleDefinition(
        name=SCHEDULE,
        job=job,
        cron_schedule=QUARTERLY,
        execution_timezone="UTC",
        description=f"Every quarter; switched on here or by {RECALIBRATION_SETTING}=on. By hand: "
        "`rooney recalibrate`.",
        default_status=(
            dg.DefaultScheduleStatus.RUNNING if is_on else dg.DefaultScheduleStatus.STOPPED
        ),
    )
    return job, schedule


def _run(context: dg.OpExecutionContext, settings: Settings, universe: Universe) -> None:
    lake: Lake = context.resources.lake
    source: BarSource = context.resources.bars
    schedule = context.run.tags.get(SCHEDULE_TAG)
    asked_by = f"schedule {schedule}" if schedule else "the job, by hand"

    def tell(event: Mapping[str, Any]) -> None:
        if event["event"] in ("milestone", "reason", "run_ended", "run_failed", "stage"):
            context.log.info(_line(event))

    done = recalibrate(Workshop(settings, universe, source, lake), asked_by, tell)
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
