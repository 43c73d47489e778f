"""Notices as Dagster sees them: a sensor that sends what is due, and the schedule of the digest.

Belongs here: the definitions. Does not belong here: what they do (`rounds`, `digest`). An emergency
stop halts every other automation and not these two: somebody has to tell of it.
"""

from datetime import UTC, datetime
from typing import Final

import dagster as dg

from rooney_assets.notices.digest import digest_of
from rooney_assets.notices.rounds import Post
from rooney_assets.settings import Settings
from rooney_core.errors import InvalidSetting, RooneyError

SENSOR: Final = "notices"
EVERY_SECONDS: Final = 60
JOB: Final = "send_digest"
SCHEDULE: Final = "daily_digest"
DAILY: Final = "0 7 * * *"
"""At 07:00 UTC, after the night's runs and before the day's trading in Europe and America."""


def build_notices(
    settings: Settings,
) -> tuple[dg.SensorDefinition, dg.JobDefinition, dg.ScheduleDefinition]:
    """The sensor, and the digest's job with its schedule; each can be switched off by itself."""

    @dg.sensor(
        name=SENSOR,
        minimum_interval_seconds=settings.pace(EVERY_SECONDS),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells a person, once each, of failed runs and checks, refused promotions, "
        "drift, trainings that were asked for, another release, stale assets, an approval that "
        "ends and an emergency stop: into ROONEY_STATE/notices/notices.log, and to the addresses "
        "of ROONEY_NOTIFY. It launches nothing, and goes on in an emergency stop. By hand: "
        "`rooney notices once`.",
        tags={"rooney/acts_in_its_tick": "true"},
    )
    def notices(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        try:
            post, problem = Post.in_any_case(settings)
            words = post.round(context.instance).words
        except RooneyError as error:
            return dg.SkipReason(f"nothing was sent: {error}")
        return dg.SkipReason(f"the log alone was told: {problem} {words}" if problem else words)

    @dg.op(name="tell_the_day", description="Makes the digest of the last 24 hours and sends it.")
    def tell_the_day(context: dg.OpExecutionContext) -> None:
        context.log.info(send_digest(settings, context.instance))

    @dg.job(
        name=JOB,
        description="The day in a few lines, to every channel of the notices; one a day.",
        executor_def=dg.in_process_executor,
    )
    def digest_job() -> None:
        tell_the_day()

    schedule = dg.ScheduleDefinition(
        name=SCHEDULE,
        job=digest_job,
        cron_schedule=DAILY,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="The digest, every day at 07:00 UTC. By hand: `rooney notices digest --send`.",
    )
    return notices, digest_job, schedule


def send_digest(settings: Settings, instance: dg.DagsterInstance) -> str:
    """Send today's digest; its words. A second one on the same day within hours is not sent.

    Raises InvalidSetting for a wrong page of addresses, once the log has the digest.
    """
    post, problem = Post.in_any_case(settings)
    now = datetime.now(UTC)
    notice = digest_of(instance, post.lake, post.book, settings.ui)
    is_new = post.raise_(notice, now)
    post.deliver(now)
    if problem:
        raise InvalidSetting(problem)
    return notice.words if is_new else f"sent shortly before\n{notice.words}"
