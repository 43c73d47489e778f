"""When the trader's journal is read: a sensor that sees that something was written to it.

Without a journal it asks until the tables are there, empty, once a day: costs read them, and every
search reads costs.

Belongs here: the sensor. Does not belong here: reading (`landing`, and the assets of `live`).
"""

from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from rooney_assets.feedback.landing import is_behind, marks_of
from rooney_assets.graph.plan import JOURNAL_ROOT
from rooney_assets.halting import AUTOMATION_TAG, REASON_TAG, unless_stopped
from rooney_assets.lake import Lake
from rooney_assets.settings import AUTOMATION_SETTING, JOURNAL_SETTING, Settings

SENSOR: Final = "live_feedback_arrivals"
EVERY_SECONDS: Final = 300
STAGE: Final = "live_feedback"
NEVER_MADE: Final = "never made; without a journal they are empty"


def build_journal_sensor(settings: Settings, job: Any) -> dg.SensorDefinition:
    """Asks for the live tables whenever the journal has moved since it was landed."""

    def asks(context: Any) -> Any:
        journal, lake = settings.live_journal, Lake(settings.lake)
        if not journal.is_file():
            if lake.version(JOURNAL_ROOT, None) is not None:
                return dg.SkipReason(f"no journal at {journal}; {JOURNAL_SETTING} names another")
            tags = {AUTOMATION_TAG: SENSOR, REASON_TAG: NEVER_MADE}
            return dg.RunRequest(run_key=f"never made {datetime.now(UTC).date()}", tags=tags)
        if not is_behind(journal, lake):
            return dg.SkipReason(f"{journal} is as it was landed")
        tags = {AUTOMATION_TAG: SENSOR, REASON_TAG: f"the trader wrote to {journal}"}
        return dg.RunRequest(run_key=str(marks_of(journal)), tags=tags)

    on, off = dg.DefaultSensorStatus.RUNNING, dg.DefaultSensorStatus.STOPPED
    return dg.SensorDefinition(
        name=SENSOR,
        evaluation_fn=unless_stopped(settings.lake, asks),
        job=job,
        minimum_interval_seconds=settings.pace(EVERY_SECONDS),
        default_status=on if settings.automation == "on" else off,
        description="Reads what the trader wrote down since: runs, decisions, orders, fills and "
        "trades; costs, performance and parity follow by their conditions. Switched on here or by "
        f"{AUTOMATION_SETTING}=on.",
    )
