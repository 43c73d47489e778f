"""A worker process: takes runs as JSON lines on standard input, tells of them on standard output.

Belongs here: executing a run through Dagster with the instance of the settings. Does not belong
here: deciding what to run (`rooney_assets.headless`).
"""

import fcntl
import json
import os
import sys
from typing import Any

import dagster as dg

from rooney_assets.build import build_defs
from rooney_assets.graph.to_dagster import FORCE_TAG
from rooney_assets.resources import ProgressResource
from rooney_assets.settings import Settings, load_universe

QUIET = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


def serve() -> None:
    """Execute every run that arrives, until standard input ends."""
    settings = Settings.from_environment(os.environ)
    progress = ProgressResource(state_folder=str(settings.state), style="lines")
    defs = build_defs(settings, load_universe(settings), {"progress": progress})
    with open_instance(settings) as instance:
        for line in sys.stdin:
            order = json.loads(line)
            told = (
                _record(instance, order) if "record" in order else _execute(defs, instance, order)
            )
            sys.stdout.write(json.dumps(told) + "\n")
            sys.stdout.flush()


def open_instance(settings: Settings) -> dg.DagsterInstance:
    """The Dagster instance of the settings.

    Processes that meet fresh SQLite storages at once would all create their tables, and all but one
    fail; so opening happens under a file lock, and ends with the tables there.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    with (settings.state / "instance.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        instance = dg.DagsterInstance.get()
        instance.get_runs_count()
        instance.get_asset_keys()
        return instance


def _record(instance: dg.DagsterInstance, order: dict[str, Any]) -> dict[str, Any]:
    """Put what no run made into the event log, as a materialization of its asset."""
    facts = order["facts"]
    event = dg.AssetMaterialization(
        order["record"],
        description=order["description"],
        metadata=facts,
        tags={"dagster/data_version": str(facts["data_version"])},
    )
    instance.report_runless_asset_event(event)
    return {"event": "run_ended", "key": None}


def _execute(
    defs: dg.Definitions, instance: dg.DagsterInstance, order: dict[str, Any]
) -> dict[str, Any]:
    tags = {"rooney/launched_by": "rooney materialize", **order["tags"]}
    if order["force"]:
        tags[FORCE_TAG] = "true"
    facts = {"key": order["key"]}
    try:
        result = _run(defs, instance, order, tags)
    except dg.DagsterError as error:
        return {"event": "run_failed", **facts, "text": str(error)}
    facts["run_id"] = result.run_id
    if result.success:
        return {"event": "run_ended", **facts}
    return {"event": "run_failed", **facts, "text": _reason(result)}


def _run(
    defs: dg.Definitions, instance: dg.DagsterInstance, order: dict[str, Any], tags: dict[str, str]
) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(order["stage"]).execute_in_process(
        run_config=QUIET,
        instance=instance,
        partition_key=order["key"],
        asset_selection=[dg.AssetKey(name) for name in order["assets"]],
        raise_on_error=False,
        tags=tags,
    )


def _reason(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            error = event.step_failure_data.error
            while error.cause is not None:
                error = error.cause
            return f"{event.step_key}: {error.message.strip()}"
    return "the run failed without a failed step"


if __name__ == "__main__":
    serve()
